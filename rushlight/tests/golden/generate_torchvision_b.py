"""Writes torchvision_b.json.gz: MobileNet, EfficientNet, GoogLeNet and Inception v3 of torchvision, with keys, initial weights, a step of training
and outputs in evaluation; what the weights of their variants expect; and the layers of torchvision.ops. EfficientNet-Lite0, which torchvision does not
have, is that of the package efficientnet_lite_pytorch.

    pip install torch==2.15.0 torchvision==0.29.2 numpy efficientnet_lite_pytorch==0.1.0
    python generate_torchvision_b.py

A tensor is stored as two sums, `digest`. The step of training is computed in float64: the gradients of biases in front of a normalization are
zero but for rounding, and in float32 those of GoogLeNet's normalizations are off by 2e-3 in PyTorch itself. The outputs in evaluation are of
float32, with the statistics of the batch as running statistics, so that activations neither vanish nor explode. EfficientNet's do explode, because
stochastic depth zeroes parts of the batch: PyTorch's own float32 is off by 5e-4, so they are of float64."""

import pathlib
import warnings

import torch
import torchvision
from efficientnet_lite_pytorch import EfficientNet as EfficientNetLite
from torch import nn
from torchvision import models, ops

from fixture import encode, write

LEARNING_RATE = 1e-3

# Name, options, batch and size of the images in training.
CASES = [
    ("mobilenet_v2", {}, 4, 64),
    ("mobilenet_v2", {"width_mult": 0.35, "round_nearest": 4, "dropout": 0.5}, 4, 64),
    ("mobilenet_v3_small", {}, 4, 64),
    ("mobilenet_v3_small", {"width_mult": 0.75, "reduced_tail": True, "dilated": True, "dropout": 0.4}, 4, 64),
    ("mobilenet_v3_large", {}, 4, 64),
    ("efficientnet_b0", {}, 4, 64),
    ("efficientnet_b1", {"dropout": 0.4, "stochastic_depth_prob": 0.5}, 4, 64),
    ("googlenet", {"init_weights": True}, 4, 64),
    ("googlenet", {"init_weights": False, "aux_logits": False, "transform_input": True, "dropout": 0.3}, 4, 64),
    # The auxiliary classifier needs this size.
    ("inception_v3", {"init_weights": True}, 2, 299),
    ("inception_v3", {"init_weights": False, "aux_logits": False, "transform_input": True, "dropout": 0.3}, 2, 75),
    ("efficientnet_lite0", {}, 4, 64),
]

# The size of the images in evaluation, the smallest that Inception v3 takes.
EVALUATION = 75


def number(x):
    return float(f"{x:.9g}")


def digest(t):
    """The scalar product with a fixed vector, which depends on the order of the elements, and the sum of absolute values."""
    t = t.detach().double().flatten()
    pattern = (torch.arange(t.numel(), dtype=torch.float64) * 7919) % 1009 / 504 - 1
    return [number((t * pattern).sum().item()), number(t.abs().sum().item())]


def make(name, classes, options):
    if name == "efficientnet_lite0":
        # The sizes of its padding depend on those of the images. Stochastic depth is left out.
        return EfficientNetLite.from_name("efficientnet-lite0", num_classes=classes, image_size=64, drop_connect_rate=0.0)
    return models.get_model(name, num_classes=classes, **options)


def case(name, options, batch, size):
    torch.manual_seed(0)
    net = make(name, 10, options)
    parameters = {key for key, _ in net.named_parameters()}
    state = {key: tensor.clone() for key, tensor in net.state_dict().items()}
    out = {
        "name": name,
        "options": options,
        "input": [batch, 3, size, size],
        "shapes": [[key, list(tensor.shape)] for key, tensor in state.items()],
        "initial": {key: digest(tensor) for key, tensor in state.items() if key in parameters},
        "next_draw": number(torch.rand(1).item()),
    }
    net.double()
    state = {key: tensor.clone() for key, tensor in net.state_dict().items()}
    x, y = torch.rand(batch, 3, size, size).double(), torch.randint(10, (batch,))
    result = net(x)
    outputs = list(result) if isinstance(result, tuple) else [result]
    loss = sum(weight * nn.functional.cross_entropy(output, y) for output, weight in zip(outputs, (1.0, 0.3, 0.3)))
    loss.backward()
    torch.optim.SGD(net.parameters(), lr=LEARNING_RATE).step()
    out["outputs"] = [[number(v) for v in output.flatten().tolist()] for output in outputs]
    out["loss"] = number(loss.item())
    out["changes"] = {key: digest(tensor - state[key]) for key, tensor in net.state_dict().items()}
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean /= module.momentum
            module.running_var = (module.running_var - (1 - module.momentum)) / module.momentum
    dtype = torch.float64 if name.startswith("efficientnet") else torch.float32
    net.to(dtype).eval()
    out["evaluated"] = [2, 3, min(size, EVALUATION), min(size, EVALUATION)]
    with torch.no_grad():
        out["evaluation"] = [number(v) for v in net(torch.rand(out["evaluated"]).to(dtype)).flatten().tolist()]
    return out


def variant(name):
    """The number of parameters, how images are prepared for the default weights, and the probability of the last dropout."""
    weights = models.get_model_weights(name).DEFAULT
    images = weights.transforms()
    with torch.device("meta"):
        net = models.get_model(name)
    return {
        "name": name,
        "num_parameters": sum(parameter.numel() for parameter in net.parameters()),
        "images": [images.resize_size[0], images.crop_size[0], images.interpolation.value],
        "normalization": [images.mean, images.std],
        "dropout": [module.p for module in net.modules() if isinstance(module, nn.Dropout)][-1],
    }


def layer(make, shape):
    """The output of a layer in training mode, the gradients with respect to its input and its parameters, and the position in the random stream.
    In float64 if it has parameters, because gradients of normalizations cancel."""
    torch.manual_seed(0)
    module = make()
    x = torch.rand(shape)
    if list(module.parameters()):
        module.double()
        x = x.double()
    x.requires_grad_()
    y = module(x)
    (y * torch.arange(y.numel()).reshape(y.shape)).sum().backward()
    return {
        "input": list(shape),
        "keys": list(module.state_dict()),
        "output": encode(y),
        "gradients": [encode(t.grad) for t in [x, *module.parameters()]],
        "next_draw": torch.rand(1).item(),
    }


# In the order of the calls in the test.
LAYERS = {
    "StochasticDepth": [
        (lambda p=p, mode=mode: ops.StochasticDepth(p, mode), shape)
        for p, mode, shape in [
            (0.3, "row", (6, 2, 2)),
            (0.7, "row", (6, 2, 2)),
            (0.0, "row", (6, 2, 2)),
            (1.0, "row", (6, 2, 2)),
            (0.5, "row", (5,)),
            (0.3, "batch", (6, 2, 2)),
            (0.7, "batch", (6, 2, 2)),
            (0.3, "batch", ()),
            (1.0, "batch", (6, 2, 2)),
        ]
    ],
    "SqueezeExcitation": [
        (lambda: ops.SqueezeExcitation(6, 2), (2, 6, 3, 4)),
        (lambda: ops.SqueezeExcitation(6, 3, activation=nn.SiLU, scale_activation=nn.Hardsigmoid), (2, 6, 3, 4)),
    ],
    "Conv2dNormActivation": [
        (lambda: ops.Conv2dNormActivation(3, 4), (2, 3, 5, 6)),
        (lambda: ops.Conv2dNormActivation(4, 6, 5, stride=2, groups=2, activation_layer=nn.SiLU), (2, 4, 9, 8)),
        (lambda: ops.Conv2dNormActivation(2, 3, (1, 5), dilation=2, activation_layer=nn.Hardswish, inplace=None), (2, 2, 4, 9)),
        (lambda: ops.Conv2dNormActivation(3, 2, 1, activation_layer=None), (2, 3, 4, 4)),
    ],
}


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    path = pathlib.Path(__file__).parent / "torchvision_b.json.gz"
    names = ["googlenet", "inception_v3", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"] + [f"efficientnet_b{k}" for k in range(8)]
    layers = {name: [layer(make, shape) for make, shape in calls] for name, calls in LAYERS.items()}
    versions = {"torch": torch.__version__.split("+")[0], "torchvision": torchvision.__version__.split("+")[0]}
    write(path, {**versions, "cases": [case(*c) for c in CASES], "variants": [variant(name) for name in names], "layers": layers})
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
