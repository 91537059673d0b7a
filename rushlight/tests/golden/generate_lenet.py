"""Writes lenet.json.gz: the losses of a LeNet over 50 training steps, and of the chapter's two linear regressions.

    pip install torch==2.15.0 numpy
    python generate_lenet.py

Images, labels and weights all come from one seeded stream, so a test needs nothing but the numbers written here.
Each run is repeated in float64; the largest difference from it is stored as `noise`: what rounding alone does to these losses.
"""

import pathlib

import torch
from torch import nn

from fixture import encode, number, write

STEPS, BATCH = 50, 32


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def batch():
    """Noise in [0, 1) with a pair of rows brightened by 0.5: rows 2 * label + 4 and the next one."""
    x = torch.rand(BATCH, 1, 28, 28)
    y = torch.randint(0, 10, (BATCH,))
    for i, label in enumerate(y.tolist()):
        x[i, 0, 2 * label + 4 : 2 * label + 6] += 0.5
    return x, y


def train(make_optimizer, dtype):
    torch.manual_seed(0)
    net = lenet().to(dtype)
    optimizer = make_optimizer(net.parameters())
    criterion = nn.CrossEntropyLoss()
    losses = []
    for _ in range(STEPS):
        x, y = batch()
        loss = criterion(net(x.to(dtype)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return losses, net


def runs():
    out = []
    for name, options, make in (
        ("SGD", {"lr": 0.05, "momentum": 0.9}, lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)),
        ("Adam", {"lr": 0.002}, lambda p: torch.optim.Adam(p, lr=0.002)),
    ):
        losses, net = train(make, torch.float32)
        exact, _ = train(make, torch.float64)
        noise = max(abs(float(a) - float(b)) / float(b) for a, b in zip(losses, exact))
        out.append({
            "optimizer": name, "options": options, "losses": [number(x.numpy()[()]) for x in losses], "noise": noise,
            "final_bias": encode(net[11].bias), "final_weight_sums": {k: float(v.double().sum()) for k, v in net.state_dict().items()},
        })
    return out


X = [3.3, 4.4, 5.5, 6.71, 6.93, 4.168, 9.779, 6.182, 7.59, 2.167, 7.042, 10.791, 5.313, 7.997, 5.654, 9.27, 3.1]
Y = [1.7, 2.76, 2.09, 3.19, 1.694, 1.573, 3.366, 2.596, 2.53, 1.221, 2.827, 3.465, 1.65, 2.904, 2.42, 2.94, 1.3]


def linear_regression_by_hand():
    torch.manual_seed(0)
    x, y = torch.tensor(X).view(-1, 1), torch.tensor(Y).view(-1, 1)
    w, b = torch.randn(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    start = {"w": encode(w), "b": encode(b)}
    losses, lines = [], []
    for epoch in range(100):
        prediction = x.matmul(w.view(1, 1)) + b
        loss = ((prediction - y) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            w -= 0.005 * w.grad
            b -= 0.005 * b.grad
        w.grad.zero_()
        b.grad.zero_()
        losses.append(number(loss.detach().numpy()[()]))
        if (epoch + 1) % 10 == 0:
            lines.append(f"{loss.item():.4f}")
    return {"start": start, "losses": losses, "every_10": lines, "w": encode(w), "b": encode(b)}


def linear_regression():
    torch.manual_seed(0)
    keep = [i for i, v in enumerate(X) if v not in (5.654, 9.27)]
    x, y = torch.tensor([X[i] for i in keep]).view(-1, 1), torch.tensor([Y[i] for i in keep]).view(-1, 1)
    model, criterion = nn.Linear(1, 1), nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
    start = {k: encode(v) for k, v in model.state_dict().items()}
    losses, lines = [], []
    for epoch in range(60):
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(number(loss.detach().numpy()[()]))
        if (epoch + 1) % 5 == 0:
            lines.append(f"{loss.item():.4f}")
    return {"start": start, "losses": losses, "every_5": lines, **{k: encode(v) for k, v in model.state_dict().items()}}


def main():
    torch.set_num_threads(1)
    path = pathlib.Path(__file__).parent / "lenet.json.gz"
    trained = runs()
    for r in trained:
        print(r["optimizer"], r["losses"][0], r["losses"][24], r["losses"][-1], "noise", r["noise"])
    a, b = linear_regression_by_hand(), linear_regression()
    print(*a["every_10"], a["w"]["data"], a["b"]["data"])
    print(*b["every_5"])
    write(path, {"torch": torch.__version__.split("+")[0], "steps": STEPS, "batch": BATCH, "runs": trained,
                 "linear_regression_by_hand": a, "linear_regression": b})
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
