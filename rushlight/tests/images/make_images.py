#!/usr/bin/env python3
"""Makes the images that the image reader is tested with, one of each kind, with Pillow (`pip install pillow`).

All but `scene_*.png`, which `../golden/generate_listings.py` writes, show the same smooth pattern of 24 x 16 pixels, see `pattern` here and in `../image.rs`.
"""

import pathlib

from PIL import Image

WIDTH, HEIGHT = 24, 16
here = pathlib.Path(__file__).parent


def pattern(x, y):
    return 10 * x, 15 * y, 255 - 5 * (x + y)


rgb = Image.new("RGB", (WIDTH, HEIGHT))
rgb.putdata([pattern(x, y) for y in range(HEIGHT) for x in range(WIDTH)])
gray = rgb.convert("L")
alpha = Image.new("L", (WIDTH, HEIGHT))
alpha.putdata([255 if x >= 12 else 0 for y in range(HEIGHT) for x in range(WIDTH)])
rgba, gray_alpha = rgb.copy(), gray.convert("LA")
rgba.putalpha(alpha)
gray_alpha.putalpha(alpha)
wide = Image.new("I;16", (WIDTH, HEIGHT))
wide.putdata([v * 257 for v in gray.getdata()])

for name, image in {"rgb": rgb, "gray": gray, "rgba": rgba, "gray_alpha": gray_alpha, "gray16": wide}.items():
    image.save(here / f"{name}.png", optimize=True)
rgb.quantize(256).save(here / "palette.png", optimize=True)
gray.point(lambda v: 255 if v >= 128 else 0).convert("1", dither=Image.Dither.NONE).save(here / "bits.png")
for name, image, options in (
    ("rgb", rgb, {"subsampling": 0}),
    ("subsampled", rgb, {"subsampling": 2}),
    ("progressive", rgb, {"subsampling": 0, "progressive": True}),
    ("gray", gray, {}),
    ("cmyk", rgb.convert("CMYK"), {}),
):
    image.save(here / f"{name}.jpg", quality=97, optimize=True, **options)
