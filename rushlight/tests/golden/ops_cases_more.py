"""Cases for the rest of the elementwise functions, for logic, products, indexing, and convolutions of other ranks."""

from fixture import B, E, I, P, R, V

INF, NAN = float("inf"), float("nan")
EDGE = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, INF, -INF, NAN, 1e-30, 88.0, -88.0, 300.0]

REAL = ("square", "expm1", "sin", "cos", "atan", "sinh", "cosh", "erf", "relu6", "logsigmoid")
POSITIVE = ("log1p", "log2", "log10", "rsqrt", "reciprocal")
STEPS = ("floor", "ceil", "round", "trunc", "sign")


def functions(c):
    for op in REAL + POSITIVE + STEPS + ("tan",):
        one = P if op in POSITIVE else R
        c.smooth(f"{op}/2d", op, [one(2, 3)])
        c.smooth(f"{op}/0d", op, [one()])
        c.smooth(f"{op}/empty", op, [E(2, 0)])
        c.smooth(f"{op}/transposed", op, [one(3, 2).v("t")])
        c.smooth(f"{op}/expanded", op, [one(3).v("expand", 2, 3)])
        c.smooth(f"{op}/sliced", op, [one(2, 6).v("slice", 1, 0, 6, 2)])
        c.plain(f"{op}/long", op, [one(37)], dtypes=("f32", "f64"))
        if op not in ("tan", "sin", "cos"):  # arguments of 88 and more lose their last digits on the way into a quadrant
            c.plain(f"{op}/edge", op, [V(EDGE)], dtypes=("f32", "f64"), grads=False)
        if op not in ("relu6", "logsigmoid"):
            c.plain(f"{op}/i64", op, [I([3, -2, 0, 1])])
            if op not in STEPS or op == "sign":
                c.plain(f"{op}/bool", op, [B([True, False])])
    c.smooth("relu6/kinks", "relu6", [V([-1.0, 0.0, 3.0, 6.0, 7.0])])
    c.smooth("round/halves", "round", [V([0.5, 1.5, 2.5, -0.5, -1.5, 2.500001])])
    c.error("relu6/i64", "relu6", [B([True])])
    c.error("logsigmoid/i64", "logsigmoid", [I([1])])
    for op in ("floor", "ceil", "round", "trunc"):
        c.error(f"{op}/bool", op, [B([True])])


def division(c):
    values = {"bool": [True, False, True], "i64": [7, -7, 5], "f32": [7.5, -7.5, 0.25], "f64": [7.5, -7.5, 0.3]}
    divisors = {"bool": [True, True, True], "i64": [2, 3, -4], "f32": [2.0, 2.5, -0.5], "f64": [2.0, -2.5, 0.1]}
    for op in ("remainder", "floor_divide"):
        for a in values:
            for b in values:
                if a == b == "bool":
                    c.error(f"{op}/bool_bool", op, [B(values[a]), B(divisors[b])])
                else:
                    c.plain(f"{op}/{a}_{b}", op, [V(values[a], a), V(divisors[b], b)], grads=False)
        for number in (3, -3, 2.5, -0.1):
            c.plain(f"{op}/i64_number_{number}", op, [I([7, -7, 0, 2]), number])
            c.plain(f"{op}/number_{number}", op, [V([7.5, -7.5, 0.0, 0.3]), number], dtypes=("f32", "f64"), grads=False)
        c.plain(f"{op}/broadcast", op, [R(2, 1, 3), P(4, 1)], dtypes=("f32", "f64"), grads=False)
        edge = [0.0, -0.0, 1.0, -1.0, 5.0, -5.0, INF, -INF, NAN]
        c.plain(f"{op}/edge", op, [V(edge), V([[0.0], [INF], [-INF], [NAN], [-2.0], [0.1]])], dtypes=("f32", "f64"), grads=False)
        c.error(f"{op}/zero", op, [I([1, 2]), I([1, 0])])
    c.smooth("remainder/gradients", "remainder", [R(2, 3, scale=5.0), P(3)])


def logic(c):
    sides = {"bool": [True, False, True, False], "i64": [2, 0, 0, -1], "f32": [0.0, 1.5, -0.0, NAN], "f64": [0.0, 0.5, 2.0, INF]}
    for op in ("logical_and", "logical_or", "logical_xor"):
        for a in sides:
            for b in sides:
                c.plain(f"{op}/{a}_{b}", op, [V(sides[a], a), V(sides[b], b)], grads=False)
        c.plain(f"{op}/broadcast", op, [B([[True], [False]]), B([True, False, True])])
    for a in sides:
        for op in ("logical_not", "isnan", "any", "all"):
            c.plain(f"{op}/{a}", op, [V(sides[a], a)], grads=False)
    for op in ("any", "all"):
        c.plain(f"{op}/empty", op, [E(0, 2)], grads=False)
        c.plain(f"{op}/transposed", op, [B([[True, False], [False, False]]).v("t")])
    for rtol, atol in ((1e-5, 1e-8), (0.1, 0.0), (0.0, 0.5)):
        c.plain(f"isclose/{rtol}_{atol}", "isclose", [V([1.0, 1.0, INF, NAN, -INF, 0.0, 1.05]), V([1.0, 1.00001, INF, NAN, INF, 0.4, 1.0])],
                {"rtol": rtol, "atol": atol}, dtypes=("f32", "f64"), grads=False)


def reductions(c):
    c.smooth("prod/all", "prod", [R(2, 3)])
    c.smooth("prod/zero", "prod", [V([2.0, 0.0, 3.0])])
    c.smooth("prod/two_zeros", "prod", [V([[2.0, 0.0], [0.0, 3.0]])])
    c.smooth("prod/0d", "prod", [R()])
    c.smooth("prod/empty", "prod", [E(0, 3)])
    c.smooth("prod/transposed", "prod", [R(2, 3).v("t")])
    c.plain("prod/i64", "prod", [I([3, -2, 7])])
    c.plain("prod/bool", "prod", [B([True, True])])


def products(c):
    c.smooth("mm/plain", "mm", [R(2, 3), R(3, 4)])
    c.smooth("mm/transposed", "mm", [R(3, 2).v("t"), R(4, 3).v("t")])
    c.smooth("mm/empty_inner", "mm", [E(2, 0), E(0, 3)])
    c.smooth("bmm/plain", "bmm", [R(2, 2, 3), R(2, 3, 4)])
    c.smooth("bmm/strided", "bmm", [R(2, 3, 2).v("transpose", 1, 2), R(3, 2, 4).v("transpose", 0, 1)])
    c.smooth("bmm/expanded", "bmm", [R(1, 2, 3).v("expand", 4, 2, 3), R(4, 3, 2)])
    c.smooth("bmm/empty_batch", "bmm", [E(0, 2, 3), E(0, 3, 4)])
    for name, shape in (("row", (4,)), ("matrix", (2, 4)), ("column", (2, 1)), ("0d", ())):
        c.smooth(f"addmm/{name}", "addmm", [R(*shape), R(2, 3), R(3, 4)])
    c.error("mm/rank", "mm", [R(2, 3), R(3)])
    c.error("mm/size", "mm", [R(2, 3), R(4, 2)])
    c.error("bmm/batch", "bmm", [R(2, 2, 3), R(3, 3, 4)])
    c.error("addmm/shape", "addmm", [R(3), R(2, 3), R(3, 4)])


def indexing(c):
    mask = B([[True, False, True], [False, False, True]])
    c.smooth("masked_fill/number", "masked_fill", [R(2, 3), mask, 0.5])
    c.smooth("masked_fill/tensor", "masked_fill", [R(2, 3), mask, R()])
    c.smooth("masked_fill/broadcast", "masked_fill", [R(2, 3), B([True, False, True]), -1.0])
    c.smooth("masked_fill/transposed", "masked_fill", [R(3, 2).v("t"), mask, 2.0])
    c.plain("masked_fill/i64", "masked_fill", [I([1, 2, 3]), B([True, False, True]), 7])
    c.smooth("scatter_add/dim0", "scatter_add", [R(3, 2), I([[0, 2], [0, 1], [2, 2], [0, 0]]), R(4, 2)], {"dim": 0})
    c.smooth("scatter_add/dim1", "scatter_add", [R(2, 3), I([[0, 0, 2, 1], [1, 1, 1, 1]]), R(2, 4)], {"dim": -1})
    c.smooth("scatter_add/smaller", "scatter_add", [R(3, 3), I([[2]]), R(1, 1)], {"dim": 0})
    c.smooth("scatter_add/strided", "scatter_add", [R(2, 3).v("t"), I([[0, 2], [1, 1]]), R(2, 4).v("slice", 1, 0, 4, 2)], {"dim": 0})
    c.plain("scatter_add/i64", "scatter_add", [I([1, 2, 3]), I([0, 0, 2]), I([10, 20, 30])], {"dim": 0})
    c.plain("scatter_add/empty", "scatter_add", [R(2, 3), V([[], []], "i64"), E(2, 0)], {"dim": 1}, grads=False)
    c.smooth("index_select/dim0", "index_select", [R(3, 2), I([2, 0, 2])], {"dim": 0})
    c.smooth("index_select/dim1", "index_select", [R(2, 3, 2), I([1, 1])], {"dim": -2})
    c.smooth("index_select/transposed", "index_select", [R(2, 3).v("t"), I([2, 0])], {"dim": 0})
    c.smooth("index_select/none", "index_select", [R(3, 2), V([], "i64")], {"dim": 0})
    c.plain("index_select/bool", "index_select", [B([True, False]), I([1, 1, 0])], {"dim": 0})
    c.smooth("diagonal/square", "diagonal", [R(3, 3)], stride=True)
    c.smooth("diagonal/wide", "diagonal", [R(2, 4)], stride=True)
    c.smooth("diagonal/transposed", "diagonal", [R(2, 4).v("t")], stride=True)
    c.error("masked_fill/shape", "masked_fill", [R(2), B([True, False, True]), 0.0])
    c.error("masked_fill/dtype", "masked_fill", [R(2), I([1, 0]), 0.0])
    c.error("masked_fill/value", "masked_fill", [R(2), B([True, False]), R(2)])
    c.error("scatter_add/index", "scatter_add", [R(2), I([2]), R(1)], {"dim": 0})
    c.error("scatter_add/size", "scatter_add", [R(2), I([0, 1]), R(1)], {"dim": 0})
    c.error("scatter_add/dtype", "scatter_add", [R(2), I([0]), V([1], "i64")], {"dim": 0})
    c.error("index_select/index", "index_select", [R(2), I([2])], {"dim": 0})
    c.error("index_select/negative", "index_select", [R(2), I([-1])], {"dim": 0})
    c.error("index_select/rank", "index_select", [R(2, 2), I([[0]])], {"dim": 0})


def pictures(c):
    c.smooth("conv1d/plain", "conv1d", [R(2, 2, 6), R(3, 2, 3), R(3)], {"stride": 2, "padding": 1})
    c.smooth("conv1d/dilated_groups", "conv1d", [R(1, 4, 7), R(2, 2, 2), None], {"dilation": 3, "groups": 2})
    c.smooth("conv1d/unbatched", "conv1d", [R(2, 5), R(2, 2, 2), R(2)])
    c.smooth("conv3d/plain", "conv3d", [R(1, 2, 3, 4, 3), R(2, 2, 2, 2, 2), R(2)], {"padding": [0, 1, 0], "stride": [1, 2, 1]})
    c.smooth("conv3d/depthwise", "conv3d", [R(1, 2, 3, 3, 3), R(2, 1, 2, 2, 2), None], {"groups": 2})
    for size in ([1, 1], [2, 3], [5, 4], [7, 2]):
        c.smooth(f"adaptive_avg_pool2d/{size[0]}x{size[1]}", "adaptive_avg_pool2d", [R(1, 2, 5, 4)], {"output_size": size})
    c.smooth("adaptive_avg_pool2d/unbatched", "adaptive_avg_pool2d", [R(2, 3, 3).v("permute", 0, 2, 1)], {"output_size": [2, 2]})
    c.error("conv1d/channels", "conv1d", [R(1, 2, 5), R(1, 3, 2), None])
    c.error("conv3d/rank", "conv3d", [R(2, 5, 5), R(1, 2, 2, 2, 2), None])
    c.error("adaptive_avg_pool2d/rank", "adaptive_avg_pool2d", [R(3, 3)], {"output_size": [1, 1]})


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


def build(c):
    for part in (functions, division, logic, reductions, products, indexing, pictures, transposed_convolutions):
        part(c)
