"""Golden cases of operations: how the inputs of a case are made, and how PyTorch runs it.

A case is one call of one operation. It stores the inputs, the outputs and, for a fixed non-uniform gradient of the outputs,
the gradient of every input; cases in float64 also store a second order: the gradients of sum(grad_i * v_i).

Each case draws its inputs from a seed made of its own name, so that new cases leave the numbers of the others alone. The `op` of
a case is the name of the method in Rust; the `OPS` of each family say how PyTorch spells it.
"""

import gzip
import json
import math
import pathlib
import sys
import warnings
import zlib

import torch

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from fixture import DTYPES, encode, number, write  # noqa: E402 - found through the line above

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


class Spec:
    """How to make one input. `float` dtype is filled in per case, so that one line gives a float32 and a float64 case."""

    def __init__(self, make, grad):
        self.make, self.grad, self.views = make, grad, []

    def v(self, *view):
        """The operation sees this view of the input; gradients are those of the base."""
        self.views.append(list(view))
        return self

    def nograd(self):
        self.grad = False
        return self


def R(*shape, scale=1.0, shift=0.0):
    """Normal random values, rounded to three decimals to keep the file small."""
    def make(g, dtype):
        x = torch.randn(shape, generator=g, dtype=torch.float64) * scale + shift
        return (torch.round(x * 1000) / 1000).to(dtype)
    return Spec(make, True)


def P(*shape, low=0.25, high=3.0):
    """Positive random values."""
    def make(g, dtype):
        x = torch.rand(shape, generator=g, dtype=torch.float64) * (high - low) + low
        return (torch.round(x * 1000) / 1000).to(dtype)
    return Spec(make, True)


def V(values, dtype=None):
    """Given values; of the case's float dtype unless one is named."""
    return Spec(lambda g, d: torch.tensor(values, dtype=DTYPES[dtype] if dtype else d), dtype is None or dtype[0] == "f")


def I(values):
    return V(values, "i64")


def B(values):
    return V(values, "bool")


def E(*shape):
    """An empty tensor of the case's float dtype."""
    return Spec(lambda g, d: torch.zeros(shape, dtype=d), True)


def apply_view(t, view):
    name, *a = view
    if name == "slice":
        dim, start, end, step = a
        index = [slice(None)] * t.dim()
        index[dim] = slice(start, end, step)
        return t[tuple(index)]
    if name in ("permute", "expand", "reshape"):
        return getattr(t, name)(*a)
    assert name in ("transpose", "narrow", "select", "unsqueeze", "t"), name
    return getattr(t, name)(*a)


class Case:
    def __init__(self, name, op, inputs, args, dtype, second, stride, mutates, grads):
        self.name, self.op, self.inputs, self.args = name, op, inputs, args
        self.dtype, self.second, self.stride, self.mutates, self.grads = dtype, second, stride, mutates, grads

    def run(self, ops):
        name = f"{self.name}/{self.dtype}"
        rng = torch.Generator().manual_seed(zlib.crc32(name.encode()))
        leaves, actual, described = [], [], []
        for spec in self.inputs:
            if not isinstance(spec, Spec):  # a Python number or None: handed over as it is
                leaves.append(None)
                actual.append(spec)
                kind = "none" if spec is None else {bool: "bool", int: "i64", float: "f64"}[type(spec)]
                described.append({"scalar": kind, "value": None if spec is None else number(spec)})
                continue
            t = spec.make(rng, DTYPES[self.dtype])
            d = encode(t)
            if spec.grad and t.dtype.is_floating_point and self.grads:
                t.requires_grad_(True)
                d["grad"] = True
            if spec.views:
                d["view"] = spec.views
            leaves.append(t)
            described.append(d)
            for view in spec.views:
                t = apply_view(t, view)
            actual.append(t)
        record = {"name": name, "op": self.op, "args": self.args, "inputs": described}
        if "seed" in self.args:
            torch.manual_seed(self.args["seed"])
        try:
            out = ops[self.op](actual, self.args)
        except Exception as e:  # noqa: BLE001 - whatever PyTorch raises is the fact recorded
            if not self.name.startswith("error/"):
                raise RuntimeError(f"{name}: {e}") from e
            record["error"] = {"type": type(e).__name__, "text": str(e).splitlines()[0] if str(e) else ""}
            return record
        assert not self.name.startswith("error/"), f"{name}: no error"
        outs = list(out) if isinstance(out, (tuple, list)) else [out]
        record["outputs"] = [encode(o, self.stride) for o in outs]
        for i in self.mutates:
            record.setdefault("mutated", {})[str(i)] = encode(actual[i])
        wanted = [i for i, t in enumerate(leaves) if t is not None and t.requires_grad]
        differentiable = [i for i, o in enumerate(outs) if o.requires_grad]
        if wanted and differentiable:
            self.gradients(record, rng, leaves, wanted, outs, differentiable)
        return record

    def gradients(self, record, rng, leaves, wanted, outs, differentiable):
        def weights(like):
            x = torch.rand(like.shape, generator=rng, dtype=torch.float64) * 2 - 0.75
            return (torch.round(x * 1000) / 1000).to(like.dtype)

        gos = {i: weights(outs[i]).requires_grad_(self.second) for i in differentiable}
        grads = torch.autograd.grad([outs[i] for i in differentiable], [leaves[i] for i in wanted], list(gos.values()),
                                    create_graph=self.second, allow_unused=True)
        record["grad_outputs"] = {str(i): encode(g) for i, g in gos.items()}
        record["grads"] = {str(i): encode(g) for i, g in zip(wanted, grads) if g is not None}
        if not self.second:
            return
        vs = {i: weights(leaves[i]) for i, g in zip(wanted, grads) if g is not None}
        total = sum((g * vs[i]).sum() for i, g in zip(wanted, grads) if g is not None)
        if not total.requires_grad:
            return
        second = torch.autograd.grad(total, [leaves[i] for i in wanted] + list(gos.values()), allow_unused=True)
        n = len(wanted)
        record["second"] = {
            "v": {str(i): encode(v) for i, v in vs.items()},
            "grads": {str(i): encode(g) for i, g in zip(wanted, second[:n]) if g is not None},
            "grad_output_grads": {str(i): encode(g) for i, g in zip(gos, second[n:]) if g is not None},
        }


class Cases:
    """The list being built. `smooth` is for differentiable operations, `plain` for the rest and for edge values."""

    def __init__(self):
        self.list = []

    def add(self, name, op, inputs, args=None, dtypes=("f32",), second=False, stride=False, mutates=(), grads=True):
        for dtype in dtypes:
            self.list.append(Case(name, op, inputs, args or {}, dtype, second and dtype == "f64", stride, mutates, grads))

    def smooth(self, name, op, inputs, args=None, **kw):
        self.add(name, op, inputs, args, dtypes=("f32", "f64"), second=True, **kw)

    def plain(self, name, op, inputs, args=None, **kw):
        self.add(name, op, inputs, args, **kw)

    def error(self, name, op, inputs, args=None):
        self.add(f"error/{name}", op, inputs, args, grads=False)

    def run(self, ops):
        names = [f"{c.name}/{c.dtype}" for c in self.list]
        twice = {n for n in names if names.count(n) > 1}
        assert not twice, f"used twice: {sorted(twice)[:5]}"
        return [c.run(ops) for c in self.list]


def method(name):
    """The method of the first input, with the other inputs as arguments."""
    return lambda x, a: getattr(x[0], name)(*x[1:])


def in_place(name):
    """`x.clone()` is changed through the view `a["into"]`, and the whole is returned, so the gradient passes through the view."""
    def run(x, a):
        base = x[0].clone()
        part = base
        for view in a.get("into", []):
            part = apply_view(part, view)
        getattr(part, name)(*x[1:], **{k: v for k, v in a.items() if k not in ("into", "seed")})
        return base
    return run


def in_place_function(c, op, args=None):
    """Cases of an in-place function of one element: of a whole tensor, and of a part."""
    c.smooth(f"{op}/whole", op, [P(2, 3)], args)
    c.smooth(f"{op}/into", op, [P(2, 3)], {**(args or {}), "into": [["select", 0, 1]]})


def close(a, b):
    """Whether two records are equal up to the last digits of their numbers."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(close(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=5e-6, abs_tol=1e-6)
    return type(a) is type(b) and a == b


def committed(path):
    """The records of the fixture as it is, by name."""
    if not path.exists():
        return {}
    with gzip.open(path) as f:
        return {r["name"]: r for r in json.load(f)["cases"]}


def generate(script, ops, build):
    """Runs the cases of one family and writes `family.json.gz` beside its script `generate_family.py`.

    PyTorch's last digits depend on the processor. A record that differs from the committed one by no more than that stays as it
    is committed, so that running a script again changes only what was changed on purpose.
    """
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # PyTorch warns about what some edge cases do on purpose
    cases = Cases()
    build(cases)
    path = pathlib.Path(script).with_name(pathlib.Path(script).stem.removeprefix("generate_") + ".json.gz")
    before = committed(path)
    records = [before[r["name"]] if close(r, before.get(r["name"])) else r for r in cases.run(ops)]
    write(path, {"torch": torch.__version__.split("+")[0], "cases": records})
    failing = sum("error" in r for r in records)
    print(f"{path.name}: {len(records)} cases, {failing} of them errors, {path.stat().st_size / 1000:.0f} KB")
