"""Golden values of ResNet-18 and EfficientNet-Lite0: outputs in evaluation for seeded weights and inputs, and ResNet-18's losses over five training
steps. The networks are those of `bench/torch/models.py`. Run with PyTorch 2.15; writes `models.json.gz` beside this file."""

import gzip
import json
import pathlib
import sys

import torch
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "bench" / "torch"))
from models import EfficientNetLite0, ResNet18  # noqa: E402


def numbers(t):
    return [float(f"{v:.7g}") for v in t.flatten().tolist()]


def evaluation(net, size):
    """A step of training first, so that running statistics are not the initial ones."""
    torch.manual_seed(0)
    net = net(10)
    for _ in range(2):
        with torch.no_grad():
            net(torch.rand(4, 3, size, size))
    net.eval()
    with torch.no_grad():
        return numbers(net(torch.rand(2, 3, size, size)))


def training(lr, dtype):
    """Five steps. How far float32 carries: with a learning rate of 0.01 PyTorch's own losses differ by 2 % between float32 and float64
    in the fifth step, with 0.001 by 3e-3; that is what rounding does to a network that normalizes batches of 8."""
    torch.manual_seed(0)
    net = ResNet18(10).to(dtype)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    losses = []
    for _ in range(5):
        x, y = torch.rand(8, 3, 64, 64).to(dtype), torch.randint(0, 10, (8,))
        loss = nn.CrossEntropyLoss()(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def main():
    torch.set_num_threads(1)
    values = {
        "torch": torch.__version__.split("+")[0],
        "resnet18": {
            "keys": list(ResNet18(10).state_dict()),
            "output": evaluation(ResNet18, 64),
            "losses": training(3e-4, torch.float32),
            "losses_f64": training(0.01, torch.float64),
        },
        # Dropout draws from the stream in training, too, at the same place here and there.
        "efficientnet_lite0": {"keys": list(EfficientNetLite0(10).state_dict()), "output": evaluation(EfficientNetLite0, 64)},
    }
    path = pathlib.Path(__file__).parent / "models.json.gz"
    path.write_bytes(gzip.compress(json.dumps(values).encode(), mtime=0))
    print(values["resnet18"]["losses"], values["resnet18"]["losses_f64"], path.stat().st_size)


if __name__ == "__main__":
    main()
