#!/usr/bin/env python3
"""Writes random.json.gz: what PyTorch's CPU generator gives for random programs of draws.

    pip install torch==2.15.0 numpy
    python generate_random.py

A program seeds a generator and draws from it in several ways in turn. A result is given by all its bytes in hexadecimal
("hex"), or, where it is long, by a checksum of its elements' bits and the bytes of its first and last four ("sum", "ends").
"""

import gzip
import json
import random
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import (
    BatchSampler, DataLoader, RandomSampler, SubsetRandomSampler, WeightedRandomSampler, random_split,
)

torch.set_num_threads(1)
choose = random.Random(20240613)
DTYPES = {name: getattr(torch, name) for name in "float32 float64 int64 int32 int16 int8 uint8 bool".split()}


def array(t):
    return t.contiguous().numpy().reshape(-1)


def checksum(a):
    """Sum of (bits + 1) * (2 i + 1) * constant over the elements i, modulo 2^64."""
    bits = a.view(f"u{a.dtype.itemsize}").astype(np.uint64)
    i = np.arange(len(a), dtype=np.uint64)
    return int(((bits + np.uint64(1)) * (np.uint64(2) * i + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)).sum())


def encode(t, exact):
    a = array(t)
    if exact and len(a) > 24:
        return {"sum": str(checksum(a)), "ends": a[:4].tobytes().hex() + a[-4:].tobytes().hex()}
    return {"hex": a.tobytes().hex()}


def probabilities(n, dtype):
    """Any numbers in [0, 1] that the reader can make too: all exact in both float types."""
    return ((torch.arange(n) * 37) % 65).to(dtype) / 64


def weights(n, dtype):
    return ((torch.arange(n) * 29 + 3) % 17).to(dtype)


def strided(n, dtype):
    return torch.empty(n, 2, dtype=dtype)[:, 0]


# name -> (dtypes, exact, arguments, draw)
FLOATS = ["float32", "float64"]
ALL = list(DTYPES)
bound = lambda: round(choose.uniform(-5, 5), 2)
positive = lambda: round(choose.uniform(0.1, 5), 2)
probability = lambda: round(choose.uniform(0.01, 0.99), 2)


def interval(dtype):
    small = {"int8": (-128, 128), "uint8": (0, 256), "bool": (0, 2), "int16": (-(2**15), 2**15), "int32": (-(2**31), 2**31)}
    low, high = small.get(dtype, (-(2**62), 2**62))
    kind = choose.randrange(4)
    if kind == 0:
        return [low, high]
    if kind == 1 and high > 2**20:
        top = min(2**choose.randrange(20, 62), high)
        return [choose.randrange(0, 1000), top]
    low, high = max(low, -1000), min(high, 1000)
    a = choose.randrange(low, high)
    return [a, choose.randrange(a + 1, high + 1)]


OPS = {
    "uniform": (FLOATS, True, lambda d: sorted([bound(), bound()]) if choose.random() < 0.7 else [0, 1],
                lambda t, g, a: t.uniform_(*a, generator=g)),
    "normal": (FLOATS, None, lambda d: [bound(), positive()] if choose.random() < 0.7 else [0, 1],
               lambda t, g, a: t.normal_(*a, generator=g)),
    "normal_strided": (FLOATS, False, lambda d: [bound(), positive()], lambda t, g, a: t.normal_(*a, generator=g)),
    "randint": (ALL, True, interval, lambda t, g, a: t.random_(*a, generator=g)),
    "random": (ALL, True, lambda d: [], lambda t, g, a: t.random_(generator=g)),
    "random_from": (ALL, True, lambda d: [choose.choice([0, 1])] if d == "bool" else [choose.choice([0, 7, 100])] if "u" in d
                    else [choose.choice([-128, -5, 0, 127])], lambda t, g, a: t.random_(a[0], None, generator=g)),
    "bernoulli": (ALL, True, lambda d: [probability()], lambda t, g, a: t.bernoulli_(*a, generator=g)),
    "bernoulli_with32": (ALL, True, lambda d: [],
                         lambda t, g, a: t.bernoulli_(probabilities(len(t), torch.float32), generator=g)),
    "bernoulli_with64": (ALL, True, lambda d: [],
                         lambda t, g, a: t.bernoulli_(probabilities(len(t), torch.float64), generator=g)),
    "exponential": (FLOATS, False, lambda d: [positive()], lambda t, g, a: t.exponential_(*a, generator=g)),
    "geometric": (FLOATS + ["int64", "int32"], False, lambda d: [probability()],
                  lambda t, g, a: t.geometric_(*a, generator=g)),
    "cauchy": (FLOATS, False, lambda d: [bound(), positive()], lambda t, g, a: t.cauchy_(*a, generator=g)),
    "log_normal": (FLOATS, False, lambda d: [bound(), positive()], lambda t, g, a: t.log_normal_(*a, generator=g)),
    "randperm": (["int64"], True, lambda d: [], lambda t, g, a: torch.randperm(len(t), generator=g)),
    "multinomial": (FLOATS, True, lambda d: [choose.randrange(4, 40), choose.choice([0, 1])],
                    lambda t, g, a: torch.multinomial(
                        weights(a[0], t.dtype), len(t), bool(a[1]), generator=g)),
}


def step(g, op, n):
    dtypes, exact, arguments, draw = OPS[op]
    dtype = choose.choice(dtypes)
    args = arguments(dtype)
    if op == "multinomial":
        n = n if args[1] else min(n, int((weights(args[0], torch.float32) > 0).sum()))
    if exact is None:  # the float32 blocks use no function of the C library
        exact = dtype == "float32" and n >= 16
    out = strided(n, DTYPES[dtype]) if op == "normal_strided" else torch.empty(n, dtype=DTYPES[dtype])
    return {"op": op, "dtype": dtype, "n": n, "args": args, **encode(draw(out, g, args), exact)}


def program(ops, sizes):
    seed = choose.choice([choose.randrange(100), choose.randrange(2**64)])
    g = torch.Generator().manual_seed(seed)
    steps = [step(g, op, size) for op, size in zip(ops, sizes)]
    return {"seed": str(seed), "steps": steps, "state": str(checksum(g.get_state().numpy()))}


def programs():
    out = []
    for op in OPS:  # every short length
        out.append(program([op] * 40, range(1, 41)))
        out.append(program([op] * 6, [choose.randrange(41, 400) for _ in range(6)]))
    for op in ("uniform", "normal", "randint", "bernoulli", "randperm", "random"):
        for n in (623, 624, 625, 5000, 100_003, 300_000):
            while True:
                p = program([op, "uniform"], [n, 3])
                if "sum" in p["steps"][0]:
                    break
            out.append(p)
    for _ in range(60):  # mixtures
        k = choose.randrange(4, 16)
        sizes = [choose.choice([1, 2, 3, 15, 16, 17, 33, choose.randrange(1, 90)]) for _ in range(k)]
        out.append(program([choose.choice(list(OPS)) for _ in range(k)], sizes))
    return out


def dropouts():
    out = []
    for dtype in FLOATS:
        for p in (0.1, 0.3, 0.5, 0.9):
            torch.manual_seed(7)
            noise = torch.nn.functional.dropout(torch.ones(1000, dtype=DTYPES[dtype]), p)
            out.append({"dtype": dtype, "p": p, **encode(noise, True)})
    return out


def states():
    """State records on either side of half a pair of normals and at the edges of a block of 624 words."""
    out = []
    for seed, words, normals in ((0, 0, 0), (2**63 + 5, 623, 1), (42, 624, 2), (7, 1000, 3)):
        g = torch.Generator().manual_seed(seed)
        torch.empty(words).uniform_(generator=g)
        torch.empty(normals).normal_(generator=g)
        record = g.get_state()
        after = torch.empty(5, dtype=torch.float64).normal_(generator=g)
        out.append({"seed": str(seed), "words": words, "normals": normals, "record": record.numpy().tobytes().hex(),
                    "after": after.numpy().tobytes().hex()})
    return out


def orders():
    """Shapes and strides, and the storage offsets in the order in which random_() fills them."""
    out = []
    while len(out) < 150:
        rank = choose.randrange(1, 6)
        shape = [choose.choice([1, 1, 2, 3, 4]) for _ in range(rank)]
        dims = list(range(rank))
        choose.shuffle(dims)
        strides, stride = [0] * rank, choose.choice([1, 1, 1, 2])
        for d in dims:
            strides[d] = stride
            stride *= shape[d] + choose.choice([0, 0, 0, 1])
            if shape[d] == 1 and choose.random() < 0.3:
                strides[d] = choose.choice([0, 1, 2, 50])
        t = torch.empty_strided(shape, strides, dtype=torch.int64)
        g = torch.Generator().manual_seed(1)
        stream = torch.empty(t.numel(), dtype=torch.int64).random_(generator=g).tolist()
        t.random_(generator=torch.Generator().manual_seed(1))
        place = {}
        for index in np.ndindex(*shape):
            place[t[index].item()] = sum(i * s for i, s in zip(index, strides))
        out.append({"shape": shape, "strides": strides, "offsets": [place[v] for v in stream]})
    return out


def batches(loader):
    return [batch.tolist() for batch in loader]


def samplers():
    out = []
    for n, samples, replacement, own in [
        (10, 10, False, False), (10, 10, False, True), (10, 25, False, False), (10, 7, False, True), (7, 20, True, False),
        (100, 64, True, True), (100, 100, True, False), (1, 1, False, True), (3, 96, True, True), (1000, 1000, False, False),
    ]:
        torch.manual_seed(3)
        g = torch.Generator().manual_seed(4) if own else None
        s = RandomSampler(range(n), replacement=replacement, num_samples=samples, generator=g)
        epochs = [list(s) for _ in range(3)]
        partial = iter(s)
        epochs.append([next(partial) for _ in range(min(samples, 3))])
        after = torch.empty((), dtype=torch.int64).random_(generator=g).item()
        out.append({"n": n, "samples": samples, "replacement": replacement, "own": own, "epochs": epochs, "after": after})
    return out


def loaders():
    out = []
    for n, size, drop_last, shuffle, own in [
        (10, 3, False, True, False), (10, 3, True, True, False), (12, 4, False, True, False), (12, 4, False, True, True),
        (10, 3, False, True, True), (10, 3, True, True, True), (10, 4, False, False, False), (10, 4, False, False, True),
    ]:
        torch.manual_seed(5)
        g = torch.Generator().manual_seed(6) if own else None
        loader = DataLoader(range(n), size, shuffle=shuffle, drop_last=drop_last, generator=g)
        epochs = [batches(loader) for _ in range(3)]
        after = torch.empty((), dtype=torch.int64).random_(generator=g).item()
        out.append({"n": n, "size": size, "drop_last": drop_last, "shuffle": shuffle, "own": own, "epochs": epochs,
                    "after": after})
    return out


def others():
    torch.manual_seed(8)
    subset = list(SubsetRandomSampler(range(100, 130)))
    w = [0.5, 0.25, 0, 3, 1.125, 2]
    weighted = [list(WeightedRandomSampler(w, 20)), list(WeightedRandomSampler(w, 5, replacement=False))]
    split = [list(p.indices) for p in random_split(range(20), [13, 0, 7])]
    fractions = [len(p) for p in random_split(range(23), [0.3, 0.3, 0.4])]
    rows = torch.multinomial(weights(12, torch.float64).reshape(3, 4), 3, False).flatten().tolist()
    rows += torch.multinomial(weights(12, torch.float32).reshape(3, 4), 9, True).flatten().tolist()
    after = torch.empty((), dtype=torch.int64).random_().item()
    return {"subset": subset, "weights": w, "weighted": weighted, "split": split, "fractions": fractions, "rows": rows,
            "after": after}


def long_permutation(n, seed):
    """randperm's form for n >= 214748364, on numpy's mt19937: torch takes it only for more than a gigabyte."""
    words = np.random.RandomState(seed)
    draw = lambda: int(words.randint(0, 2**32, dtype=np.uint32)) << 32 | int(words.randint(0, 2**32, dtype=np.uint32))
    r = list(range(n))
    for i in range(n):
        z = draw() % (i + 1)
        r[i] = r[z]
        r[z] = i
    return r


data = {
    "torch": torch.__version__, "programs": programs(), "dropouts": dropouts(), "states": states(), "orders": orders(),
    "samplers": samplers(), "loaders": loaders(), "others": others(), "long_permutation": long_permutation(1000, 9),
}
text = json.dumps(data, separators=(",", ":"))
with open(Path(__file__).with_name("random.json.gz"), "wb") as f:
    f.write(gzip.compress(text.encode(), 9, mtime=0))
