"""Writes optim.json.gz: the defaults of PyTorch's optimizers, and 30 steps with each of their options.

    python generate_optim.py
"""

import pathlib

import torch

from fixture import DTYPES, encode, write

OPTIONS = {
    "SGD": [
        {}, {"lr": 0.1}, {"lr": 0.1, "momentum": 0.9}, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}, {"lr": 0.1, "weight_decay": 0.05},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True}, {"lr": 0.1, "momentum": 0.8, "dampening": 0.1, "weight_decay": 0.05},
        {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05}, {"lr": 0.01, "maximize": True},
        {"lr": 0.01, "momentum": 0.9, "maximize": True, "weight_decay": 0.1}, {"lr": 0.0, "momentum": 0.9},
    ],
    "ASGD": [
        {}, {"lr": 0.1}, {"lr": 0.1, "lambd": 0.2}, {"lr": 0.1, "lambd": 0.2, "alpha": 0.5}, {"lr": 0.1, "t0": 10.0}, {"lr": 0.1, "t0": 0.0},
        {"lr": 0.1, "weight_decay": 0.1}, {"lr": 0.01, "maximize": True},
        {"lr": 0.1, "lambd": 0.1, "alpha": 0.9, "t0": 5.0, "weight_decay": 0.05},
    ],
    "Rprop": [
        {}, {"lr": 0.1}, {"lr": 0.1, "etas": [0.3, 1.5]}, {"lr": 0.1, "step_sizes": [0.05, 0.2]}, {"lr": 1.0}, {"maximize": True},
        {"lr": 0.2, "etas": [0.7, 1.1], "step_sizes": [0.01, 0.3], "maximize": True},
    ],
    "Adagrad": [
        {}, {"lr": 0.1}, {"lr": 0.1, "lr_decay": 0.2}, {"lr": 0.1, "weight_decay": 0.05}, {"lr": 0.1, "eps": 1e-3},
        {"lr": 0.1, "initial_accumulator_value": 0.5}, {"lr": 0.01, "maximize": True},
        {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.05, "initial_accumulator_value": 0.1, "eps": 0.1},
    ],
    "Adadelta": [
        {}, {"lr": 10.0}, {"lr": 10.0, "rho": 0.5}, {"eps": 1e-3}, {"lr": 10.0, "weight_decay": 0.1}, {"maximize": True}, {"rho": 0.0}, {"rho": 1.0},
        {"lr": 2.0, "rho": 0.7, "eps": 1e-2, "weight_decay": 0.05, "maximize": True},
    ],
    "RMSprop": [
        {}, {"lr": 0.1}, {"alpha": 0.8}, {"eps": 1e-2}, {"weight_decay": 0.1}, {"momentum": 0.9}, {"centered": True}, {"maximize": True},
        {"alpha": 0.9, "momentum": 0.5, "centered": True}, {"alpha": 0.6, "weight_decay": 0.1, "momentum": 0.9, "maximize": True},
        {"lr": 0.02, "alpha": 0.7, "eps": 1e-3, "weight_decay": 0.05, "momentum": 0.8, "centered": True, "maximize": True},
    ],
    "Adam": [
        {}, {"lr": 0.1}, {"lr": 0.1, "betas": [0.8, 0.95]}, {"lr": 0.1, "eps": 1e-3}, {"lr": 0.1, "weight_decay": 0.1}, {"lr": 0.1, "amsgrad": True},
        {"lr": 0.1, "amsgrad": True, "weight_decay": 0.05, "betas": [0.5, 0.6]}, {"lr": 0.01, "maximize": True}, {"lr": 0.1, "betas": [0.0, 0.0]},
        {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True},
        {"lr": 0.1, "weight_decay": 0.1, "amsgrad": True, "maximize": True, "decoupled_weight_decay": True},
    ],
    "AdamW": [{}, {"lr": 0.1}, {"lr": 0.1, "weight_decay": 0.2}, {"lr": 0.1, "betas": [0.4, 0.9], "eps": 1e-2}, {"lr": 0.1, "amsgrad": True}, {"lr": 0.01, "maximize": True}],
    "Adamax": [
        {}, {"lr": 0.1}, {"lr": 0.1, "betas": [0.4, 0.8]}, {"lr": 0.1, "eps": 1e-2}, {"lr": 0.1, "weight_decay": 0.1}, {"lr": 0.01, "maximize": True},
        {"lr": 0.05, "betas": [0.7, 0.9], "eps": 1e-3, "weight_decay": 0.05, "maximize": True},
    ],
}

PROBLEM = {
    "p": torch.tensor([1.0, -2.0, 3.0, 0.5, -0.5], dtype=torch.float64), "q": torch.tensor([[0.5, -1.5], [0.25, 2.0]], dtype=torch.float64),
    "w": torch.tensor([0.25, 0.5, 1.0, 0.0, 2.0], dtype=torch.float64), "a": torch.tensor([0.5, -1.0, 1.0, 0.25, 2.5], dtype=torch.float64),
    "b": torch.tensor([[-0.25, 1.0], [1.5, 0.75]], dtype=torch.float64),
}

# The parameters are recorded after these steps.
RECORDED = (1, 2, 3, 4, 5, 10, 20, 30)


def run(cls, options, dtype):
    """
    The loss is sum(w (p - a)²) + (1 + step mod 3) sum((q - b)²) / 4, without its second term in the third step. One element of w is 0. The loss is
    convex where it is minimized and changes slowly where it is maximized, so that differences of rounding do not grow.
    """
    p, q, w, a, b = (t.to(DTYPES[dtype], copy=True) for t in PROBLEM.values())
    p.requires_grad_()
    q.requires_grad_()
    optimizer = getattr(torch.optim, cls)([p, q], **{k: tuple(v) if isinstance(v, list) else v for k, v in options.items()})
    recorded = {}
    for step in range(1, 31):
        optimizer.zero_grad()
        loss = (w * (p - a) ** 2).sum()
        if step != 3:
            loss = loss + ((q - b) ** 2).sum() * ((1 + step % 3) / 4)
        loss.backward()
        optimizer.step()
        if step in RECORDED:
            recorded[step] = [encode(p), encode(q)]
    state = {k: encode(v) for k, v in optimizer.state[p].items()}
    return {"recorded": recorded, "state_of_p": state}


def dtypes(options):
    """
    Where a gradient hardly changes, as where this loss is maximized, the variance of a centered RMSprop is the difference of nearly equal numbers:
    PyTorch's float32 is more than 1e-6 away from its own float64.
    """
    return ("f64",) if options.get("centered") and options.get("maximize") else ("f32", "f64")


def defaults(cls):
    """The options of a group, without those that select an implementation."""
    options = dict(getattr(torch.optim, cls)([torch.zeros(1, requires_grad=True)]).param_groups[0])
    for name in ("params", "foreach", "fused", "capturable", "differentiable"):
        options.pop(name, None)
    return options


def parameter_groups():
    """Two groups with their own options, the rest from the defaults."""
    p = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    q = torch.tensor([0.5, 1.5], dtype=torch.float64, requires_grad=True)
    opt = torch.optim.SGD([{"params": [p]}, {"params": [q], "lr": 0.01, "momentum": 0.5}], lr=0.1, weight_decay=0.01)
    steps = []
    for _ in range(5):
        opt.zero_grad()
        ((p**2).sum() + (q**3).sum()).backward()
        opt.step()
        steps.append({"p": encode(p), "q": encode(q)})
    return {"steps": steps}


def main():
    torch.set_num_threads(1)
    runs = {
        cls: {
            "defaults": defaults(cls),
            "runs": [{"options": options, "dtype": dtype, **run(cls, options, dtype)} for options in all_options for dtype in dtypes(options)],
        }
        for cls, all_options in OPTIONS.items()
    }
    path = pathlib.Path(__file__).parent / "optim.json.gz"
    problem = {name: encode(t) for name, t in PROBLEM.items()}
    write(path, {"torch": torch.__version__.split("+")[0], "problem": problem, "optimizers": runs, "parameter_groups": parameter_groups()})
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
