"""Writes init.json.gz: torch.nn.init functions, clipping of gradients.

    pip install torch==2.15.0 numpy
    python generate_init.py
"""

import pathlib
import warnings

import torch
from torch import nn
from torch.nn import init

from fixture import DTYPES, encode, number, write

CALLS = [
    ("uniform_", [4, 3], {"a": -0.5, "b": 2.0}),
    ("normal_", [4, 5], {"mean": 1.0, "std": 0.2}),
    ("xavier_uniform_", [4, 3], {"gain": 1.0}),
    ("xavier_uniform_", [4, 3, 2, 2], {"gain": 5.0 / 3}),
    ("xavier_normal_", [5, 4], {"gain": 2.0}),
    ("kaiming_uniform_", [4, 3], {"a": 5**0.5, "mode": "fan_in", "nonlinearity": "leaky_relu"}),
    ("kaiming_uniform_", [2, 3, 3], {"a": 0, "mode": "fan_out", "nonlinearity": "relu"}),
    ("kaiming_normal_", [4, 5], {"a": 0.2, "mode": "fan_out", "nonlinearity": "leaky_relu"}),
    ("kaiming_normal_", [4, 5], {"a": 0, "mode": "fan_in", "nonlinearity": "tanh"}),
    ("kaiming_normal_", [4, 5], {"a": 0, "mode": "fan_in", "nonlinearity": "selu"}),
    ("kaiming_normal_", [4, 5], {"a": 0, "mode": "fan_in", "nonlinearity": "linear"}),
    ("kaiming_uniform_", [0, 5], {"a": 0, "mode": "fan_in", "nonlinearity": "relu"}),
    ("trunc_normal_", [6, 7], {"mean": 0.0, "std": 1.0, "a": -2.0, "b": 2.0}),
    ("trunc_normal_", [6, 7], {"mean": 0.5, "std": 1.0, "a": -0.5, "b": 0.5}),
    ("trunc_normal_", [5, 5], {"mean": 0.0, "std": 1.0, "a": 1.0, "b": 3.0}),
    ("trunc_normal_", [5, 5], {"mean": 0.0, "std": 0.02, "a": -2.0, "b": 2.0}),
    ("trunc_normal_", [3, 3], {"mean": 0.0, "std": 1.0, "a": 0.1, "b": 0.2}),
    ("sparse_", [5, 3], {"sparsity": 0.5, "std": 0.01}),
    ("sparse_", [4, 6], {"sparsity": 0.1, "std": 1.0}),
    ("orthogonal_", [4, 4], {"gain": 1.0}),
    ("orthogonal_", [5, 3], {"gain": 2.0}),
    ("orthogonal_", [3, 2, 4], {"gain": 1.0}),
    ("eye_", [3, 4], {}),
    ("dirac_", [4, 2, 3], {"groups": 2}),
    ("dirac_", [2, 3, 3, 4], {"groups": 1}),
    ("dirac_", [3, 3, 1, 2, 3], {"groups": 1}),
    ("constant_", [2, 2], {"val": 2.5}),
    ("ones_", [2, 2], {}),
    ("zeros_", [2, 2], {}),
]


def functions():
    out = []
    for name, shape, args in CALLS:
        for dtype in ("f32", "f64"):
            torch.manual_seed(0)
            t = torch.zeros(shape, dtype=DTYPES[dtype])
            getattr(init, name)(t, **args)
            out.append({"name": name, "args": args, **encode(t), "next_draw": number(torch.rand(1).numpy()[0])})
    return out


def clipping():
    out = []
    for norm_type in (2.0, 1.0, 3.0, float("inf")):
        for max_norm in (0.5, 100.0):
            p = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
            q = torch.tensor([[0.5], [-4.0]], requires_grad=True)
            unused = torch.zeros(2, requires_grad=True)
            ((p**2).sum() + q.sum()).backward()
            norm = nn.utils.clip_grad_norm_([p, unused, q], max_norm, norm_type=norm_type)
            out.append({"norm_type": number(norm_type), "max_norm": max_norm, "norm": encode(norm), "p": encode(p.grad), "q": encode(q.grad)})
    return out


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    path = pathlib.Path(__file__).parent / "init.json.gz"
    write(path, {"torch": torch.__version__.split("+")[0], "functions": functions(), "clipping": clipping()})
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
