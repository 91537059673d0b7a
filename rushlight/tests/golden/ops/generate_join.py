"""Writes join.json.gz: joining and padding tensors."""

import torch
import torch.nn.functional as F

from cases import TENSOR, E, I, R, V, generate

OPS = {
    "cat": lambda x, a: torch.cat(x, a["dim"]),
    "stack": lambda x, a: torch.stack(x, a["dim"]),
    "pad": lambda x, a: F.pad(x[0], a["pad"], value=a.get("value")),
}


def build(c):
    for a in TENSOR:
        for b in TENSOR:
            c.plain(f"promote/cat/{a}_{b}", "cat", [V(TENSOR[a], a), V(TENSOR[b], b)], {"dim": 0})
    c.smooth("cat/dim0", "cat", [R(2, 3), R(1, 3), R(3, 3)], {"dim": 0})
    c.smooth("cat/dim1", "cat", [R(2, 3), R(2, 1)], {"dim": -1})
    c.smooth("cat/strided", "cat", [R(3, 2).v("t"), R(2, 6).v("slice", 1, 0, 6, 2)], {"dim": 1})
    c.smooth("cat/one", "cat", [R(2, 2)], {"dim": 0})
    c.smooth("cat/with_empty", "cat", [E(0, 3), R(2, 3)], {"dim": 0})
    c.smooth("cat/legacy_empty", "cat", [E(0), R(2, 3)], {"dim": 1})
    c.smooth("cat/middle_dim", "cat", [R(2, 1, 2), R(2, 2, 2)], {"dim": 1})
    c.smooth("stack/dim0", "stack", [R(2, 3), R(2, 3)], {"dim": 0})
    c.smooth("stack/last", "stack", [R(2, 3), R(3, 2).v("t"), R(2, 3)], {"dim": -1})
    c.smooth("stack/0d", "stack", [R(), R()], {"dim": 0})
    c.smooth("pad/last", "pad", [R(2, 3)], {"pad": [1, 2]})
    c.smooth("pad/two_dims", "pad", [R(2, 3)], {"pad": [0, 1, 2, 0], "value": 1.5})
    c.smooth("pad/none", "pad", [R(2)], {"pad": [0, 0]})
    c.smooth("pad/transposed", "pad", [R(3, 2).v("t")], {"pad": [1, 1, 0, 1], "value": -1.0})
    c.smooth("pad/empty", "pad", [E(0, 3)], {"pad": [1, 0, 2, 0], "value": 2.0})
    c.plain("pad/i64", "pad", [I([[1, 2], [3, 4]])], {"pad": [1, 0], "value": 7})
    c.error("pad/dims", "pad", [R(2)], {"pad": [1, 1, 1, 1]})
    c.error("pad/odd", "pad", [R(2)], {"pad": [1]})
    c.error("cat/shape", "cat", [R(2, 3), R(2, 4)], {"dim": 0})
    c.error("cat/rank", "cat", [R(2, 3), R(2)], {"dim": 0})
    c.error("cat/none", "cat", [], {"dim": 0})
    c.error("cat/0d", "cat", [R(), R()], {"dim": 0})
    c.error("cat/dim", "cat", [R(2), R(2)], {"dim": 1})
    c.error("stack/shape", "stack", [R(2), R(3)], {"dim": 0})
    c.error("stack/none", "stack", [], {"dim": 0})


if __name__ == "__main__":
    generate(__file__, OPS, build)
