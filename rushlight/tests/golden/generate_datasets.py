"""Writes datasets.json.gz: orders of samplers and loaders, torchvision's listings of folders and images of its data sets, scikit-learn's splits.

    pip install torch==2.15.0 torchvision numpy pillow scikit-learn
    python generate_datasets.py

The files that the data sets read are made by formulas which tests/data_io/datasets.rs repeats.
"""

import hashlib
import os
import pathlib
import pickle
import struct
import tempfile

import numpy as np
import torch
import torchvision
from sklearn.model_selection import train_test_split
from torch.utils.data import (
    BatchSampler, DataLoader, IterableDataset, RandomSampler, SubsetRandomSampler,
    WeightedRandomSampler, get_worker_info, random_split,
)

from fixture import write

WEIGHTS = [0.5, 0.25, 0.0, 3.0, 1.125, 2.0, 0.875, 4.0, 0.0, 1.0]


def draw(generator=None):
    return torch.empty((), dtype=torch.int64).random_(generator=generator).item()


SAMPLERS = {
    "subset": lambda g: SubsetRandomSampler([7, 0, 3, 3, 9, 5, 2], generator=g),
    "weighted": lambda g: WeightedRandomSampler(WEIGHTS, 40, generator=g),
    "weighted_once": lambda g: WeightedRandomSampler(WEIGHTS, 8, replacement=False, generator=g),
    "batches": lambda g: BatchSampler(RandomSampler(range(10), generator=g), 4, False),
    "whole_batches": lambda g: BatchSampler(RandomSampler(range(10), generator=g), 4, True),
    "drawn_batches": lambda g: BatchSampler(RandomSampler(range(10), replacement=True, num_samples=35, generator=g), 10, False),
}


def samplers():
    """Two epochs of each alone, then two of a loader over it, from the default generator and from one of its own."""
    out = []
    for name, make in SAMPLERS.items():
        for own in (False, True):
            torch.manual_seed(11)
            g = torch.Generator().manual_seed(12) if own else None
            sampler = make(g)
            epochs = [list(sampler) for _ in range(2)]
            option = {"batch_sampler": sampler} if isinstance(sampler, BatchSampler) else {"sampler": sampler, "batch_size": 3}
            loader = DataLoader(range(10), **option)
            loaded = [[batch.tolist() for batch in loader] for _ in range(2)]
            out.append({"name": name, "own": own, "epochs": epochs, "loaded": loaded, "after": draw(g), "default": draw()})
    return out


def splits():
    out = []
    for n, lengths in [(20, [13, 0, 7]), (23, [0.3, 0.3, 0.4]), (10, [0.05, 0.95]), (7, [0.5, 0.5]), (5, [5])]:
        torch.manual_seed(13)
        parts = [list(part.indices) for part in random_split(range(n), lengths)]
        own = [list(part.indices) for part in random_split(range(n), lengths, torch.Generator().manual_seed(14))]
        out.append({"n": n, "lengths": lengths, "parts": parts, "own": own, "after": draw()})
    return out


def stratified():
    """Counts of each class in both parts, where no class has the same remainder as another: there scikit-learn draws lots."""
    out = []
    for counts, train in [
        ([50, 50], 80), ([10, 20, 70], 77), ([3, 5, 9, 14], 24), ([2, 2], 2), ([7, 93], 90), ([100, 11, 12], 98), ([5, 8, 4, 6], 17),
    ]:
        targets = np.repeat(np.arange(len(counts)), counts)
        n = len(targets)
        remainders = [c * train % n for c in counts if c * train % n]
        assert len(set(remainders)) == len(remainders)
        first, second = train_test_split(targets, train_size=train, test_size=n - train, stratify=targets, random_state=0)
        parts = [np.bincount(part, minlength=len(counts)).tolist() for part in (first, second)]
        out.append({"counts": counts, "lengths": [train, n - train], "parts": parts})
    return out


class Shards(IterableDataset):
    """Shard k has the items 100 k, 100 k + 1, …; a worker reads one of them."""

    def __init__(self, sizes):
        self.sizes = sizes

    def __iter__(self):
        info = get_worker_info()
        shard = info.id if info else 0
        return iter(range(100 * shard, 100 * shard + self.sizes[shard]))


def iterables():
    out = []
    for sizes in [[7], [6], [0], [7, 3], [2, 9, 4], [0, 5, 1, 8]]:
        for drop_last in (False, True):
            torch.manual_seed(15)
            workers = 0 if len(sizes) == 1 else len(sizes)
            loader = DataLoader(Shards(sizes), batch_size=2, drop_last=drop_last, num_workers=workers)
            epochs = [[batch.tolist() for batch in loader] for _ in range(2)]
            out.append({"sizes": sizes, "drop_last": drop_last, "epochs": epochs, "after": draw()})
    return out


FILES = [
    "cat/2.jpg", "cat/10.JPG", "cat/1.jpeg", "cat/._2.jpg", "cat/.png", "cat/Thumbs.db", "cat/notes.txt", "cat/jpg", "cat/x.jpg.bak",
    "cat/a/z.png", "cat/a-b/y.webp", "cat/a/c/x.bmp", "cat/a.d/w.Png", "cat/é.jpg", "cat/z.jpg", "cat/scan.tif", "cat/old.ppm",
    "Zebra/1.jpg", "dog/2.jpg", "dog/1/0.jpg", "élan/1.jpg", "stray.jpg", "readme.md",
]


def tree(folder, files):
    for name in files:
        path = pathlib.Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def listing(folder, **options):
    data = torchvision.datasets.ImageFolder(folder, **options)
    return {"classes": data.classes, "samples": [[os.path.relpath(path, folder), label] for path, label in data.samples]}


def image_folders():
    with tempfile.TemporaryDirectory() as folder:
        tree(folder, FILES)
        os.symlink("../dog", pathlib.Path(folder, "cat", "friend"))
        os.symlink("missing.jpg", pathlib.Path(folder, "dog", "broken.jpg"))
        os.symlink("dog", pathlib.Path(folder, "hound"))
        default = listing(folder)
        chosen = listing(folder, is_valid_file=lambda path: os.path.basename(path)[0] in "12n", allow_empty=True)
        pathlib.Path(folder, "owl", "nest").mkdir(parents=True)
        try:
            listing(folder)
            raise AssertionError("an empty class is an error")
        except FileNotFoundError as error:
            empty = str(error).split("Supported")[0]
        allowed = listing(folder, allow_empty=True)
    return {"files": FILES, "default": default, "chosen": chosen, "empty": empty, "allowed": allowed}


def idx(path, array):
    header = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    with open(path, "wb") as f:
        f.write(header + array.astype(np.uint8).tobytes())


def formula(count, size):
    """The bytes of `count` images of `size` samples."""
    i = np.arange(count * size, dtype=np.int64)
    return ((i * i // 7 + 3 * i) % 251).astype(np.uint8)


def mnist_family():
    images = formula(3, 28 * 28).reshape(3, 28, 28)
    out = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("MNIST", "FashionMNIST"):
            raw = pathlib.Path(folder, name, "raw")
            raw.mkdir(parents=True)
            for part in ("train", "t10k"):
                idx(raw / f"{part}-images-idx3-ubyte", images)
                idx(raw / f"{part}-labels-idx1-ubyte", np.array([7, 0, 9]))
            data = getattr(torchvision.datasets, name)(folder, train=False)
            out[name] = {"classes": data.classes, "items": [[np.array(image).ravel().tolist(), label] for image, label in data]}
        raw = pathlib.Path(folder, "EMNIST", "raw")
        raw.mkdir(parents=True)
        out["EMNIST"] = {}
        for split in torchvision.datasets.EMNIST.splits:
            idx(raw / f"emnist-{split}-test-images-idx3-ubyte", images)
            idx(raw / f"emnist-{split}-test-labels-idx1-ubyte", np.array([7, 1, 9]))
            data = torchvision.datasets.EMNIST(folder, split, train=False)
            out["EMNIST"][split] = {"classes": data.classes, "labels": [label for _, label in data]}
        out["EMNIST"]["transposed"] = np.array(data[1][0]).ravel().tolist()
    return out


def cifar():
    """torchvision reads the pickled version of the same planes."""
    planes = formula(2, 3072).reshape(2, 3072)
    out = {}
    for base, key, labels, meta in [
        (torchvision.datasets.CIFAR10, "labels", [9, 3], "label_names"),
        (torchvision.datasets.CIFAR100, "fine_labels", [99, 41], "fine_label_names"),
    ]:
        with tempfile.TemporaryDirectory() as root:
            folder = pathlib.Path(root, base.base_folder)
            folder.mkdir()

            def pickled(name, content):
                text = pickle.dumps(content)
                (folder / name).write_bytes(text)
                return hashlib.md5(text).hexdigest()

            class Small(base):
                train_list = [[name, pickled(name, {"data": planes, key: labels})] for name, _ in base.train_list[:1]]
                test_list = [["test", pickled("test", {"data": planes, key: labels})]]

            names = [str(i) for i in range(100)]
            Small.meta = {"filename": "meta", "key": meta, "md5": pickled("meta", {meta: names})}
            data = Small(root, train=True)
            out[base.__name__] = [[np.array(image).ravel().tolist(), label] for image, label in data]
    return out


if __name__ == "__main__":
    write(pathlib.Path(__file__).with_name("datasets.json.gz"), {
        "torch": torch.__version__, "torchvision": torchvision.__version__, "weights": WEIGHTS, "samplers": samplers(), "splits": splits(),
        "stratified": stratified(), "iterables": iterables(), "image_folder": image_folders(), "mnist": mnist_family(), "cifar": cifar(),
    })
