"""Writes activations.json.gz: activations and losses as layers: text, state, output and gradients.

    pip install torch==2.15.0 numpy
    python generate_activations.py
"""

import pathlib
import warnings

import torch
from torch import nn

from fixture import encode, number, write

LAYERS = {
    "PReLU": lambda: nn.PReLU(),
    "PReLU_options": lambda: nn.PReLU(3, 0.1),
    "RReLU": lambda: nn.RReLU(),
    "RReLU_options": lambda: nn.RReLU(0.1, 0.6),
    "RReLU_evaluation": lambda: nn.RReLU(0.1, 0.6).eval(),
    "Threshold": lambda: nn.Threshold(0.1, 20.0),
    "Hardtanh": lambda: nn.Hardtanh(),
    "Hardtanh_options": lambda: nn.Hardtanh(-2.0, 0.5),
    "Hardsigmoid": lambda: nn.Hardsigmoid(),
    "Hardswish": lambda: nn.Hardswish(),
    "Hardshrink": lambda: nn.Hardshrink(),
    "Hardshrink_options": lambda: nn.Hardshrink(0.25),
    "Softshrink": lambda: nn.Softshrink(),
    "Softshrink_options": lambda: nn.Softshrink(0.25),
    "Tanhshrink": lambda: nn.Tanhshrink(),
    "ReLU6": lambda: nn.ReLU6(),
    "LogSigmoid": lambda: nn.LogSigmoid(),
    "Softsign": lambda: nn.Softsign(),
    "Softplus": lambda: nn.Softplus(),
    "Softplus_options": lambda: nn.Softplus(2.0, 1.5),
    "ELU": lambda: nn.ELU(),
    "ELU_options": lambda: nn.ELU(0.5),
    "CELU": lambda: nn.CELU(),
    "CELU_options": lambda: nn.CELU(0.5),
    "SELU": lambda: nn.SELU(),
    "GELU": lambda: nn.GELU(),
    "GELU_options": lambda: nn.GELU("tanh"),
    "SiLU": lambda: nn.SiLU(),
    "Mish": lambda: nn.Mish(),
    "GLU": lambda: nn.GLU(),
    "GLU_options": lambda: nn.GLU(1),
    "Softmin": lambda: nn.Softmin(1),
    "Softmax2d": lambda: nn.Softmax2d(),
}


def run(name, make):
    torch.manual_seed(0)
    layer = make()
    shape = (2, 4, 3, 2) if name == "GLU_options" else (2, 3, 3, 2)
    x = (torch.round(torch.randn(shape) * 1000) / 1000).requires_grad_(True)
    torch.manual_seed(1)
    y = layer(x)
    next_draw = number(torch.rand(1).numpy()[0])
    g = torch.round(torch.randn(y.shape) * 1000) / 1000
    y.backward(g)
    return {
        "name": name, "text": str(layer), "state_dict": [{"key": k, **encode(v)} for k, v in layer.state_dict().items()],
        "input": encode(x), "output": encode(y), "next_draw": next_draw, "grad_output": encode(g), "grad_input": encode(x.grad),
        "grads": [{"key": k, **encode(p.grad)} for k, p in layer.named_parameters()],
    }


WEIGHT = torch.tensor([0.5, 2.0, 1.25])
POSITIVE = torch.tensor([3.0, 0.5, 1.0])

# What each loss takes: values like its input, probabilities, or classes of rows or pixels, some of them ignored.
LOSSES = {
    "MSELoss": (lambda: nn.MSELoss(), "values"),
    "MSELoss_sum": (lambda: nn.MSELoss(reduction="sum"), "values"),
    "MSELoss_none": (lambda: nn.MSELoss(reduction="none"), "values"),
    "L1Loss": (lambda: nn.L1Loss(), "values"),
    "L1Loss_sum": (lambda: nn.L1Loss(reduction="sum"), "values"),
    "L1Loss_none": (lambda: nn.L1Loss(reduction="none"), "values"),
    "CrossEntropyLoss": (lambda: nn.CrossEntropyLoss(), "classes"),
    "CrossEntropyLoss_weight": (lambda: nn.CrossEntropyLoss(WEIGHT), "classes"),
    "CrossEntropyLoss_ignore_index": (lambda: nn.CrossEntropyLoss(ignore_index=1), "classes"),
    "CrossEntropyLoss_label_smoothing": (lambda: nn.CrossEntropyLoss(label_smoothing=0.2), "classes"),
    "CrossEntropyLoss_options": (lambda: nn.CrossEntropyLoss(WEIGHT, ignore_index=1, reduction="none", label_smoothing=0.2), "classes"),
    "CrossEntropyLoss_probabilities": (lambda: nn.CrossEntropyLoss(WEIGHT, label_smoothing=0.2), "probabilities"),
    "CrossEntropyLoss_pixels": (lambda: nn.CrossEntropyLoss(WEIGHT, ignore_index=2, reduction="sum"), "pixels"),
    "NLLLoss": (lambda: nn.NLLLoss(), "classes"),
    "NLLLoss_weight": (lambda: nn.NLLLoss(WEIGHT), "classes"),
    "NLLLoss_ignore_index": (lambda: nn.NLLLoss(ignore_index=1), "classes"),
    "NLLLoss_sum": (lambda: nn.NLLLoss(WEIGHT, ignore_index=1, reduction="sum"), "classes"),
    "NLLLoss2d": (lambda: nn.NLLLoss2d(), "pixels"),
    "NLLLoss2d_options": (lambda: nn.NLLLoss2d(WEIGHT, ignore_index=2, reduction="none"), "pixels"),
    "BCELoss": (lambda: nn.BCELoss(), "binary"),
    "BCELoss_weight": (lambda: nn.BCELoss(WEIGHT), "binary"),
    "BCELoss_sum": (lambda: nn.BCELoss(WEIGHT, reduction="sum"), "binary"),
    "BCELoss_none": (lambda: nn.BCELoss(reduction="none"), "binary"),
    "BCEWithLogitsLoss": (lambda: nn.BCEWithLogitsLoss(), "probabilities"),
    "BCEWithLogitsLoss_weight": (lambda: nn.BCEWithLogitsLoss(WEIGHT), "probabilities"),
    "BCEWithLogitsLoss_pos_weight": (lambda: nn.BCEWithLogitsLoss(pos_weight=POSITIVE), "probabilities"),
    "BCEWithLogitsLoss_options": (lambda: nn.BCEWithLogitsLoss(WEIGHT, reduction="none", pos_weight=POSITIVE), "probabilities"),
}


def run_loss(name, make, kind):
    torch.manual_seed(0)
    short = lambda x: torch.round(x * 1000) / 1000
    shape = (2, 3, 2, 2) if kind == "pixels" else (5, 3)
    x = short(torch.rand(shape) if kind == "binary" else torch.randn(shape)).requires_grad_(True)
    target = {
        "values": lambda: short(torch.randn(shape)), "binary": lambda: short(torch.rand(shape)), "probabilities": lambda: short(torch.rand(shape)),
        "classes": lambda: torch.tensor([0, 2, 1, -100, 2]), "pixels": lambda: torch.tensor([[[0, 2], [1, -100]], [[2, 1], [0, 0]]]),
    }[kind]()
    loss = make()
    if kind in ("classes", "pixels"):
        target = torch.where(target == -100, loss.ignore_index, target)
    y = loss(x, target)
    g = short(torch.randn(y.shape))
    y.backward(g)
    return {
        "name": name, "text": str(loss), "state_dict": list(loss.state_dict()), "input": encode(x), "target": encode(target), "output": encode(y),
        "grad_output": encode(g), "grad_input": encode(x.grad),
    }


def several_losses():
    """Two losses in one scalar, one backward pass; and two passes over a retained graph."""
    torch.manual_seed(0)
    x = (torch.round(torch.randn(4, 3) * 1000) / 1000).requires_grad_(True)
    w = (torch.round(torch.randn(3, 3) * 1000) / 1000).requires_grad_(True)
    classes, values = torch.tensor([0, 2, 1, 2]), torch.round(torch.randn(4, 3) * 1000) / 1000
    out = x @ w
    loss = 0.75 * nn.CrossEntropyLoss()(out, classes) + 0.25 * nn.MSELoss()(out, values)
    result = {"x": encode(x), "w": encode(w), "classes": encode(classes), "values": encode(values), "loss": encode(loss)}
    loss.backward(retain_graph=True)
    result["once"] = [encode(x.grad), encode(w.grad)]
    loss.backward()
    result["twice"] = [encode(x.grad), encode(w.grad)]
    return result


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    write(pathlib.Path(__file__).with_name("activations.json.gz"), {
        "torch": torch.__version__.split("+")[0], "layers": [run(name, make) for name, make in LAYERS.items()], 
        "weight": encode(WEIGHT), "pos_weight": encode(POSITIVE), "losses": [run_loss(name, *of) for name, of in LOSSES.items()],
        "several_losses": several_losses(),
    })
