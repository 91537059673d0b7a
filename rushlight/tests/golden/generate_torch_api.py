"""Writes torch_api.txt: the public names of PyTorch, one namespace a line, against which signatures of operations are checked.

    pip install torch==2.15.0 numpy
    python generate_torch_api.py
"""

import pathlib

import torch
import torch.nn.functional as F


def names(space):
    public = (n for n in dir(space) if not n.startswith("_") and callable(getattr(space, n, None)) and not isinstance(getattr(space, n), type))
    return " ".join(sorted(public))


def main():
    reversed_operators = " ".join(n for n in dir(torch.Tensor) if n.startswith("__r") and n not in ("__reduce__", "__reduce_ex__", "__repr__", "__reversed__"))
    lines = [f"Tensor: {names(torch.Tensor)} {reversed_operators}", f"torch: {names(torch)}", f"torch.nn.functional: {names(F)}"]
    (pathlib.Path(__file__).parent / "torch_api.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
