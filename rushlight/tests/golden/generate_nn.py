"""Writes nn.json.gz: random streams, default initialization, printing, state_dict keys, loader orders.

    pip install torch==2.15.0 numpy
    python generate_nn.py
"""

import pathlib
import warnings

import torch
from torch import nn

from fixture import DTYPES, encode, number, write

# ---------------------------------------------------------------------------------------------------------------- random


def random_streams():
    """Each list of calls runs on one generator, so the state left by one call shows in the next."""
    calls = []

    def stream(name, seed, *steps):
        torch.manual_seed(seed)
        results = []
        for kind, args in steps:
            dtype = DTYPES[args["dtype"]] if "dtype" in args else None
            if kind in ("rand", "randn"):
                t = getattr(torch, kind)(args["shape"], dtype=dtype)
            elif kind == "randint":
                t = torch.randint(args["low"], args["high"], args["shape"], dtype=dtype)
            elif kind == "randperm":
                t = torch.randperm(args["n"])
            elif kind == "uniform_":
                t = torch.empty(args["shape"], dtype=dtype).uniform_(args["low"], args["high"])
            elif kind == "normal_":
                t = torch.empty(args["shape"], dtype=dtype)
                (t.t() if args.get("transposed") else t).normal_(args["mean"], args["std"])
            elif kind == "bernoulli_":
                t = torch.empty(args["shape"], dtype=dtype).bernoulli_(args["p"])
            elif kind == "manual_seed":
                torch.manual_seed(args["seed"])
                continue
            results.append(encode(t))
        steps = [{"kind": k, "args": a} for k, a in steps]
        calls.append({"name": name, "seed": seed, "steps": steps, "results": results})

    for dtype in ("f32", "f64"):
        for n in (0, 1, 5, 15, 16, 17, 31, 32, 40):
            stream(f"randn/{n}/{dtype}", 0, ("randn", {"shape": [n], "dtype": dtype}), ("rand", {"shape": [2], "dtype": dtype}))
        stream(f"randn/shape/{dtype}", 1, ("randn", {"shape": [3, 7], "dtype": dtype}))
        stream(f"randn/0d/{dtype}", 2, ("randn", {"shape": [], "dtype": dtype}), ("randn", {"shape": [], "dtype": dtype}))
        stream(f"rand/{dtype}", 3, ("rand", {"shape": [3, 4], "dtype": dtype}))
        stream(f"uniform_/{dtype}", 4, ("uniform_", {"shape": [20], "dtype": dtype, "low": -0.3, "high": 1.7}))
        stream(f"normal_/short/{dtype}", 5, ("normal_", {"shape": [5], "dtype": dtype, "mean": 2.0, "std": 0.3}))
        stream(f"normal_/block/{dtype}", 5, ("normal_", {"shape": [21], "dtype": dtype, "mean": 2.0, "std": 0.3}))
        stream(f"normal_/transposed/{dtype}", 6, ("normal_", {"shape": [5, 4], "dtype": dtype, "mean": 0.0, "std": 1.0, "transposed": True}))
        stream(f"bernoulli_/{dtype}", 7, ("bernoulli_", {"shape": [40], "dtype": dtype, "p": 0.3}))
        # The second normal of a pair waits in the generator: uniforms leave it alone, a new seed drops it.
        stream(f"cached_normal/{dtype}", 8, ("randn", {"shape": [3], "dtype": dtype}), ("rand", {"shape": [3], "dtype": dtype}),
               ("randn", {"shape": [16], "dtype": dtype}), ("normal_", {"shape": [2], "dtype": dtype, "mean": 1.0, "std": 2.0}))
        stream(f"cached_normal/reseeded/{dtype}", 8, ("randn", {"shape": [3], "dtype": dtype}), ("manual_seed", {"seed": 9}),
               ("randn", {"shape": [3], "dtype": dtype}))
        stream(f"randint/{dtype}", 10, ("randint", {"shape": [6], "low": -5, "high": 100, "dtype": dtype}))
    for low, high in ((0, 2), (-10, 10), (0, 2**28 - 1), (0, 2**28), (-(2**40), 2**40), (5, 6)):
        stream(f"randint/{low}_{high}", 11, ("randint", {"shape": [2, 4], "low": low, "high": high}), ("rand", {"shape": [1]}))
    for n in (0, 1, 2, 10, 700):
        stream(f"randperm/{n}", 12, ("randperm", {"n": n}), ("rand", {"shape": [2]}))
    # More than one refill of the 624 words.
    stream("refill", 13, ("rand", {"shape": [1300]}))
    for seed in (-1, 2**32, 2**63 + 5, 2**64 - 1):
        stream(f"seed/{seed}", seed, ("rand", {"shape": [3]}))
    for s in calls:
        s["seed"] = str(s["seed"])  # beyond what a JSON number keeps
    return calls


# ---------------------------------------------------------------------------------------------------------------- layers

SMALL = {
    "Linear": lambda: nn.Linear(3, 2),
    "Linear_no_bias": lambda: nn.Linear(4, 2, bias=False),
    "Conv2d": lambda: nn.Conv2d(2, 3, 3),
    "Conv2d_options": lambda: nn.Conv2d(4, 6, (3, 2), stride=2, padding=(1, 0), dilation=(1, 2), groups=2, bias=False),
    "Conv2d_same": lambda: nn.Conv2d(1, 2, 3, padding="same"),
    "Conv1d": lambda: nn.Conv1d(2, 3, 4),
    "Conv1d_options": lambda: nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2, bias=False),
    "Conv1d_same": lambda: nn.Conv1d(1, 2, 4, padding="same"),
    "Conv3d": lambda: nn.Conv3d(1, 2, 2),
    "Conv3d_options": lambda: nn.Conv3d(2, 4, (1, 3, 2), stride=(1, 2, 1), padding=(0, 1, 1), groups=2),
    "Conv3d_same": lambda: nn.Conv3d(1, 1, (2, 3, 4), padding="same", dilation=(1, 1, 3)),
    "ConvTranspose1d": lambda: nn.ConvTranspose1d(2, 3, 4),
    "ConvTranspose1d_options": lambda: nn.ConvTranspose1d(4, 6, 3, stride=2, padding=1, output_padding=1, dilation=2, groups=2, bias=False),
    "ConvTranspose2d": lambda: nn.ConvTranspose2d(3, 2, 2),
    "ConvTranspose2d_options": lambda: nn.ConvTranspose2d(4, 6, (3, 2), stride=2, padding=(1, 0), output_padding=(1, 0), dilation=(1, 2), groups=2),
    "ConvTranspose3d": lambda: nn.ConvTranspose3d(2, 1, 2),
    "ConvTranspose3d_options": lambda: nn.ConvTranspose3d(2, 2, (1, 2, 3), stride=(1, 2, 2), padding=(0, 1, 0), output_padding=(0, 1, 1), bias=False),
    "MaxPool1d": lambda: nn.MaxPool1d(2),
    "MaxPool1d_options": lambda: nn.MaxPool1d(3, stride=2, padding=1, dilation=2, ceil_mode=True),
    "MaxPool2d": lambda: nn.MaxPool2d(2),
    "MaxPool2d_options": lambda: nn.MaxPool2d((3, 2), stride=(2, 1), padding=(1, 0), dilation=2, ceil_mode=True),
    "MaxPool3d": lambda: nn.MaxPool3d(2),
    "MaxPool3d_options": lambda: nn.MaxPool3d((2, 3, 2), stride=(1, 2, 2), padding=(1, 0, 1), dilation=(1, 1, 2), ceil_mode=True),
    "AvgPool1d": lambda: nn.AvgPool1d(2),
    "AvgPool1d_options": lambda: nn.AvgPool1d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
    "AvgPool2d": lambda: nn.AvgPool2d(3),
    "AvgPool2d_options": lambda: nn.AvgPool2d((3, 2), stride=2, padding=1, ceil_mode=True, count_include_pad=False, divisor_override=4),
    "AvgPool3d": lambda: nn.AvgPool3d(2),
    "AvgPool3d_options": lambda: nn.AvgPool3d((2, 3, 2), stride=2, padding=(1, 0, 1), ceil_mode=True, count_include_pad=False),
    "AvgPool3d_divisor": lambda: nn.AvgPool3d(2, padding=1, ceil_mode=True, divisor_override=5),
    "AvgPool3d_count_include_pad": lambda: nn.AvgPool3d(3, stride=2, padding=1, ceil_mode=True),
    "AdaptiveAvgPool1d": lambda: nn.AdaptiveAvgPool1d(3),
    "AdaptiveAvgPool2d": lambda: nn.AdaptiveAvgPool2d((2, 3)),
    "AdaptiveAvgPool3d": lambda: nn.AdaptiveAvgPool3d((2, 3, 2)),
    "AdaptiveMaxPool1d": lambda: nn.AdaptiveMaxPool1d(3),
    "AdaptiveMaxPool2d": lambda: nn.AdaptiveMaxPool2d((2, 3)),
    "AdaptiveMaxPool3d": lambda: nn.AdaptiveMaxPool3d((2, 3, 2)),
    "ReLU": lambda: nn.ReLU(),
    "LeakyReLU": lambda: nn.LeakyReLU(),
    "LeakyReLU_options": lambda: nn.LeakyReLU(0.2),
    "Sigmoid": lambda: nn.Sigmoid(),
    "Tanh": lambda: nn.Tanh(),
    "Softmax": lambda: nn.Softmax(dim=1),
    "LogSoftmax": lambda: nn.LogSoftmax(dim=-1),
    "Dropout": lambda: nn.Dropout(),
    "Dropout_options": lambda: nn.Dropout(0.25),
    "Dropout1d": lambda: nn.Dropout1d(),
    "Dropout2d": lambda: nn.Dropout2d(0.3),
    "Dropout3d": lambda: nn.Dropout3d(0.2),
    "Flatten": lambda: nn.Flatten(),
    "Flatten_options": lambda: nn.Flatten(0, 2),
    "BatchNorm1d": lambda: nn.BatchNorm1d(3),
    "BatchNorm3d": lambda: nn.BatchNorm3d(2, momentum=0.3),
    "BatchNorm2d": lambda: nn.BatchNorm2d(3),
    "BatchNorm2d_options": lambda: nn.BatchNorm2d(3, eps=1e-3, momentum=0.01, affine=False),
    "BatchNorm2d_no_statistics": lambda: nn.BatchNorm2d(2, track_running_stats=False),
    "BatchNorm2d_cumulative": lambda: nn.BatchNorm2d(2, momentum=None),
    "MSELoss": lambda: nn.MSELoss(),
    "L1Loss": lambda: nn.L1Loss(reduction="sum"),
    "CrossEntropyLoss": lambda: nn.CrossEntropyLoss(label_smoothing=0.1),
    "NLLLoss": lambda: nn.NLLLoss(),
    "BCELoss": lambda: nn.BCELoss(),
    "BCEWithLogitsLoss": lambda: nn.BCEWithLogitsLoss(),
    "Sequential": lambda: nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)),
    "Sequential_nested": lambda: nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.Tanh()), nn.Sequential(nn.Linear(2, 1))),
    "Sequential_empty": lambda: nn.Sequential(),
}
LARGE = {
    "Linear": lambda: nn.Linear(784, 256),
    "Conv2d": lambda: nn.Conv2d(16, 32, 5),
    "lenet": lambda: lenet(),
}


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def layers():
    out = []
    for name, make in SMALL.items():
        torch.manual_seed(0)
        m = make()
        out.append({
            "name": name,
            "text": str(m),
            "parameters": [n for n, _ in m.named_parameters()],
            "buffers": [n for n, _ in m.named_buffers()],
            "state_dict": [{"key": k, **encode(v)} for k, v in m.state_dict().items()],
            "next_draw": number(torch.rand(1).numpy()[0]),
        })
    big = []
    for name, make in LARGE.items():
        torch.manual_seed(0)
        m = make()
        entries = []
        for k, v in m.state_dict().items():
            flat = v.flatten()
            entries.append({
                "key": k, "shape": list(v.shape), "first": encode(flat[:4]), "last": encode(flat[-4:]),
                "sum": float(flat.double().sum()), "sum_of_squares": float((flat.double() ** 2).sum()),
            })
        big.append({"name": name, "state_dict": entries, "next_draw": number(torch.rand(1).numpy()[0])})
    return out, big


def layer_runs():
    """Forward and backward of layers whose output is not just that of the operation of their name."""
    runs = (
        ("Conv1d_options", (2, 4, 7), None), ("Conv1d_same", (1, 5), None), ("Conv3d_options", (1, 2, 2, 4, 3), None), ("Conv3d_same", (1, 1, 2, 3, 4), None),
        ("ConvTranspose1d", (2, 4), None), ("ConvTranspose1d_options", (2, 4, 3), None), ("ConvTranspose1d_options", (2, 4, 3), [7]),
        ("ConvTranspose2d_options", (1, 4, 3, 2), None), ("ConvTranspose2d_options", (1, 4, 3, 2), [5, 6]), ("ConvTranspose2d", (3, 2, 2), [3, 3]),
        ("ConvTranspose3d_options", (1, 2, 2, 2, 2), None), ("ConvTranspose3d_options", (2, 2, 2, 2), [2, 3, 5]),
        ("MaxPool1d", (2, 3, 6), None), ("MaxPool1d_options", (1, 2, 9), None), ("MaxPool1d_options", (2, 9), None),
        ("MaxPool3d", (2, 1, 4, 5, 6), None), ("MaxPool3d_options", (1, 2, 3, 6, 5), None), ("MaxPool3d_options", (2, 3, 6, 5), None),
        ("AvgPool1d", (2, 3, 6), None), ("AvgPool1d_options", (1, 2, 8), None), ("AvgPool1d_options", (2, 8), None),
        ("AvgPool3d", (2, 1, 4, 5, 6), None), ("AvgPool3d_options", (1, 2, 3, 6, 4), None), ("AvgPool3d_options", (2, 3, 6, 4), None),
        ("AvgPool3d_divisor", (1, 2, 3, 4, 5), None), ("AvgPool3d_count_include_pad", (1, 2, 4, 5, 6), None),
        ("AdaptiveAvgPool1d", (2, 2, 7), None), ("AdaptiveAvgPool2d", (1, 2, 5, 4), None), ("AdaptiveAvgPool3d", (1, 2, 3, 5, 4), None),
        ("AdaptiveAvgPool3d", (2, 3, 5, 4), None), ("AdaptiveMaxPool1d", (2, 2, 7), None), ("AdaptiveMaxPool2d", (1, 2, 5, 4), None),
        ("AdaptiveMaxPool2d", (2, 5, 2), None), ("AdaptiveMaxPool3d", (1, 2, 3, 5, 4), None), ("BatchNorm1d", (4, 3), None),
        ("BatchNorm1d", (2, 3, 4), None), ("BatchNorm3d", (2, 2, 2, 3, 2), None),
    )
    out = []
    for name, shape, output_size in runs:
        torch.manual_seed(0)
        m = SMALL[name]()
        x = (torch.round(torch.randn(shape) * 1000) / 1000).requires_grad_(True)
        y = m(x) if output_size is None else m(x, output_size=output_size)
        g = torch.round(torch.randn(y.shape) * 1000) / 1000
        y.backward(g)
        indices = {}
        if "MaxPool" in name:
            m.return_indices = True
            indices["indices"] = encode(m(x)[1])
        out.append({"name": name, "output_size": output_size, "input": encode(x), "output": encode(y), "grad_output": encode(g), **indices,
                    "grad_input": encode(x.grad), "grads": [{"key": k, **encode(p.grad)} for k, p in m.named_parameters()]})
    return out


def channel_dropout():
    """Layers that zero channels, in training, with and without a batch."""
    out = []
    for name, shape in (("Dropout1d", (2, 3, 2)), ("Dropout1d", (4, 2)), ("Dropout2d", (2, 3, 2, 2)), ("Dropout2d", (2, 3, 2)),
                        ("Dropout3d", (2, 3, 1, 2, 2)), ("Dropout3d", (4, 1, 2, 2))):
        m = SMALL[name]()
        x = torch.arange(1.0, 1.0 + torch.Size(shape).numel()).reshape(shape)
        torch.manual_seed(5)
        out.append({"name": name, "input": encode(x), "output": encode(m(x)), "next_draw": number(torch.rand(1).numpy()[0])})
    return out


def batch_norm_module():
    """Three training steps and an evaluation of the module, with its three buffers after each call."""
    out = []
    for name, momentum in (("default", 0.1), ("cumulative", None)):
        torch.manual_seed(0)
        m = nn.BatchNorm2d(2, momentum=momentum)
        calls = []
        for training in (True, True, True, False):
            m.train(training)
            x = torch.round(torch.randn(3, 2, 2, 2) * 1000) / 1000
            y = m(x)
            calls.append({"training": training, "input": encode(x), "output": encode(y), "running_mean": encode(m.running_mean),
                          "running_var": encode(m.running_var), "num_batches_tracked": int(m.num_batches_tracked)})
        out.append({"name": name, "calls": calls})
    return out


# ------------------------------------------------------------------------------------------------------------------ data


class Numbers(torch.utils.data.Dataset):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return torch.tensor(i)


def loader_orders():
    out = []
    for n, batch, shuffle, drop_last, own in (
        (10, 3, True, False, False), (10, 3, True, True, False), (10, 4, False, False, False), (12, 4, True, False, True), (5, 8, True, False, False),
        (1, 2, True, False, False), (0, 2, False, False, False), (33, 8, True, False, True),
    ):
        torch.manual_seed(0)
        g = torch.Generator().manual_seed(42) if own else None
        loader = torch.utils.data.DataLoader(Numbers(n), batch_size=batch, shuffle=shuffle, drop_last=drop_last, generator=g)
        epochs = [[b.tolist() for b in loader] for _ in range(3)]
        out.append({"n": n, "batch_size": batch, "shuffle": shuffle, "drop_last": drop_last, "own_generator_seed": 42 if own else None, "len": len(loader),
                    "epochs": epochs, "next_default": number(torch.rand(1).numpy()[0]),
                    "next_own": number(torch.rand(1, generator=g).numpy()[0]) if own else None})
    return out


# -------------------------------------------------------------------------------------------------------------- printing


def printing():
    """Tensors and the text PyTorch prints for them."""
    nan, inf = float("nan"), float("inf")
    f32, f64, i64, boolean = torch.float32, torch.float64, torch.int64, torch.bool
    tensors = [
        torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.5, 2.0, 3.0]), torch.tensor(3.14159265), torch.tensor(7), torch.tensor(True),
        torch.tensor([True, False]), torch.tensor([1, -20, 300]), torch.tensor([1e-5, 1.0]), torch.tensor([1e9, 1.0]), torch.tensor([12345678.0]),
        torch.tensor([123456789.0]), torch.tensor([0.001, 10.0]), torch.tensor([0.01, 10.0]), torch.tensor([nan, 1.0, inf]),
        torch.tensor([nan, 1.5, -inf]), torch.tensor([inf]), torch.tensor([nan, nan]), torch.tensor([0.0, inf]), torch.zeros(2, 3), torch.tensor([[-1.25, 100.5], [0.0, -0.0]]),
        torch.arange(6).reshape(2, 3), torch.arange(24.0).reshape(2, 3, 4), torch.tensor([]), torch.empty(0, 3), torch.empty(2, 0, dtype=i64),
        torch.empty(0, dtype=i64), torch.empty(0, dtype=f64), torch.empty(0, 2, dtype=boolean), torch.arange(30), torch.linspace(0, 1, 15), torch.arange(1001), torch.arange(1001.0),
        torch.arange(1000.0).reshape(10, 100), torch.arange(1002).reshape(2, 501), torch.arange(1100.0).reshape(275, 2, 2), torch.tensor([1.0, 2.0], dtype=f64), torch.tensor(2.5, dtype=f64),
        torch.tensor([99999.0]), torch.tensor([0.00012345, 0.00099]), torch.tensor(0.0), torch.tensor(-0.0), torch.tensor([-0.0, 1.0]), torch.zeros(1, 1, 1, 1),
        torch.tensor([100000.0, 0.5]), torch.tensor([0.99999, 0.1]), torch.tensor([[True, False], [False, True]]), torch.arange(12.0).reshape(3, 4).t(),
        torch.arange(1200) % 2 == 0, torch.tensor([1e-45, 1.0]), torch.tensor([1e300, -1e-300], dtype=f64), torch.tensor([-(2**63), 2**63 - 1]),
        torch.tensor([0.5, 1.5, 2.5]) * 1e-4, torch.tensor([2.00005, 0.00025]), torch.arange(60.0).reshape(2, 30), torch.tensor([1.0, 10.0, 1e8]), torch.tensor([1.0, 10.0, 1.1e8]),
    ]
    out = [{**encode(t), "text": str(t)} for t in tensors]
    with_graph = []
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    m = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    names = {
        "leaf": x, "add": x + 1, "sub": x - x, "mul": x * 2, "div": x / 2, "neg": -x, "pow": x**2, "exp": x.exp(), "log": x.log(), "sqrt": x.sqrt(), "abs": x.abs(), "relu": x.relu(),
        "leaky_relu": nn.functional.leaky_relu(x), "sigmoid": x.sigmoid(), "tanh": x.tanh(), "clamp": x.clamp(0, 1), "sum": x.sum(), "sum_dim": m.sum(1), "mean": x.mean(), "mean_dim": m.mean(0),
        "max": x.max(), "max_dim": m.max(1).values, "amax": m.amax(1), "var": x.var(), "std": x.std(), "softmax": x.softmax(0), "log_softmax": x.log_softmax(0),
        "mm": m @ m, "mv": m @ x, "dot": x @ x, "bmm": m.view(1, 2, 2) @ m.view(1, 2, 2), "linear": nn.functional.linear(m, m, x), "linear_no_bias": nn.functional.linear(m, m),
        "view": m.view(4), "reshape_view": m.reshape(4), "reshape_copy": m.t().reshape(4), "t": m.t(), "transpose": m.transpose(0, 1), "permute": m.permute(1, 0), "squeeze": m.view(2, 1, 2).squeeze(),
        "squeeze_dim": m.view(2, 1, 2).squeeze(1), "unsqueeze": x.unsqueeze(0), "expand": x.expand(2, 2), "narrow": x.narrow(0, 0, 1), "select": m[0], "slice": x[0:1], "flatten": m.flatten(),
        "cat": torch.cat([x, x]), "stack": torch.stack([x, x]), "clone": x.clone(), "gather": m.gather(1, torch.tensor([[0], [1]])), "where": torch.where(x > 1, x, 0.0),
        "to": x.double(), "conv2d": nn.functional.conv2d(m.view(1, 1, 2, 2), m.view(1, 1, 2, 2)), "max_pool2d": nn.functional.max_pool2d(m.view(1, 2, 2), 2), "avg_pool2d": nn.functional.avg_pool2d(m.view(1, 2, 2), 2),
        "batch_norm": nn.functional.batch_norm(m, None, None, training=True), "mse_loss": nn.functional.mse_loss(x, x.detach()), "l1_loss": nn.functional.l1_loss(x, x.detach()),
        "cross_entropy": nn.functional.cross_entropy(m, torch.tensor([0, 1])), "nll_loss": nn.functional.nll_loss(m, torch.tensor([0, 1])),
        "binary_cross_entropy": nn.functional.binary_cross_entropy(x.sigmoid(), torch.ones(2)), "binary_cross_entropy_with_logits": nn.functional.binary_cross_entropy_with_logits(x, torch.ones(2)),
        "maximum": torch.maximum(x, x.detach()), "minimum": torch.minimum(x, x.detach()),
        "add_": x.clone().add_(1), "mul_": x.clone().mul_(2), "relu_": x.clone().relu_(), "copy_": x.clone().copy_(x * 2),
        "select_of_add": (m + 1)[0],
    }
    for name, t in names.items():
        with_graph.append({"name": name, "grad_fn": t.grad_fn.name() if t.grad_fn else None, "text": str(t)})
    w = nn.Parameter(torch.tensor([1.0, 2.0]))
    with_graph.append({"name": "parameter", "grad_fn": None, "text": str(w)})
    return out, with_graph


# -------------------------------------------------------------------------------------------------------------- creation


def creation():
    """Values and dtypes of the functions that make tensors."""
    def one(name, args, t):
        return {"name": name, "args": args, **encode(t)}
    out = []
    for args in ([0, 5], [0, 5, 2], [5, 0, -2], [2, 2], [-3, 4, 3]):
        out.append(one("arange", args, torch.arange(*args)))
    for args in ([0.0, 1.0, 0.1], [1.0, 2.5, 0.5], [0.0, 5.0], [0.3, -0.5, -0.2], [1.0, 1.3, 0.1]):
        out.append(one("arange", args, torch.arange(*args)))
        out.append(one("arange_f64", args, torch.arange(*args, dtype=torch.float64)))
    for args in ([0.0, 1.0, 5], [-3.0, 10.0, 12], [0.0, 1.0, 1], [2.0, -2.0, 7], [0.1, 0.7, 40], [1.0, 2.0, 0]):
        out.append(one("linspace", args, torch.linspace(*args)))
        out.append(one("linspace_f64", args, torch.linspace(*args, dtype=torch.float64)))
    for args in ([3], [2, 3], [3, 2], [0]):
        out.append(one("eye", args, torch.eye(*args)))
    for value in (2, 2.5, True):
        out.append(one("full", [value], torch.full((2, 2), value)))
    return out


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    small, large = layers()
    texts, graphs = printing()
    path = pathlib.Path(__file__).parent / "nn.json.gz"
    write(path, {
        "torch": torch.__version__.split("+")[0], "random": random_streams(), "creation": creation(), "layers": small, "large_layers": large,
        "layer_runs": layer_runs(), "channel_dropout": channel_dropout(), "batch_norm": batch_norm_module(), "loaders": loader_orders(),
        "printing": texts, "printing_grad_fn": graphs,
    })
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
