"""Writes arithmetic.json.gz: `+ - * / %`, powers and extremes of two operands, with broadcasting and promotion."""

import torch

from cases import COLUMN, INF, NAN, NUMBER, TENSOR, ZERO_D, B, E, I, P, R, V, generate, in_place, method

FOUR = ("add", "sub", "mul", "div")

OPS = {
    # Reversed operations are those with a number on the left.
    "add": lambda x, a: torch.add(x[0], x[1], **a),
    "radd": lambda x, a: x[0] + x[1],
    "sub": lambda x, a: torch.sub(x[0], x[1], **a),
    "rsub": lambda x, a: x[0] - x[1],
    "mul": lambda x, a: x[0] * x[1],
    "rmul": lambda x, a: x[0] * x[1],
    "div": lambda x, a: x[0] / x[1],
    "rdiv": lambda x, a: x[0] / x[1],
    "pow": lambda x, a: torch.pow(x[0], x[1]),
    "rpow": lambda x, a: torch.pow(x[0], x[1]),
    **{op: method(op) for op in ("remainder", "floor_divide", "maximum", "minimum", "fmod", "atan2", "fmax", "fmin")},
    "lerp": lambda x, a: torch.lerp(x[0], x[1], x[2] if len(x) > 2 else a["weight"]),
    **{op: in_place(op) for op in ("add_", "sub_", "mul_", "div_", "pow_")},
    "add_scaled_": in_place("add_"),
}


def promotion(c):
    for op in FOUR:
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
                    spelled = f"r{op}" if kind == "number_tensor" else op
                    if op == "sub" and "bool" in (a, b):  # PyTorch refuses any bool here
                        c.error(name, spelled, inputs)
                    else:
                        c.plain(name, spelled, inputs)
    for a in TENSOR:
        for b in TENSOR:
            if a not in ("bool",):
                c.plain(f"promote/maximum/{a}_{b}", "maximum", [V(TENSOR[a], a), V(COLUMN[b], b)])
    c.plain("promote/pow/i64_2", "pow", [V(TENSOR["i64"], "i64"), 2])
    c.plain("promote/pow/i64_half", "pow", [I([4, 9, 2]), 0.5])
    c.plain("promote/pow/bool_2", "pow", [V(TENSOR["bool"], "bool"), 2])
    c.plain("promote/pow/i64_i64", "pow", [I([2, -3, 1, -1, 0, 5]), I([5, 3, -4, -3, 0, -2])])
    c.plain("promote/pow/f32_i64", "pow", [V([2.0, -3.0, 0.5], "f32"), I([3, 2, -2])])
    c.plain("promote/pow/2_i64", "rpow", [2, I([0, 3, 10])])
    c.plain("promote/pow/2.5_i64", "rpow", [2.5, I([0, 3, -1])])
    # Integers: wrapping, division, and numbers that do not fit a float's 24 bits.
    big = 2**62
    c.plain("promote/add/wrap", "add", [I([big, -big]), I([big, -big - 1])])
    c.plain("promote/mul/wrap", "mul", [I([2**33 + 1, -(2**40)]), 2**32])
    c.plain("promote/div/zero", "div", [I([1, -1, 0]), I([0, 0, 0])])
    c.plain("promote/add/large_number", "add", [V([1.0], "f32"), 2**24 + 1])


def of_two(c):
    pairs = {
        "same": lambda second=R: [R(2, 3), second(2, 3)],
        "broadcast": lambda second=R: [R(2, 1, 3), second(4, 1)],
        "row": lambda second=R: [R(2, 3), second(3)],
        "0d": lambda second=R: [R(2, 3), second()],
        "transposed": lambda second=R: [R(3, 2).v("transpose", 0, 1), second(2, 3)],
        "expanded": lambda second=R: [R(2, 1).v("expand", 2, 3), second(3).v("expand", 2, 3)],
        "narrowed": lambda second=R: [R(4, 5).v("narrow", 1, 1, 3).v("slice", 0, 0, 4, 2), second(2, 3)],
    }
    for op in FOUR + ("pow", "maximum", "minimum", "fmax", "fmin", "fmod", "atan2"):
        for kind, make in pairs.items():
            inputs = make(P if op in ("div", "pow", "fmod") else R)
            if op == "pow":  # a negative base has no real power
                inputs[0].make = P(*{"same": (2, 3), "broadcast": (2, 1, 3), "row": (2, 3), "0d": (2, 3), "transposed": (3, 2),
                                     "expanded": (2, 1), "narrowed": (4, 5)}[kind]).make
            c.smooth(f"{op}/{kind}", op, inputs)
        c.smooth(f"{op}/empty", op, [E(0, 3), P(3) if op == "fmod" else R(3)])
        c.smooth(f"{op}/0d_0d", op, [P(), P()])
        if op in ("fmax", "fmin", "fmod", "atan2"):
            c.plain(f"{op}/long", op, [R(37), P(37)], dtypes=("f32", "f64"))
    for kind, make in pairs.items():
        c.smooth(f"lerp/{kind}", "lerp", make(), {"weight": 0.3})
    for weight in (0.0, 0.5, 0.75, 1.0, -1.5):
        c.smooth(f"lerp/weight_{weight}", "lerp", [R(5), R(5)], {"weight": weight})
    c.smooth("lerp/empty", "lerp", [E(0, 3), R(3)], {"weight": 0.3})
    for kind, make in pairs.items():
        c.smooth(f"lerp/tensor_weight_{kind}", "lerp", [*make(), R(2, 3) if kind != "broadcast" else R(3)])
    c.smooth("lerp/0d_weight", "lerp", [R(2, 3), R(2, 3), P()])
    c.smooth("lerp/0d_weight_f64", "lerp", [R(2, 3), R(2, 3), V(0.3, "f64")])
    c.smooth("lerp/tensor_weight_empty", "lerp", [E(0, 3), R(3), R(3)])
    c.plain("lerp/tensor_weight_long", "lerp", [R(37), R(37), P(37, low=-0.5, high=1.5)], dtypes=("f32", "f64"))
    c.plain("lerp/tensor_weight_ends", "lerp", [V([0.1] * 5), V([0.7] * 5), V([0.0, 0.25, 0.5, 0.75, 1.0])], dtypes=("f32", "f64"))
    c.smooth("add/alpha", "add", [R(2, 3), R(3)], {"alpha": -1.5})
    c.smooth("sub/alpha", "sub", [R(2, 3), R(2, 1)], {"alpha": 2})
    c.smooth("add/number", "add", [R(2, 3), 1.5])
    c.smooth("sub/from_number", "rsub", [1.5, R(2, 3)])
    c.smooth("mul/number", "mul", [R(2, 3), -2])
    c.smooth("div/number", "div", [R(2, 3), 3])
    c.smooth("div/of_number", "rdiv", [2.0, P(2, 3)])
    for exponent in (2, 3, 0, 1, -1, 0.5, -2.5, 2.0):
        c.smooth(f"pow/number_{exponent}_{type(exponent).__name__}", "pow", [P(2, 3), exponent])
    c.smooth("pow/of_number", "rpow", [1.7, R(2, 3)])
    c.smooth("pow/negative_base", "pow", [V([-2.0, -0.5, 1.5]), 3])
    edge = [0.0, -0.0, 1.0, -1.0, INF, -INF, NAN]
    for exponent in (2, 0, 0.5, -1, 3):
        c.plain(f"pow/edge_{exponent}", "pow", [V(edge), exponent], dtypes=("f32", "f64"))
    c.plain("pow/edge_tensor", "pow", [V([0.0, 0.0, -1.0, 2.0, NAN, 1.0]), V([0.0, 2.0, 0.5, 0.0, 0.0, NAN])], dtypes=("f32", "f64"))
    c.plain("pow/edge_of_zero", "rpow", [0.0, V([0.0, 1.0, 2.0])], dtypes=("f32", "f64"))
    for op in FOUR + ("maximum", "minimum", "fmax", "fmin", "atan2"):
        c.plain(f"{op}/edge", op, [V(edge), V([[0.0], [INF], [NAN], [-2.0]])], dtypes=("f32", "f64"), grads=op not in ("div", "atan2"))
    c.plain("maximum/ties", "maximum", [V([1.0, 2.0, 0.0]), V([1.0, 1.0, -0.0])], dtypes=("f32", "f64"))
    c.plain("fmax/ties", "fmax", [V([1.0, 2.0, NAN, NAN]), V([1.0, 1.0, 3.0, NAN])], dtypes=("f32", "f64"))
    c.plain("fmin/ties", "fmin", [V([1.0, 2.0, NAN, NAN]), V([1.0, 1.0, 3.0, NAN])], dtypes=("f32", "f64"))
    c.plain("lerp/edge", "lerp", [V(edge), V([[0.0], [INF], [NAN], [-2.0]])], {"weight": 0.25}, dtypes=("f32", "f64"), grads=False)
    c.plain("minimum/ties", "minimum", [V([1.0, 2.0, 0.0]), V([1.0, 1.0, 3.0])], dtypes=("f32", "f64"))
    # Larger than any SIMD width, with a tail, so that the vector loop and its end both run.
    for op in ("add", "mul", "div"):
        c.plain(f"{op}/long", op, [R(37), P(37)], dtypes=("f32", "f64"), grads=False)


def division(c):
    values = {"bool": [True, False, True], "i64": [7, -7, 5], "f32": [7.5, -7.5, 0.25], "f64": [7.5, -7.5, 0.3]}
    divisors = {"bool": [True, True, True], "i64": [2, 3, -4], "f32": [2.0, 2.5, -0.5], "f64": [2.0, -2.5, 0.1]}
    for op in ("remainder", "floor_divide", "fmod"):
        for a in values:
            for b in values:
                if a == b == "bool":
                    c.error(f"{op}/bool_bool", op, [B(values[a]), B(divisors[b])])
                else:
                    c.plain(f"{op}/{a}_{b}", op, [V(values[a], a), V(divisors[b], b)], grads=False)
        for number in (3, -3, 2.5, -0.1):
            c.plain(f"{op}/i64_number_{number}", op, [I([7, -7, 0, 2]), number])
            c.plain(f"{op}/number_{number}", op, [V([7.5, -7.5, 0.0, 0.3]), number], dtypes=("f32", "f64"), grads=False)
        if op != "fmod":  # which has gradients there
            c.plain(f"{op}/broadcast", op, [R(2, 1, 3), P(4, 1)], dtypes=("f32", "f64"), grads=False)
        edge = [0.0, -0.0, 1.0, -1.0, 5.0, -5.0, INF, -INF, NAN]
        c.plain(f"{op}/edge", op, [V(edge), V([[0.0], [INF], [-INF], [NAN], [-2.0], [0.1]])], dtypes=("f32", "f64"), grads=False)
        c.error(f"{op}/zero", op, [I([1, 2]), I([1, 0])])
    for op in ("fmax", "fmin", "atan2"):
        for a in values:
            for b in values:
                c.plain(f"promote/{op}/{a}_{b}", op, [V(values[a], a), V(divisors[b], b)], grads=False)
    c.error("lerp/i64", "lerp", [I([1]), I([2])], {"weight": 0.5})
    c.error("lerp/dtypes", "lerp", [V([1.0], "f32"), V([2.0], "f64")], {"weight": 0.5})
    c.error("lerp/dtype_of_weight", "lerp", [V([1.0], "f32"), V([2.0], "f32"), V([0.5], "f64")])
    c.smooth("remainder/gradients", "remainder", [R(2, 3, scale=5.0), P(3)])
    c.smooth("fmod/gradients", "fmod", [R(2, 3, scale=5.0), P(3)])


def changes(c):
    for op in ("add_", "sub_", "mul_", "div_"):
        c.smooth(f"{op}same", op, [R(2, 3), P(2, 3)])
        c.smooth(f"{op}broadcast", op, [R(2, 3), P(3)])
        c.smooth(f"{op}number", op, [R(2, 3), 2.5])
        c.smooth(f"{op}into_row", op, [R(3, 4), P(4)], {"into": [["select", 0, 1]]})
        c.smooth(f"{op}into_column", op, [R(3, 4), P(3)], {"into": [["select", 1, 2]]})
        c.smooth(f"{op}into_nested", op, [R(3, 4), P(2, 2)], {"into": [["transpose", 0, 1], ["narrow", 0, 1, 2], ["slice", 1, 0, 3, 2]]})
        c.plain(f"{op}f32_f64", op, [V([1.0, 2.0], "f32"), V([3.0, 0.1], "f64")])
        c.plain(f"{op}f32_i64", op, [V([1.0, 2.0], "f32"), I([3, 4])])
    c.smooth("add_/alpha", "add_scaled_", [R(2, 3), R(3)], {"alpha": 0.5})
    c.smooth("add_scaled_/into", "add_scaled_", [R(3, 4), R(3)], {"alpha": -2.0, "into": [["select", 1, 0]]})
    c.plain("add_scaled_/i64", "add_scaled_", [I([1, 2]), I([3, -4])], {"alpha": 3})
    c.smooth("pow_/3", "pow_", [P(2, 3), 3])
    c.smooth("pow_/tensor", "pow_", [P(2, 3), R(3)])
    c.plain("add_/i64_bool", "add_", [I([1, 2]), B([True, False])])
    c.plain("mul_/i64_number", "mul_", [I([1, 2]), 3])


def errors(c):
    c.error("add/shape", "add", [R(2, 3), R(4)])
    c.error("add_/shape", "add_", [R(3), R(2, 3)])
    c.error("add_/cast", "add_", [I([1, 2]), 1.5])
    c.error("mul_/cast_tensor", "mul_", [I([1, 2]), V([0.5, 1.0], "f32")])
    c.error("div_/i64", "div_", [I([1, 2]), 2])
    c.error("add_/bool_i64", "add_", [B([True]), 1])
    c.error("pow/negative_int", "pow", [I([2, 3]), -1])


def build(c):
    for part in (promotion, of_two, division, changes, errors):
        part(c)


if __name__ == "__main__":
    generate(__file__, OPS, build)
