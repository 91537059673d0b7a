"""Writes sparse.json.gz: embedding layers, sparse tensors, and optimizers with sparse gradients."""

import pathlib
import warnings

import torch
from torch import nn

from fixture import DTYPES, encode, write

INDEX = [[4, 0, 2], [4, 4, 1]]


def coo(t):
    """The parts of a sparse tensor as they are stored, and its text."""
    return {"indices": encode(t._indices()), "values": encode(t._values()), "size": list(t.shape),
            "coalesced": t.is_coalesced(), "text": str(t)}


# -------------------------------------------------------------------------------------------------------------- layers

LAYERS = [
    {}, {"padding_idx": 2}, {"padding_idx": -1}, {"padding_idx": 0, "sparse": True}, {"max_norm": 1.0},
    {"max_norm": 0.75, "norm_type": 1.0}, {"max_norm": 0.5, "norm_type": "inf", "sparse": True}, {"norm_type": 3.0},
    {"scale_grad_by_freq": True}, {"scale_grad_by_freq": True, "padding_idx": 4}, {"sparse": True},
    {"padding_idx": -5, "max_norm": 2.0, "norm_type": 1e-5, "scale_grad_by_freq": True},
]


def layer(options, dtype, pretrained):
    arguments = {k: float(v) if k == "norm_type" else v for k, v in options.items()}
    torch.manual_seed(0)
    if pretrained:
        weight = torch.arange(10.0).view(5, 2).sub(4).to(DTYPES[dtype])
        made = nn.Embedding.from_pretrained(weight, **{"freeze": False, **arguments})
    else:
        made = nn.Embedding(5, 2, dtype=DTYPES[dtype], **arguments)
    record = {"options": options, "dtype": dtype, "pretrained": pretrained, "text": str(made),
              "weight": encode(made.weight), "trained": made.weight.requires_grad}
    y = made(torch.tensor(INDEX))
    record["output"], record["weight_after"] = encode(y), encode(made.weight)
    if y.requires_grad:
        factors = torch.arange(12.0).view(2, 3, 2).sub(4.5).to(y.dtype)
        (y * factors).sum().backward()
        grad = made.weight.grad
        record["grad"] = encode(grad.to_dense())
        if grad.is_sparse:
            record["sparse_grad"] = coo(grad)
    return record


def layers():
    records = [layer(options, dtype, False) for options in LAYERS for dtype in ("f32", "f64")]
    records += [layer({}, dtype, False) for dtype in ("f16", "bf16")]
    records += [layer(options, "f32", True) for options in ({}, {"padding_idx": 1, "sparse": True}, {"freeze": True}, {"max_norm": 1.0})]
    return records


# ------------------------------------------------------------------------------------------------------------- tensors


def tensors():
    t = torch.tensor
    return [
        (t([[0, 2, 0]]), t([1.0, 2.0, 3.5]), [3]),
        (t([[2, 0, 2, 1, 0]]), t([[1.0, -2.0], [0.5, 1e-3], [3.0, 4.0], [0.0, 1.0], [7.0, 1e4]]), [4, 2]),
        (t([[1, 0, 1], [2, 0, 2]]), t([1, 2, 3]), [2, 3]),
        (t([[1, 0, 1, 0], [2, 0, 2, 1]]), t([[0.1], [0.2], [0.3], [0.4]], dtype=torch.float64), [2, 3, 1]),
        (t([[0, 2, 0]]), t([True, False, True]), [3]),
        (t([[1, 1, 0]]), t([[0.5, 1.5], [2.0, 3.0], [1.0, 1.0]], dtype=torch.bfloat16), [2, 2]),
        (t([[1, 1, 0]]), t([[0.5, 1.5], [2.0, 3.0], [1.0, 1.0]], dtype=torch.float16), [2, 2]),
        (t([[1]]), t([2.5]), [3]),
        (torch.zeros(1, 0, dtype=torch.int64), torch.zeros(0, 3), [5, 3]),
        (torch.zeros(2, 0, dtype=torch.int64), torch.zeros(0), [2, 3]),
        (torch.zeros(0, 3, dtype=torch.int64), t([1.0, 2.0, 4.0]), []),
        (torch.zeros(0, 1, dtype=torch.int64), t([[1.0, 2.0]]), [2]),
        ((torch.arange(1500) * 7 % 11)[None], torch.arange(1500.0), [12]),
        ((torch.arange(25) % 3)[None], (torch.arange(500.0) / 7).view(25, 20), [1000000, 20]),
    ]


def describe(indices, values, size):
    s = torch.sparse_coo_tensor(indices, values, size)
    record = {"made": coo(s), "sorted": coo(s.coalesce()), "sparse_dim": s.sparse_dim(), "dense_dim": s.dense_dim()}
    if len(size) < 2 or size[0] < 1000:
        record["dense"] = encode(s.to_dense())
    if values.dtype == torch.float32:
        record["doubled"] = coo(s * 2)
        record["tracked"] = str(torch.sparse_coo_tensor(indices, values.clone().requires_grad_(), size))
        record["leaf"] = str(torch.sparse_coo_tensor(indices, values, size).requires_grad_())
    return record


def sums():
    def make(*columns, size=(5, 2)):
        values = torch.arange(2.0 * len(columns)).view(-1, 2) + 0.25
        return torch.sparse_coo_tensor(torch.tensor([columns]), values, size)
    pairs = [
        (make(3, 1, 1, 0), make(1, 3, 0)), (make(0, 2, 4), make(1, 2, 3)), (make(4, 0), make(4, 0, 4, 0)),
        (make(3, 1, 1, 0).coalesce(), make(1, 3, 0).coalesce()), (make(2).coalesce(), make(2)),
    ]
    return [{"a": coo(a), "b": coo(b), "sum": coo(a + b), "in_place": coo(a.clone().add_(b)),
             "with_dense": encode(torch.ones(5, 2) + b)} for a, b in pairs]


def gradients():
    """The text of the gradient after uses of one table, some of them dense, in one graph or in several."""
    torch.manual_seed(0)
    e = nn.Embedding(5, 2, sparse=True)
    w = e.weight
    first, second = torch.tensor([0, 2, 0]), torch.tensor([1, 0])

    def use(index, factor=1.0):
        # The factor makes a contiguous gradient: PyTorch adds up others in another order.
        y = e(index)
        return (y * torch.full(y.shape, factor)).sum()

    uses = {
        "sparse": lambda: [use(first)],
        "two_uses": lambda: [use(first) + use(second, 2.0)],
        "two_passes": lambda: [use(first), use(second, 2.0)],
        "tied": lambda: [use(first) + (w * 3).sum()],
        "sparse_then_dense": lambda: [use(first), (w * 3).sum()],
        "dense_then_sparse": lambda: [(w * 3).sum(), use(first)],
        "one_row": lambda: [use(torch.tensor([3]))],
        "no_rows": lambda: [use(torch.zeros(0, 2, dtype=torch.int64))],
    }
    records = {}
    for name, make in uses.items():
        w.grad = None
        for loss in make():
            loss.backward()
        records[name] = str(w.grad)
    return records


# ---------------------------------------------------------------------------------------------------------- optimizers

OPTIMIZERS = [
    (torch.optim.SparseAdam, [{}, {"lr": 0.1}, {"betas": [0.5, 0.9]}, {"lr": 0.05, "eps": 0.1}, {"lr": 0.02, "maximize": True}]),
    (torch.optim.SGD, [{"lr": 0.1}, {"lr": 0.02, "maximize": True}, {"lr": 0.05, "momentum": 0.9},
                       {"lr": 0.05, "momentum": 0.9, "nesterov": True}, {"lr": 0.05, "momentum": 0.5, "dampening": 0.3}]),
    (torch.optim.Adagrad, [{"lr": 0.1}, {"lr": 0.1, "lr_decay": 0.1}, {"lr": 0.1, "initial_accumulator_value": 0.5},
                           {"lr": 0.1, "eps": 0.1}, {"lr": 0.02, "maximize": True}]),
]
STEPS = 30


def batch(step):
    """Indices with repetitions; none at all in one step."""
    return [] if step == 7 else [step % 6, (step * step) % 6, 2, 2 if step % 3 else 5]


def run(cls, options, dtype):
    initial = ((torch.arange(18.0) * 7 % 11 - 5) / 4).view(6, 3).to(DTYPES[dtype])
    e = nn.Embedding.from_pretrained(initial.clone(), freeze=False, sparse=True)
    optimizer = cls(e.parameters(), **options)
    weights = []
    for step in range(STEPS):
        optimizer.zero_grad()
        y = e(torch.tensor(batch(step), dtype=torch.int64))
        (y.square() / 2 + y.sin()).sum().backward()
        optimizer.step()
        if step % 6 == 5:
            weights.append(encode(e.weight))
    state = optimizer.state_dict()["state"].get(0, {})
    state = {k: encode(v.to_dense()) for k, v in state.items() if torch.is_tensor(v) and v.dim() > 0}
    return {"class": cls.__name__, "options": options, "dtype": dtype, "initial": encode(initial), "weights": weights, "state": state}


def clipping():
    records = []
    for norm_type in (2.0, 1.0, "inf"):
        e = nn.Embedding.from_pretrained(torch.zeros(5, 2), freeze=False, sparse=True)
        linear = nn.Parameter(torch.tensor([1.0, 2.0]))
        (e(torch.tensor([0, 2, 0])) * torch.tensor([[3.0, 4.0], [1.0, 0.0], [3.0, 4.0]])).sum().backward()
        (linear * torch.tensor([2.0, -1.0])).sum().backward()
        norm = nn.utils.clip_grad_norm_([e.weight, linear], 1.5, float(norm_type))
        records.append({"norm_type": norm_type, "norm": encode(norm), "sparse": coo(e.weight.grad), "dense": encode(linear.grad)})
    return records


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # sparse tensors are not checked
    content = {
        "torch": torch.__version__.split("+")[0],
        "index": INDEX,
        "layers": layers(),
        "tensors": [describe(*t) for t in tensors()],
        "sums": sums(),
        "gradients": gradients(),
        "batches": [batch(step) for step in range(STEPS)],
        "optimizers": [run(cls, options, dtype) for cls, all in OPTIMIZERS for options in all for dtype in ("f32", "f64")],
        "clipping": clipping(),
    }
    write(pathlib.Path(__file__).with_name("sparse.json.gz"), content)


if __name__ == "__main__":
    main()
