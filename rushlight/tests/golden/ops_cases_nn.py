"""Cases for convolution, pooling, batch norm, dropout and the losses."""

from fixture import B, E, I, P, R, V

NAN = float("nan")


def convolution(c):
    def conv(name, x, w, bias=True, **args):
        c.smooth(f"conv2d/{name}", "conv2d", [x, w, R(w_out(w)) if bias else None], args)

    def w_out(w):
        return w.out

    def W(out, *rest):
        spec = R(out, *rest)
        spec.out = out
        return spec

    conv("plain", R(2, 2, 5, 4), W(3, 2, 3, 2))
    conv("no_bias", R(1, 2, 4, 4), W(2, 2, 3, 3), bias=False)
    conv("one_by_one", R(2, 3, 3, 3), W(2, 3, 1, 1))
    conv("one_by_one_stride", R(1, 2, 5, 5), W(3, 2, 1, 1), stride=2)
    conv("padding", R(1, 2, 4, 4), W(2, 2, 3, 3), padding=1)
    conv("padding_two", R(1, 1, 4, 5), W(2, 1, 3, 2), padding=[2, 1])
    conv("padding_same", R(1, 1, 4, 5), W(2, 1, 4, 3), padding="same")
    conv("padding_valid", R(1, 1, 4, 5), W(2, 1, 3, 3), padding="valid")
    conv("padding_over_kernel", R(1, 1, 2, 2), W(1, 1, 2, 2), padding=3)
    conv("stride", R(1, 2, 6, 7), W(2, 2, 3, 3), stride=2)
    conv("stride_two", R(1, 1, 7, 6), W(2, 1, 2, 3), stride=[3, 2], padding=1)
    conv("stride_leaves_rest", R(1, 1, 6, 6), W(1, 1, 2, 2), stride=3)
    conv("dilation", R(1, 1, 6, 6), W(2, 1, 3, 3), dilation=2)
    conv("dilation_two", R(1, 2, 5, 6), W(1, 2, 2, 2), dilation=[1, 3], padding=1, stride=2)
    conv("groups", R(1, 4, 4, 4), W(6, 2, 3, 3), groups=2, padding=1)
    conv("depthwise", R(2, 3, 4, 4), W(3, 1, 3, 3), groups=3, padding=1)
    conv("depthwise_stride", R(1, 3, 5, 5), W(3, 1, 3, 3), groups=3, padding=1, stride=2)
    conv("depthwise_multiplier", R(1, 2, 4, 4), W(4, 1, 3, 3), groups=2)
    conv("unbatched", R(2, 4, 4), W(2, 2, 3, 3))
    conv("channels_last_input", R(2, 4, 4, 3).v("permute", 0, 3, 1, 2), W(2, 3, 3, 3))
    conv("sliced_input", R(1, 2, 6, 8).v("slice", 3, 0, 8, 2), W(2, 2, 3, 2))
    conv("expanded_input", R(1, 1, 4, 4).v("expand", 2, 3, 4, 4), W(2, 3, 2, 2))
    conv("transposed_weight", R(1, 2, 4, 4), W(2, 2, 3, 2).v("transpose", 0, 1))
    conv("empty_batch", E(0, 2, 4, 4), W(2, 2, 3, 3))
    # One of a size that the fast paths (Winograd, blocking) take; values only, to keep the file small.
    c.plain("conv2d/winograd_size", "conv2d", [R(1, 8, 14, 14), R(8, 8, 3, 3, scale=0.2), R(8)], {"padding": 1}, grads=False)


def pooling(c):
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


def norm_and_dropout(c):
    def stats(n):
        return [R(n).nograd(), P(n).nograd()]

    for name, shape, n in (("4d", (3, 2, 2, 3), 2), ("2d", (4, 3), 3), ("3d", (2, 3, 4), 3)):
        for training in (True, False):
            args = {"training": training, "momentum": 0.1, "eps": 1e-5}
            c.smooth(f"batch_norm/{name}/{'train' if training else 'eval'}", "batch_norm", [R(*shape), *stats(n), P(n), R(n)], args, mutates=(1, 2))
    train = {"training": True, "momentum": 0.3, "eps": 1e-3}
    c.smooth("batch_norm/not_affine", "batch_norm", [R(2, 2, 2, 2), *stats(2), None, None], train, mutates=(1, 2))
    c.smooth("batch_norm/no_statistics", "batch_norm", [R(2, 2, 3, 2), None, None, P(2), R(2)], train)
    c.smooth("batch_norm/channels_last", "batch_norm", [R(2, 2, 3, 2).v("permute", 0, 3, 1, 2), *stats(2), P(2), R(2)], train, mutates=(1, 2))
    c.smooth("batch_norm/far_from_zero", "batch_norm", [R(4, 2, 2, 2, scale=0.5, shift=50.0), *stats(2), P(2), R(2)], train, mutates=(1, 2))
    c.smooth("batch_norm/eval_no_affine", "batch_norm", [R(2, 2, 2, 2), *stats(2), None, None], {"training": False, "momentum": 0.1, "eps": 1e-5}, mutates=(1, 2))
    for p in (0.0, 0.3, 0.5, 1.0):
        c.smooth(f"dropout/p_{p}", "dropout", [R(5, 4)], {"p": p, "training": True, "seed": 7})
    c.smooth("dropout/eval", "dropout", [R(3, 4)], {"p": 0.5, "training": False, "seed": 7})
    c.smooth("dropout/transposed", "dropout", [R(3, 4).v("t")], {"p": 0.4, "training": True, "seed": 11})
    c.smooth("dropout/sliced", "dropout", [R(3, 8).v("slice", 1, 0, 8, 2)], {"p": 0.4, "training": True, "seed": 11})
    c.smooth("dropout/empty", "dropout", [E(0, 3)], {"p": 0.4, "training": True, "seed": 1})


def losses(c):
    for red in ("mean", "sum", "none"):
        r = {"reduction": red}
        c.smooth(f"mse_loss/{red}", "mse_loss", [R(2, 3), R(2, 3)], r)
        c.smooth(f"l1_loss/{red}", "l1_loss", [R(2, 3), R(2, 3)], r)
        c.smooth(f"nll_loss/{red}", "nll_loss", [R(4, 3), I([0, 2, 1, 2])], r)
        c.smooth(f"nll_loss/weight_{red}", "nll_loss", [R(4, 3), I([0, 2, 1, 2]), P(3).nograd()], r)
        c.smooth(f"nll_loss/ignore_{red}", "nll_loss", [R(4, 3), I([0, -100, 1, 2])], r)
        c.smooth(f"nll_loss/weight_ignore_{red}", "nll_loss", [R(4, 3), I([0, 1, 1, 2]), P(3).nograd()], {**r, "ignore_index": 1})
        c.smooth(f"nll_loss/spatial_{red}", "nll_loss", [R(2, 3, 2, 2), I([[[0, 1], [2, 1]], [[2, 2], [0, 0]]]), P(3).nograd()], r)
        c.smooth(f"nll_loss/unbatched_{red}", "nll_loss", [R(3), I(1)], r)
        c.smooth(f"cross_entropy/{red}", "cross_entropy", [R(4, 3), I([0, 2, 1, 2])], r)
        c.smooth(f"cross_entropy/weight_{red}", "cross_entropy", [R(4, 3), I([0, 2, 1, 2]), P(3).nograd()], r)
        c.smooth(f"cross_entropy/ignore_{red}", "cross_entropy", [R(4, 3), I([0, -100, 1, 2])], r)
        c.smooth(f"cross_entropy/smoothing_{red}", "cross_entropy", [R(4, 3), I([0, 2, 1, 2])], {**r, "label_smoothing": 0.1})
        c.smooth(f"cross_entropy/all_options_{red}", "cross_entropy", [R(4, 3), I([0, 2, 1, 2]), P(3).nograd()],
                 {**r, "label_smoothing": 0.2, "ignore_index": 2})
        c.smooth(f"cross_entropy/probabilities_{red}", "cross_entropy", [R(3, 4), P(3, 4, low=0.05, high=0.4)], r)
        c.smooth(f"cross_entropy/probabilities_weight_{red}", "cross_entropy", [R(3, 4), P(3, 4, low=0.05, high=0.4).nograd(), P(4).nograd()],
                 {**r, "label_smoothing": 0.1})
        c.smooth(f"cross_entropy/spatial_{red}", "cross_entropy", [R(2, 3, 2, 2), I([[[0, 1], [2, 1]], [[2, 2], [0, 0]]])], r)
        c.smooth(f"cross_entropy/unbatched_{red}", "cross_entropy", [R(3), I(1)], r)
        c.smooth(f"bce/{red}", "binary_cross_entropy", [P(2, 3, low=0.05, high=0.95), P(2, 3, low=0.0, high=1.0).nograd()], r)
        c.smooth(f"bce/weight_{red}", "binary_cross_entropy", [P(2, 3, low=0.05, high=0.95), P(2, 3, low=0.0, high=1.0).nograd(), P(3).nograd()], r)
        c.smooth(f"bce_logits/{red}", "binary_cross_entropy_with_logits", [R(2, 3, scale=3.0), P(2, 3, low=0.0, high=1.0)], r)
        c.smooth(f"bce_logits/weight_{red}", "binary_cross_entropy_with_logits", [R(2, 3), P(2, 3, low=0.0, high=1.0).nograd(), P(2, 3).nograd()], r)
        c.smooth(f"bce_logits/pos_weight_{red}", "binary_cross_entropy_with_logits",
                 [R(2, 3), P(2, 3, low=0.0, high=1.0).nograd(), P(2, 1).nograd(), P(3).nograd()], r)
    c.smooth("mse_loss/broadcast", "mse_loss", [R(2, 3), R(3)])
    c.smooth("mse_loss/strided", "mse_loss", [R(3, 2).v("t"), R(2, 6).v("slice", 1, 0, 6, 2)])
    c.smooth("l1_loss/kink", "l1_loss", [V([1.0, 2.0, 3.0]), V([1.0, 1.0, 4.0])])
    c.smooth("cross_entropy/transposed", "cross_entropy", [R(3, 4).v("t"), I([0, 2, 1, 2])])
    # A column of a batch counts as non-contiguous memory for the target too.
    c.smooth("cross_entropy/strided_target", "cross_entropy", [R(2, 3), I([[0, 1], [2, 1]]).v("select", 1, 0)])
    c.plain("cross_entropy/large", "cross_entropy", [V([[1000.0, 0.0], [-1000.0, 1000.0]]), I([1, 1])], dtypes=("f32", "f64"))
    c.plain("cross_entropy/all_ignored", "cross_entropy", [R(2, 3), I([-100, -100])], dtypes=("f32", "f64"))
    c.plain("cross_entropy/empty", "cross_entropy", [E(0, 3), V([], "i64")], dtypes=("f32", "f64"), grads=False)
    c.plain("mse_loss/empty", "mse_loss", [E(0, 3), E(0, 3)], dtypes=("f32", "f64"), grads=False)
    c.plain("bce/bounds", "binary_cross_entropy", [V([0.0, 1.0, 0.0, 1.0]), V([0.0, 1.0, 1.0, 0.0]).nograd()], dtypes=("f32", "f64"))
    c.plain("bce_logits/large", "binary_cross_entropy_with_logits", [V([200.0, -200.0, 200.0, -200.0, 0.0]), V([0.0, 1.0, 1.0, 0.0, 0.5]).nograd()], dtypes=("f32", "f64"))


def errors(c):
    c.error("linear/features", "linear", [R(2, 3), R(5, 4)])
    c.error("linear/bias", "linear", [R(2, 3), R(5, 3), R(4)])
    c.error("linear/dtype", "linear", [V([[1.0]], "f64"), V([[1.0]], "f32")])
    c.error("conv2d/channels", "conv2d", [R(1, 3, 8, 8), R(4, 2, 3, 3), None])
    c.error("conv2d/rank", "conv2d", [R(3, 8), R(4, 3, 3, 3), None])
    c.error("conv2d/kernel_over_input", "conv2d", [R(1, 3, 2, 2), R(4, 3, 3, 3), None])
    c.error("conv2d/bias", "conv2d", [R(1, 3, 8, 8), R(4, 3, 3, 3), R(5)])
    c.error("conv2d/groups", "conv2d", [R(1, 4, 8, 8), R(6, 2, 3, 3), None], {"groups": 4})
    c.error("conv2d/stride", "conv2d", [R(1, 1, 4, 4), R(1, 1, 2, 2), None], {"stride": 0})
    c.error("conv2d/padding_negative", "conv2d", [R(1, 1, 4, 4), R(1, 1, 2, 2), None], {"padding": -1})
    c.error("conv2d/padding_same_stride", "conv2d", [R(1, 1, 4, 4), R(1, 1, 2, 2), None], {"padding": "same", "stride": 2})
    c.error("conv2d/dtype", "conv2d", [V([[[[1.0]]]], "f64"), V([[[[1.0]]]], "f32"), None])
    for op in ("max_pool2d", "avg_pool2d"):
        c.error(f"{op}/too_small", op, [R(1, 1, 2, 2)], {"kernel_size": 3})
        c.error(f"{op}/padding", op, [R(1, 1, 6, 6)], {"kernel_size": 2, "padding": 2})
        c.error(f"{op}/rank", op, [R(4, 4)], {"kernel_size": 2})
        c.error(f"{op}/stride", op, [R(1, 1, 4, 4)], {"kernel_size": 2, "stride": 0})
    c.error("avg_pool2d/divisor", "avg_pool2d", [R(1, 1, 4, 4)], {"kernel_size": 2, "divisor_override": 0})
    bn = {"training": True, "momentum": 0.1, "eps": 1e-5}
    c.error("batch_norm/one_value", "batch_norm", [R(1, 3), None, None, None, None], bn)
    c.error("batch_norm/features", "batch_norm", [R(4, 3), R(2), P(2), None, None], bn)
    c.error("batch_norm/weight", "batch_norm", [R(4, 3), None, None, R(2), R(3)], bn)
    c.error("dropout/p", "dropout", [R(3)], {"p": 1.5, "training": True, "seed": 0})
    c.error("cross_entropy/target_high", "cross_entropy", [R(2, 3), I([0, 3])])
    c.error("cross_entropy/target_negative", "cross_entropy", [R(2, 3), I([0, -1])])
    c.error("cross_entropy/batch", "cross_entropy", [R(2, 3), I([0, 1, 2])])
    c.error("cross_entropy/target_dtype", "cross_entropy", [R(2, 3), B([True, False])])
    c.error("cross_entropy/weight", "cross_entropy", [R(2, 3), I([0, 1]), R(2)])
    c.error("cross_entropy/smoothing", "cross_entropy", [R(2, 3), I([0, 1])], {"label_smoothing": 1.5})
    c.error("nll_loss/target_high", "nll_loss", [R(2, 3), I([0, 3])])
    c.error("nll_loss/batch", "nll_loss", [R(2, 3), I([0])])
    c.error("mse_loss/shape", "mse_loss", [R(2, 3), R(2, 4)])
    c.error("mse_loss/reduction", "mse_loss", [R(2), R(2)], {"reduction": "average"})
    c.error("bce/range", "binary_cross_entropy", [V([1.5]), V([1.0])])
    c.error("bce/shape", "binary_cross_entropy", [P(2, 3, high=0.9), P(3, high=0.9)])
    c.error("bce_logits/shape", "binary_cross_entropy_with_logits", [R(2, 3), R(3)])


def build(c):
    for part in (convolution, pooling, norm_and_dropout, losses, errors):
        part(c)
