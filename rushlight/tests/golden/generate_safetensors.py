"""Writes python.safetensors: one tensor of every type that the library reads, by Python's safetensors.

    pip install torch==2.15.0 numpy safetensors
    python generate_safetensors.py
"""

import pathlib

import torch
from safetensors.torch import save_file

# The test reads back these values: k-th element of a tensor = VALUES[k]. All of them are exact in every type of their row.
WHOLE = [0, 1, -1, 100, -128, 127]
NATURAL = [0, 1, 2, 100, 255, 7]
REAL = [0.0, -0.0, 1.5, -2.25, 65504.0, 2.0**-24]  # the last two: float16's largest and smallest

TENSORS = {
    "bool": torch.tensor([True, False, True, True, False, False]).reshape(2, 3),
    "uint8": torch.tensor(NATURAL, dtype=torch.uint8),
    "uint16": torch.tensor([0, 1, 2, 100, 65535, 7], dtype=torch.uint16),
    "uint32": torch.tensor([0, 1, 2, 100, 2**32 - 1, 7], dtype=torch.uint32),
    "int8": torch.tensor(WHOLE, dtype=torch.int8),
    "int16": torch.tensor([0, 1, -1, 100, -(2**15), 2**15 - 1], dtype=torch.int16),
    "int32": torch.tensor([0, 1, -1, 100, -(2**31), 2**31 - 1], dtype=torch.int32),
    "int64": torch.tensor([0, 1, -1, 100, -(2**63), 2**63 - 1], dtype=torch.int64).reshape(3, 2),
    "float16": torch.tensor(REAL, dtype=torch.float16),
    "bfloat16": torch.tensor([0.0, -0.0, 1.5, -2.25, 2.0**127, 2.0**-126], dtype=torch.bfloat16),
    "float32": torch.tensor(REAL, dtype=torch.float32).reshape(1, 2, 3),
    "float64": torch.tensor([0.0, -0.0, 0.1, -2.25, 1e300, 5e-324], dtype=torch.float64),
    "scalar": torch.tensor(3.25),
    "empty": torch.zeros(2, 0, 3),
    'name "with" \\ \n é 漢': torch.tensor([1]),
}

if __name__ == "__main__":
    path = pathlib.Path(__file__).with_name("python.safetensors")
    save_file(TENSORS, path, metadata={"format": "pt", "note": "ünï \"quoted\""})
    print(f"{path.name}: {path.stat().st_size} bytes")
