#!/usr/bin/env python3
"""Writes dtypes.json.gz: what PyTorch makes of each of the ten types.

    pip install torch==2.15.0 numpy
    python generate_dtypes.py

"promote": the type of a result, for every pair of types as tensors, 0-d tensors and numbers.
"cast": values of every type as every other type. "call": operations by name on tensors (and numbers) of each type, with the
result, its text and the gradients, or null where PyTorch refuses the type. "random": fills from a seed. "print": texts.
"""

import warnings
from pathlib import Path

import torch
import torch.nn.functional as F

from fixture import DTYPES, NAMES, encode, write

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
NEW = [d for n, d in DTYPES.items() if n not in ("bool", "i64", "f32", "f64")]
inf, nan = float("inf"), float("nan")


def promote():
    table = []
    numbers = [True, 2, 2.5]
    for a, da in DTYPES.items():
        for b, db in DTYPES.items():
            x, y = torch.ones(2, dtype=da), torch.ones(2, dtype=db)
            kinds = [(x, y), (x, y[0]), (x[0], y), (x[0], y[0])]
            table.append([a, b] + [NAMES[torch.result_type(p, q)] for p, q in kinds])
    singles = []
    for a, da in DTYPES.items():
        x = torch.ones(2, dtype=da)
        singles.append([a] + [[NAMES[torch.result_type(t, n)] for n in numbers] for t in (x, x[0])])
    return {"tensors": table, "numbers": singles}


def casts():
    reals = [0.0, -0.0, 0.5, 1.9, -1.9, 2.0, 127.5, 128.0, 255.0, 256.0, 300.0, -1.0, -129.0, 32768.0, 65519.0, 65520.0,
             70000.0, -40000.0, 3000000001.0, -3e9, 2147483647.0, 2147483648.0, 1e10, 1e19, -1e19, 1e-7, 6e-8, 1e-40, 3.4e38,
             1e300, inf, -inf, nan, 1.00048828125, 1.00390625, 16777217.0]
    wholes = [0, 1, -1, 2, 127, 128, 255, 256, 300, -129, 2049, 32767, 32768, 65535, 70000, -40000, 2**31 - 1, 2**31, -(2**31) - 1,
              2**40 + 7, -(2**40) - 9, 2**53 + 1, 2**63 - 1, -(2**63)]
    out = []
    for d in DTYPES.values():
        x = torch.tensor(reals, dtype=torch.float64) if d.is_floating_point else torch.tensor(wholes)
        x = x.to(d)
        out.append({"x": encode(x), "as": [encode(x.to(e)) for e in DTYPES.values()]})
    return out


UNARY = {
    "neg": torch.neg, "abs": torch.abs, "sign": torch.sign, "square": torch.square, "floor": torch.floor, "ceil": torch.ceil,
    "round": torch.round, "trunc": torch.trunc, "relu": torch.relu, "relu6": F.relu6, "exp": torch.exp, "expm1": torch.expm1,
    "log": torch.log, "log1p": torch.log1p, "log2": torch.log2, "log10": torch.log10, "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt, "reciprocal": torch.reciprocal, "sin": torch.sin, "cos": torch.cos, "tan": torch.tan,
    "atan": torch.atan, "sinh": torch.sinh, "cosh": torch.cosh, "erf": torch.erf, "sigmoid": torch.sigmoid,
    "tanh": torch.tanh, "leaky_relu": lambda x: F.leaky_relu(x, 0.1), "logsigmoid": F.logsigmoid,
    "logical_not": torch.logical_not, "isnan": torch.isnan, "clamp": lambda x: x.clamp(-3, 5),
    "clamp_float": lambda x: x.clamp(min=0.1), "pow3": lambda x: x**3, "pow_float": lambda x: x**0.7,
    "add_number": lambda x: x + 3, "add_float": lambda x: x + 0.1, "mul_number": lambda x: x * 300,
    "mul_float": lambda x: x * 0.3, "sub_number": lambda x: x - 7, "rsub_number": lambda x: 5 - x, "rsub_float": lambda x: 0.3 - x,
    "div_number": lambda x: x / 3, "div_float": lambda x: x / 0.3, "rdiv": lambda x: 2.5 / x,
    "remainder_number": lambda x: x % 3, "remainder_float": lambda x: x % 0.7, "floor_divide": lambda x: x // 3,
    "eq_number": lambda x: x == 2, "lt_float": lambda x: x < 0.3, "rpow": lambda x: 2**x,
    "mul_0d": lambda x: x * torch.tensor(0.3), "masked_fill": lambda x: x.masked_fill(x > 2, 9),
    "sum": torch.sum, "mean": torch.mean, "prod": torch.prod, "max": torch.max, "min": torch.min, "any": torch.any,
    "all": torch.all, "var": torch.var, "std": torch.std, "argmax": torch.argmax, "argmin": torch.argmin,
    "sum_dim": lambda x: x.view(4, -1).sum(0), "amax": lambda x: x.view(4, -1).amax(1), "var_dim": lambda x: x.view(4, -1).var(1),
    "max_dim": lambda x: torch.cat(x.view(4, -1).max(1)), "gather": lambda x: x.gather(0, torch.tensor([3, 0, 3])),
    "index_select": lambda x: x.index_select(0, torch.tensor([1, 5, 1])), "pad": lambda x: F.pad(x, (1, 2), value=1),
    "scatter_add": lambda x: x.scatter_add(0, torch.tensor([0, 2, 0]), x[3:6]), "flip_view": lambda x: x.view(4, -1).t() + 1,
    "zeros_like": torch.zeros_like, "full_like": lambda x: torch.full_like(x, 1), "matvec": lambda x: x.view(4, -1) @ x[:3],
    "matmul": lambda x: x.view(4, -1) @ x.view(4, -1).t(),
    "bmm": lambda x: x.view(2, 2, 3).bmm(x.view(2, 3, 2)),
}
# Layers, for 16-bit floats.
LAYERS = {
    "softmax": lambda x: F.softmax(x.view(4, 3), 1), "log_softmax": lambda x: F.log_softmax(x.view(4, 3), 0),
    "max_pool2d": lambda x: F.max_pool2d(x.view(1, 1, 4, 3), 2, 1), "avg_pool2d": lambda x: F.avg_pool2d(x.view(1, 1, 4, 3), 2, 1),
    "adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(x.view(1, 1, 4, 3), (2, 2)),
    "conv2d": lambda x: F.conv2d(x.view(1, 1, 4, 3), x[:4].view(1, 1, 2, 2), x[5:6], padding=1),
    "batch_norm": lambda x: F.batch_norm(x.view(4, 3), None, None, x[:3], x[3:6], True),
    "batch_norm_eval": lambda x: F.batch_norm(x.view(4, 3), x[:3].detach(), x[3:6].detach().abs() + 1, None, x[3:6]),
    "cross_entropy": lambda x: F.cross_entropy(x.view(4, 3), torch.tensor([0, 2, 1, 1]), label_smoothing=0.1),
    "nll_loss": lambda x: F.nll_loss(x.view(4, 3), torch.tensor([0, 2, 1, 1])),
    "mse_loss": lambda x: F.mse_loss(x[:6], x[6:]), "linear": lambda x: F.linear(x.view(4, 3), x[:6].view(2, 3), x[6:8]),
}
BINARY = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "remainder": torch.remainder,
    "floor_divide": torch.floor_divide, "pow": torch.pow, "maximum": torch.maximum, "minimum": torch.minimum, "eq": torch.eq,
    "ne": torch.ne, "lt": torch.lt, "le": torch.le, "gt": torch.gt, "ge": torch.ge, "logical_and": torch.logical_and,
    "logical_or": torch.logical_or, "logical_xor": torch.logical_xor, "where": lambda a, b: torch.where(a > b, a, b),
    "cat": lambda a, b: torch.cat([a, b]), "add_": lambda a, b: a.clone().add_(b), "mul_": lambda a, b: a.clone().mul_(b),
    "copy_": lambda a, b: a.clone().copy_(b),
}
# Powers of wide integers by negative ones are not interesting, and of halves overflow.
SMALL = {"pow", "rpow", "exp", "expm1", "sinh", "cosh", "prod"}


def sample(dtype, n=12, shift=0):
    if dtype == torch.bool:
        return torch.tensor([(i * 7 + shift) % 3 == 0 for i in range(n)])
    if dtype.is_floating_point:
        return torch.tensor([((i * 37 + shift * 11) % 101 - 40) / 16 for i in range(n)]).to(dtype)
    low, high = torch.iinfo(dtype).min, torch.iinfo(dtype).max
    values = [3, 7, 100, 2, 5, high - 1, 1, 90, 11, 4, 6, 8] if low == 0 else [3, -7, 100, 2, -5, high, -1, low, 11, 1, 6, -3]
    values = values[shift:] + values[:shift]
    return torch.tensor(values[:n], dtype=dtype)


def call(name, f, inputs, gradients):
    """The result of f, or null where PyTorch does not take the types."""
    leaves = [x.clone().requires_grad_(gradients and x.is_floating_point()) for x in inputs]
    record = {"op": name, "inputs": [encode(x) for x in inputs]}
    try:
        out = f(*leaves)
    except (RuntimeError, TypeError, NotImplementedError):
        record["out"] = None
        return record
    record["out"] = encode(out)
    if out.requires_grad:
        weights = (torch.arange(out.numel()).view(out.shape) % 5 + 1).to(out.dtype) / 2
        grads = torch.autograd.grad(out, [x for x in leaves if x.requires_grad], weights, allow_unused=True)
        record["grads"] = [None if g is None else encode(g) for g in grads]
    return record


def calls():
    out = []
    for d in NEW + [torch.bool]:
        for name, f in UNARY.items():
            x = sample(d)
            if name in SMALL and d != torch.bool:
                x = (x % 5).to(d) if not d.is_floating_point else x / 2
            if name in ("log", "log2", "log10", "sqrt", "rsqrt", "log1p", "pow_float", "var", "std", "var_dim") and d.is_floating_point:
                x = x.abs() + 0.25
            out.append(call(name, f, [x], d.is_floating_point and name not in ("argmax", "argmin", "max_dim", "flip_view", "floor_divide")))
        for name, f in BINARY.items():
            a, b = sample(d), sample(d, shift=1)
            if name == "pow" and d != torch.bool:
                a, b = (a.abs() % 4).to(d), (b.abs() % 3).to(d)
            if name in ("remainder", "floor_divide", "div") and d != torch.bool:
                b = torch.where(b == 0, torch.ones_like(b), b)
            out.append(call(name, f, [a, b], d.is_floating_point and name not in ("add_", "mul_", "copy_", "floor_divide")))
        if d.is_floating_point:
            out += [call(name, f, [sample(d)], True) for name, f in LAYERS.items()]
    # Types that meet: the promoted type computes.
    pairs = [(a, b) for a in DTYPES.values() for b in DTYPES.values() if a != b]
    for a, b in pairs:
        for name in ("add", "mul", "eq", "where", "cat", "add_", "copy_", "div"):
            out.append(call(name, BINARY[name], [sample(a, 6), sample(b, 6, 1)], False))
    return out


def creations():
    out = []
    for n, d in DTYPES.items():
        for op, f in {
            "zeros": lambda: torch.zeros(3, dtype=d), "ones": lambda: torch.ones(2, 2, dtype=d),
            "full": lambda: torch.full((2,), 1.75, dtype=d), "eye": lambda: torch.eye(3, dtype=d),
            "arange": lambda: torch.arange(0, 6, 2, dtype=d), "arange_float": lambda: torch.arange(0.0, 1.0, 0.1, dtype=d),
            "linspace": lambda: torch.linspace(0, 7, 5, dtype=d), "linspace_float": lambda: torch.linspace(-1.3, 2.9, 11, dtype=d),
            "randperm": lambda: torch.randperm(7, dtype=d, generator=torch.Generator().manual_seed(5)),
        }.items():
            if op == "linspace_float" and n == "u8":  # refused for its negative numbers, not for its type
                continue
            try:
                out.append({"op": op, "dtype": n, "out": encode(f())})
            except (RuntimeError, NotImplementedError):
                out.append({"op": op, "dtype": n, "out": None})
    return out


def randoms():
    fills = {
        "uniform": lambda t: t.uniform_(-1.5, 2.25), "rand": lambda t: t.uniform_(), "normal": lambda t: t.normal_(0.5, 2.0),
        "randint": lambda t: t.random_(-7 if t.dtype not in (torch.bool, torch.uint8) else 0, 2 if t.dtype == torch.bool else 100),
        "bernoulli": lambda t: t.bernoulli_(0.3), "dropout": lambda t: t.copy_(F.dropout(torch.ones_like(t), 0.3)),
    }
    out = []
    for n, d in DTYPES.items():
        for op, f in fills.items():
            for size in (5, 16, 37, 2100 if d.itemsize == 2 else 40):
                torch.manual_seed(size + 3)
                t = torch.zeros(size, dtype=d)
                try:
                    f(t)
                except (RuntimeError, NotImplementedError):
                    out.append({"op": op, "dtype": n, "size": size, "out": None})
                    continue
                # What comes next shows how much was drawn.
                shown = torch.cat([t[:30], t[-30:]])
                out.append({"op": op, "dtype": n, "size": size, "out": encode(shown), "next": int(torch.randint(1 << 20, (1,)))})
    return out


def prints():
    out = []
    for d in DTYPES.values():
        for x in (sample(d), sample(d)[0], sample(d).view(3, 4), torch.zeros(0, dtype=d), torch.zeros(2, 0, dtype=d)):
            out.append({"x": encode(x), "text": str(x)})
        if d.is_floating_point:
            x = torch.tensor([0.1, 1000.0, -2.5], dtype=d)
            out.append({"x": encode(x), "text": str(x)})
            out.append({"x": encode(x[:1]), "text": str(x[:1])})
    return out


if __name__ == "__main__":
    path = Path(__file__).with_name("dtypes.json.gz")
    content = {
        "promote": promote(), "cast": casts(), "call": calls(), "create": creations(), "random": randoms(), "print": prints(),
    }
    write(path, content)
    print(f"{path.name}: {path.stat().st_size} bytes, {len(content['call'])} calls")
