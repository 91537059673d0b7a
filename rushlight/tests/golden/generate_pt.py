"""Files that torch.save writes, in both formats, and states of optimizers and schedulers in the middle of a training.

    python generate_pt.py                 writes pt/*.pt, pt/*.pth and pt/training.pt.gz
    python generate_pt.py check FOLDER    reads what Rushlight wrote, and goes on training with it

For the second, `RUSHLIGHT_PT=FOLDER cargo test -p rushlight --test data_io written_for_pytorch` writes the files. Run with PyTorch 2.15.
"""

import collections
import gzip
import io
import os
import pathlib
import pickle
import sys
import zipfile

import torch
from torch import nn

FOLDER = pathlib.Path(__file__).parent / "pt"


def values():
    """One of each kind of data that is read."""
    whole = [0, 1, -1, 100, -128, 127]
    real = [0.0, -0.0, 1.5, -2.25, 65504.0, 2.0**-24]
    return {
        "bool": torch.tensor([True, False, True, True, False, False]).reshape(2, 3),
        "uint8": torch.tensor([0, 1, 2, 100, 255, 7], dtype=torch.uint8),
        "int8": torch.tensor(whole, dtype=torch.int8),
        "int16": torch.tensor([0, 1, -1, 100, -(2**15), 2**15 - 1], dtype=torch.int16),
        "int32": torch.tensor([0, 1, -1, 100, -(2**31), 2**31 - 1], dtype=torch.int32),
        "int64": torch.tensor([0, 1, -1, 100, -(2**63), 2**63 - 1]).reshape(3, 2),
        "float16": torch.tensor(real, dtype=torch.float16),
        "bfloat16": torch.tensor([0.0, -0.0, 1.5, -2.25, 2.0**127, 2.0**-126], dtype=torch.bfloat16),
        "float32": torch.tensor(real).reshape(1, 2, 3),
        "float64": torch.tensor([0.0, -0.0, 0.1, -2.25, 1e300, 5e-324], dtype=torch.float64),
        "scalar": torch.tensor(3.25),
        "empty": torch.zeros(2, 0, 3),
        "plain": {
            "none": None, "yes": True, "no": False, "int": [0, 255, 256, 65535, 65536, -1, 2**31, -(2**63), 2**63 - 1],
            "long": 2**70, "float": [0.1, float("inf")], "text": "ünï \"漢\" \n", "bytes": b"\x00ab\xff", "nothing": b"",
            "tuple": (), "tuples": ((1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)), "set": {7}, "dtype": torch.float16,
            "size": torch.Size([2, 3]), "device": torch.device("cpu"), "counter": collections.Counter({30: 2, 80: 1}),
            3: "int key", (1, "a"): "tuple key",
        },
    }  # fmt: skip


def sharing():
    """Tensors that share memory, and parameters."""
    base = torch.arange(12.0).reshape(3, 4)
    param = nn.Parameter(torch.tensor([1.0, 2.0]))
    return {
        "base": base, "row": base[1], "column": base[:, 2], "transposed": base.t(), "step": base[::2, 1::2],
        "expanded": torch.tensor([5.0]).expand(3), "tied": [param, param], "frozen": nn.Parameter(param.data, False),
        "leaf": torch.ones(1).requires_grad_(),
    }  # fmt: skip


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(2, 3))


class Malicious:
    def __reduce__(self):
        return os.system, ("echo executed > executed",)


def archive(path, records):
    """A zip archive with these records in the folder `archive`."""
    with zipfile.ZipFile(path, "w") as z:
        for name, data in records.items():
            z.writestr(zipfile.ZipInfo(f"archive/{name}"), data)


def files():
    save = lambda name, value, **options: torch.save(value, FOLDER / name, **options)  # noqa: E731
    old = {"_use_new_zipfile_serialization": False}
    save("values.pt", values())
    save("values_protocol4.pt", values(), pickle_protocol=4)
    save("values_old.pth", values(), **old)
    save("sharing.pt", sharing())
    save("sharing_old.pth", sharing(), **old)
    save("net.pt", net().state_dict())
    save("net_old.pth", net().state_dict(), **old)
    save("sparse.pt", torch.sparse_coo_tensor([[2, 0]], [[1.0, 2.0], [3.0, 4.0]], (4, 2)))
    parallel = {f"module.{key}": value for key, value in net().state_dict().items()}
    save("parallel.pt", {"epoch": 3, "state_dict": parallel, "best": 0.5})
    torch.serialization.set_crc32_options(False)
    save("no_checksums.pt", net().state_dict())
    torch.serialization.set_crc32_options(True)

    save("refused_complex.pt", {"a": [torch.ones(1), torch.ones(1, dtype=torch.complex64)]})
    save("refused_complex_old.pth", {"a": [torch.ones(1), torch.ones(1, dtype=torch.complex64)]}, **old)
    save("refused_uint16.pt", {"a": torch.ones(1, dtype=torch.uint16)})
    save("refused_quantized.pt", {"a": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)})
    save("refused_module.pt", nn.Linear(1, 1))
    save("refused_module_old.pth", nn.Linear(1, 1), **old)
    save("refused_malicious.pt", {"epoch": 3, "x": Malicious()})
    save("refused_malicious_old.pth", Malicious(), **old)
    torch.jit.save(torch.jit.script(nn.Linear(1, 1)), FOLDER / "refused_script.pt")
    # Written by hand, so that it does not need a machine with the other byte order.
    big = torch.tensor([1.0, -2.5]).numpy().astype(">f4").tobytes()
    data = io.BytesIO()
    torch.save(torch.tensor([1.0, -2.5]), data)
    pkl = zipfile.ZipFile(data).read("archive/data.pkl")
    archive(FOLDER / "big_endian.pt", {"data.pkl": pkl, "byteorder": "big", "data/0": big, "version": "3\n"})
    # An object of Python's library that is harmless, and not read either.
    archive(FOLDER / "refused_global.pt", {"data.pkl": pickle.dumps(collections.deque, 2), "version": "3\n"})


OPTIMIZERS = {
    "Adadelta": ("Adadelta", dict(lr=0.5, rho=0.8)),
    "Adagrad": ("Adagrad", dict(lr=0.1, lr_decay=0.01, initial_accumulator_value=0.1)),
    "Adam": ("Adam", dict(lr=0.05, betas=(0.8, 0.9), weight_decay=0.01, amsgrad=True)),
    "AdamW": ("AdamW", dict(lr=0.05)),
    "SparseAdam": ("SparseAdam", dict(lr=0.05)),
    "Adamax": ("Adamax", dict(lr=0.05)),
    "ASGD": ("ASGD", dict(lr=0.05, t0=2)),
    "LBFGS": ("LBFGS", dict(lr=0.3, max_iter=2, history_size=3)),
    "LBFGS strong_wolfe": ("LBFGS", dict(lr=0.3, max_iter=2, history_size=3, line_search_fn="strong_wolfe")),
    "RMSprop": ("RMSprop", dict(lr=0.01, momentum=0.5, centered=True)),
    "Rprop": ("Rprop", dict(lr=0.01)),
    "SGD": ("SGD", dict(lr=0.05, momentum=0.9, nesterov=True)),
    "SGD plain": ("SGD", dict(lr=0.05)),
}
SCHEDULERS = {
    "StepLR": lambda o: torch.optim.lr_scheduler.StepLR(o, 3, gamma=0.5),
    "MultiStepLR": lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [2, 6, 6], gamma=0.5),
    "ExponentialLR": lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9),
    "CosineAnnealingLR": lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 8, eta_min=0.01),
    "LambdaLR": lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    "ReduceLROnPlateau": lambda o: torch.optim.lr_scheduler.ReduceLROnPlateau(o, factor=0.5, patience=1),
}
METRICS = [1.0, 0.9, 0.95, 0.96, 0.8, 0.81, 0.82, 0.83, 0.84, 0.7]


def start():
    """A matrix, a vector, and a parameter that is never used."""
    w = torch.tensor([[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]])
    return [nn.Parameter(w), nn.Parameter(torch.tensor([0.1, -0.2])), nn.Parameter(torch.tensor([7.0]))]


def make(name, params):
    kind, options = OPTIMIZERS[name]
    if kind in ("LBFGS", "SparseAdam"):
        groups = params[:1] if kind == "SparseAdam" else params[:2]
    else:
        groups = [{"params": [params[0], params[2]]}, {"params": [params[1]], "lr": options["lr"] / 2}]
    return getattr(torch.optim, kind)(groups, **options)


def train(name, optimizer, params, steps):
    w, b, _ = params

    def closure():
        optimizer.zero_grad()
        if name == "SparseAdam":
            loss = nn.functional.embedding(torch.tensor([2, 0, 2]), w, sparse=True).square().sum()
        else:
            loss = ((w @ b - torch.tensor([1.0, 2.0, 3.0])) ** 2).sum() + 0.1 * (w**2).sum() + (b**2).sum()
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)


def copies(params):
    return [p.detach().clone() for p in params]


def snapshot(value):
    data = io.BytesIO()
    torch.save(value, data)
    data.seek(0)
    return torch.load(data, weights_only=True)


def schedule(scheduler, metrics):
    for metric in metrics:
        scheduler.optimizer.step()
        scheduler.step(*([metric] if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau) else []))


def training():
    """The state in the middle, and the end."""
    out = {"optimizers": {}, "schedulers": {}}
    for name in OPTIMIZERS:
        params = start()
        optimizer = make(name, params)
        train(name, optimizer, params, 5)
        half = snapshot({"params": copies(params), "state": optimizer.state_dict()})
        train(name, optimizer, params, 5)
        out["optimizers"][name] = {**half, "end": copies(params)}
    for name, scheduler in SCHEDULERS.items():
        optimizer = torch.optim.SGD(start(), lr=0.1)
        scheduler = scheduler(optimizer)
        schedule(scheduler, METRICS[:5])
        half = snapshot({"optimizer": optimizer.state_dict(), "state": scheduler.state_dict()})
        schedule(scheduler, METRICS[5:])
        out["schedulers"][name] = {**half, "end": scheduler.get_last_lr()[0]}
    return out


def same(a, b):
    if isinstance(a, torch.Tensor):
        assert a.dtype == b.dtype and a.requires_grad == b.requires_grad
        assert torch.equal(a.nan_to_num(), b.nan_to_num()) and a.stride() == b.stride()
    elif isinstance(a, dict):
        assert list(a) == list(b), (list(a), list(b))
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, (list, tuple)) and not isinstance(a, torch.Size):
        assert type(a) is type(b) and len(a) == len(b)
        for x, y in zip(a, b):
            same(x, y)
    elif isinstance(a, (torch.Size, torch.device)):
        assert b in (tuple(a) if isinstance(a, torch.Size) else None, str(a))
    else:
        assert type(a) is type(b) and a == b, (a, b)


def check(folder):
    """Reads what Rushlight wrote with `weights_only=True`, and continues each training."""
    read = lambda name: torch.load(pathlib.Path(folder) / name, weights_only=True)  # noqa: E731
    same(values(), read("values.pt"))
    shared = read("sharing.pt")
    same({k: v for k, v in sharing().items() if k != "tied"}, {k: v for k, v in shared.items() if k != "tied"})
    shared["base"][1, 2] = 100
    assert shared["row"][2] == shared["column"][1] == shared["transposed"][2, 1] == 100
    model = net()
    model.load_state_dict(read("net.pt"))
    assert torch.equal(read("sparse.pt").to_dense()[2], torch.tensor([1.0, 2.0]))
    golden = torch.load(io.BytesIO(gzip.decompress((FOLDER / "training.pt.gz").read_bytes())), weights_only=True)
    halves = read("training.pt")
    for name, half in halves["optimizers"].items():
        params = start()
        for p, value in zip(params, half["params"]):
            p.data = value
        optimizer = make(name, params)
        optimizer.load_state_dict(half["state"])
        train(name, optimizer, params, 5)
        worst = max(float(((p.detach() - end) / (1 + end.abs())).abs().max()) for p, end in zip(params, golden["optimizers"][name]["end"]))
        print(f"{name}: {worst:.1e}")
        assert worst < 1e-6, name
    for name, half in halves["schedulers"].items():
        optimizer = torch.optim.SGD(start(), lr=0.1)
        scheduler = SCHEDULERS[name](optimizer)
        scheduler.load_state_dict(half["state"])
        optimizer.load_state_dict(half["optimizer"])
        schedule(scheduler, METRICS[5:])
        difference = abs(scheduler.get_last_lr()[0] - golden["schedulers"][name]["end"])
        print(f"{name}: {difference:.1e}")
        assert difference < 1e-9, name


if __name__ == "__main__":
    if sys.argv[1:2] == ["check"]:
        check(sys.argv[2])
    else:
        FOLDER.mkdir(exist_ok=True)
        files()
        data = io.BytesIO()
        torch.save(training(), data)
        (FOLDER / "training.pt.gz").write_bytes(gzip.compress(data.getvalue(), mtime=0))
        print({path.name: path.stat().st_size for path in sorted(FOLDER.iterdir())})
