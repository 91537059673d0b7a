"""The workloads, under the names that the Rust side uses. `make(variant)` builds one and returns the step to be timed."""

import torch
import torch.nn.functional as F
from torch import nn

from models import EfficientNetLite0, LeNetLike, ResNet18, lenet5


class Workload:
    def __init__(self, make, variants=("plain",)):
        self.make, self.variants = make, variants


LAYOUTS = ("nchw", "channels_last")
WORKLOADS = {}


def workload(name, variants=("plain",)):
    def register(make):
        WORKLOADS[name] = Workload(make, variants)
        return make
    return register


def laid_out(t, variant):
    return t.to(memory_format=torch.channels_last) if variant == "channels_last" else t


# ------------------------------------------------------------------------------------------------------------ elementwise

N = 1 << 24


def elementwise(name, function, inputs):
    def make(_):
        args = [torch.rand(N) * 4 - 2 for _ in range(inputs)]
        return lambda: function(*args)
    WORKLOADS[name] = Workload(make)


elementwise("add_16m", torch.add, 2)
elementwise("mul_16m", torch.mul, 2)
elementwise("relu_16m", torch.relu, 1)
elementwise("exp_16m", torch.exp, 1)
elementwise("sigmoid_16m", torch.sigmoid, 1)
elementwise("tanh_16m", torch.tanh, 1)
elementwise("sum_16m", torch.sum, 1)


@workload("softmax_16m")
def softmax(_):
    x = torch.rand(4096, 4096) * 4 - 2
    return lambda: torch.softmax(x, 1)


# --------------------------------------------------------------------------------------------------------------- small ops


@workload("add_4x4")
def add_untracked(_):
    a, b = torch.rand(4, 4), torch.rand(4, 4)
    return lambda: a + b


@workload("add_4x4_tracked")
def add_tracked(_):
    a, b = torch.rand(4, 4, requires_grad=True), torch.rand(4, 4)
    return lambda: a + b


@workload("relu_add_4x4_backward")
def relu_add_backward(_):
    a, b = torch.rand(4, 4, requires_grad=True), torch.rand(4, 4, requires_grad=True)
    seed = torch.ones(4, 4)

    def step():
        a.grad = b.grad = None
        y = (a + b).relu()
        y.backward(seed)
        return y
    return step


# ------------------------------------------------------------------------------------------------------------------ matmul


def matmul(n):
    def make(_):
        a, b = torch.rand(n, n), torch.rand(n, n)
        return lambda: a @ b
    WORKLOADS[f"matmul_{n}"] = Workload(make)


for n in (64, 256, 512, 1024, 2048):
    matmul(n)


# ------------------------------------------------------------------------------------------------------------- convolution


def convolution(channels, size):
    def forward(variant):
        x = laid_out(torch.rand(16, channels, size, size), variant)
        w = laid_out(torch.rand(channels, channels, 3, 3) * 0.1 - 0.05, variant)

        def step():
            with torch.inference_mode():
                return F.conv2d(x, w, padding=1)
        return step

    def backward(variant):
        x = laid_out(torch.rand(16, channels, size, size), variant).requires_grad_(True)
        w = laid_out(torch.rand(channels, channels, 3, 3) * 0.1 - 0.05, variant).requires_grad_(True)
        seed = laid_out(torch.rand(16, channels, size, size), variant)

        def step():
            x.grad = w.grad = None
            y = F.conv2d(x, w, padding=1)
            y.backward(seed)
            return w.grad
        return step

    WORKLOADS[f"conv3x3_{channels}_at_{size}"] = Workload(forward, LAYOUTS)
    WORKLOADS[f"conv3x3_{channels}_at_{size}_backward"] = Workload(backward, LAYOUTS)


for c, s in ((64, 56), (128, 28), (256, 14), (512, 7)):
    convolution(c, s)


# ---------------------------------------------------------------------------------------------------------- training steps


def training(net, optimizer, criterion, x, y):
    def step():
        loss = criterion(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss
    return step


@workload("linear_regression_step")
def linear_regression(_):
    net = nn.Linear(1, 1)
    x = torch.rand(15, 1)
    return training(net, torch.optim.SGD(net.parameters(), lr=0.001), nn.MSELoss(), x, 2 * x)


@workload("mlp_step")
def mlp(_):
    net = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
    x, y = torch.rand(64, 784), torch.randint(0, 10, (64,))
    return training(net, torch.optim.Adam(net.parameters(), lr=1e-3), nn.CrossEntropyLoss(), x, y)


@workload("lenet_step", LAYOUTS)
def lenet(variant):
    net = laid_out(LeNetLike(), variant)
    x, y = laid_out(torch.rand(64, 1, 28, 28), variant), torch.randint(0, 10, (64,))
    return training(net, torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9), nn.CrossEntropyLoss(), x, y)


@workload("lenet5_step", LAYOUTS)
def lenet_5(variant):
    net = laid_out(lenet5(), variant)
    x, y = laid_out(torch.rand(32, 1, 28, 28), variant), torch.randint(0, 10, (32,))
    return training(net, torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9), nn.CrossEntropyLoss(), x, y)


# ---------------------------------------------------------------------------------------------------- steps of optimizers


def optimizer_step(name, optimizer, **options):
    def make(_):
        net = ResNet18()
        for p in net.parameters():
            p.grad = torch.rand(p.shape) - 0.5
        opt = optimizer(net.parameters(), **options)

        def step():
            opt.step()
            return net.fc.weight
        return step
    WORKLOADS[name] = Workload(make)


optimizer_step("optim_sgd_momentum", torch.optim.SGD, momentum=0.9)
for optimizer in ("SGD", "ASGD", "Rprop", "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW", "Adamax"):
    optimizer_step(f"optim_{optimizer.lower()}", getattr(torch.optim, optimizer))


# ----------------------------------------------------------------------------------------------------------- embeddings


def embedding(sparse, optimizer):
    layer = nn.Embedding(1_000_000, 64, sparse=sparse)
    index = torch.randint(0, 1_000_000, (1000,))
    return training(layer, optimizer(layer.parameters()), lambda y, _: y.square().mean(), index, None)


@workload("embedding_sparse_adam")
def embedding_sparse_adam(_):
    return embedding(True, torch.optim.SparseAdam)


@workload("embedding_adam")
def embedding_adam(_):
    return embedding(False, torch.optim.Adam)


# --------------------------------------------------------------------------------------------------------------- sequences


@workload("lstm_backward")
def lstm(_):
    net = nn.LSTM(128, 256)
    x = torch.rand(50, 32, 128, requires_grad=True)
    seed = torch.rand(50, 32, 256)

    def step():
        x.grad = None
        net.zero_grad()
        net(x)[0].backward(seed)
        return net.weight_hh_l0.grad
    return step


# ------------------------------------------------------------------------------------------------------------ whole models


def inference(name, net, batch):
    def make(variant):
        model = laid_out(net(), variant).eval()
        x = laid_out(torch.rand(batch, 3, 224, 224), variant)

        def step():
            with torch.inference_mode():
                return model(x)
        return step
    WORKLOADS[name] = Workload(make, LAYOUTS)


def model_training(name, net, batch):
    def make(variant):
        model = laid_out(net(), variant).train()
        x, y = laid_out(torch.rand(batch, 3, 224, 224), variant), torch.randint(0, 1000, (batch,))
        return training(model, torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9), nn.CrossEntropyLoss(), x, y)
    WORKLOADS[name] = Workload(make, LAYOUTS)


inference("resnet18_batch_1", ResNet18, 1)
inference("resnet18_batch_16", ResNet18, 16)
model_training("resnet18_step", ResNet18, 16)
inference("efficientnet_lite0_batch_1", EfficientNetLite0, 1)
inference("efficientnet_lite0_batch_32", EfficientNetLite0, 32)
model_training("efficientnet_lite0_step", EfficientNetLite0, 32)
