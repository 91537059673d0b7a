"""Writes random.json.gz: random fills and dropout. Each case names the seed."""

import torch
import torch.nn.functional as F

from cases import DTYPES, E, R, V, generate, in_place


def dtype(a):
    return {"dtype": DTYPES[a["dtype"]]} if "dtype" in a else {}


OPS = {
    "dropout": lambda x, a: F.dropout(x[0], a["p"], a["training"]),
    "rand": lambda x, a: torch.rand(a["size"], **dtype(a)),
    "randn": lambda x, a: torch.randn(a["size"], **dtype(a)),
    "randint": lambda x, a: torch.randint(a["low"], a["high"], a["size"], **dtype(a)),
    "randperm": lambda x, a: torch.randperm(a["n"], **dtype(a)),
    "rand_like": lambda x, a: torch.rand_like(x[0], **dtype(a)),
    "randn_like": lambda x, a: torch.randn_like(x[0], **dtype(a)),
    "randint_like": lambda x, a: torch.randint_like(x[0], a["low"], a["high"], **dtype(a)),
    **{op: in_place(op) for op in ("uniform_", "normal_", "random_", "bernoulli_")},
}


def dropout(c):
    for p in (0.0, 0.3, 0.5, 1.0):
        c.smooth(f"dropout/p_{p}", "dropout", [R(5, 4)], {"p": p, "training": True, "seed": 7})
    c.smooth("dropout/eval", "dropout", [R(3, 4)], {"p": 0.5, "training": False, "seed": 7})
    c.smooth("dropout/transposed", "dropout", [R(3, 4).v("t")], {"p": 0.4, "training": True, "seed": 11})
    c.smooth("dropout/sliced", "dropout", [R(3, 8).v("slice", 1, 0, 8, 2)], {"p": 0.4, "training": True, "seed": 11})
    c.smooth("dropout/empty", "dropout", [E(0, 3)], {"p": 0.4, "training": True, "seed": 1})
    c.error("dropout/p", "dropout", [R(3)], {"p": 1.5, "training": True, "seed": 0})


def fills(c):
    some = {
        "uniform_": {"from": -1.0, "to": 3.0}, "normal_": {"mean": 1.0, "std": 2.0}, "random_": {"from": -3, "to": 40}, "bernoulli_": {"p": 0.3},
    }
    for op, args in some.items():
        for name, x in (("matrix", R(3, 4)), ("vector", R(5)), ("long", R(37)), ("transposed", R(3, 4).v("t")), ("0d", R()), ("empty", E(0, 3))):
            c.smooth(f"{op}/{name}", op, [x], {**args, "seed": 3})
        c.smooth(f"{op}/into", op, [R(3, 8)], {**args, "seed": 5, "into": [["slice", 1, 1, 8, 3]]})
    for op in ("random_", "bernoulli_"):
        for dtype in ("i64", "bool"):
            args = {"from": 0, "to": 2} if op == "random_" else some[op]
            c.plain(f"{op}/{dtype}", op, [V([0] * 9, dtype)], {**args, "seed": 4})
    c.plain("random_/wide", "random_", [V([0] * 5, "i64")], {"from": -(2**40), "to": 2**50, "seed": 4})
    c.error("uniform_/reversed", "uniform_", [R(3)], {"from": 1.0, "to": 0.0, "seed": 0})
    c.error("uniform_/i64", "uniform_", [V([1], "i64")], {"from": 0.0, "to": 1.0, "seed": 0})
    c.error("normal_/std", "normal_", [R(3)], {"mean": 0.0, "std": -1.0, "seed": 0})
    c.error("normal_/i64", "normal_", [V([1], "i64")], {"mean": 0.0, "std": 1.0, "seed": 0})
    c.error("random_/empty_range", "random_", [R(3)], {"from": 2, "to": 2, "seed": 0})
    c.error("bernoulli_/p", "bernoulli_", [R(3)], {"p": 1.5, "seed": 0})


def made(c):
    for op in ("rand", "randn", "randint"):
        args = {"low": -3, "high": 40} if op == "randint" else {}
        for size in ([3, 4], [5], [37], [], [0, 3]):
            c.plain(f"{op}/{'x'.join(map(str, size)) or '0d'}", op, [], {**args, "size": size, "seed": 3})
        c.plain(f"{op}/f64", op, [], {**args, "size": [2, 9], "dtype": "f64", "seed": 4})
        c.plain(f"{op}_like/matrix", f"{op}_like", [R(3, 4)], {**args, "seed": 5})
        c.plain(f"{op}_like/f64", f"{op}_like", [R(3, 4)], {**args, "dtype": "f64", "seed": 5})
        c.plain(f"{op}_like/transposed", f"{op}_like", [R(3, 4).v("t")], {**args, "seed": 6})
        c.error(f"{op}/size", op, [], {**args, "size": [-1], "seed": 0})
    c.error("rand/i64", "rand", [], {"size": [2], "dtype": "i64", "seed": 0})
    c.error("randint/empty_range", "randint", [], {"low": 2, "high": 2, "size": [2], "seed": 0})
    for n in (0, 1, 7, 40):
        c.plain(f"randperm/{n}", "randperm", [], {"n": n, "seed": 3})
    c.plain("randperm/f32", "randperm", [], {"n": 5, "dtype": "f32", "seed": 3})


def build(c):
    made(c)
    dropout(c)
    fills(c)


if __name__ == "__main__":
    generate(__file__, OPS, build)
