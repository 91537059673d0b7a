"""Writes lr_scheduler.json.gz: learning rates of torch.optim.lr_scheduler over 100 steps.

    pip install torch==2.15.0 numpy
    python generate_lr_scheduler.py
"""

import math
import pathlib
import warnings

import torch
from torch.optim import lr_scheduler

from fixture import write

STEPS = 100
# The functions of LambdaLR, by name.
LAMBDAS = {"inverse": lambda epoch: 1 / (1 + epoch), "power": lambda epoch: 0.95**epoch, "stairs": lambda epoch: 1.0 - epoch // 30 * 0.25}
# The same metric for all runs of ReduceLROnPlateau: it falls, stays, and rises.
METRIC = [round(1.0 / (1 + e) + 0.02 * (e % 7) + 0.003 * max(0, e - 60), 6) for e in range(STEPS)]

CALLS = [
    ("StepLR", [7], {}),
    ("StepLR", [7], {"gamma": 0.7}),
    ("StepLR", [1], {"gamma": 1.1}),
    ("MultiStepLR", [[30, 80]], {}),
    ("MultiStepLR", [[80, 5, 30, 5, 5]], {"gamma": 0.7}),
    ("MultiStepLR", [[]], {}),
    ("ExponentialLR", [0.95], {}),
    ("ExponentialLR", [1.01], {}),
    ("CosineAnnealingLR", [10], {}),
    ("CosineAnnealingLR", [7], {"eta_min": 0.003}),
    ("CosineAnnealingLR", [1], {"eta_min": 0.01}),
    ("CosineAnnealingLR", [200], {"eta_min": -0.1}),
    ("LambdaLR", ["inverse"], {}),
    ("LambdaLR", [["stairs", "power"]], {}),
    ("LambdaLR", [["inverse", "stairs"]], {}),
    ("ReduceLROnPlateau", [], {}),
    ("ReduceLROnPlateau", [], {"patience": 3}),
    ("ReduceLROnPlateau", [], {"patience": 0, "factor": 0.9}),
    ("ReduceLROnPlateau", [], {"mode": "max", "patience": 2, "factor": 0.5}),
    ("ReduceLROnPlateau", [], {"mode": "max", "threshold_mode": "abs", "threshold": 0.02, "patience": 4}),
    ("ReduceLROnPlateau", [], {"threshold_mode": "abs", "threshold": 0.01, "patience": 2, "factor": 0.7}),
    ("ReduceLROnPlateau", [], {"threshold": 0.1, "patience": 2, "factor": 0.7}),
    ("ReduceLROnPlateau", [], {"patience": 1, "cooldown": 5, "factor": 0.8}),
    ("ReduceLROnPlateau", [], {"patience": 1, "factor": 0.6, "min_lr": 0.004}),
    ("ReduceLROnPlateau", [], {"patience": 1, "factor": 0.6, "min_lr": [0.02, 0.0001]}),
    ("ReduceLROnPlateau", [], {"patience": 1, "factor": 0.6, "eps": 0.003}),
]


def sgd():
    """An optimizer of two parameter groups."""
    a, b = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    return torch.optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.037}], lr=0.1)


def make(call, optimizer, **more):
    name, args, options = call
    if name == "LambdaLR":
        args = [[LAMBDAS[f] for f in args[0]] if isinstance(args[0], list) else LAMBDAS[args[0]]]
    return getattr(lr_scheduler, name)(optimizer, *args, **options, **more)


def lrs(optimizer):
    return [group["lr"] for group in optimizer.param_groups]


def step(scheduler, epoch):
    if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
        scheduler.step(METRIC[epoch])
    else:
        scheduler.step()


def run(calls, by_hand=()):
    """The learning rates at first and after each step of all schedulers. `by_hand` sets those of the second group before some steps."""
    optimizer = sgd()
    schedulers = [make(call, optimizer) for call in calls]
    out = [lrs(optimizer)]
    for epoch in range(STEPS):
        for at, lr in by_hand:
            if at == epoch:
                optimizer.param_groups[1]["lr"] = lr
        for scheduler in schedulers:
            step(scheduler, epoch)
        out.append(lrs(optimizer))
        assert schedulers[-1].get_last_lr() == out[-1]
    state = {key: value for key, value in schedulers[0].state_dict().items() if isinstance(value, (int, float, str)) and not isinstance(value, bool)}
    state = {key: "inf" if value == math.inf else "-inf" if value == -math.inf else value for key, value in state.items()}
    return {"calls": calls, "by_hand": by_hand, "lrs": out, "state": state}


def resumed(call, saved):
    """A scheduler created for a loaded optimizer with `last_epoch`, after `saved` steps of another."""
    optimizer = sgd()
    scheduler = make(call, optimizer)
    for epoch in range(saved):
        step(scheduler, epoch)
    other = sgd()
    other.load_state_dict(optimizer.state_dict())
    scheduler = make(call, other, last_epoch=scheduler.last_epoch)
    out = [lrs(other)]
    for epoch in range(STEPS):
        step(scheduler, epoch)
        out.append(lrs(other))
    return {"calls": [call], "saved": saved, "lrs": out}


def main():
    warnings.simplefilter("ignore")
    by_hand = [(12, 0.5), (50, 0.0125)]
    chains = [
        [("ExponentialLR", [0.99], {}), ("StepLR", [20], {"gamma": 0.5})],
        [("LambdaLR", ["inverse"], {}), ("CosineAnnealingLR", [9], {"eta_min": 0.001})],
        [("CosineAnnealingLR", [30], {}), ("LambdaLR", [["stairs", "power"]], {})],
        [("ExponentialLR", [0.999], {}), ("ReduceLROnPlateau", [], {"patience": 2, "factor": 0.9})],
        [("MultiStepLR", [[10, 20]], {}), ("MultiStepLR", [[15, 20]], {"gamma": 2.0}), ("ExponentialLR", [0.98], {})],
    ]
    path = pathlib.Path(__file__).parent / "lr_scheduler.json.gz"
    content = {
        "torch": torch.__version__.split("+")[0],
        "metric": METRIC,
        "runs": [run([call]) for call in CALLS] + [run([call], by_hand) for call in CALLS] + [run(chain) for chain in chains],
        "resumed": [resumed(call, saved) for call in CALLS if call[0] != "ReduceLROnPlateau" for saved in (0, 6, 9)],
    }
    write(path, content)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
