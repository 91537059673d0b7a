"""What the golden generators share: the JSON form of a tensor, and writing a fixture.

Numbers are written with the fewest digits that read back to the same float32 or float64; nan and infinities are strings.
"""

import gzip
import json
import math

import numpy as np
import torch

DTYPES = {
    "bool": torch.bool, "u8": torch.uint8, "i8": torch.int8, "i16": torch.int16, "i32": torch.int32, "i64": torch.int64,
    "f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32, "f64": torch.float64,
}
NAMES = {v: k for k, v in DTYPES.items()}


def number(x):
    """One element as JSON: an exact short number, or a string where JSON has none."""
    if isinstance(x, (bool, np.bool_)):
        return bool(x)
    if isinstance(x, (int, np.integer)):
        return int(x)
    if math.isnan(x):
        return "nan"
    if math.isinf(x):
        return "inf" if x > 0 else "-inf"
    if isinstance(x, np.float32):
        short = float(str(x))
        assert np.float32(short) == x
        return short
    return float(x)


def encode(t, stride=False):
    t = t.detach()
    elements = t.float() if t.dtype in (torch.float16, torch.bfloat16) else t  # numpy has no bfloat16
    data = [number(x) for x in elements.contiguous().numpy(force=True).ravel()]
    out = {"dtype": NAMES[t.dtype], "shape": list(t.shape), "data": data}
    if stride:
        out["stride"] = list(t.stride())
    return out


def write(path, content):
    """Compressed JSON; the same content always gives the same bytes."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    with open(path, "wb") as f, gzip.GzipFile(filename="", fileobj=f, mode="wb", compresslevel=9, mtime=0) as z:
        z.write(text.encode())
