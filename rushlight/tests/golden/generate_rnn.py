"""Writes rnn.json.gz: recurrent layers with every option, and packed sequences.

    pip install torch==2.15.0 numpy
    python generate_rnn.py
"""

import pathlib
import warnings

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence, pad_packed_sequence, pad_sequence

from fixture import DTYPES, encode, write

L, N, INPUTS, HIDDEN = 5, 3, 3, 4


def noise(generator, *shape):
    """Rounded to three decimals to keep the file small."""
    return torch.round(torch.randn(shape, generator=generator, dtype=torch.float64) * 1000) / 1000


def lstm(name, shape=(L, N, INPUTS), state=True, dtype="f32", seed=None, evaluate=False, lengths=None, second=False, **options):
    torch.manual_seed(0)
    net = nn.LSTM(INPUTS, HIDDEN, dtype=DTYPES[dtype], **options)
    record = {
        "name": name, "text": str(net), "options": options, "dtype": dtype, "eval": evaluate, "lengths": lengths, "seed": seed,
        "draws": [{"key": k, "value": encode(v)} for k, v in net.state_dict().items()],
        "next_draw": torch.rand(1).item(),
    }
    generator = torch.Generator().manual_seed(len(name) * 1000 + sum(map(ord, name)))
    depth = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    batch = () if len(shape) == 2 else (shape[0 if options.get("batch_first") else 1],)
    x = noise(generator, *shape).to(DTYPES[dtype]).requires_grad_()
    h0 = noise(generator, depth, *batch, options.get("proj_size") or HIDDEN).to(DTYPES[dtype]).requires_grad_()
    c0 = noise(generator, depth, *batch, HIDDEN).to(DTYPES[dtype]).requires_grad_()
    if dtype in ("f16", "bf16"):
        # PyTorch rounds after every operation, Rushlight only results: these are PyTorch's in float32, and near its own.
        own = net(x, (h0, c0))[0]
        net, x, h0, c0 = net.float(), *(t.detach().float().requires_grad_() for t in (x, h0, c0))
        torch.testing.assert_close(own.float(), net(x, (h0, c0))[0], rtol=0, atol=0.02)
    if evaluate:
        net.eval()
    if seed is not None:
        torch.manual_seed(seed)
    given = x
    if lengths is not None:
        given = pack_padded_sequence(x, lengths, batch_first=options.get("batch_first", False), enforce_sorted=False)
    output, (h, c) = net(given, (h0, c0)) if state else net(given)
    if lengths is not None:
        output = output.data
    outputs = [output, h, c]
    weights = [noise(generator, *out.shape).to(DTYPES[dtype]).to(out.dtype).requires_grad_(second) for out in outputs]
    leaves = [x] + ([h0, c0] if state else []) + list(net.parameters())
    grads = torch.autograd.grad(outputs, leaves, weights, create_graph=second)
    for key, tensors in {"inputs": [x, h0, c0] if state else [x], "outputs": outputs, "weights": weights, "grads": grads}.items():
        record[key] = [encode(t.to(DTYPES[dtype])) for t in tensors]
    if second:
        directions = [noise(generator, *grad.shape).to(DTYPES[dtype]) for grad in grads]
        total = sum((grad * direction).sum() for grad, direction in zip(grads, directions))
        record["directions"] = [encode(t) for t in directions]
        record["second"] = [encode(t) for t in torch.autograd.grad(total, leaves + weights)]
    return record


def layers():
    everything = dict(num_layers=2, bidirectional=True, batch_first=True)
    flipped = (N, L, INPUTS)
    return [
        lstm("plain"),
        lstm("no_state", state=False),
        lstm("no_bias", bias=False),
        lstm("layers", num_layers=3),
        lstm("batch_first", shape=flipped, batch_first=True),
        lstm("bidirectional", bidirectional=True),
        lstm("projection", proj_size=2),
        lstm("unbatched", shape=(L, INPUTS)),
        lstm("unbatched_batch_first", shape=(L, INPUTS), **everything),
        lstm("empty_batch", shape=(L, 0, INPUTS), bidirectional=True),
        lstm("one_step", shape=(1, N, INPUTS), bidirectional=True),
        lstm("everything", shape=flipped, proj_size=3, **everything),
        lstm("everything_no_bias", shape=flipped, proj_size=3, bias=False, state=False, **everything),
        lstm("dropout", num_layers=3, dropout=0.4, seed=7),
        lstm("dropout_bidirectional", shape=flipped, dropout=0.5, seed=8, **everything),
        lstm("dropout_all", num_layers=2, dropout=1.0, seed=9),
        lstm("dropout_eval", num_layers=2, dropout=0.4, seed=7, evaluate=True),
        lstm("packed", lengths=[2, 5, 3]),
        lstm("packed_equal", lengths=[4, 4, 4], state=False),
        lstm("packed_everything", shape=flipped, lengths=[1, 3, 5], proj_size=2, **everything),
        lstm("packed_dropout", lengths=[5, 2, 2], num_layers=2, bidirectional=True, dropout=0.5, seed=3),
        lstm("double", dtype="f64", second=True),
        lstm("double_everything", shape=flipped, dtype="f64", second=True, proj_size=2, **everything),
        lstm("double_packed", dtype="f64", second=True, lengths=[2, 4, 3], bidirectional=True),
        lstm("half", dtype="f16"),
        lstm("brain", dtype="bf16"),
    ]


def cell(name, batch=(N,), state=True, dtype="f32", **options):
    torch.manual_seed(0)
    net = nn.LSTMCell(INPUTS, HIDDEN, dtype=DTYPES[dtype], **options)
    record = {
        "name": name, "text": str(net), "options": options, "dtype": dtype,
        "draws": [{"key": k, "value": encode(v)} for k, v in net.state_dict().items()],
        "next_draw": torch.rand(1).item(),
    }
    generator = torch.Generator().manual_seed(len(name))
    x, h, c = (noise(generator, *batch, size).to(DTYPES[dtype]).requires_grad_() for size in (INPUTS, HIDDEN, HIDDEN))
    outputs = net(x, (h, c)) if state else net(x)
    weights = [noise(generator, *out.shape).to(DTYPES[dtype]) for out in outputs]
    leaves = [x] + ([h, c] if state else []) + list(net.parameters())
    record["inputs"] = [encode(t) for t in ([x, h, c] if state else [x])]
    record["outputs"] = [encode(t) for t in outputs]
    record["weights"] = [encode(t) for t in weights]
    record["grads"] = [encode(t) for t in torch.autograd.grad(outputs, leaves, weights)]
    return record


def cells():
    return [
        cell("plain"), cell("no_state", state=False), cell("no_bias", bias=False), cell("unbatched", batch=()),
        cell("double", dtype="f64"), cell("empty", batch=(0,)),
    ]


def packed(name, lengths, batch_first=False, enforce_sorted=True, padding_value=0.0, total_length=None, tail=(2,)):
    """Packing and padding again, with the gradient through both."""
    steps = max(lengths) + 1
    shape = (len(lengths), steps) if batch_first else (steps, len(lengths))
    x = noise(torch.Generator().manual_seed(len(name)), *shape, *tail).float().requires_grad_()
    sequence = pack_padded_sequence(x, lengths, batch_first=batch_first, enforce_sorted=enforce_sorted)
    padded, found = pad_packed_sequence(sequence, batch_first=batch_first, padding_value=padding_value, total_length=total_length)
    weights = noise(torch.Generator().manual_seed(1), *padded.shape).float()
    padded.backward(weights)
    detached = PackedSequence(sequence.data.detach(), *sequence[1:])
    return {
        "name": name, "lengths": lengths, "batch_first": batch_first, "enforce_sorted": enforce_sorted, "padding_value": padding_value,
        "total_length": total_length, "x": encode(x), "text": str(detached), "data": encode(sequence.data),
        "padded": encode(padded), "found": found.tolist(), "weights": encode(weights), "grad": encode(x.grad),
    }


def sequences():
    return [
        packed("sorted", [4, 2, 1]),
        packed("unsorted", [2, 4, 1, 4], enforce_sorted=False),
        packed("batch_first", [1, 3], batch_first=True, enforce_sorted=False, padding_value=-1.5),
        packed("total_length", [3, 2], total_length=6, padding_value=2.0),
        packed("one", [3], total_length=3),
        packed("numbers", [2, 3, 3], enforce_sorted=False, tail=()),
        packed("images", [2, 1], tail=(2, 1, 2)),
    ]


def padded():
    records = []
    for tail in ((), (2,)):
        parts = [noise(torch.Generator().manual_seed(n), n, *tail).float() for n in (2, 4, 0, 1)]
        for batch_first in (False, True):
            for side in ("right", "left"):
                out = pad_sequence(parts, batch_first=batch_first, padding_value=0.5, padding_side=side)
                records.append({"parts": [encode(part) for part in parts], "batch_first": batch_first, "side": side, "out": encode(out)})
    return records


def refused():
    """Calls that PyTorch refuses; the test makes the same calls."""
    x = torch.ones(L, N, INPUTS)
    state = torch.zeros(1, N, HIDDEN)
    net, cell = nn.LSTM(INPUTS, HIDDEN), nn.LSTMCell(INPUTS, HIDDEN)
    calls = {
        "input_size": lambda: nn.LSTM(0, 2), "hidden_size": lambda: nn.LSTM(2, 0), "num_layers": lambda: nn.LSTM(2, 2, num_layers=0),
        "proj_size": lambda: nn.LSTM(2, 2, proj_size=2), "dropout": lambda: nn.LSTM(2, 2, dropout=1.5),
        "dimensions": lambda: net(torch.ones(3)), "features": lambda: net(torch.ones(L, N, 2)), "dtype": lambda: net(x.double()),
        "steps": lambda: net(torch.ones(0, N, INPUTS)), "h_0": lambda: net(x, (torch.zeros(2, N, HIDDEN), state)),
        "c_0": lambda: net(x, (state, torch.zeros(1, N, 3))), "state_dimensions": lambda: net(x, (state[:, 0], state[:, 0])),
        "state_dtype": lambda: net(x, (state.double(), state.double())),
        "packed_dimensions": lambda: net(pack_sequence([torch.ones(3)])),
        "cell_dimensions": lambda: cell(torch.ones(1, 1, INPUTS)), "cell_features": lambda: cell(torch.ones(2, 2)),
        "cell_state": lambda: cell(torch.ones(2, INPUTS), (torch.zeros(1, HIDDEN), torch.zeros(2, HIDDEN))),
        "cell_dtype": lambda: cell(torch.ones(2, INPUTS).double()),
        "pack_empty": lambda: pack_padded_sequence(torch.ones(0, 2, 1), [1, 1]),
        "pack_count": lambda: pack_padded_sequence(x, [1, 1]), "pack_zero": lambda: pack_padded_sequence(x, [2, 1, 0]),
        "pack_order": lambda: pack_padded_sequence(x, [1, 2, 3]),
        "pack_sequence_zero": lambda: pack_sequence([torch.ones(2), torch.ones(0)]),
        "total_length": lambda: pad_packed_sequence(pack_sequence([torch.ones(3)]), total_length=2),
        "pad_nothing": lambda: pad_sequence([]), "pad_shapes": lambda: pad_sequence([torch.ones(2, 2), torch.ones(2, 3)]),
        "pad_0d": lambda: pad_sequence([torch.tensor(1.0)]),
    }
    for name, call in calls.items():
        try:
            call()
        except Exception:  # noqa: BLE001 - whatever PyTorch raises
            continue
        raise RuntimeError(f"{name}: PyTorch accepts it")
    return list(calls)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    content = {"lstm": layers(), "lstm_cell": cells(), "packed": sequences(), "padded": padded(), "refused": refused()}
    write(pathlib.Path(__file__).parent / "rnn.json.gz", content)
