"""Golden values of torchvision's AlexNet, VGG, ResNet, SqueezeNet and DenseNet: keys and shapes; digests of the weights drawn from a seed; the loss in
float32; loss, gradients and state of one training step in float64; logits in evaluation after it, in float32 again. Gradients in float32 would compare the
rounding of two libraries: with the few values per channel that small images leave in the last layers, those of ResNet-50 differ by 2 %.

Run with PyTorch 2.15 and torchvision 0.29; writes `torchvision_a.json.gz` beside this file."""

import pathlib

import torch
import torchvision
from torch import nn

from fixture import write

# The size of the images, which keeps tests short: at least 63 for AlexNet, 32 for VGG, 29 for DenseNet.
SIZES = {
    "alexnet": 64,
    **{f"vgg{depth}{norm}": 32 for depth in (11, 13, 16, 19) for norm in ("", "_bn")},
    **{f"resnet{depth}": 64 for depth in (18, 34, 50, 101, 152)},
    **{f"squeezenet{version}": 64 for version in ("1_0", "1_1")},
    **{f"densenet{depth}": 64 for depth in (121, 161, 169, 201)},
}


def rounded(x):
    return float(f"{x:.7g}")


def digest(t):
    """The sum, the sum of the absolute values, the first and the last element."""
    t = t.detach().double().flatten()
    return [rounded(x.item()) for x in (t.sum(), t.abs().sum(), t[0], t[-1])]


def digests(state):
    """Of the tensors that are not a number of batches."""
    return [digest(t) for t in state.values() if t.dim() > 0]


def values(name):
    size = SIZES[name]
    torch.manual_seed(0)
    net = getattr(torchvision.models, name)(num_classes=10)
    state = net.state_dict()
    out = {
        "size": size,
        "keys": [[key, *t.shape] for key, t in state.items()],
        # Of normalizations, weights are 1 and biases are 0.
        "initial": digests({key: t for key, t in state.items() if t.dim() > 1}),
    }
    x, y = torch.rand(4, 3, size, size), torch.randint(0, 10, (4,))
    with torch.no_grad():
        out["loss_f32"] = nn.CrossEntropyLoss()(net(x), y).item()
    net.double()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    loss = nn.CrossEntropyLoss()(net(x.double()), y)
    loss.backward()
    optimizer.step()
    out["loss"] = loss.item()
    out["gradients"] = [digest(p.grad) for p in net.parameters()]
    out["state"] = digests(net.state_dict())
    net.float().eval()
    with torch.no_grad():
        out["logits"] = [rounded(x) for x in net(torch.rand(2, 3, size, size)).flatten().tolist()]
    return out


def main():
    torch.set_num_threads(1)
    path = pathlib.Path(__file__).parent / "torchvision_a.json.gz"
    write(path, {"torch": torch.__version__.split("+")[0], **{name: values(name) for name in SIZES}})
    print(path.stat().st_size)


if __name__ == "__main__":
    main()
