#!/usr/bin/env python3
"""Writes print.json.gz: the texts of tensors as PyTorch prints them.

    pip install torch==2.15.0
    python generate_print.py

"documented": expressions worth reading, with shape and values spelled out (floats as the bits of their float64).
"random": tensors whose elements `element` makes from splitmix64, which the test repeats in the same arithmetic.
"""

import gzip
import json
import random
import struct
from pathlib import Path

import torch

MASK = 2**64 - 1
choose = random.Random(7)
inf, nan = float("inf"), float("nan")
SPECIAL = [0.0, -0.0, inf, -inf, nan, 1.0, -1.0, 0.5, 2.5, 0.03125, 0.00005, 0.0001, 1e8, 123456789.0, 0.99995, 1e-300]


def splitmix64(state):
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def element(kind, a, draw):
    """An element from a 64-bit number: kind of number, and its parameter a."""
    k = (draw >> 8) % 20001 - 10000
    if kind == "whole":  # up to a
        return float((draw >> 8) % (2 * a + 1) - a)
    if kind == "small":  # multiples of 1/64, up to a/64
        return float((draw >> 8) % (2 * a + 1) - a) / 64.0
    if kind == "decimal":
        return float(k) / 10.0**a
    if kind == "large":
        return float(k) * 10.0**a
    if kind == "special":
        return SPECIAL[(draw >> 8) % len(SPECIAL)]
    if kind == "sparse":  # mostly zeros
        return float(k) / 10.0**a if draw % 4 == 0 else 0.0
    if kind == "bits":
        return struct.unpack("<f", struct.pack("<I", draw >> 32))[0]
    if kind == "wide":
        return struct.unpack("<d", struct.pack("<Q", draw))[0]
    if kind == "int":  # a bits
        return draw % 2**a - 2 ** (a - 1)
    if kind == "natural":
        return draw % 2**a
    if kind == "bool":
        return draw >> 63 == 1
    raise ValueError(kind)


def pick_kind():
    group = choose.random()
    if group < 0.2:
        dtype = choose.choice(["int64", "int32", "uint8", "bool"])
        if dtype == "bool":
            return dtype, "bool", 0
        if dtype == "uint8":
            return dtype, "natural", choose.randrange(1, 9)
        return dtype, "int", choose.randrange(2, 64 if dtype == "int64" else 33)
    if group < 0.3:
        return choose.choice(["float16", "bfloat16"]), "small", choose.choice([3, 64, 255])
    dtype = choose.choice(["float32", "float32", "float64"])
    kind = choose.choice(["whole", "decimal", "decimal", "decimal", "large", "special", "sparse", "bits", "small"])
    if kind == "bits" and dtype == "float64":
        kind = "wide"
    a = {"whole": choose.choice([1, 9, 50, 1000, 10**6, 2 * 10**9]), "small": choose.choice([3, 100, 9000]),
         "decimal": choose.randrange(0, 9), "large": choose.randrange(0, 9), "sparse": choose.randrange(0, 8)}.get(kind, 0)
    return dtype, kind, a


def pick_shape():
    group = choose.random()
    if group < 0.03:
        shape = [choose.choice([0, 1, 3]) for _ in range(choose.randrange(1, 4))]
        shape[choose.randrange(len(shape))] = 0
        return shape
    if group < 0.1:
        return []
    if group < 0.4:
        return [choose.choice([1, 2, 3, 5, 8, choose.randrange(1, 40)])]
    if group < 0.65:
        return [choose.randrange(1, 5), choose.choice([1, 2, 3, choose.randrange(1, 16)])]
    return [choose.choice([1, 1, 2, 2, 3]) for _ in range(choose.randrange(3, 6))]


def options():
    o = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}
    if choose.random() < 0.3:
        o["precision"] = choose.randrange(0, 9)
    if choose.random() < 0.3:
        o["linewidth"] = choose.choice([20, 40, 60, 100, 132])
    if choose.random() < 0.35:
        o["threshold"] = choose.choice([0, 2, 5, 10])
        o["edgeitems"] = choose.choice([1, 2, 3, 4])
    if choose.random() < 0.2:
        o["sci_mode"] = choose.choice([True, False])
    return o


def case():
    dtype, kind, a = pick_kind()
    shape, o, seed = pick_shape(), options(), choose.randrange(2**32)
    numel = 1
    for size in shape:
        numel *= size
    if choose.random() < 0.02:
        shape = [choose.choice([1001, 5000])] if choose.random() < 0.5 else [choose.randrange(20, 50), choose.randrange(52, 70)]
        numel = shape[0] * (shape[1] if len(shape) > 1 else 1)
    draws = splitmix64(seed)
    values = [element(kind, a, next(draws)) for _ in range(numel)]
    default = "float64" if choose.random() < 0.1 else "float32"
    t = torch.tensor(values, dtype=getattr(torch, dtype)).reshape(shape)
    grad = choose.choice(["", "", "", "leaf", "MulBackward0"]) if t.is_floating_point() else ""
    if grad:
        t.requires_grad_()
    if grad == "MulBackward0":
        t = t * 1
    torch.set_default_dtype(getattr(torch, default))
    torch.set_printoptions(**o)
    text = str(t)
    torch.set_default_dtype(torch.float32)
    return {"dtype": dtype, "kind": kind, "a": a, "seed": seed, "shape": shape, "default": default, "grad": grad,
            "options": list(o.values()), "text": text}


DOCUMENTED = """
tensor([1., 2., 3.])
tensor([1.5, 2., 3.])
tensor(3.14159265)
tensor(7)
tensor([True, False])
tensor([1, -20, 300])
tensor([1e-5, 1.])
tensor([1e9, 1.])
tensor([12345678.])
tensor([123456789.])
tensor([0.001, 10.])
tensor([0.01, 10.])
tensor([nan, 1., inf])
tensor([nan, 1.5, -inf])
tensor([inf])
zeros(2, 3)
tensor([[-1.25, 100.5], [0., -0.]])
arange(6).reshape(2, 3)
arange(24.).reshape(2, 3, 4)
tensor([])
empty(0, 3)
empty(2, 0, dtype=int64)
empty(0, dtype=int64)
empty(0, dtype=bool)
arange(30)
linspace(0, 1, 15)
arange(1001)
arange(1001.)
arange(10000.).reshape(100, 100)
arange(1002).reshape(2, 501)
arange(2000.).reshape(500, 2, 2)
tensor([1., 2.], dtype=float64)
tensor([1, 2], dtype=int32)
tensor([0.1, 0.2], dtype=float16)
tensor([0.1, 1000.], dtype=bfloat16)
tensor([1., 2.], requires_grad=True)
tensor([1., 2.], requires_grad=True) * 2
tensor([1., 2.], dtype=float64, requires_grad=True).exp()
ones(3, 3, requires_grad=True).sum()
linspace(0, 1, 10, requires_grad=True) * 1
tensor([[1e10, 1], [2, 3]])
tensor([1e-10])
tensor([99999.])
tensor([0.00012345, 0.00099])
tensor([1.0, 1e-8]) * 0
tensor(0.)
tensor(-0.)
tensor([-0.0, 1.])
tensor([2.5], dtype=float64)
zeros(1, 1, 1, 1)
tensor([100000., 0.5])
tensor([0.99999, 0.1])
tensor([[True, False], [False, True]])
tensor([0.03125, 0.09375, 0.15625, 2.00005])
tensor([-9223372036854775808, 9223372036854775807])
"""


def documented(expression):
    t = eval(expression, {**vars(torch), "nan": nan, "inf": inf})
    flat = t.detach().reshape(-1)
    values = flat.to(torch.float64).view(torch.int64).tolist() if t.is_floating_point() else flat.tolist()
    grad = type(t.grad_fn).__name__ if t.grad_fn is not None else "leaf" if t.requires_grad else ""
    return {"expression": expression, "dtype": str(t.dtype).removeprefix("torch."), "shape": list(t.shape), "values": values,
            "grad": grad, "text": str(t)}


data = {
    "torch": torch.__version__,
    "special": [struct.pack("<d", x).hex() for x in SPECIAL],
    "documented": [documented(line) for line in DOCUMENTED.strip().splitlines()],
    "random": [case() for _ in range(1500)],
}
text = json.dumps(data, separators=(",", ":"))
with open(Path(__file__).with_name("print.json.gz"), "wb") as f:
    f.write(gzip.compress(text.encode(), 9, mtime=0))
