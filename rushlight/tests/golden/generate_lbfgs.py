"""Writes lbfgs.json.gz: runs of torch.optim.LBFGS.

    pip install torch==2.15.0 numpy
    python generate_lbfgs.py
"""

import pathlib

import torch

from fixture import DTYPES, encode, number, write

WOLFE = {"line_search_fn": "strong_wolfe"}
# Each option alone and with the line search.
SINGLE = [
    {},
    {"max_iter": 3},
    {"max_iter": 0},
    {"max_eval": 4},
    {"max_eval": 1},
    {"lr": 0.1, "max_iter": 5},
    {"tolerance_grad": 0.3, "max_iter": 5},
    {"tolerance_change": 3e-2, "max_iter": 5},
    {"history_size": 1, "max_iter": 5},
    {"history_size": 3, "max_iter": 5},
    {"maximize": True, "max_iter": 5},
]
OPTIONS = SINGLE + [{**options, **WOLFE} for options in SINGLE]
ROSENBROCK = [
    {"lr": 0.5, "max_iter": 30},
    {"lr": 0.01, "max_iter": 40},
    {**WOLFE, "max_iter": 100},
    {**WOLFE, "lr": 0.1},
    {**WOLFE, "lr": 8.0, "max_iter": 5, "history_size": 2},
]


def rosenbrock(dtype):
    x = torch.tensor([-1.2, 1.0], dtype=dtype, requires_grad=True)
    return [x], lambda: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2, []


def regression(dtype):
    """A nonlinear one, with a bias and a parameter that the loss does not depend on."""
    torch.manual_seed(0)
    x, y, w = (torch.randn(shape, dtype=torch.float64).to(dtype) for shape in ((8, 3), (8,), (2, 3)))
    w.requires_grad_()
    b, unused = torch.zeros(1, dtype=dtype, requires_grad=True), torch.ones(2, dtype=dtype, requires_grad=True)

    def loss():
        return ((x @ w[0]).tanh() * 2 + x @ w[1] + b - y).square().mean() + 0.01 * w.square().sum()

    return [w, unused, b], loss, [x, y]


PROBLEMS = {"rosenbrock": rosenbrock, "regression": regression}


def follow(problem, dtype, options, steps, nudge=None):
    """The run, and the optimizer after it. With `nudge`, each parameter starts one unit in the last place beside its place."""
    params, loss, data = PROBLEMS[problem](DTYPES[dtype])
    out = {"problem": problem, "dtype": dtype, "options": options, "initial": [encode(p) for p in params], "steps": []}
    out["data"] = [encode(t) for t in data]
    if nudge is not None:
        generator = torch.Generator().manual_seed(nudge)
        with torch.no_grad():
            for p in params:
                p.copy_(torch.nextafter(p, p + torch.randn(p.shape, generator=generator, dtype=p.dtype)))
    sign = -1 if options.get("maximize") else 1
    optimizer = torch.optim.LBFGS(params, **options)

    def closure():
        optimizer.zero_grad()
        value = sign * loss()
        value.backward()
        return value

    for _ in range(steps):
        value = optimizer.step(closure)
        state = optimizer.state[params[0]]
        out["steps"].append({
            "loss": number(value.detach().numpy()[()]), "n_iter": state["n_iter"], "func_evals": state["func_evals"],
            "params": [encode(p) for p in params],
        })
    return out, optimizer.state_dict()["state"][0]


def same(a, b, relative):
    """Whether two steps have the same counts and about the same parameters."""
    if any(a[name] != b[name] for name in ("n_iter", "func_evals")):
        return False
    pairs = [pair for p, q in zip(a["params"], b["params"]) for pair in zip(p["data"], q["data"])]
    return all(abs(x - y) <= relative * (abs(x) + 0.1) for x, y in pairs)


def run(problem, dtype, options, steps):
    """A run up to the step where one unit in the last place of the start would change it: what follows depends on the order of sums."""
    relative = {"f64": 1e-11, "f32": 1e-4}[dtype]
    others = [follow(problem, dtype, options, steps, nudge)[0]["steps"] for nudge in range(8)]
    kept = 0
    out, _ = follow(problem, dtype, options, steps)
    while kept < steps and all(same(out["steps"][kept], other[kept], relative) for other in others):
        kept += 1
    print(f"{problem} {dtype} {options}: {kept} of {steps} steps")
    if kept == 0:
        return []
    out, state = follow(problem, dtype, options, kept)
    if 0 < len(state.get("old_dirs") or []) < 10:
        out["state"] = {
            **{name: encode(state[name]) for name in ("d", "prev_flat_grad")},
            **{name: [encode(x) for x in state[name]] for name in ("old_dirs", "old_stps")},
            "ro": [float(x) for x in state["ro"]],
            **{name: float(state[name]) for name in ("t", "H_diag", "prev_loss")},
        }
    return [out]


def main():
    torch.set_num_threads(1)
    runs = []
    for dtype in ("f64", "f32"):
        for options in ROSENBROCK:
            runs += run("rosenbrock", dtype, options, 4)
        for options in OPTIONS:
            runs += run("regression", dtype, options, 3)
        for options in ({"lr": 0.3, "max_iter": 1}, {"max_iter": 1, **WOLFE}):
            runs += run("regression", dtype, options, 30)
    path = pathlib.Path(__file__).parent / "lbfgs.json.gz"
    write(path, {"torch": torch.__version__.split("+")[0], "runs": runs})
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
