"""Writes transforms.json.gz: what torchvision and Pillow make of images and tensors, for arguments that are given and for those that are
drawn after a seed.

    pip install torch==2.15.0 torchvision==0.29.2 numpy pillow==13.0.0
    python generate_transforms.py

Images are recorded by their size and a checksum; small ones with their samples, so that a difference can be seen.
"""

import inspect
import pathlib
import zlib

import numpy as np
import torch
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F
from torchvision.transforms import v2

from fixture import encode, write

CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
ALL = list(InterpolationMode)
WARPS = [InterpolationMode.NEAREST, InterpolationMode.BILINEAR, InterpolationMode.BICUBIC]


def picture(mode, height, width):
    """Smooth in parts and with edges; the same formula is in the test."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(CHANNELS[mode]), indexing="ij")
    samples = (x * 5 + y * 3 + c * 40 + (x * x * 7 + y * y * 11 + x * y * c) % 61 * (1 + (x // 4 + y // 3) % 3)) % 256
    if mode.endswith("A"):
        samples[..., -1] = np.clip((x * 37 + y * 91)[..., -1] % 300 - 20, 0, 255)
    samples = samples.astype(np.uint8)
    return Image.fromarray(samples[..., 0] if mode == "L" else samples, mode)


def plain(value):
    """An argument as JSON."""
    if isinstance(value, InterpolationMode):
        return value.value
    return list(map(plain, value)) if isinstance(value, (tuple, list)) else value


def recorded(image, whole=False):
    samples = image.tobytes()
    out = {"height": image.height, "width": image.width, "channels": len(image.getbands()), "crc": zlib.crc32(samples)}
    if whole or len(samples) <= 40:
        out["samples"] = list(samples)
    return out


class Calls:
    def __init__(self):
        self.all = []

    def add(self, name, mode, size, *args, **options):
        """A call of a function, whose results are one image or several."""
        result = getattr(F, name)(picture(mode, *size), *args, **options)
        results = list(result) if isinstance(result, tuple) else [result]
        names = list(inspect.signature(getattr(F, name)).parameters)[1:]
        given = {name: plain(value) for name, value in {**dict(zip(names, args)), **options}.items()}
        given["to"] = given.pop("size", None)
        self.all.append({"call": name, "mode": mode, "size": size, **given, "results": list(map(recorded, results))})


def functions():
    calls = Calls()
    add = calls.add
    for mode in CHANNELS:
        for interpolation in ALL:
            for size in [(10, 15), (40, 60), (23, 12), (9, 31), (50, 20), (8, 45), (12, 30)]:
                add("resize", mode, (23, 31), size, interpolation)
        # Columns are scaled first, or not, by one pixel of difference.
        for size in [((60, 40), (20, 20)), ((61, 40), (20, 20)), ((62, 20), (40, 9)), ((97, 3), (10, 2)), ((1, 1), (3, 4))]:
            add("resize", mode, *size)
        for size, longest in [(20, None), (20, 25), (30, 31), (7, None), (60, 70)]:
            add("resize", mode, (23, 31), size, max_size=longest)
            add("resize", mode, (31, 23), size, max_size=longest)
        add("resize", mode, (9, 700), (5, 1234), InterpolationMode.NEAREST)
        add("resized_crop", mode, (23, 31), 3, 5, 17, 12, (9, 20), InterpolationMode.BICUBIC)
        for top, left, height, width in [(2, 3, 10, 12), (-4, 5, 12, 40), (0, 0, 23, 31), (30, -50, 4, 5), (20, 28, 9, 9)]:
            add("crop", mode, (23, 31), top, left, height, width)
        for size in [(10, 12), (11, 13), (40, 9), (9, 40), (50, 51), 7]:
            add("center_crop", mode, (23, 31), size)
        add("five_crop", mode, (9, 8), (4, 3))
        add("ten_crop", mode, (9, 8), (4, 3))
        add("ten_crop", mode, (9, 8), 5, vertical_flip=True)
        add("hflip", mode, (9, 8))
        add("vflip", mode, (9, 8))
        for padding in [2, (3, 1), (1, 2, 3, 4), (-2, 3, 1, -4)]:
            add("pad", mode, (9, 8), padding, 7)
            for padding_mode in ["edge", "reflect", "symmetric"]:
                add("pad", mode, (9, 8), padding, padding_mode=padding_mode)
        add("pad", mode, (2, 3), 2, [20 + 30 * c for c in range(CHANNELS[mode])])
        for padding_mode in ["reflect", "symmetric"]:
            add("pad", mode, (3, 1), (5, 11), padding_mode=padding_mode)
        for angle in [0, 90, 180, 270, -90, 360, 37.5, -200.25, 0.001, 725.5]:
            for interpolation in WARPS:
                for expand in [False, True]:
                    add("rotate", mode, (11, 14), angle, interpolation, expand=expand)
            add("rotate", mode, (12, 12), angle, fill=9)
        add("rotate", mode, (11, 14), 30.0, InterpolationMode.BILINEAR, center=[2, 3], fill=50.7)
        add("rotate", mode, (11, 14), 90.0, center=[0, 0])
        for angle, translate, scale, shear in [
            (0.0, [0, 0], 1.0, [0.0, 0.0]), (20.0, [3, -2], 1.3, [5.0, -8.0]), (0.0, [2, 3], 0.7, [0.0, 0.0]),
            (-75.0, [0, 0], 2.5, [30.0, 0.0]), (0.0, [0, 0], 1.0, [0.0, 40.0]), (90.0, [-5, 1], 1.0, [0.0, 0.0]),
        ]:
            for interpolation in WARPS:
                add("affine", mode, (11, 14), angle, translate, scale, shear, interpolation)
        add("affine", mode, (11, 14), 10.0, [1, 1], 1.1, [3.0, 4.0], InterpolationMode.BICUBIC,
            fill=[20 + 30 * c for c in range(CHANNELS[mode])], center=[1, 2])
        for channels in [1, 3]:
            add("rgb_to_grayscale", mode, (9, 8), num_output_channels=channels)
        for size in [(9, 8), (24, 17)]:
            for factor in [0.0, 0.3, 0.5, 1.0, 1.37, 2.0, 3.9]:
                for name in ["adjust_brightness", "adjust_contrast", "adjust_saturation", "adjust_sharpness"]:
                    add(name, mode, size, factor)
        for size in [(1, 1), (2, 9), (9, 2), (3, 3)]:
            add("adjust_sharpness", mode, size, 0.5)
        for kernel_size, sigma in [(3, 0.8), ([5, 7], 1.7), (9, 0.1), (9, None), ([1, 3], 2.0)]:
            add("gaussian_blur", mode, (23, 31), kernel_size, sigma)
    # Places beyond 2^15, which Pillow's fixed-point numbers do not hold.
    add("affine", "L", (3, 40000), 0.3, [0, 0], 1.0, [0.0, 0.0])
    for mode in ["L", "RGB"]:
        for factor in [-0.5, -0.31, -0.001, 0.0, 0.1, 0.25, 0.5]:
            add("adjust_hue", mode, (24, 17), factor)
        for size in [(9, 8), (24, 17), (70, 60), (1, 1)]:
            for bits in range(1, 9):
                add("posterize", mode, size, bits)
            for threshold in [0.0, 100, 127.5, 255, 256]:
                add("solarize", mode, size, threshold)
            for name in ["invert", "autocontrast", "equalize"]:
                add(name, mode, size)
    return calls.all


def colors():
    """The checksums of all 2^18 colors of 6 bits, with their hues turned."""
    levels = np.arange(0, 256, 4, dtype=np.uint8) + 3
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(512, 512, 3)
    return [{"factor": factor, **recorded(F.adjust_hue(Image.fromarray(cube, "RGB"), factor))} for factor in [0.0, 0.2]]


def classes():
    """Random transforms after seeds; each twice, so that the number of draws shows."""
    out = []

    def add(name, seeds=range(8), modes=CHANNELS, module=transforms, size=(23, 31), args=(), **options):
        cls = getattr(module, name)
        for mode in modes:
            transform = cls(*args, **options)
            runs = []
            for seed in seeds:
                torch.manual_seed(seed)
                whole = name == "GaussianBlur"
                runs.append([recorded(transform(picture(mode, *size)), whole) for _ in range(2)])
            given = {key: plain(value) for key, value in options.items()}
            out.append({"class": name, "mode": mode, "size": size, "args": plain(args), **given, "runs": runs})

    opaque = ["L", "RGB"]
    add("RandomCrop", args=[(10, 12)])
    add("RandomCrop", args=[20], padding=4, fill=9)
    add("RandomCrop", args=[(40, 20)], pad_if_needed=True, padding_mode="reflect")
    add("RandomCrop", args=[(23, 50)], padding=[1, 0, 2, 0], pad_if_needed=True, padding_mode="symmetric")
    add("RandomCrop", args=[(23, 31)], modes=["L"])
    add("RandomResizedCrop", args=[(8, 9)], seeds=range(20))
    add("RandomResizedCrop", args=[8], scale=(0.5, 1.0), ratio=(0.1, 3.0), interpolation=InterpolationMode.BICUBIC)
    # No part fits, so that the middle is used.
    add("RandomResizedCrop", args=[8], scale=(1.0, 1.0), ratio=(2.0, 3.0))
    add("RandomResizedCrop", args=[8], scale=(0.9, 1.0), ratio=(0.2, 0.3))
    for p in [0.5, 0.9]:
        add("RandomHorizontalFlip", p=p)
        add("RandomVerticalFlip", p=p)
        add("RandomGrayscale", modes=opaque, p=p)
        for name in ["RandomInvert", "RandomAutocontrast", "RandomEqualize"]:
            add(name, modes=opaque, p=p)
        add("RandomPosterize", modes=opaque, args=[3], p=p)
        add("RandomSolarize", modes=opaque, args=[99.0], p=p)
        add("RandomAdjustSharpness", args=[1.9], p=p)
    add("ColorJitter", modes=opaque, seeds=range(20), brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
    add("ColorJitter", modes=opaque, brightness=(0.2, 0.9), hue=(-0.5, 0.5))
    add("ColorJitter", modes=opaque, contrast=1.8, saturation=(1.0, 1.0))
    add("RandomRotation", args=[40.0])
    add("RandomRotation", args=[(80.0, 280.0)], interpolation=InterpolationMode.BILINEAR, expand=True, fill=7)
    add("RandomRotation", args=[(-10.0, 10.0)], interpolation=InterpolationMode.BICUBIC, center=[3.5, 20.0])
    add("RandomAffine", args=[30.0])
    add("RandomAffine", args=[0.0], translate=(0.3, 0.2))
    add("RandomAffine", args=[(-90.0, 45.0)], translate=(0.1, 0.5), scale=(0.5, 1.5), shear=15.0)
    add("RandomAffine", args=[10.0], scale=(0.8, 2.0), shear=[-5.0, 25.0], interpolation=InterpolationMode.BILINEAR, fill=3)
    add("RandomAffine", args=[10.0], shear=[-5.0, 25.0, 10.0, 20.0], interpolation=InterpolationMode.BICUBIC, center=[0.0, 4.0])
    add("GaussianBlur", args=[5], size=(9, 11))
    add("GaussianBlur", args=[[3, 7]], sigma=(0.5, 4.0), size=(9, 11))
    add("TrivialAugmentWide", modes=opaque, seeds=range(40))
    add("TrivialAugmentWide", modes=opaque, seeds=range(20), num_magnitude_bins=7, interpolation=InterpolationMode.BILINEAR, fill=[30.0])
    add("RandAugment", modes=opaque, seeds=range(40))
    add("RandAugment", modes=opaque, seeds=range(20), num_ops=3, magnitude=20, num_magnitude_bins=25, interpolation=InterpolationMode.BICUBIC)
    return out


def combined():
    """Transforms made of others; the choice and the order are drawn as in torchvision.transforms.v2."""
    steps = lambda m: [m.RandomHorizontalFlip(1.0), m.RandomCrop(9), m.ColorJitter(brightness=0.5)]
    made = {
        "RandomApply": transforms.RandomApply(steps(transforms), 0.6),
        "RandomChoice": v2.RandomChoice(steps(v2)),
        "RandomChoice weighted": v2.RandomChoice(steps(v2), p=[0.2, 0.5, 0.3]),
        "RandomOrder": v2.RandomOrder(steps(v2)),
    }
    out = {}
    for name, transform in made.items():
        runs = []
        for seed in range(12):
            torch.manual_seed(seed)
            runs.append([recorded(transform(picture("RGB", 12, 14))) for _ in range(2)])
        out[name] = runs
    return out


def on_tensors():
    """Functions of tensors: of uint8, of float32, and of a batch."""
    byte = F.pil_to_tensor(picture("RGB", 9, 8))
    gray = F.pil_to_tensor(picture("L", 9, 8))
    single = F.to_tensor(picture("RGB", 9, 8))
    batch = torch.stack([single, single.flip(-1)]).double()
    inputs = {"byte": byte, "gray": gray, "single": single, "batch": batch}
    tensor_modes = [InterpolationMode.NEAREST, InterpolationMode.NEAREST_EXACT, InterpolationMode.BILINEAR, InterpolationMode.BICUBIC]
    out = []

    def add(name, *args, only=inputs, **options):
        names = list(inspect.signature(getattr(F, name)).parameters)[1:]
        given = {name: plain(value) for name, value in {**dict(zip(names, args)), **options}.items()}
        for kind in only:
            result = getattr(F, name)(inputs[kind], *args, **options)
            out.append({"call": name, "input": kind, **given, "result": encode(result)})

    for size in [(5, 6), (13, 17), (4, 20)]:
        for mode in tensor_modes:
            for antialias in [True, False]:
                add("resize", size, mode, antialias=antialias)
    add("resize", 5, max_size=6)
    add("crop", -2, 3, 6, 9)
    add("center_crop", (4, 11))
    add("resized_crop", 1, 2, 6, 5, (4, 4))
    add("hflip")
    add("vflip")
    for padding_mode in ["constant", "edge", "reflect", "symmetric"]:
        add("pad", (1, 2, 3, 4), padding_mode=padding_mode)
    add("pad", (-1, 2), 3)
    for channels in [1, 3]:
        add("rgb_to_grayscale", num_output_channels=channels, only=["byte", "single", "batch"])
    for factor in [0.4, 1.7]:
        for name in ["adjust_brightness", "adjust_contrast", "adjust_saturation"]:
            add(name, factor)
    for factor in [-0.4, 0.15]:
        add("adjust_hue", factor, only=["byte", "gray", "single"])
    add("gaussian_blur", [3, 5], 0.9)
    add("erase", 1, 2, 3, 4, torch.tensor([0.5, 0.25, 0.75])[:, None, None], only=["single", "batch"])
    del out[-2]["v"], out[-1]["v"]
    return out


def dtypes():
    """Conversions between types that keep white."""
    names = {"u8": torch.uint8, "i8": torch.int8, "i16": torch.int16, "i32": torch.int32, "i64": torch.int64,
             "f16": torch.float16, "f32": torch.float32, "f64": torch.float64}
    out = []
    for a, from_type in names.items():
        if from_type.is_floating_point:
            x = torch.tensor([0.0, 0.125, 0.5, 0.9, 1.0], dtype=from_type)
        else:
            x = torch.tensor([0, 1, 37, 100, 127], dtype=from_type) * (torch.iinfo(from_type).max // 127)
        for b, to_type in names.items():
            try:
                out.append({"input": encode(x), "to": b, "result": encode(F.convert_image_dtype(x, to_type))})
            except RuntimeError:
                out.append({"input": encode(x), "to": b, "result": None})
    return out


def erasing():
    out = []
    for options in [{}, {"p": 1.0, "value": "random"}, {"p": 0.8, "scale": (0.1, 0.9), "value": (0.1, 0.2, 0.3)},
                    {"p": 1.0, "ratio": (1.0, 1.0), "value": 0.5}, {"p": 1.0, "scale": (1.0, 1.0)}]:
        runs = []
        for seed in range(6):
            torch.manual_seed(seed)
            x = transforms.RandomErasing(**options)(F.to_tensor(picture("RGB", 8, 7)))
            runs.append({"x": encode(x), "next": torch.rand(1).item()})
        out.append({**{key: plain(value) for key, value in options.items()}, "runs": runs})
    return out


def mixing():
    x = torch.stack([F.to_tensor(picture("RGB", 6, 5)).roll(i, -1) for i in range(3)])
    out = []
    for name in ["MixUp", "CutMix"]:
        for alpha in [1.0, 0.2, 0.4, 3.5]:
            for seed in range(8):
                torch.manual_seed(seed)
                y, labels = getattr(v2, name)(alpha=alpha, num_classes=4)(x, torch.tensor([2, 0, 3]))
                case = {"class": name, "alpha": alpha, "seed": seed, "labels": encode(labels), "next": torch.rand(1).item()}
                if seed < 3:
                    case["x"] = encode(y)
                out.append(case)
    return out


if __name__ == "__main__":
    content = {
        "functions": functions(), "colors": colors(), "classes": classes(), "combined": combined(), "on_tensors": on_tensors(),
        "dtypes": dtypes(), "erasing": erasing(), "mixing": mixing(),
    }
    write(pathlib.Path(__file__).with_name("transforms.json.gz"), content)
