"""Writes softmax.json.gz: softmax and its logarithm."""

import torch
import torch.nn.functional as F

from cases import INF, NAN, E, I, R, V, generate

OPS = {
    "softmax": lambda x, a: torch.softmax(x[0], a["dim"]),
    "softmin": lambda x, a: F.softmin(x[0], a["dim"]),
    "log_softmax": lambda x, a: torch.log_softmax(x[0], a["dim"]),
}


def build(c):
    for op in ("softmax", "log_softmax", "softmin"):
        c.smooth(f"{op}/last", op, [R(3, 4)], {"dim": -1})
        c.smooth(f"{op}/first", op, [R(3, 4)], {"dim": 0})
        c.smooth(f"{op}/middle", op, [R(2, 3, 2)], {"dim": 1})
        c.smooth(f"{op}/0d", op, [R()], {"dim": 0})
        c.smooth(f"{op}/one", op, [R(3, 1)], {"dim": 1})
        c.smooth(f"{op}/empty", op, [E(0, 3)], {"dim": 1})
        c.smooth(f"{op}/transposed", op, [R(4, 3).v("t")], {"dim": 1})
        c.plain(f"{op}/long", op, [R(2, 67, scale=5.0)], {"dim": 1}, dtypes=("f32", "f64"))
        c.plain(f"{op}/large", op, [V([[1000.0, 1001.0, 999.0], [-1000.0, 0.0, 1000.0]])], {"dim": 1}, dtypes=("f32", "f64"))
        c.plain(f"{op}/edge", op, [V([[INF, 1.0], [-INF, 1.0], [NAN, 1.0], [-INF, -INF]])], {"dim": 1}, dtypes=("f32", "f64"), grads=False)
    c.error("softmax/dim", "softmax", [R(2, 3)], {"dim": -3})
    c.error("softmin/i64", "softmin", [I([1, 2])], {"dim": 0})
    c.error("softmax/i64", "softmax", [I([1, 2])], {"dim": 0})


if __name__ == "__main__":
    generate(__file__, OPS, build)
