"""Writes reduce.json.gz: sums, means, extremes, variances, truth over some or all dimensions."""

import torch

from cases import DTYPES, INF, NAN, TENSOR, B, E, I, R, V, generate


def reduction(name):
    def run(x, a):
        kw = {k: v for k, v in a.items() if k in ("keepdim", "correction")}
        if "dtype" in a:
            kw["dtype"] = DTYPES[a["dtype"]]
        if "dim" in a:
            kw["dim"] = tuple(a["dim"]) if isinstance(a["dim"], list) else a["dim"]
        return getattr(torch, name)(x[0], **kw)
    return run


# `sum_dim` and the like are PyTorch's `sum` with dimensions.
OPTIONAL_DIM = ("sum", "mean", "var", "std", "max", "min", "argmax", "argmin", "prod")

OPS = {
    **{op: reduction(op) for op in OPTIONAL_DIM + ("amax", "amin", "any", "all")},
    **{f"{op}_dim": reduction(op) for op in OPTIONAL_DIM},
}


def spelled(op, args):
    return f"{op}_dim" if op in OPTIONAL_DIM and "dim" in args else op


class Spelled:
    """Adds cases under the name of the form that takes them."""

    def __init__(self, cases):
        self.cases = cases

    def __getattr__(self, kind):
        def add(name, op, inputs, args=None, **kw):
            getattr(self.cases, kind)(name, spelled(op, args or {}), inputs, args, **kw)
        return add


def sums(c):
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
    c.smooth("prod/all", "prod", [R(2, 3)])
    c.smooth("prod/zero", "prod", [V([2.0, 0.0, 3.0])])
    c.smooth("prod/two_zeros", "prod", [V([[2.0, 0.0], [0.0, 3.0]])])
    c.smooth("prod/0d", "prod", [R()])
    c.smooth("prod/empty", "prod", [E(0, 3)])
    c.smooth("prod/transposed", "prod", [R(2, 3).v("t")])
    c.plain("prod/i64", "prod", [I([3, -2, 7])])
    c.smooth("prod/dim", "prod", [R(2, 3)], {"dim": 1})
    c.smooth("prod/keepdim", "prod", [R(2, 3, 2)], {"dim": -2, "keepdim": True})
    c.smooth("prod/dim_zeros", "prod", [V([[2.0, 0.0, 3.0], [0.0, 0.0, 1.0]])], {"dim": 1})
    c.smooth("prod/dim_empty", "prod", [E(0, 3)], {"dim": 0})
    c.plain("prod/dim_i64", "prod", [I([[3, -2], [7, 1]])], {"dim": 0})
    c.plain("prod/bool", "prod", [B([True, True])])


def extremes(c):
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


def types(c):
    for a in ("i64", "bool"):
        for op in ("sum", "amax", "amin", "argmax", "argmin", "max", "min"):
            if not (a == "bool" and op.startswith("arg")):
                c.plain(f"promote/{op}/{a}", op, [V(TENSOR[a], a)])
    c.plain("promote/sum/dim/bool", "sum", [B([[True, True], [False, True]])], {"dim": 1})
    c.plain("promote/sum/dtype/i64_f64", "sum", [V(TENSOR["i64"], "i64")], {"dtype": "f64"})
    c.plain("promote/mean/dtype/i64_f32", "mean", [V(TENSOR["i64"], "i64")], {"dtype": "f32"})
    sides = {"bool": [True, False, True, False], "i64": [2, 0, 0, -1], "f32": [0.0, 1.5, -0.0, NAN], "f64": [0.0, 0.5, 2.0, INF]}
    for a in sides:
        for op in ("any", "all"):
            c.plain(f"{op}/{a}", op, [V(sides[a], a)], grads=False)
    for op in ("any", "all"):
        c.plain(f"{op}/empty", op, [E(0, 2)], grads=False)
        c.plain(f"{op}/transposed", op, [B([[True, False], [False, False]]).v("t")])


def errors(c):
    c.error("sum/dim", "sum", [R(2, 3)], {"dim": 2})
    c.error("sum/dim_twice", "sum", [R(2, 3)], {"dim": [0, -2]})
    c.error("mean/i64", "mean", [I([1, 2])])
    c.error("std/i64", "std", [I([1, 2])])
    for op in ("max", "amax", "argmax", "min"):
        c.error(f"{op}/empty", op, [E(0)])
        c.error(f"{op}/empty_dim", op, [E(2, 0)], {"dim": 1})


def build(cases):
    for part in (sums, extremes, types, errors):
        part(Spelled(cases))


if __name__ == "__main__":
    generate(__file__, OPS, build)
