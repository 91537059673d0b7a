"""Writes listings.json.gz: what the chapter's listings print in PyTorch, and how torchvision prepares images.

    pip install torch==2.15.0 torchvision numpy pillow
    python generate_listings.py

Each function is the program of the same name in rushlight/examples, and prints what that prints.
"""

import contextlib
import io
import math
import os
import pathlib
import random
import tempfile

import torch
import torchvision
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split
from torchvision import transforms

from fixture import encode, number, write

IMAGES = pathlib.Path(__file__).parents[1] / "images"


def layers_and_activations():
    blocks = []

    def show(name, value):
        blocks.append(f"{name}\n{value}")

    x = torch.randn(1, 10)
    layer = nn.Linear(10, 5)
    show("x", x)
    show("layer", layer)
    show("layer.weight", layer.weight)
    show("layer.bias", layer.bias)
    show("layer(x)", layer(x))
    layer1, layer2 = nn.Linear(10, 5), nn.Linear(5, 2)
    show("layer1", layer1)
    show("layer2", layer2)
    show("layer2(layer1(x))", layer2(layer1(x)))
    show("layer2.weight", layer2.weight)
    show("layer2.bias", layer2.bias)
    weight = layer2.weight.matmul(layer1.weight)
    shift = layer2.weight.matmul(layer1.bias) + layer2.bias
    show("one layer instead of two", nn.functional.linear(x, weight, shift))
    y = torch.tensor([[1.0, 2.0, -1.0, -1.0]])
    show("y", y)
    show("relu(y)", torch.relu(y))
    show("nn.ReLU()(y)", nn.ReLU()(y))
    show("nn.ReLU()(y).size()", list(nn.ReLU()(y).size()))
    print("\n\n".join(blocks))


class MyFirstNetwork(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        self.layer1 = nn.Linear(input_size, hidden_size)
        self.layer2 = nn.Linear(hidden_size, output_size)

    def forward(self, input):
        return self.layer2(torch.relu(self.layer1(input)))


def my_first_network():
    net = MyFirstNetwork(10, 5, 2)
    print(net)
    for name, parameter in net.named_parameters():
        print(f"{name}: {list(parameter.shape)}")
    print(sum(p.numel() for p in net.parameters()), "parameters")
    print(net(torch.randn(3, 10)))


CLOTHES = ["T-shirt", "jeans", "shirt", "dress"]


def clothes(count):
    typical = torch.tensor([[0.7, 0.5, 0.2, 0.0], [1.0, 0.4, 0.0, 0.8], [0.75, 0.5, 0.6, 0.0], [1.2, 0.5, 0.3, 0.0]])
    kinds = torch.randint(4, (count,))
    return typical[kinds] + 0.05 * torch.randn(count, 4), kinds


def train(net, lr, x, loss_of):
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    for step in range(1, 101):
        loss = loss_of(net(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 20 == 0:
            print(f"step {step}, loss: {loss.item():.4f}")


def heads():
    print("Regression: the price of a T-shirt")
    x = torch.rand(64, 3)
    price = 5 + x.matmul(torch.tensor([[4.0], [6.0], [10.0]])) + 0.2 * torch.randn(64, 1)
    net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
    train(net, 0.01, x, lambda output: nn.MSELoss()(output, price))
    for price, predicted in zip(price[:3].flatten().tolist(), net(x[:3]).flatten().tolist()):
        print(f"price {price:.2f}, predicted {predicted:.2f}")

    print("Sigmoid: a T-shirt or not")
    x, kinds = clothes(64)
    target = (kinds == 0).float().view(-1, 1)
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1), nn.Sigmoid())
    train(net, 0.5, x, lambda output: nn.BCELoss()(output, target))
    for kind, probability in zip(kinds[:5].tolist(), net(x[:5]).flatten().tolist()):
        print(f"{CLOTHES[kind]}: a T-shirt with probability {probability:.4f}")

    print("Softmax: a T-shirt, jeans, a shirt or a dress")
    x, kinds = clothes(64)
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4))
    train(net, 0.5, x, lambda output: nn.CrossEntropyLoss()(output, kinds))
    probabilities = nn.Softmax(1)(net(x))
    best = probabilities.argmax(1)
    print(f"correct: {(best == kinds).sum()} of {len(kinds)}")
    for row, kind, top in list(zip(probabilities, kinds, best))[:5]:
        each = ", ".join(f"{p:.4f}" for p in row.tolist())
        print(f"{CLOTHES[kind]}: {CLOTHES[top]} of [{each}], sum {row.sum():.4f}")


def cross_entropy(true_label, prediction):
    return -math.log(prediction) if true_label == 1 else -math.log(1 - prediction)


def losses():
    input = torch.randn(3, 5, requires_grad=True)
    target = torch.randn(3, 5)
    output = nn.MSELoss()(input, target)
    output.backward()
    print("input:", input, "target:", target, "output:", output, sep="\n")
    print(f"gradient:\n{input.grad}")

    loss = nn.CrossEntropyLoss()
    input = torch.randn(3, 5, requires_grad=True)
    target = torch.LongTensor(3).random_(5)
    output = loss(input, target)
    print("target:", target, "output:", output, sep="\n")
    output.backward()
    try:
        output.backward()
    except RuntimeError as error:
        print(error)
    input.grad = None
    output = loss(input, target)
    output.backward(retain_graph=True)
    print(f"gradient of one backward:\n{input.grad}")
    output.backward()
    print(f"gradient of two:\n{input.grad}")

    for true_label, prediction in ((1, 0.9), (1, 0.1), (0, 0.9), (0, 0.1)):
        by_layer = nn.BCELoss()(torch.tensor(prediction, dtype=torch.float64), torch.tensor(true_label, dtype=torch.float64))
        by_hand = cross_entropy(true_label, prediction)
        print(f"label {true_label}, prediction {prediction}: {by_hand:.4f}, nn.BCELoss: {by_layer:.4f}")

    features, place = torch.randn(8, 6), torch.randn(8, 2)
    is_pedestrian = torch.randint(2, (8, 1)).float()
    trunk = nn.Linear(6, 4)
    where_head, what_head = nn.Linear(4, 2), nn.Linear(4, 1)
    seen = torch.relu(trunk(features))
    where_loss = nn.MSELoss()(where_head(seen), place)
    what_loss = nn.BCEWithLogitsLoss()(what_head(seen), is_pedestrian)
    loss = where_loss + 0.5 * what_loss
    loss.backward()
    print(f"place: {where_loss:.4f}, pedestrian: {what_loss:.4f}, together: {loss:.4f}")
    for name, layer in (("trunk", trunk), ("where_head", where_head), ("what_head", what_head)):
        print(f"gradient of {name}: {layer.weight.grad.square().sum().sqrt():.4f}")


def training_loop():
    x = torch.randn(100, 3)
    y = (x * torch.tensor([1.0, -2.0, 0.5])).sum(1, keepdim=True) + 0.1 * torch.randn(100, 1)
    dataset = DataLoader(TensorDataset(x, y), batch_size=20, shuffle=True)
    model = nn.Linear(3, 1)
    criterion = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for epoch in range(1, 21):
        total = 0.0
        for input, target in dataset:
            optimizer.zero_grad()
            loss = criterion(model(input), target)
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"Epoch [{epoch}/20], Loss: {total / len(dataset):.4f}")
    print(model.weight)


NAMES = ["dog.12.jpg", "cat.1.jpg", "cat.10.jpg", "dog.3.jpg", "cat.2.jpg"]


def labels_from_names():
    """The chapter's listing over an existing folder, and the counts."""
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            (pathlib.Path(folder) / name).touch()
        images = []
        for name in os.listdir(folder):
            images.append((name, 0 if name.split(sep=".")[0] == "cat" else 1))
    images.sort()
    print("data_size:", len(images))
    for label, kind in enumerate(("cat", "dog")):
        print(f"label {label}, {kind}: {sum(image[1] == label for image in images)}")
    for name, label in images:
        print(name, label)


WORDS, KINDS, STEPS = 50, 4, 60

# Each with the learning rate of the example.
OPTIMIZERS = {
    "Adadelta": lambda p: torch.optim.Adadelta(p, lr=20.0),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr=0.5),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.1),
    "SparseAdam": lambda p: torch.optim.SparseAdam(p, lr=0.1),
    "Adamax": lambda p: torch.optim.Adamax(p, lr=0.2),
    "ASGD": lambda p: torch.optim.ASGD(p, lr=5.0),
    "LBFGS": lambda p: torch.optim.LBFGS(p, lr=1.0, max_iter=1),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.03),
    "Rprop": lambda p: torch.optim.Rprop(p, lr=0.05),
    "SGD": lambda p: torch.optim.SGD(p, lr=1.0, momentum=0.9),
}


def optimizers():
    kinds = torch.randint(KINDS, (400,))
    own = kinds.view(-1, 1) * 12 + torch.randint(12, (400, 1))
    words = torch.cat([own, torch.randint(WORDS, (400, 3))], 1)
    start = torch.randn(WORDS, KINDS)
    for name, make in OPTIMIZERS.items():
        scores = start.clone().requires_grad_(True)
        optimizer = make([scores])
        sparse = name == "SparseAdam"

        def loss_of():
            return nn.functional.cross_entropy(nn.functional.embedding(words, scores, sparse=sparse).sum(1), kinds)

        def closure():
            optimizer.zero_grad()
            loss = loss_of()
            loss.backward()
            return loss

        for _ in range(STEPS):
            optimizer.step(closure)
        print(f"{name}: {loss_of().item():.4f}")


def picture(i):
    """A small picture of its own for each i, the same as in the test of the example."""
    width, height = 20 + i % 7, 18 + i % 5
    image = Image.new("RGB", (width, height))
    image.putdata([((x * (i + 3) * 5 + y * 7) % 256, (y * (i + 1) * 9 + x) % 256, (x * y + 40 * i) % 256)
                   for y in range(height) for x in range(width)])
    return image


class Pictures(Dataset):
    """24 pictures, sorted by their names."""

    def __init__(self, transform):
        self.transform = transform
        names = [f"{kind}.{i}.png" for kind in ("cat", "dog") for i in range(12)]
        self.items = sorted((name, picture(i + (12 if name.startswith("dog") else 0)), int(name.startswith("dog")))
                            for name, i in zip(names, list(range(12)) * 2))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        _, image, label = self.items[index]
        return self.transform(image), label


MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def dogs_vs_cats(dtype=torch.float32):
    """Two epochs of the example over 24 pictures, at 64 x 64."""
    transform = transforms.Compose([transforms.Resize((64, 64)), transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    train, valid = random_split(Pictures(transform), [0.8, 0.2])
    phases = {"train": DataLoader(train, batch_size=16, shuffle=True), "valid": DataLoader(valid, batch_size=16)}
    model = torchvision.models.resnet18(num_classes=2).to(dtype)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=7, gamma=0.1)
    out = []
    for _ in range(2):
        for phase, loader in phases.items():
            model.train(phase == "train")
            running_loss, running_corrects, size = 0.0, 0, len(loader.dataset)
            for inputs, labels in loader:
                optimizer.zero_grad()
                with torch.set_grad_enabled(phase == "train"):
                    outputs = model(inputs.to(dtype))
                    loss = criterion(outputs, labels)
                if phase == "train":
                    loss.backward()
                    optimizer.step()
                running_loss += loss.item() * len(labels)
                running_corrects += (outputs.argmax(1) == labels).sum().item()
            out.append({"phase": phase, "loss": running_loss / size, "accuracy": running_corrects / size})
        scheduler.step()
    return out


def scenes():
    """Pictures of every format to resize: waves, and noise on them."""
    rng = random.Random(0)
    out = {}
    for mode, channels in (("RGB", 3), ("L", 1), ("RGBA", 4), ("LA", 2)):
        width, height = 24, 17
        samples = [min(255, max(0, int(128 + 90 * math.sin((x + 2 * c) / 5) * math.cos(y / (4 + c)) + rng.gauss(0, 30))))
                   for y in range(height) for x in range(width) for c in range(channels)]
        out[mode] = Image.frombytes(mode, (width, height), bytes(samples))
    return out


def resizing():
    out = []
    pictures = scenes()
    for mode, image in pictures.items():
        image.save(IMAGES / f"scene_{mode.lower()}.png", optimize=True)
        for size in ((17, 24), (9, 7), (17, 30), (25, 5), (26, 33), (8, 22), (1, 1), 10, 21):
            small = transforms.Resize(size)(image)
            out.append({"mode": mode, "size": size, "width": small.width, "height": small.height, "samples": list(small.tobytes())})
    tall = pictures["RGB"].transpose(Image.Transpose.ROTATE_90)
    small = transforms.Resize(10)(tall)
    prepared = transforms.Compose([transforms.Resize((9, 12)), transforms.ToTensor(), transforms.Normalize(MEAN, STD)])(pictures["RGB"])
    to_tensor = {mode: encode(transforms.Compose([transforms.Resize((4, 5)), transforms.ToTensor()])(image)) for mode, image in pictures.items()}
    normalized = {
        name: encode(transforms.Normalize(mean, std)(torch.arange(24).view(2, 3, 2, 2).to(dtype) / 7))
        for name, dtype, mean, std in (("f64", torch.float64, MEAN, STD), ("f16", torch.float16, MEAN, STD), ("one for all", torch.float32, [0.3], [0.7]))
    }
    return {"resize": out, "tall": [small.width, small.height], "prepared": encode(prepared), "to_tensor": to_tensor, "normalize": normalized}


def printed(program):
    torch.manual_seed(0)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        program()
    return out.getvalue()


def main():
    torch.set_num_threads(1)
    programs = (layers_and_activations, my_first_network, heads, losses, training_loop, labels_from_names, optimizers)
    texts = {program.__name__: printed(program) for program in programs}
    for name, text in texts.items():
        print(f"== {name}\n{text}")
    torch.manual_seed(0)
    epochs = dogs_vs_cats()
    torch.manual_seed(0)
    exact = dogs_vs_cats(torch.float64)
    for single, double in zip(epochs, exact):
        print(single, "noise", abs(single["loss"] - double["loss"]) / double["loss"], double["accuracy"])
    path = pathlib.Path(__file__).parent / "listings.json.gz"
    write(path, {"torch": torch.__version__.split("+")[0], "torchvision": torchvision.__version__.split("+")[0], "printed": texts,
                 "dogs_vs_cats": [{**e, "loss": number(e["loss"])} for e in epochs], "transforms": resizing()})
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
