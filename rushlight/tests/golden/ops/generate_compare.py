"""Writes compare.json.gz: comparisons and logic."""

import torch

from cases import COLUMN, INF, NAN, NUMBER, TENSOR, B, E, I, R, V, generate, method

OPS = {
    **{op: method(op) for op in ("eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor", "logical_not", "isnan")},
    "isclose": lambda x, a: torch.isclose(x[0], x[1], **a),
    # These answer with a Python bool.
    "equal": lambda x, a: torch.tensor(torch.equal(x[0], x[1])),
    "allclose": lambda x, a: torch.tensor(torch.allclose(x[0], x[1], **a)),
}


def comparisons(c):
    for op in ("eq", "lt", "ge"):
        for a in TENSOR:
            for b in TENSOR:
                c.plain(f"promote/{op}/tensor_tensor/{a}_{b}", op, [V(TENSOR[a], a), V(COLUMN[b], b)])
            for b in NUMBER:
                c.plain(f"promote/{op}/tensor_number/{a}_{b}", op, [V(TENSOR[a], a), NUMBER[b]])
    c.plain("promote/eq/large", "eq", [I([2**24 + 1, 2**24]), V([2.0**24, 2.0**24], "f32")])
    c.plain("promote/lt/large_number", "lt", [I([2**53 + 1, 2**53]), 2**53 + 1])
    edge = [0.0, -0.0, 1.0, -1.0, INF, -INF, NAN]
    for op in ("eq", "ne", "lt", "le", "gt", "ge"):
        c.plain(f"{op}/edge", op, [V(edge), V([[0.0], [INF], [NAN], [-2.0]])], dtypes=("f32", "f64"))
        c.plain(f"{op}/broadcast", op, [I([[1, 2, 3], [4, 5, 6]]), I([2, 2, 5])])
        c.plain(f"{op}/number", op, [V([1.0, 2.5, NAN]), 2.5])
        c.plain(f"{op}/bool", op, [B([True, False]), B([[True], [False]])])
        c.plain(f"{op}/empty", op, [E(0, 2), 1.0])
        c.error(f"{op}/shape", op, [R(2, 3), R(4)])


def logic(c):
    sides = {"bool": [True, False, True, False], "i64": [2, 0, 0, -1], "f32": [0.0, 1.5, -0.0, NAN], "f64": [0.0, 0.5, 2.0, INF]}
    for op in ("logical_and", "logical_or", "logical_xor"):
        for a in sides:
            for b in sides:
                c.plain(f"{op}/{a}_{b}", op, [V(sides[a], a), V(sides[b], b)], grads=False)
        c.plain(f"{op}/broadcast", op, [B([[True], [False]]), B([True, False, True])])
    for a in sides:
        for op in ("logical_not", "isnan"):
            c.plain(f"{op}/{a}", op, [V(sides[a], a)], grads=False)


def closeness(c):
    for rtol, atol in ((1e-5, 1e-8), (0.1, 0.0), (0.0, 0.5)):
        c.plain(f"isclose/{rtol}_{atol}", "isclose", [V([1.0, 1.0, INF, NAN, -INF, 0.0, 1.05]), V([1.0, 1.00001, INF, NAN, INF, 0.4, 1.0])],
                {"rtol": rtol, "atol": atol}, dtypes=("f32", "f64"), grads=False)
    near = [1.0, 2.0, INF], [1.0, 2.00001, INF]
    for rtol, atol in ((1e-5, 1e-8), (1e-7, 0.0), (0.0, 0.5)):
        c.plain(f"allclose/{rtol}_{atol}", "allclose", [V(near[0]), V(near[1])], {"rtol": rtol, "atol": atol}, dtypes=("f32", "f64"), grads=False)
    c.plain("allclose/nan", "allclose", [V([NAN]), V([NAN])], {"rtol": 1e-5, "atol": 1e-8}, grads=False)
    c.plain("allclose/broadcast", "allclose", [V([[1.0, 1.0], [1.0, 1.0]]), V(1.0)], {"rtol": 1e-5, "atol": 1e-8}, grads=False)
    for name, a, b in (
        ("same", V([1.0, 2.0]), V([1.0, 2.0])), ("other", V([1.0, 2.0]), V([1.0, 2.5])), ("shape", V([1.0, 2.0]), V([[1.0, 2.0]])),
        ("nan", V([1.0, NAN]), V([1.0, NAN])), ("empty", E(0, 2), E(0, 2)), ("transposed", R(2, 2).v("t"), V([[0.0, 0.0], [0.0, 0.0]])),
    ):
        c.plain(f"equal/{name}", "equal", [a, b], grads=False)


def build(c):
    for part in (comparisons, logic, closeness):
        part(c)


if __name__ == "__main__":
    generate(__file__, OPS, build)
