"""Writes math.json.gz: functions of one element."""

import torch

from cases import INF, NAN, TENSOR, B, E, I, P, R, V, generate, in_place, in_place_function, method

EDGE = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, INF, -INF, NAN, 1e-30, 88.0, -88.0, 300.0]
LONG_EDGE = [0.0, -0.0, 1.0, -1.0, INF, -INF, NAN, 1e-30, -1e-30, 88.0, -88.0, 120.0, -120.0, 800.0, -800.0]

REAL = ("square", "expm1", "sin", "cos", "atan", "sinh", "cosh", "erf")
POSITIVE = ("log1p", "log2", "log10", "rsqrt", "reciprocal")
INVERSE = {"erfc": R, "asinh": R, "asin": lambda *s: P(*s, low=-0.9, high=0.9), "acos": lambda *s: P(*s, low=-0.9, high=0.9),
           "atanh": lambda *s: P(*s, low=-0.9, high=0.9), "acosh": lambda *s: P(*s, low=1.1, high=4.0)}
STEPS = ("floor", "ceil", "round", "trunc", "sign")

OPS = {
    **{op: method(op) for op in REAL + POSITIVE + STEPS + tuple(INVERSE) + ("exp", "log", "sqrt", "abs", "neg", "tan", "frac")},
    **{op: in_place(op) for op in ("exp_", "log_", "sqrt_", "abs_", "neg_", "clamp_")},
    "clamp": lambda x, a: torch.clamp(x[0], a.get("min"), a.get("max")),
}


def functions(c):
    for op in ("exp", "log", "sqrt", "abs"):
        one = P if op in ("log", "sqrt") else R
        c.smooth(f"{op}/2d", op, [one(2, 3)])
        c.smooth(f"{op}/0d", op, [one()])
        c.smooth(f"{op}/empty", op, [E(2, 0)])
        c.smooth(f"{op}/transposed", op, [one(3, 2).v("t")])
        c.smooth(f"{op}/expanded", op, [one(3).v("expand", 2, 3)])
        c.plain(f"{op}/long", op, [one(37)] if op in ("log", "sqrt") else [R(37, scale=4.0)], dtypes=("f32", "f64"))
        # The gradient of sqrt at -0 and of log at nan are where implementations differ by sign only: values suffice there.
        c.plain(f"{op}/edge", op, [V(LONG_EDGE)], dtypes=("f32", "f64"), grads=op in ("exp", "abs"))
        if op != "abs":
            for a in ("i64", "bool"):
                c.plain(f"promote/{op}/{a}", op, [V(TENSOR[a], a)])
    c.plain("sqrt/grad_at_zero", "sqrt", [V([0.0, 4.0])], dtypes=("f32", "f64"))
    c.plain("log/grad_at_zero", "log", [V([0.0, 4.0])], dtypes=("f32", "f64"))
    c.smooth("abs/kink", "abs", [V([-1.0, 0.0, -0.0, 2.0])])
    c.plain("promote/abs/i64", "abs", [V(TENSOR["i64"], "i64")])
    c.smooth("neg", "neg", [R(2, 3)])
    c.plain("promote/neg/i64", "neg", [V(TENSOR["i64"], "i64")])
    c.error("neg/bool", "neg", [B([True])])
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
        c.plain(f"{op}/i64", op, [I([3, -2, 0, 1])])
        if op not in STEPS or op == "sign":
            c.plain(f"{op}/bool", op, [B([True, False])])
    c.smooth("round/halves", "round", [V([0.5, 1.5, 2.5, -0.5, -1.5, 2.500001])])
    for op in ("floor", "ceil", "round", "trunc"):
        c.error(f"{op}/bool", op, [B([True])])


def inverses(c):
    for op, one in INVERSE.items():
        c.smooth(f"{op}/2d", op, [one(2, 3)])
        c.smooth(f"{op}/0d", op, [one()])
        c.smooth(f"{op}/empty", op, [E(2, 0)])
        c.smooth(f"{op}/transposed", op, [one(3, 2).v("t")])
        c.smooth(f"{op}/sliced", op, [one(2, 6).v("slice", 1, 0, 6, 2)])
        c.plain(f"{op}/long", op, [one(37)], dtypes=("f32", "f64"))
        c.plain(f"{op}/edge", op, [V(EDGE)], dtypes=("f32", "f64"), grads=False)
        c.plain(f"{op}/i64", op, [I([3, -2, 0, 1])])
        c.plain(f"{op}/bool", op, [B([True, False])])
    c.smooth("frac/2d", "frac", [R(2, 3, scale=3.0)])
    c.smooth("frac/0d", "frac", [R()])
    c.smooth("frac/expanded", "frac", [R(3).v("expand", 2, 3)])
    c.plain("frac/long", "frac", [R(37, scale=3.0)], dtypes=("f32", "f64"))
    c.plain("frac/edge", "frac", [V(EDGE)], dtypes=("f32", "f64"), grads=False)
    c.error("frac/i64", "frac", [I([1])])
    c.error("frac/bool", "frac", [B([True])])


def clamping(c):
    c.smooth("clamp/both", "clamp", [R(2, 5)], {"min": -0.5, "max": 0.5})
    c.smooth("clamp/min", "clamp", [R(2, 3)], {"min": 0.0})
    c.smooth("clamp/max", "clamp", [R(2, 3)], {"max": 0.25})
    c.smooth("clamp/at_bounds", "clamp", [V([-1.0, -0.5, 0.0, 0.5, 1.0])], {"min": -0.5, "max": 0.5})
    c.smooth("clamp/crossed", "clamp", [V([-1.0, 0.0, 1.0])], {"min": 0.5, "max": -0.5})
    c.plain("clamp/edge", "clamp", [V(LONG_EDGE)], {"min": -100.0, "max": 100.0}, dtypes=("f32", "f64"))
    c.plain("promote/clamp/i64_int", "clamp", [V(TENSOR["i64"], "i64")], {"min": -1, "max": 4})
    c.plain("promote/clamp/i64_float", "clamp", [V(TENSOR["i64"], "i64")], {"min": 0.5})
    c.error("clamp/none", "clamp", [R(3)])
    c.smooth("clamp_", "clamp_", [R(2, 3)], {"min": -0.5, "max": 0.5})


def build(c):
    functions(c)
    inverses(c)
    clamping(c)
    for op in ("neg_", "exp_", "log_", "sqrt_", "abs_"):
        in_place_function(c, op)


if __name__ == "__main__":
    generate(__file__, OPS, build)
