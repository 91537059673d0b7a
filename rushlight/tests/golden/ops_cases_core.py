"""Cases for arithmetic, promotion, comparison, matmul, reductions, views, and elementwise functions."""

from fixture import B, E, I, P, R, V

INF, NAN = float("inf"), float("nan")

# One tensor of each dtype in the three places that promotion tells apart: dimensioned, 0-d, Python number.
TENSOR = {
    "bool": [True, False, True],
    "i64": [3, -2, 7],
    "f32": [1.5, -0.25, 4.0],
    "f64": [0.1, 2.0, -3.5],
}
COLUMN = {k: [[v[1]], [v[2]]] for k, v in TENSOR.items()}
ZERO_D = {"bool": True, "i64": 2, "f32": 2.5, "f64": 0.3}
NUMBER = {"bool": True, "i64": 3, "f64": 1.25}


def promotion(c):
    for op in ("add", "sub", "mul", "div"):
        for a in TENSOR:
            for b in TENSOR:
                pairs = {
                    "tensor_tensor": [V(TENSOR[a], a), V(COLUMN[b], b)],
                    "tensor_0d": [V(TENSOR[a], a), V(ZERO_D[b], b)],
                    "0d_tensor": [V(ZERO_D[a], a), V(TENSOR[b], b)],
                    "0d_0d": [V(ZERO_D[a], a), V(ZERO_D[b], b)],
                }
                if b in NUMBER:
                    pairs["tensor_number"] = [V(TENSOR[a], a), NUMBER[b]]
                    pairs["number_tensor"] = [NUMBER[b], V(TENSOR[a], a)]
                    pairs["0d_number"] = [V(ZERO_D[a], a), NUMBER[b]]
                for kind, inputs in pairs.items():
                    name = f"promote/{op}/{kind}/{a}_{b}"
                    if op == "sub" and "bool" in (a, b):  # PyTorch refuses any bool here
                        c.error(name, op, inputs)
                    else:
                        c.plain(name, op, inputs)
    for op in ("eq", "lt", "ge"):
        for a in TENSOR:
            for b in TENSOR:
                c.plain(f"promote/{op}/tensor_tensor/{a}_{b}", op, [V(TENSOR[a], a), V(COLUMN[b], b)])
            for b in NUMBER:
                c.plain(f"promote/{op}/tensor_number/{a}_{b}", op, [V(TENSOR[a], a), NUMBER[b]])
    for a in TENSOR:
        for b in TENSOR:
            c.plain(f"promote/where/{a}_{b}", "where", [B([True, False, False]), V(TENSOR[a], a), V(COLUMN[b], b)])
            c.plain(f"promote/where_0d/{a}_{b}", "where", [B([True, False, False]), V(TENSOR[a], a), V(ZERO_D[b], b)])
            c.plain(f"promote/cat/{a}_{b}", "cat", [V(TENSOR[a], a), V(TENSOR[b], b)], {"dim": 0})
            c.plain(f"promote/to/{a}_{b}", "to", [V(TENSOR[a], a)], {"dtype": b})
            if a not in ("bool",):
                c.plain(f"promote/maximum/{a}_{b}", "maximum", [V(TENSOR[a], a), V(COLUMN[b], b)])
        for b in NUMBER:
            if (a, b) != ("bool", "bool"):
                c.plain(f"promote/where_number/{a}_{b}", "where", [B([True, False, False]), V(TENSOR[a], a), NUMBER[b]])
    for a in ("i64", "bool"):
        for op in ("exp", "log", "sqrt", "sigmoid", "tanh"):
            c.plain(f"promote/{op}/{a}", op, [V(TENSOR[a], a)])
        for op in ("sum", "amax", "amin", "argmax", "argmin", "max", "min"):
            if not (a == "bool" and op.startswith("arg")):
                c.plain(f"promote/{op}/{a}", op, [V(TENSOR[a], a)])
    c.plain("promote/sum/dim/bool", "sum", [B([[True, True], [False, True]])], {"dim": 1})
    c.plain("promote/sum/dtype/i64_f64", "sum", [V(TENSOR["i64"], "i64")], {"dtype": "f64"})
    c.plain("promote/mean/dtype/i64_f32", "mean", [V(TENSOR["i64"], "i64")], {"dtype": "f32"})
    c.plain("promote/abs/i64", "abs", [V(TENSOR["i64"], "i64")])
    c.plain("promote/neg/i64", "neg", [V(TENSOR["i64"], "i64")])
    c.plain("promote/relu/i64", "relu", [V(TENSOR["i64"], "i64")])
    c.plain("promote/clamp/i64_int", "clamp", [V(TENSOR["i64"], "i64")], {"min": -1, "max": 4})
    c.plain("promote/clamp/i64_float", "clamp", [V(TENSOR["i64"], "i64")], {"min": 0.5})
    c.plain("promote/pow/i64_2", "pow", [V(TENSOR["i64"], "i64"), 2])
    c.plain("promote/pow/i64_half", "pow", [I([4, 9, 2]), 0.5])
    c.plain("promote/pow/bool_2", "pow", [V(TENSOR["bool"], "bool"), 2])
    c.plain("promote/pow/i64_i64", "pow", [I([2, -3, 1, -1, 0, 5]), I([5, 3, -4, -3, 0, -2])])
    c.plain("promote/pow/f32_i64", "pow", [V([2.0, -3.0, 0.5], "f32"), I([3, 2, -2])])
    c.plain("promote/pow/2_i64", "pow", [2, I([0, 3, 10])])
    c.plain("promote/pow/2.5_i64", "pow", [2.5, I([0, 3, -1])])
    # Integers: wrapping, division, and numbers that do not fit a float's 24 bits.
    big = 2**62
    c.plain("promote/add/wrap", "add", [I([big, -big]), I([big, -big - 1])])
    c.plain("promote/mul/wrap", "mul", [I([2**33 + 1, -(2**40)]), 2**32])
    c.plain("promote/div/zero", "div", [I([1, -1, 0]), I([0, 0, 0])])
    c.plain("promote/eq/large", "eq", [I([2**24 + 1, 2**24]), V([2.0**24, 2.0**24], "f32")])
    c.plain("promote/lt/large_number", "lt", [I([2**53 + 1, 2**53]), 2**53 + 1])
    c.plain("promote/add/large_number", "add", [V([1.0], "f32"), 2**24 + 1])
    c.plain("promote/to/f64_i64/trunc", "to", [V([1.9, -1.9, 0.5, -0.5, 2.0**40, 3e9], "f64")], {"dtype": "i64"})
    c.plain("promote/to/f32_bool_nan", "to", [V([0.0, -0.0, 0.1, NAN, INF], "f32")], {"dtype": "bool"})
    c.plain("promote/to/i64_f32/round", "to", [I([2**24 + 1, 2**53 + 1, -(2**62) + 1])], {"dtype": "f32"})
    c.smooth("to/grad_f32", "to", [R(3)], {"dtype": "f32"})
    c.smooth("to/grad_f64", "to", [R(3)], {"dtype": "f64"})


def arithmetic(c):
    pairs = {
        "same": lambda second=R: [R(2, 3), second(2, 3)],
        "broadcast": lambda second=R: [R(2, 1, 3), second(4, 1)],
        "row": lambda second=R: [R(2, 3), second(3)],
        "0d": lambda second=R: [R(2, 3), second()],
        "transposed": lambda second=R: [R(3, 2).v("transpose", 0, 1), second(2, 3)],
        "expanded": lambda second=R: [R(2, 1).v("expand", 2, 3), second(3).v("expand", 2, 3)],
        "narrowed": lambda second=R: [R(4, 5).v("narrow", 1, 1, 3).v("slice", 0, 0, 4, 2), second(2, 3)],
    }
    for op in ("add", "sub", "mul", "div", "pow", "maximum", "minimum"):
        for kind, make in pairs.items():
            inputs = make(P if op in ("div", "pow") else R)
            if op == "pow":  # a negative base has no real power
                inputs[0].make = P(*{"same": (2, 3), "broadcast": (2, 1, 3), "row": (2, 3), "0d": (2, 3), "transposed": (3, 2),
                                     "expanded": (2, 1), "narrowed": (4, 5)}[kind]).make
            c.smooth(f"{op}/{kind}", op, inputs)
        c.smooth(f"{op}/empty", op, [E(0, 3), R(3)])
        c.smooth(f"{op}/0d_0d", op, [P(), P()])
    c.smooth("add/alpha", "add", [R(2, 3), R(3)], {"alpha": -1.5})
    c.smooth("sub/alpha", "sub", [R(2, 3), R(2, 1)], {"alpha": 2})
    c.smooth("add/number", "add", [R(2, 3), 1.5])
    c.smooth("sub/from_number", "sub", [1.5, R(2, 3)])
    c.smooth("mul/number", "mul", [R(2, 3), -2])
    c.smooth("div/number", "div", [R(2, 3), 3])
    c.smooth("div/of_number", "div", [2.0, P(2, 3)])
    c.smooth("neg", "neg", [R(2, 3)])
    for exponent in (2, 3, 0, 1, -1, 0.5, -2.5, 2.0):
        c.smooth(f"pow/number_{exponent}_{type(exponent).__name__}", "pow", [P(2, 3), exponent])
    c.smooth("pow/of_number", "pow", [1.7, R(2, 3)])
    c.smooth("pow/negative_base", "pow", [V([-2.0, -0.5, 1.5]), 3])
    edge = [0.0, -0.0, 1.0, -1.0, INF, -INF, NAN]
    for exponent in (2, 0, 0.5, -1, 3):
        c.plain(f"pow/edge_{exponent}", "pow", [V(edge), exponent], dtypes=("f32", "f64"))
    c.plain("pow/edge_tensor", "pow", [V([0.0, 0.0, -1.0, 2.0, NAN, 1.0]), V([0.0, 2.0, 0.5, 0.0, 0.0, NAN])], dtypes=("f32", "f64"))
    c.plain("pow/edge_of_zero", "pow", [0.0, V([0.0, 1.0, 2.0])], dtypes=("f32", "f64"))
    for op in ("add", "sub", "mul", "div", "maximum", "minimum"):
        c.plain(f"{op}/edge", op, [V(edge), V([[0.0], [INF], [NAN], [-2.0]])], dtypes=("f32", "f64"), grads=op not in ("div",))
    c.plain("maximum/ties", "maximum", [V([1.0, 2.0, 0.0]), V([1.0, 1.0, -0.0])], dtypes=("f32", "f64"))
    c.plain("minimum/ties", "minimum", [V([1.0, 2.0, 0.0]), V([1.0, 1.0, 3.0])], dtypes=("f32", "f64"))
    for op in ("eq", "ne", "lt", "le", "gt", "ge"):
        c.plain(f"{op}/edge", op, [V(edge), V([[0.0], [INF], [NAN], [-2.0]])], dtypes=("f32", "f64"))
        c.plain(f"{op}/broadcast", op, [I([[1, 2, 3], [4, 5, 6]]), I([2, 2, 5])])
        c.plain(f"{op}/number", op, [V([1.0, 2.5, NAN]), 2.5])
        c.plain(f"{op}/bool", op, [B([True, False]), B([[True], [False]])])
        c.plain(f"{op}/empty", op, [E(0, 2), 1.0])
    # Larger than any SIMD width, with a tail, so that the vector loop and its end both run.
    for op in ("add", "mul", "div"):
        c.plain(f"{op}/long", op, [R(37), P(37)], dtypes=("f32", "f64"), grads=False)


def in_place(c):
    for op in ("add_", "sub_", "mul_", "div_"):
        c.smooth(f"{op}same", op, [R(2, 3), P(2, 3)])
        c.smooth(f"{op}broadcast", op, [R(2, 3), P(3)])
        c.smooth(f"{op}number", op, [R(2, 3), 2.5])
        c.smooth(f"{op}into_row", op, [R(3, 4), P(4)], {"into": [["select", 0, 1]]})
        c.smooth(f"{op}into_column", op, [R(3, 4), P(3)], {"into": [["select", 1, 2]]})
        c.smooth(f"{op}into_nested", op, [R(3, 4), P(2, 2)], {"into": [["transpose", 0, 1], ["narrow", 0, 1, 2], ["slice", 1, 0, 3, 2]]})
        c.plain(f"{op}f32_f64", op, [V([1.0, 2.0], "f32"), V([3.0, 0.1], "f64")])
        c.plain(f"{op}f32_i64", op, [V([1.0, 2.0], "f32"), I([3, 4])])
    c.smooth("add_/alpha", "add_", [R(2, 3), R(3)], {"alpha": 0.5})
    c.smooth("copy_/broadcast", "copy_", [R(2, 3), R(3)])
    c.smooth("copy_/into", "copy_", [R(2, 3), R(2)], {"into": [["select", 1, 1]]})
    c.smooth("fill_/into", "fill_", [R(2, 3), 0.5], {"into": [["narrow", 1, 0, 2]]})
    c.smooth("zero_/into", "zero_", [R(2, 3)], {"into": [["select", 0, 1]]})
    c.smooth("pow_/3", "pow_", [P(2, 3), 3])
    for op in ("neg_", "relu_", "sigmoid_", "tanh_", "exp_", "log_", "sqrt_", "abs_"):
        c.smooth(f"{op}/whole", op, [P(2, 3)])
        c.smooth(f"{op}/into", op, [P(2, 3)], {"into": [["select", 0, 1]]})
    c.smooth("clamp_", "clamp_", [R(2, 3)], {"min": -0.5, "max": 0.5})
    c.plain("add_/i64_bool", "add_", [I([1, 2]), B([True, False])])
    c.plain("mul_/i64_number", "mul_", [I([1, 2]), 3])
    c.plain("copy_/i64_from_f32", "copy_", [I([1, 2]), V([3.7, -1.2], "f32")])


def matmul(c):
    shapes = {
        "1_1": ((4,), (4,)), "1_2": ((4,), (4, 3)), "2_1": ((3, 4), (4,)), "2_2": ((2, 3), (3, 4)),
        "1_3": ((4,), (2, 4, 3)), "3_1": ((2, 3, 4), (4,)), "3_2": ((2, 3, 4), (4, 2)), "2_3": ((2, 3), (2, 3, 4)),
        "3_3": ((2, 2, 3), (2, 3, 4)), "batch_broadcast": ((2, 1, 2, 3), (3, 3, 2)), "batch_one": ((1, 2, 3), (4, 3, 2)),
        "inner_one": ((3, 1), (1, 4)), "one_one": ((1, 1), (1, 1)),
    }
    for name, (a, b) in shapes.items():
        c.smooth(f"matmul/{name}", "matmul", [R(*a), R(*b)])
    c.smooth("matmul/transposed", "matmul", [R(3, 2).v("transpose", 0, 1), R(4, 3).v("t")])
    c.smooth("matmul/expanded", "matmul", [R(1, 3).v("expand", 2, 3), R(3, 4)])
    c.smooth("matmul/sliced", "matmul", [R(2, 6).v("slice", 1, 0, 6, 2), R(5, 4).v("narrow", 0, 1, 3)])
    c.smooth("matmul/batch_permuted", "matmul", [R(3, 2, 2).v("permute", 1, 0, 2), R(2, 3, 2).v("transpose", 1, 2).v("transpose", 1, 2).v("narrow", 1, 0, 2)])
    c.smooth("matmul/empty_inner", "matmul", [E(2, 0), E(0, 3)])
    c.smooth("matmul/empty_outer", "matmul", [E(0, 3), R(3, 2)])
    c.smooth("matmul/empty_batch", "matmul", [E(0, 2, 3), R(3, 2)])
    c.smooth("matmul/empty_vectors", "matmul", [E(0), E(0)])
    c.plain("matmul/i64", "matmul", [I([[1, 2], [3, 4], [5, 6]]), I([[1, -1, 2], [0, 3, 1]])])
    c.plain("matmul/nan", "matmul", [V([[0.0, 1.0], [2.0, 3.0]]), V([[NAN, 1.0], [0.0, INF]])], grads=False)
    c.plain("matmul/blocked", "matmul", [R(33, 40), R(40, 17)], dtypes=("f32", "f64"), grads=False)
    c.smooth("linear/2d", "linear", [R(3, 4), R(2, 4), R(2)])
    c.smooth("linear/no_bias", "linear", [R(3, 4), R(2, 4)])
    c.smooth("linear/1d", "linear", [R(4), R(2, 4), R(2)])
    c.smooth("linear/3d", "linear", [R(2, 3, 4), R(2, 4), R(2)])
    c.smooth("linear/transposed", "linear", [R(4, 3).v("t"), R(4, 2).v("t"), R(2)])
    c.smooth("linear/empty", "linear", [E(0, 4), R(2, 4), R(2)])


def reductions(c):
    for op in ("sum", "mean", "amax", "amin", "var", "std"):
        for name, args in {
            "all": {}, "dim0": {"dim": 0}, "dim_last": {"dim": -1}, "keepdim": {"dim": 1, "keepdim": True},
            "two_dims": {"dim": [0, 2]}, "two_dims_keepdim": {"dim": [-1, 0], "keepdim": True}, "three_dims": {"dim": [0, 1, 2]},
        }.items():
            c.smooth(f"{op}/{name}", op, [R(2, 3, 4)], args)
        c.smooth(f"{op}/transposed", op, [R(3, 4).v("t")], {"dim": 0})
        c.smooth(f"{op}/expanded", op, [R(3, 1).v("expand", 3, 4)], {"dim": 0})
        c.plain(f"{op}/nan", op, [V([[1.0, NAN], [INF, 2.0]])], {"dim": 1}, dtypes=("f32", "f64"), grads=False)
    for op in ("sum", "mean", "amax", "amin"):
        c.smooth(f"{op}/0d", op, [R()])
        c.smooth(f"{op}/0d_dim", op, [R()], {"dim": 0})
        c.smooth(f"{op}/size_one", op, [R(3, 1)], {"dim": 1})
    for op in ("sum", "mean"):
        c.smooth(f"{op}/empty", op, [E(0)])
        c.smooth(f"{op}/empty_dim", op, [E(2, 0, 3)], {"dim": 1})
        c.smooth(f"{op}/empty_other_dim", op, [E(2, 0, 3)], {"dim": 2})
        c.plain(f"{op}/long", op, [R(300)], dtypes=("f32", "f64"), grads=False)
    c.smooth("amax/empty_other_dim", "amax", [E(2, 0, 3)], {"dim": 2})
    c.plain("amax/ties", "amax", [V([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])], {"dim": 1}, dtypes=("f32", "f64"))
    c.plain("amin/ties_all", "amin", [V([[1.0, 3.0, 1.0], [2.0, 1.0, 2.0]])], dtypes=("f32", "f64"))
    for correction in (0, 1, 2):
        c.smooth(f"var/correction_{correction}", "var", [R(3, 5)], {"dim": 1, "correction": correction})
        c.smooth(f"std/correction_{correction}", "std", [R(3, 5)], {"dim": [0, 1], "correction": correction})
    c.plain("var/one_element", "var", [V([2.0])], {"dim": 0}, dtypes=("f32", "f64"))
    c.plain("std/one_element_correction_0", "std", [V([2.0])], {"dim": 0, "correction": 0}, dtypes=("f32", "f64"))
    c.plain("var/far_from_zero", "var", [V([10000.0, 10001.0, 10002.0, 10003.0])], dtypes=("f32", "f64"), grads=False)
    c.plain("std/constant", "std", [V([1.5, 1.5, 1.5])], dtypes=("f32", "f64"))
    for op in ("max", "min"):
        c.smooth(f"{op}/all", op, [R(2, 3)])
        c.smooth(f"{op}/dim", op, [R(2, 3)], {"dim": 1})
        c.smooth(f"{op}/dim_keepdim", op, [R(2, 3, 2)], {"dim": -2, "keepdim": True})
        c.smooth(f"{op}/transposed", op, [R(3, 2).v("t")], {"dim": 0})
        c.plain(f"{op}/ties_dim", op, [V([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [0.0, -0.0, 0.0]])], {"dim": 1}, dtypes=("f32", "f64"))
        c.plain(f"{op}/ties_all", op, [V([[1.0, 3.0, 3.0], [1.0, 1.0, 2.0]])], dtypes=("f32", "f64"))
        c.plain(f"{op}/nan_dim", op, [V([[1.0, NAN, 3.0], [INF, -INF, 2.0], [NAN, 1.0, NAN]])], {"dim": 1}, dtypes=("f32", "f64"))
        c.plain(f"{op}/nan_all", op, [V([1.0, NAN, 3.0])], dtypes=("f32", "f64"), grads=False)
        c.plain(f"{op}/i64_dim", op, [I([[5, 2], [5, 9]])], {"dim": 0})
        c.plain(f"{op}/0d", op, [V(3.0)])
        c.plain(f"{op}/empty_other_dim", op, [E(0, 3)], {"dim": 1})
    for op in ("argmax", "argmin"):
        c.plain(f"{op}/all", op, [R(2, 3)])
        c.plain(f"{op}/dim", op, [R(2, 3, 4)], {"dim": 1})
        c.plain(f"{op}/keepdim", op, [R(2, 3)], {"dim": -1, "keepdim": True})
        c.plain(f"{op}/ties", op, [V([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])], {"dim": 1})
        c.plain(f"{op}/nan", op, [V([[1.0, NAN, INF, NAN], [INF, 1.0, -INF, 2.0]])], {"dim": 1})
        c.plain(f"{op}/i64", op, [I([[5, 2, 9], [5, 9, 9]])], {"dim": 1})
        c.plain(f"{op}/transposed", op, [R(3, 4).v("t")], {"dim": 1})
        c.plain(f"{op}/long", op, [R(3, 40)], {"dim": 1})
        c.plain(f"{op}/0d", op, [V(3.0)])


def views(c):
    def view(name, op, inputs, args=None):
        c.smooth(name, op, inputs, args, stride=True)

    for op in ("view", "reshape"):
        view(f"{op}/flat", op, [R(2, 3)], {"shape": [6]})
        view(f"{op}/infer", op, [R(2, 6)], {"shape": [3, -1]})
        view(f"{op}/ones", op, [R(2, 3)], {"shape": [1, 2, 1, 3]})
        view(f"{op}/to_0d", op, [R(1, 1)], {"shape": []})
        view(f"{op}/empty", op, [E(0, 3)], {"shape": [3, 0]})
        view(f"{op}/split_strided", op, [R(6, 4).v("narrow", 1, 0, 3)], {"shape": [2, 3, 3]})
    c.smooth("reshape/transposed", "reshape", [R(2, 3).v("t")], {"shape": [6]})
    c.smooth("reshape/expanded", "reshape", [R(3).v("expand", 2, 3)], {"shape": [3, 2]})
    view("t/2d", "t", [R(2, 3)])
    view("t/1d", "t", [R(3)])
    view("t/0d", "t", [R()])
    view("transpose/3d", "transpose", [R(2, 3, 4)], {"dim0": 0, "dim1": -1})
    view("transpose/same", "transpose", [R(2, 3)], {"dim0": 1, "dim1": 1})
    view("permute/3d", "permute", [R(2, 3, 4)], {"dims": [2, 0, 1]})
    view("permute/negative", "permute", [R(2, 3, 2)], {"dims": [-1, 0, 1]})
    view("squeeze/all", "squeeze", [R(1, 2, 1, 3)])
    view("squeeze/dim", "squeeze", [R(1, 2, 1, 3)], {"dim": -2})
    view("squeeze/not_one", "squeeze", [R(1, 2)], {"dim": 1})
    view("squeeze/dims", "squeeze", [R(1, 2, 1, 3)], {"dim": [0, 1]})
    view("unsqueeze/front", "unsqueeze", [R(2, 3)], {"dim": 0})
    view("unsqueeze/last", "unsqueeze", [R(2, 3)], {"dim": -1})
    view("unsqueeze/middle", "unsqueeze", [R(2, 3).v("t")], {"dim": 1})
    view("unsqueeze/0d", "unsqueeze", [R()], {"dim": 0})
    view("expand/new_dim", "expand", [R(3)], {"shape": [2, 3]})
    view("expand/one", "expand", [R(2, 1)], {"shape": [2, 4]})
    view("expand/keep", "expand", [R(2, 1, 3)], {"shape": [-1, 4, -1]})
    view("expand/0d", "expand", [R()], {"shape": [2, 2]})
    view("expand/to_empty", "expand", [R(1, 3)], {"shape": [0, 3]})
    view("narrow/middle", "narrow", [R(2, 5)], {"dim": 1, "start": 1, "length": 3})
    view("narrow/negative", "narrow", [R(4, 2)], {"dim": 0, "start": -3, "length": 2})
    view("narrow/none", "narrow", [R(4, 2)], {"dim": 0, "start": 4, "length": 0})
    view("select/first", "select", [R(3, 2)], {"dim": 0, "index": 1})
    view("select/negative", "select", [R(3, 2)], {"dim": -1, "index": -1})
    view("slice/step", "slice", [R(3, 7)], {"dim": 1, "start": 1, "end": 6, "step": 2})
    view("slice/negative", "slice", [R(5, 2)], {"dim": 0, "start": -4, "end": -1, "step": 1})
    view("slice/open", "slice", [R(5)], {"dim": 0, "start": None, "end": None, "step": 3})
    view("slice/beyond", "slice", [R(5)], {"dim": 0, "start": 2, "end": 100, "step": 1})
    view("slice/empty", "slice", [R(5)], {"dim": 0, "start": 4, "end": 2, "step": 1})
    view("flatten/all", "flatten", [R(2, 3, 2)], {"start_dim": 0, "end_dim": -1})
    view("flatten/from_1", "flatten", [R(2, 3, 2)], {"start_dim": 1, "end_dim": -1})
    view("flatten/to_1", "flatten", [R(2, 3, 2)], {"start_dim": 0, "end_dim": 1})
    view("flatten/0d", "flatten", [R()], {"start_dim": 0, "end_dim": -1})
    c.smooth("flatten/transposed", "flatten", [R(2, 3).v("t")], {"start_dim": 0, "end_dim": -1})
    c.smooth("clone/transposed", "clone", [R(2, 3).v("t")])
    c.smooth("contiguous/transposed", "contiguous", [R(2, 3).v("t")], stride=True)
    c.smooth("contiguous/expanded", "contiguous", [R(3).v("expand", 2, 3)], stride=True)
    c.smooth("cat/dim0", "cat", [R(2, 3), R(1, 3), R(3, 3)], {"dim": 0})
    c.smooth("cat/dim1", "cat", [R(2, 3), R(2, 1)], {"dim": -1})
    c.smooth("cat/strided", "cat", [R(3, 2).v("t"), R(2, 6).v("slice", 1, 0, 6, 2)], {"dim": 1})
    c.smooth("cat/one", "cat", [R(2, 2)], {"dim": 0})
    c.smooth("cat/with_empty", "cat", [E(0, 3), R(2, 3)], {"dim": 0})
    c.smooth("cat/legacy_empty", "cat", [E(0), R(2, 3)], {"dim": 1})
    c.smooth("cat/middle_dim", "cat", [R(2, 1, 2), R(2, 2, 2)], {"dim": 1})
    c.smooth("stack/dim0", "stack", [R(2, 3), R(2, 3)], {"dim": 0})
    c.smooth("stack/last", "stack", [R(2, 3), R(3, 2).v("t"), R(2, 3)], {"dim": -1})
    c.smooth("stack/0d", "stack", [R(), R()], {"dim": 0})


def elementwise(c):
    edge = [0.0, -0.0, 1.0, -1.0, INF, -INF, NAN, 1e-30, -1e-30, 88.0, -88.0, 120.0, -120.0, 800.0, -800.0]
    positive = ("log", "sqrt")
    for op in ("relu", "sigmoid", "tanh", "exp", "log", "sqrt", "abs"):
        one = P if op in positive else R
        c.smooth(f"{op}/2d", op, [one(2, 3)])
        c.smooth(f"{op}/0d", op, [one()])
        c.smooth(f"{op}/empty", op, [E(2, 0)])
        c.smooth(f"{op}/transposed", op, [one(3, 2).v("t")])
        c.smooth(f"{op}/expanded", op, [one(3).v("expand", 2, 3)])
        c.plain(f"{op}/long", op, [one(37)] if op in positive else [R(37, scale=4.0)], dtypes=("f32", "f64"))
        # The gradient of sqrt at -0 and of log at nan are where implementations differ by sign only: values suffice there.
        c.plain(f"{op}/edge", op, [V(edge)], dtypes=("f32", "f64"), grads=op in ("relu", "sigmoid", "tanh", "exp", "abs"))
    c.plain("sqrt/grad_at_zero", "sqrt", [V([0.0, 4.0])], dtypes=("f32", "f64"))
    c.plain("log/grad_at_zero", "log", [V([0.0, 4.0])], dtypes=("f32", "f64"))
    c.smooth("relu/kink", "relu", [V([-1.0, 0.0, -0.0, 2.0])])
    c.smooth("abs/kink", "abs", [V([-1.0, 0.0, -0.0, 2.0])])
    for slope in (0.01, 0.2, 0.0, 1.5):
        c.smooth(f"leaky_relu/slope_{slope}", "leaky_relu", [R(2, 3)], {"negative_slope": slope})
    c.smooth("leaky_relu/kink", "leaky_relu", [V([-1.0, 0.0, -0.0, 2.0])], {"negative_slope": 0.1})
    c.plain("leaky_relu/edge", "leaky_relu", [V(edge)], {"negative_slope": 0.1}, dtypes=("f32", "f64"))
    c.smooth("clamp/both", "clamp", [R(2, 5)], {"min": -0.5, "max": 0.5})
    c.smooth("clamp/min", "clamp", [R(2, 3)], {"min": 0.0})
    c.smooth("clamp/max", "clamp", [R(2, 3)], {"max": 0.25})
    c.smooth("clamp/at_bounds", "clamp", [V([-1.0, -0.5, 0.0, 0.5, 1.0])], {"min": -0.5, "max": 0.5})
    c.smooth("clamp/crossed", "clamp", [V([-1.0, 0.0, 1.0])], {"min": 0.5, "max": -0.5})
    c.plain("clamp/edge", "clamp", [V(edge)], {"min": -100.0, "max": 100.0}, dtypes=("f32", "f64"))
    for op in ("softmax", "log_softmax"):
        c.smooth(f"{op}/last", op, [R(3, 4)], {"dim": -1})
        c.smooth(f"{op}/first", op, [R(3, 4)], {"dim": 0})
        c.smooth(f"{op}/middle", op, [R(2, 3, 2)], {"dim": 1})
        c.smooth(f"{op}/0d", op, [R()], {"dim": 0})
        c.smooth(f"{op}/one", op, [R(3, 1)], {"dim": 1})
        c.smooth(f"{op}/empty", op, [E(0, 3)], {"dim": 1})
        c.smooth(f"{op}/transposed", op, [R(4, 3).v("t")], {"dim": 1})
        c.plain(f"{op}/long", op, [R(2, 67, scale=5.0)], {"dim": 1}, dtypes=("f32", "f64"))
        c.plain(f"{op}/large", op, [V([[1000.0, 1001.0, 999.0], [-1000.0, 0.0, 1000.0]])], {"dim": 1}, dtypes=("f32", "f64"))
        c.plain(f"{op}/edge", op, [V([[INF, 1.0], [-INF, 1.0], [NAN, 1.0], [-INF, -INF]])], {"dim": 1}, dtypes=("f32", "f64"), grads=False)
    index = [[0, 2], [1, 1], [2, 0]]
    c.smooth("gather/dim1", "gather", [R(3, 4), I(index)], {"dim": 1})
    c.smooth("gather/dim0", "gather", [R(3, 4), I([[0, 2, 1, 0], [0, 0, 0, 0]])], {"dim": 0})
    c.smooth("gather/negative_dim", "gather", [R(2, 3, 2), I([[[0, 1], [1, 0]]])], {"dim": -2})
    c.smooth("gather/smaller_index", "gather", [R(4, 4), I([[3]])], {"dim": 1})
    c.smooth("gather/transposed", "gather", [R(4, 3).v("t"), I(index)], {"dim": 1})
    c.smooth("gather/0d", "gather", [R(), I(0)], {"dim": 0})
    c.plain("gather/i64", "gather", [I([[1, 2], [3, 4]]), I([[1, 1], [0, 1]])], {"dim": 1})
    c.plain("gather/empty_index", "gather", [R(2, 3), V([[], []], "i64")], {"dim": 1})
    mask = B([[True, False, True], [False, False, True]])
    c.smooth("where/same", "where", [mask, R(2, 3), R(2, 3)])
    c.smooth("where/broadcast", "where", [B([True, False, True]), R(2, 1), R(3)])
    c.smooth("where/number", "where", [mask, R(2, 3), 0.5])
    c.smooth("where/number_first", "where", [mask, -1.0, R(2, 3)])
    c.smooth("where/0d", "where", [mask, R(), R(2, 3)])
    c.plain("where/nan_not_taken", "where", [B([True, False]), V([1.0, NAN]), V([INF, 2.0])], dtypes=("f32", "f64"))


def errors(c):
    c.error("add/shape", "add", [R(2, 3), R(4)])
    c.error("add_/shape", "add_", [R(3), R(2, 3)])
    c.error("add_/cast", "add_", [I([1, 2]), 1.5])
    c.error("mul_/cast_tensor", "mul_", [I([1, 2]), V([0.5, 1.0], "f32")])
    c.error("div_/i64", "div_", [I([1, 2]), 2])
    c.error("add_/bool_i64", "add_", [B([True]), 1])
    c.error("neg/bool", "neg", [B([True])])
    c.error("pow/negative_int", "pow", [I([2, 3]), -1])
    for name, a, b in (("mm", (2, 3), (4, 5)), ("mv", (2, 3), (4,)), ("vm", (3,), (4, 5)), ("dot", (3,), (4,)), ("bmm", (2, 3, 4), (2, 5, 6)),
                       ("batch", (2, 3, 4), (3, 4, 6)), ("0d", (), (2,))):
        c.error(f"matmul/{name}", "matmul", [R(*a), R(*b)])
    c.error("matmul/dtype", "matmul", [V([[1.0]], "f32"), V([[1.0]], "f64")])
    c.error("view/size", "view", [R(2, 3)], {"shape": [4]})
    c.error("view/infer", "view", [R(2, 3)], {"shape": [4, -1]})
    c.error("view/two_inferred", "view", [R(2, 3)], {"shape": [-1, -1]})
    c.error("view/strides", "view", [R(2, 3).v("t")], {"shape": [6]})
    c.error("reshape/size", "reshape", [R(2, 3)], {"shape": [5]})
    c.error("view/infer_empty", "view", [E(0, 3)], {"shape": [-1, 0]})
    c.error("cat/shape", "cat", [R(2, 3), R(2, 4)], {"dim": 0})
    c.error("cat/rank", "cat", [R(2, 3), R(2)], {"dim": 0})
    c.error("cat/none", "cat", [], {"dim": 0})
    c.error("cat/0d", "cat", [R(), R()], {"dim": 0})
    c.error("cat/dim", "cat", [R(2), R(2)], {"dim": 1})
    c.error("stack/shape", "stack", [R(2), R(3)], {"dim": 0})
    c.error("stack/none", "stack", [], {"dim": 0})
    c.error("sum/dim", "sum", [R(2, 3)], {"dim": 2})
    c.error("sum/dim_twice", "sum", [R(2, 3)], {"dim": [0, -2]})
    c.error("softmax/dim", "softmax", [R(2, 3)], {"dim": -3})
    c.error("softmax/i64", "softmax", [I([1, 2])], {"dim": 0})
    c.error("mean/i64", "mean", [I([1, 2])])
    c.error("std/i64", "std", [I([1, 2])])
    for op in ("max", "amax", "argmax", "min"):
        c.error(f"{op}/empty", op, [E(0)])
        c.error(f"{op}/empty_dim", op, [E(2, 0)], {"dim": 1})
    c.error("t/3d", "t", [R(2, 3, 4)])
    c.error("permute/duplicate", "permute", [R(2, 3)], {"dims": [0, 0]})
    c.error("permute/count", "permute", [R(2, 3)], {"dims": [0]})
    c.error("transpose/dim", "transpose", [R(2, 3)], {"dim0": 0, "dim1": 2})
    c.error("expand/size", "expand", [R(2, 3)], {"shape": [2, 4]})
    c.error("expand/fewer", "expand", [R(2, 3)], {"shape": [3]})
    c.error("expand/new_infer", "expand", [R(3)], {"shape": [-1, 3]})
    c.error("narrow/length", "narrow", [R(4)], {"dim": 0, "start": 2, "length": 3})
    c.error("narrow/start", "narrow", [R(4)], {"dim": 0, "start": 5, "length": 0})
    c.error("select/index", "select", [R(3)], {"dim": 0, "index": 3})
    c.error("select/negative", "select", [R(3)], {"dim": 0, "index": -4})
    c.error("select/0d", "select", [R()], {"dim": 0, "index": 0})
    c.error("slice/step", "slice", [R(3)], {"dim": 0, "start": 0, "end": 3, "step": 0})
    c.error("unsqueeze/dim", "unsqueeze", [R(2)], {"dim": 2})
    c.error("squeeze/dim", "squeeze", [R(2)], {"dim": 1})
    c.error("flatten/order", "flatten", [R(2, 3)], {"start_dim": 1, "end_dim": 0})
    c.error("gather/index", "gather", [R(2, 3), I([[3], [0]])], {"dim": 1})
    c.error("gather/negative_index", "gather", [R(2, 3), I([[-1], [0]])], {"dim": 1})
    c.error("gather/rank", "gather", [R(2, 3), I([0, 1])], {"dim": 1})
    c.error("gather/size", "gather", [R(2, 3), I([[0], [0], [0]])], {"dim": 1})
    c.error("gather/index_dtype", "gather", [R(2, 3), V([[0.0], [1.0]], "f32")], {"dim": 1})
    c.error("where/shape", "where", [B([True, False]), R(3), R(3)])
    c.error("clamp/none", "clamp", [R(3)])
    c.error("copy_/shape", "copy_", [R(3), R(4)])


def build(c):
    for part in (promotion, arithmetic, in_place, matmul, reductions, views, elementwise, errors):
        part(c)
