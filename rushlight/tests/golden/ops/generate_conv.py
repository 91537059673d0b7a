"""Writes conv.json.gz: convolutions and transposed convolutions over one to three dimensions."""

import torch.nn.functional as F

from cases import E, R, V, generate


def spelled(function):
    """Input, weight, bias, and steps by name."""
    return lambda x, a: function(x[0], x[1], x[2], **a)


OPS = {name: spelled(getattr(F, name)) for n in (1, 2, 3) for name in (f"conv{n}d", f"conv_transpose{n}d")}


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


def other_ranks(c):
    c.smooth("conv1d/plain", "conv1d", [R(2, 2, 6), R(3, 2, 3), R(3)], {"stride": 2, "padding": 1})
    c.smooth("conv1d/dilated_groups", "conv1d", [R(1, 4, 7), R(2, 2, 2), None], {"dilation": 3, "groups": 2})
    c.smooth("conv1d/unbatched", "conv1d", [R(2, 5), R(2, 2, 2), R(2)])
    c.smooth("conv3d/plain", "conv3d", [R(1, 2, 3, 4, 3), R(2, 2, 2, 2, 2), R(2)], {"padding": [0, 1, 0], "stride": [1, 2, 1]})
    c.smooth("conv3d/depthwise", "conv3d", [R(1, 2, 3, 3, 3), R(2, 1, 2, 2, 2), None], {"groups": 2})
    c.error("conv1d/channels", "conv1d", [R(1, 2, 5), R(1, 3, 2), None])
    c.error("conv3d/rank", "conv3d", [R(2, 5, 5), R(1, 2, 2, 2, 2), None])


def transposed_convolutions(c):
    def conv(n, name, *inputs, **args):
        c.smooth(f"conv_transpose{n}d/{name}", f"conv_transpose{n}d", list(inputs), args)

    conv(1, "plain", R(2, 2, 4), R(2, 3, 3), R(3))
    conv(1, "stride", R(1, 2, 4), R(2, 2, 3), None, stride=2, padding=1, output_padding=1)
    conv(1, "stride_over_kernel", R(1, 1, 3), R(1, 2, 2), R(2), stride=4, output_padding=3)
    conv(1, "dilated_groups", R(1, 4, 4), R(4, 2, 3), R(4), dilation=2, groups=2)
    conv(1, "output_padding_over_stride", R(1, 2, 3), R(2, 1, 2), R(1), dilation=4, padding=2, output_padding=3)
    conv(1, "unbatched", R(2, 4), R(2, 2, 2), R(2))
    conv(1, "one_element", R(1, 1, 1), R(1, 1, 1), R(1))
    conv(2, "plain", R(2, 2, 3, 4), R(2, 3, 3, 2), R(3))
    conv(2, "stride", R(1, 2, 3, 3), R(2, 2, 3, 3), R(2), stride=2)
    conv(2, "upsampling", R(1, 2, 3, 3), R(2, 1, 4, 4), R(1), stride=2, padding=1)
    conv(2, "output_padding", R(1, 2, 3, 2), R(2, 2, 3, 3), None, stride=[2, 3], padding=1, output_padding=[1, 2])
    conv(2, "dilation", R(1, 1, 3, 3), R(1, 2, 2, 3), R(2), dilation=[2, 1], padding=[1, 0])
    conv(2, "output_padding_over_stride", R(1, 1, 3, 2), R(1, 2, 2, 2), None, stride=[1, 2], dilation=[3, 5], output_padding=[2, 4])
    conv(2, "groups", R(1, 4, 3, 3), R(4, 3, 2, 2), R(6), groups=2, stride=2, padding=1, output_padding=1)
    conv(2, "depthwise", R(2, 3, 3, 3), R(3, 1, 3, 3), R(3), groups=3, padding=1)
    conv(2, "padding_over_kernel", R(1, 1, 4, 5), R(1, 1, 2, 2), R(1), padding=2)
    conv(2, "unbatched", R(2, 3, 3), R(2, 2, 2, 2), R(2), stride=2)
    conv(2, "channels_last_input", R(1, 3, 3, 2).v("permute", 0, 3, 1, 2), R(2, 2, 2, 2), R(2))
    conv(2, "transposed_weight", R(1, 2, 3, 3), R(2, 2, 3, 2).v("transpose", 0, 1), None)
    conv(2, "sliced_bias", R(1, 2, 3, 3), R(2, 2, 2, 2), R(4).v("slice", 0, 0, 4, 2), stride=2)
    conv(2, "empty_batch", E(0, 2, 3, 3), R(2, 2, 2, 2), R(2))
    conv(3, "plain", R(1, 2, 2, 3, 2), R(2, 2, 2, 2, 2), R(2))
    conv(3, "stride", R(1, 1, 2, 2, 3), R(1, 2, 2, 3, 2), R(2), stride=[1, 2, 2], padding=[0, 1, 0], output_padding=[0, 1, 1])
    conv(3, "dilated_groups", R(1, 2, 2, 2, 2), R(2, 1, 2, 2, 1), None, dilation=[1, 2, 1], groups=2)
    conv(3, "unbatched", R(1, 2, 2, 2), R(1, 1, 2, 2, 2), R(1))
    c.plain("conv_transpose2d/larger", "conv_transpose2d", [R(1, 8, 7, 7), R(8, 8, 3, 3, scale=0.2), R(8)], {"stride": 2, "padding": 1, "output_padding": 1}, grads=False)

    x, w = R(1, 4, 3, 3), R(4, 2, 3, 3)
    for name, args in (("output_padding", {"output_padding": 1}), ("groups", {"groups": 3}), ("no_groups", {"groups": 0}), ("stride", {"stride": 0}),
                       ("dilation", {"dilation": 0}), ("padding", {"padding": 3}), ("output_padding_two", {"output_padding": [0, 2], "stride": 2})):
        c.error(f"conv_transpose2d/{name}", "conv_transpose2d", [x, w, None], args)
    c.error("conv_transpose2d/channels", "conv_transpose2d", [R(1, 3, 3, 3), w, None])
    c.error("conv_transpose2d/bias", "conv_transpose2d", [x, w, R(4)])
    c.error("conv_transpose2d/bias_rank", "conv_transpose2d", [x, w, R(2, 1)])
    c.error("conv_transpose2d/rank", "conv_transpose2d", [R(4, 3), w, None])
    c.error("conv_transpose2d/weight_rank", "conv_transpose2d", [x, R(4, 2, 3), None])
    c.error("conv_transpose2d/empty_input", "conv_transpose2d", [E(1, 4, 0, 3), w, None])
    c.error("conv_transpose2d/empty_weight", "conv_transpose2d", [x, E(4, 0, 3, 3), None])
    c.error("conv_transpose2d/empty_kernel", "conv_transpose2d", [x, E(4, 2, 0, 3), None])
    c.error("conv_transpose2d/dtype", "conv_transpose2d", [V([[[[1.0]]]], "f64"), V([[[[1.0]]]], "f32"), None])
    c.error("conv_transpose1d/channels", "conv_transpose1d", [R(1, 2, 5), R(1, 3, 2), None])
    c.error("conv_transpose3d/rank", "conv_transpose3d", [R(2, 5, 5), R(2, 2, 2, 2, 2), None])


def errors(c):
    c.error("conv2d/channels", "conv2d", [R(1, 3, 8, 8), R(4, 2, 3, 3), None])
    c.error("conv2d/rank", "conv2d", [R(3, 8), R(4, 3, 3, 3), None])
    c.error("conv2d/kernel_over_input", "conv2d", [R(1, 3, 2, 2), R(4, 3, 3, 3), None])
    c.error("conv2d/bias", "conv2d", [R(1, 3, 8, 8), R(4, 3, 3, 3), R(5)])
    c.error("conv2d/groups", "conv2d", [R(1, 4, 8, 8), R(6, 2, 3, 3), None], {"groups": 4})
    c.error("conv2d/stride", "conv2d", [R(1, 1, 4, 4), R(1, 1, 2, 2), None], {"stride": 0})
    c.error("conv2d/padding_negative", "conv2d", [R(1, 1, 4, 4), R(1, 1, 2, 2), None], {"padding": -1})
    c.error("conv2d/padding_same_stride", "conv2d", [R(1, 1, 4, 4), R(1, 1, 2, 2), None], {"padding": "same", "stride": 2})
    c.error("conv2d/dtype", "conv2d", [V([[[[1.0]]]], "f64"), V([[[[1.0]]]], "f32"), None])


def build(c):
    for part in (convolution, other_ranks, transposed_convolutions, errors):
        part(c)


if __name__ == "__main__":
    generate(__file__, OPS, build)
