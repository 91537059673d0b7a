"""Writes pooling.json.gz: maxima and means of windows of sequences, images and volumes."""

import torch.nn.functional as F

from cases import NAN, E, R, V, generate

OPS = {
    "max_pool2d": lambda x, a: F.max_pool2d(x[0], **a),
    "max_pool2d_with_indices": lambda x, a: F.max_pool2d_with_indices(x[0], **a),
    "avg_pool2d": lambda x, a: F.avg_pool2d(x[0], **a),
    "adaptive_avg_pool2d": lambda x, a: F.adaptive_avg_pool2d(x[0], **a),
}
for n in (1, 3):
    for kind in ("max_pool", "avg_pool", "adaptive_avg_pool"):
        OPS[f"{kind}{n}d"] = lambda x, a, call=getattr(F, f"{kind}{n}d"): call(x[0], **a)
    OPS[f"max_pool{n}d_with_indices"] = lambda x, a, call=getattr(F, f"max_pool{n}d_with_indices"): call(x[0], **a)
for n in (1, 2, 3):
    OPS[f"adaptive_max_pool{n}d"] = lambda x, a, call=getattr(F, f"adaptive_max_pool{n}d"): call(x[0], **a)


def windows(c):
    shapes = {
        "plain": (R(1, 2, 4, 6), {"kernel_size": 2}),
        "stride": (R(1, 1, 5, 5), {"kernel_size": 3, "stride": 1}),
        "stride_over_kernel": (R(1, 1, 7, 7), {"kernel_size": 2, "stride": 3}),
        "padding": (R(1, 1, 5, 5), {"kernel_size": 3, "stride": 2, "padding": 1}),
        "rectangle": (R(2, 1, 5, 6), {"kernel_size": [2, 3], "stride": [1, 2], "padding": [1, 0]}),
        "ceil": (R(1, 1, 5, 6), {"kernel_size": 2, "ceil_mode": True}),
        "ceil_padding": (R(1, 1, 6, 5), {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
        "ceil_drops_window": (R(1, 1, 4, 4), {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True}),
        "unbatched": (R(2, 4, 4), {"kernel_size": 2}),
        "global": (R(1, 2, 3, 3), {"kernel_size": 3}),
    }
    for op in ("max_pool2d", "avg_pool2d"):
        for name, (x, args) in shapes.items():
            c.smooth(f"{op}/{name}", op, [x], args)
        c.smooth(f"{op}/channels_last", op, [R(1, 4, 4, 2).v("permute", 0, 3, 1, 2)], {"kernel_size": 2})
        c.smooth(f"{op}/sliced", op, [R(1, 1, 4, 8).v("slice", 3, 0, 8, 2)], {"kernel_size": 2})
        c.smooth(f"{op}/empty_batch", op, [E(0, 2, 4, 4)], {"kernel_size": 2})
        c.plain(f"{op}/nan", op, [V([[[1.0, NAN, 2.0, 3.0], [0.0, 1.0, -1.0, 5.0]]])], {"kernel_size": 2}, dtypes=("f32", "f64"), grads=False)
    c.smooth("max_pool2d/dilation", "max_pool2d", [R(1, 1, 6, 6)], {"kernel_size": 2, "stride": 1, "dilation": 2})
    c.smooth("max_pool2d/dilation_padding", "max_pool2d", [R(1, 1, 6, 5)], {"kernel_size": [3, 2], "stride": 2, "padding": 1, "dilation": [2, 1], "ceil_mode": True})
    c.smooth("max_pool2d/ties", "max_pool2d", [V([[[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 0.0], [0.0, -0.0, 3.0, 3.0], [0.0, 0.0, 3.0, 3.0]]])], {"kernel_size": 2})
    c.smooth("max_pool2d/ties_overlap", "max_pool2d", [V([[[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]])], {"kernel_size": 2, "stride": 1})
    c.plain("max_pool2d/minus_inf", "max_pool2d", [V([[[-float("inf"), -float("inf")], [-float("inf"), -float("inf")]]])], {"kernel_size": 2, "padding": 1})
    for pad in (True, False):
        c.smooth(f"avg_pool2d/count_include_pad_{pad}", "avg_pool2d", [R(1, 1, 5, 5)], {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": pad})
        c.smooth(f"avg_pool2d/count_include_pad_{pad}_ceil", "avg_pool2d", [R(1, 1, 4, 5)], {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": pad})
    c.smooth("avg_pool2d/divisor", "avg_pool2d", [R(1, 1, 4, 4)], {"kernel_size": 2, "divisor_override": 3})
    op = "max_pool2d_with_indices"
    for name in ("plain", "padding", "rectangle", "ceil_padding", "unbatched"):
        x, args = shapes[name]
        c.smooth(f"{op}/{name}", op, [x], args)
    c.smooth(f"{op}/dilation", op, [R(1, 1, 6, 6)], {"kernel_size": 2, "stride": 1, "dilation": 2})
    c.plain(f"{op}/ties", op, [V([[[1.0, 1.0, NAN], [1.0, 1.0, 1.0], [0.0, NAN, 1.0]]])], {"kernel_size": 2, "stride": 1})


def adaptive(c):
    for size in ([1, 1], [2, 3], [5, 4], [7, 2]):
        c.smooth(f"adaptive_avg_pool2d/{size[0]}x{size[1]}", "adaptive_avg_pool2d", [R(1, 2, 5, 4)], {"output_size": size})
    c.smooth("adaptive_avg_pool2d/unbatched", "adaptive_avg_pool2d", [R(2, 3, 3).v("permute", 0, 2, 1)], {"output_size": [2, 2]})


def other_ranks(c):
    sizes = {1: (7,), 3: (4, 5, 6)}
    for n, size in sizes.items():
        for op in (f"max_pool{n}d", f"max_pool{n}d_with_indices", f"avg_pool{n}d"):
            c.smooth(f"{op}/plain", op, [R(1, 2, *size)], {"kernel_size": 2})
            c.smooth(f"{op}/padding", op, [R(1, 2, *size)], {"kernel_size": 3, "stride": 2, "padding": 1})
            c.smooth(f"{op}/ceil", op, [R(1, 2, *size)], {"kernel_size": 3, "stride": 2, "ceil_mode": True})
            c.smooth(f"{op}/unbatched", op, [R(2, *size)], {"kernel_size": 2, "stride": 1})
            c.error(f"{op}/too_small", op, [R(1, 1, *[2] * n)], {"kernel_size": 3})
        c.smooth(f"max_pool{n}d/dilation", f"max_pool{n}d", [R(1, 2, *size)], {"kernel_size": 2, "dilation": 2, "stride": 1})
        c.smooth(f"avg_pool{n}d/exclude_pad", f"avg_pool{n}d", [R(1, 2, *size)], {"kernel_size": 2, "padding": 1, "count_include_pad": False})
        c.smooth(f"adaptive_avg_pool{n}d/three", f"adaptive_avg_pool{n}d", [R(1, 2, *size)], {"output_size": 3})
        c.smooth(f"adaptive_avg_pool{n}d/unbatched", f"adaptive_avg_pool{n}d", [R(2, *size)], {"output_size": 2})
    c.smooth("avg_pool3d/divisor", "avg_pool3d", [R(1, 2, 4, 4, 4)], {"kernel_size": 2, "divisor_override": 3})
    for n, size in {1: (7,), 2: (5, 4), 3: (4, 5, 3)}.items():
        op = f"adaptive_max_pool{n}d"
        c.smooth(f"{op}/three", op, [R(1, 2, *size)], {"output_size": 3})
        c.smooth(f"{op}/unbatched", op, [R(2, *size)], {"output_size": 2})


def errors(c):
    for op in ("max_pool2d", "avg_pool2d"):
        c.error(f"{op}/too_small", op, [R(1, 1, 2, 2)], {"kernel_size": 3})
        c.error(f"{op}/padding", op, [R(1, 1, 6, 6)], {"kernel_size": 2, "padding": 2})
        c.error(f"{op}/rank", op, [R(4, 4)], {"kernel_size": 2})
        c.error(f"{op}/stride", op, [R(1, 1, 4, 4)], {"kernel_size": 2, "stride": 0})
    c.error("avg_pool2d/divisor", "avg_pool2d", [R(1, 1, 4, 4)], {"kernel_size": 2, "divisor_override": 0})
    c.error("adaptive_avg_pool2d/rank", "adaptive_avg_pool2d", [R(3, 3)], {"output_size": [1, 1]})


def build(c):
    for part in (windows, adaptive, other_ranks, errors):
        part(c)


if __name__ == "__main__":
    generate(__file__, OPS, build)
