"""What the golden generators share: input specifications, running a case in PyTorch, and the JSON form of a tensor.

A case is one call of one operation. It stores the inputs, the outputs and, for a fixed non-uniform gradient of the outputs,
the gradient of every input; cases in float64 also store a second order: the gradients of sum(grad_i * v_i).
Numbers are written with the fewest digits that read back to the same float32 or float64; nan and infinities are strings.
"""

import gzip
import json
import math
import zlib

import numpy as np
import torch

DTYPES = {
    "bool": torch.bool, "u8": torch.uint8, "i8": torch.int8, "i16": torch.int16, "i32": torch.int32, "i64": torch.int64,
    "f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32, "f64": torch.float64,
}
NAMES = {v: k for k, v in DTYPES.items()}


def number(x):
    """One element as JSON: an exact short number, or a string where JSON has none."""
    if isinstance(x, (bool, np.bool_)):
        return bool(x)
    if isinstance(x, (int, np.integer)):
        return int(x)
    if math.isnan(x):
        return "nan"
    if math.isinf(x):
        return "inf" if x > 0 else "-inf"
    if isinstance(x, np.float32):
        short = float(str(x))
        assert np.float32(short) == x
        return short
    return float(x)


def encode(t, stride=False):
    t = t.detach()
    elements = t.float() if t.dtype in (torch.float16, torch.bfloat16) else t  # numpy has no bfloat16
    data = [number(x) for x in elements.contiguous().numpy(force=True).ravel()]
    out = {"dtype": NAMES[t.dtype], "shape": list(t.shape), "data": data}
    if stride:
        out["stride"] = list(t.stride())
    return out


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


def write(path, content):
    """Compressed JSON; the same content always gives the same bytes."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    with open(path, "wb") as f, gzip.GzipFile(filename="", fileobj=f, mode="wb", compresslevel=9, mtime=0) as z:
        z.write(text.encode())
