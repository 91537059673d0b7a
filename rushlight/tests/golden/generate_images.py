#!/usr/bin/env python3
"""Writes images.json.gz and ../images/formats: small files of each format and variant, with the pixels that Pillow reads from them, and what
torchvision makes of tensors.

    pip install torch==2.15.0 torchvision==0.29.2 pillow==13.0.0
    apt-get install libjpeg-turbo-progs    # cjpeg writes what Pillow cannot
    python generate_images.py

Files that Pillow refuses although libjpeg-turbo reads them have the pixels of the file that they were made from.
"""

import io
import pathlib
import struct
import subprocess
import tempfile
import zlib

import numpy as np
import torch
from PIL import Image, ImageOps
from torchvision.transforms.functional import to_pil_image
from torchvision.utils import make_grid, save_image

import fixture

here = pathlib.Path(__file__).parent
folder = here.parent / "images" / "formats"
files = {}
WIDTH, HEIGHT = 37, 29


def picture(width, height):
    """Edges, gradients and noise, so that each decoder's interpolation and rounding show."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    noise = np.random.default_rng(9).normal(size=(height, width, 3)) * 12
    waves = np.stack([np.sin(x / 3.1 + y / 7), np.cos(y / 2.3), np.sin((x + y) / 4.7)], -1) * 90 + 128
    waves[(x - 18) ** 2 + (y - 12) ** 2 < 60] = [230, 40, 60]
    return Image.fromarray((waves + noise).clip(0, 255).astype(np.uint8))


def add(name, data, truth=None):
    (folder / name).write_bytes(data)
    shown = ImageOps.exif_transpose(Image.open(io.BytesIO(truth or data)))
    transparent = shown.mode in ("LA", "RGBA", "PA") or "transparency" in shown.info
    shown = shown.convert("RGBA" if transparent else "RGB")
    files[name] = {"width": shown.width, "height": shown.height, "samples": shown.tobytes().hex()}


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def cjpeg(image, *options, scans=None):
    with tempfile.NamedTemporaryFile("w") as script:
        if scans:
            script.write(scans)
            script.flush()
            options += ("-scans", script.name)
        ppm = saved(image, "PPM")
        return subprocess.run(["cjpeg", "-quality", "88", *options], input=ppm, capture_output=True, check=True).stdout


def jpegtran(data, scans):
    with tempfile.NamedTemporaryFile("w") as script:
        script.write(scans)
        script.flush()
        return subprocess.run(["jpegtran", "-scans", script.name], input=data, capture_output=True, check=True).stdout


def segments(data):
    """The segments in front of the first scan, and the rest."""
    found, at = [], 2
    while data[at + 1] != 0xDA:
        end = at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
        found.append(data[at:end])
        at = end
    return found, data[at:]


def join(found, rest):
    return b"\xff\xd8" + b"".join(found) + rest


def segment(marker, content):
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def jpegs():
    image = picture(WIDTH, HEIGHT)
    sampling = {"444": "1x1", "422": "2x1", "420": "2x2", "440": "1x2", "411": "4x1", "410": "4x2", "441": "1x4", "mixed": "2x2,2x1,1x2"}
    for name, factors in sampling.items():
        add(f"{name}.jpg", cjpeg(image, "-sample", factors))
        add(f"{name}_progressive.jpg", cjpeg(image, "-sample", factors, "-progressive"))
        add(f"{name}_separate.jpg", cjpeg(image, "-sample", factors, scans="0;\n1;\n2;\n"))
    for name in ("444", "422", "420"):
        add(f"{name}_partly.jpg", cjpeg(image, "-sample", sampling[name], scans="0;\n1,2;\n"))
    add("finer_chroma.jpg", cjpeg(image, "-sample", "1x1,2x2,2x2"))
    add("restart.jpg", cjpeg(image, "-sample", "2x2", "-restart", "2B"))
    add("restart_separate.jpg", cjpeg(image, "-sample", "2x2", "-restart", "2B", scans="0;\n1;\n2;\n"))
    add("arithmetic.jpg", cjpeg(image, "-arithmetic"))
    add("rgb.jpg", cjpeg(image, "-rgb"))
    add("gray.jpg", cjpeg(image, "-grayscale"))
    add("gray_progressive.jpg", cjpeg(image, "-grayscale", "-progressive"))
    add("gray_2x2.jpg", cjpeg(image, "-grayscale", "-sample", "2x2"))
    for width, height in ((1, 1), (2, 1), (1, 9), (17, 8), (16, 17), (95, 7)):
        add(f"{width}x{height}.jpg", cjpeg(picture(width, height), "-sample", "2x2"))
    ink = np.array(image.convert("CMYK"))
    ink[..., 3] = np.arange(WIDTH) * 5
    ink = Image.fromarray(ink, "CMYK")
    cmyk = saved(ink, "JPEG", quality=90)
    add("cmyk.jpg", cmyk)
    add("cmyk_progressive.jpg", saved(ink, "JPEG", quality=90, progressive=True))
    add("cmyk_partly.jpg", jpegtran(cmyk, "0;\n1,2;\n3;\n"))
    found, rest = segments(cmyk)
    add("cmyk_without_marker.jpg", join([s for s in found if s[1] != 0xEE], rest))
    add("ycck.jpg", join([s[:-1] + b"\x02" if s[1] == 0xEE else s for s in found], rest))

    # Headers that libjpeg-turbo reads.
    base = cjpeg(image, "-sample", "2x2")
    jfif, *others = segments(base)[0]
    rest = segments(base)[1]
    tables = [s for s in others if s[1] == 0xDB]
    wide = b"".join(bytes([0x10 | t[4]]) + b"".join(bytes([0, v]) for v in t[5:69]) for t in tables)
    add("tables_of_16_bits.jpg", join([jfif, segment(0xDB, wide)] + [s for s in others if s[1] != 0xDB], rest))
    add("bytes_before_markers.jpg", join([jfif] + [b"\0\1\2" + s for s in others], rest))
    add("fill_before_markers.jpg", join([b"\xff\xff" + s for s in [jfif, *others]], rest))
    add("bytes_after_start.jpg", b"\xff\xd8\0\x11\x22" + base[2:], base)
    add("without_jfif.jpg", join(others, rest))
    add("short_jfif.jpg", join([segment(0xE0, b"JFIF"), *others], rest), base)
    add("broken_exif.jpg", join([jfif, segment(0xE1, b"Exif\0\0garbage!"), *others], rest))
    add("cut_exif.jpg", join([jfif, segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01"), *others], rest))
    add("empty_app.jpg", join([jfif, segment(0xE1, b""), *others], rest))
    add("app_without_length.jpg", join([jfif, b"\xff\xe1\0\0", *others], rest))
    add("broken_profile.jpg", join([jfif, segment(0xE2, b"ICC_PROFILE\0\5\2xx"), *others], rest))
    add("short_adobe.jpg", join([jfif, segment(0xEE, b"Adobe"), *others], rest), base)
    add("markers_in_app.jpg", join([jfif, segment(0xEF, b"\xff\xd8\xff\xd9ab"), *others], rest))
    add("bytes_after_end.jpg", base + b"hello" * 100)
    add("two_images.jpg", base + cjpeg(picture(60, 50)))
    add("without_end.jpg", base[:-2], base)
    progressive = cjpeg(image, "-sample", "2x2", "-progressive")
    add("progressive_without_end.jpg", progressive[:-2], progressive)
    # Damaged data with an end: what can be decoded, as libjpeg-turbo does.
    changed = bytearray(base)
    changed[-60] ^= 0x5A
    add("changed_data.jpg", bytes(changed))
    add("last_block_missing.jpg", base[:-8] + b"\xff\xd9")

    for value in range(1, 9):
        exif = Image.Exif()
        exif[0x112] = value
        add(f"orientation_{value}.jpg", saved(image, "JPEG", quality=80, exif=exif))
    little = struct.pack("<4sIHHHIII", b"II*\0", 8, 1, 0x112, 4, 1, 6, 0)
    add("orientation_long.jpg", join([jfif, segment(0xE1, b"Exif\0\0" + little), *others], rest))
    for value in (0, 9):
        exif = struct.pack(">4sIHHHIHHI", b"MM\0*", 8, 1, 0x112, 3, 1, value, 0, 0)
        add(f"orientation_{value}.jpg", join([jfif, segment(0xE1, b"Exif\0\0" + exif), *others], rest))


def png(image, interlaced=True):
    """A PNG that Pillow cannot write: interlaced, as it is in `image` (RGB, RGBA, L or P)."""
    pixels = np.array(image).reshape(image.height, image.width, -1)
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = b""
    for left, top, across, down in passes if interlaced else [(0, 0, 1, 1)]:
        part = pixels[top::down, left::across]
        if part.size:
            rows += b"".join(b"\0" + row.tobytes() for row in part)
    color = {"L": 0, "RGB": 2, "P": 3, "RGBA": 6}[image.mode]

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", image.width, image.height, 8, color, 0, 0, int(interlaced))
    palette = chunk(b"PLTE", bytes(image.getpalette())) if color == 3 else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + palette + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def pngs(transparent):
    image = transparent.convert("RGB")
    palette = image.quantize(20)
    add("interlaced_rgb.png", png(image))
    add("interlaced_rgba.png", png(transparent))
    add("interlaced_palette.png", png(palette))
    add("interlaced_1x1.png", png(image.crop((0, 0, 1, 1))))
    add("palette_alpha.png", saved(palette, "PNG", transparency=bytes(range(0, 240, 12))))
    add("palette_4_bits.png", saved(image.quantize(13), "PNG", bits=4))
    add("palette_2_bits.png", saved(image.quantize(4), "PNG", bits=2))
    add("rgb_key.png", saved(image, "PNG", transparency=image.getpixel((3, 3))))
    add("gray_key.png", saved(image.convert("L"), "PNG", transparency=image.convert("L").getpixel((3, 3))))
    for value in (3, 6, 8):
        exif = Image.Exif()
        exif[0x112] = value
        add(f"orientation_{value}.png", saved(transparent, "PNG", exif=exif))


def webps(transparent):
    image = transparent.convert("RGB")
    for quality in (30, 90):
        add(f"lossy_{quality}.webp", saved(image, "WEBP", quality=quality))
    add("lossy_alpha.webp", saved(transparent, "WEBP", quality=75))
    add("lossless.webp", saved(image, "WEBP", lossless=True))
    add("lossless_alpha.webp", saved(transparent, "WEBP", lossless=True, exact=True))
    add("1x1.webp", saved(image.crop((0, 0, 1, 1)), "WEBP"))
    more = [transparent.transpose(Image.Transpose.FLIP_TOP_BOTTOM)]
    add("animated.webp", saved(transparent, "WEBP", save_all=True, append_images=more, duration=100, lossless=True))
    for value in (3, 6, 8):
        exif = Image.Exif()
        exif[0x112] = value
        add(f"orientation_{value}.webp", saved(image, "WEBP", lossless=True, exif=exif))


def gifs(transparent):
    image = transparent.convert("RGB")
    add("palette.gif", saved(image.quantize(100), "GIF"))
    add("interlaced.gif", saved(image.quantize(16), "GIF", interlace=1))
    add("transparent.gif", saved(image.quantize(30), "GIF", transparency=7))
    add("gray.gif", saved(image.convert("L"), "GIF"))
    more = [image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).quantize(20)]
    animated = saved(image.quantize(20), "GIF", save_all=True, append_images=more, duration=50)
    add("animated.gif", animated)
    # The first frame, of its own size, at (3, 2) of the screen and beyond the screen.
    frame = saved(image.crop((0, 0, 9, 7)).quantize(20), "GIF")
    at = frame.index(b"\x2c\0\0\0\0\x09\0\x07\0")
    moved = frame[: at + 1] + struct.pack("<HH", 3, 2) + frame[at + 5 :]
    add("screen_larger.gif", moved[:6] + struct.pack("<HH", 20, 15) + moved[10:])
    add("screen_smaller.gif", moved[:6] + struct.pack("<HH", 5, 5) + moved[10:])


def bmp(bits, pixels, size, method=0, palette=b"", masks=b"", header=40, more=b"", top_down=False):
    width, height = size
    info = struct.pack(
        "<IiiHHIIiiII", header, width, -height if top_down else height, 1, bits, method, len(pixels), 0, 0, len(palette) // 4, 0
    )
    info += more + masks + palette
    start = 14 + len(info)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + info + pixels


def bmps(transparent):
    image = transparent.convert("RGB")
    add("rgb.bmp", saved(image, "BMP"))
    add("palette.bmp", saved(image.quantize(100), "BMP"))
    add("gray.bmp", saved(image.convert("L"), "BMP"))
    add("bits.bmp", saved(image.convert("1"), "BMP"))
    size = width, height = 5, 4
    draw = np.random.default_rng(3)
    colors = b"".join(bytes([16 * i, 255 - 16 * i, 7 * i, 0]) for i in range(16))

    def rows(values):
        return b"".join(row + bytes(-len(row) % 4) for row in values)

    nibbles = draw.integers(0, 16, (height, width + 1), dtype=np.uint8)
    nibbles[:, width] = 0
    packed = rows([(row[::2] << 4 | row[1::2]).tobytes() for row in nibbles])
    add("4_bits.bmp", bmp(4, packed, size, palette=colors))
    add("top_down.bmp", bmp(4, packed, size, palette=colors, top_down=True))
    add("short_palette.bmp", bmp(4, packed, size, palette=colors[:20]))
    core = struct.pack("<IHHHH", 12, width, height, 1, 4) + b"".join(colors[4 * i : 4 * i + 3] for i in range(16))
    add("core_header.bmp", b"BM" + struct.pack("<IHHI", 14 + len(core) + len(packed), 0, 0, 14 + len(core)) + core + packed)
    words = rows([row.tobytes() for row in draw.integers(0, 1 << 16, size[::-1], dtype=np.uint16)])
    add("555.bmp", bmp(16, words, size))
    add("565.bmp", bmp(16, words, size, method=3, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F)))
    longs = draw.integers(0, 1 << 32, size[::-1], dtype=np.uint32).tobytes()
    masks = struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)
    add("32_bits.bmp", bmp(32, longs, size))
    add("masks.bmp", bmp(32, longs, size, method=3, masks=masks))
    v4 = masks + struct.pack("<I", 0xFF000000) + b"BGRs" + bytes(48)
    add("alpha.bmp", bmp(32, longs, size, method=3, header=108, more=v4))
    runs = b"\5\3\0\0" + b"\2\4\3\5\0\0" + b"\0\5\1\2\3\4\5\0\0\0" + b"\5\1\0\1"
    add("run_length_8.bmp", bmp(8, runs, size, method=1, palette=colors))
    runs = b"\5\x34\0\0" + b"\0\5\x12\x34\x50\0\0\0" + b"\3\x77\2\x12\0\0" + b"\5\1\0\1"
    add("run_length_4.bmp", bmp(4, runs, size, method=2, palette=colors))
    runs = b"\2\3\0\2\1\1\2\4\0\0\5\1\0\0\5\2\0\1"
    add("run_length_jump.bmp", bmp(8, runs, size, method=1, palette=colors))


def scaled():
    """A JPEG at 1/2, 1/4 and 1/8 of its size, as Pillow's draft."""
    image = picture(83, 61)
    (folder / "scaled.jpg").write_bytes(cjpeg(image, "-sample", "2x2"))
    cases = []
    for height, width in ((61, 83), (31, 40), (30, 41), (15, 20), (16, 20), (7, 10), (1, 1), (7, 80)):
        shown = Image.open(folder / "scaled.jpg")
        shown.draft("RGB", (width, height))
        cases.append({
            "at_least": [height, width], "width": shown.width, "height": shown.height,
            "samples": shown.tobytes().hex(),
        })
    return cases


def grids():
    torch.manual_seed(4)
    cases = []
    for shape, options in (
        ([5, 3, 4, 6], {}),
        ([5, 3, 4, 6], {"nrow": 2, "padding": 3, "pad_value": 0.25}),
        ([5, 3, 4, 6], {"nrow": 3, "padding": 0, "normalize": True}),
        ([4, 3, 4, 6], {"normalize": True, "value_range": [-0.5, 1.5]}),
        ([4, 3, 4, 6], {"normalize": True, "scale_each": True, "pad_value": 1.0}),
        ([3, 1, 4, 6], {"nrow": 2}),
        ([1, 1, 4, 6], {"normalize": True}),
        ([3, 4, 6], {}),
        ([1, 4, 6], {}),
        ([4, 6], {"normalize": True}),
    ):
        x = torch.randn(shape)
        passed = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
        grid = make_grid(x, **passed)
        with tempfile.NamedTemporaryFile(suffix=".png") as file:
            save_image(x, file.name, **passed)
            written = Image.open(file.name)
            written = {"width": written.width, "height": written.height, "samples": written.tobytes().hex()}
        cases.append({"x": fixture.encode(x), "options": options, "grid": fixture.encode(grid), "written": written})
    return cases


def tensors():
    cases = []
    draw = torch.Generator().manual_seed(2)
    for shape in ([5, 4], [1, 5, 4], [2, 5, 4], [3, 5, 4], [4, 5, 4]):
        for x in (torch.rand(shape, generator=draw), torch.randint(0, 256, shape, generator=draw, dtype=torch.uint8)):
            image = to_pil_image(x)
            cases.append({"x": fixture.encode(x), "mode": image.mode, "samples": image.tobytes().hex()})
    return cases


folder.mkdir(exist_ok=True)
alpha = picture(WIDTH, HEIGHT)
alpha.putalpha(Image.fromarray((np.indices((HEIGHT, WIDTH)).sum(0) * 4 % 256).astype(np.uint8)))
jpegs()
pngs(alpha)
webps(alpha)
gifs(alpha)
bmps(alpha)
fixture.write(here / "images.json.gz", {"files": files, "scaled": scaled(), "grids": grids(), "tensors": tensors()})
