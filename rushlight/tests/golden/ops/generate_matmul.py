"""Writes matmul.json.gz: products of matrices."""

import torch
import torch.nn.functional as F

from cases import INF, NAN, E, I, R, V, generate, method

OPS = {
    **{op: method(op) for op in ("matmul", "mm", "bmm")},
    "addmm": lambda x, a: torch.addmm(*x),
    "linear": lambda x, a: F.linear(*x),
}


def products(c):
    shapes = {
        "1_1": ((4,), (4,)), "1_2": ((4,), (4, 3)), "2_1": ((3, 4), (4,)), "2_2": ((2, 3), (3, 4)),
        "1_3": ((4,), (2, 4, 3)), "3_1": ((2, 3, 4), (4,)), "3_2": ((2, 3, 4), (4, 2)), "2_3": ((2, 3), (2, 3, 4)),
        "3_3": ((2, 2, 3), (2, 3, 4)), "batch_broadcast": ((2, 1, 2, 3), (3, 3, 2)), "batch_one": ((1, 2, 3), (4, 3, 2)),
        "inner_one": ((3, 1), (1, 4)), "one_one": ((1, 1), (1, 1)),
    }
    for name, (a, b) in shapes.items():
        c.smooth(f"matmul/{name}", "matmul", [R(*a), R(*b)])
    c.smooth("matmul/transposed", "matmul", [R(3, 2).v("transpose", 0, 1), R(4, 3).v("t")])
    c.smooth("matmul/expanded", "matmul", [R(1, 3).v("expand", 2, 3), R(3, 4)])
    c.smooth("matmul/sliced", "matmul", [R(2, 6).v("slice", 1, 0, 6, 2), R(5, 4).v("narrow", 0, 1, 3)])
    c.smooth("matmul/batch_permuted", "matmul", [R(3, 2, 2).v("permute", 1, 0, 2), R(2, 3, 2).v("transpose", 1, 2).v("transpose", 1, 2).v("narrow", 1, 0, 2)])
    c.smooth("matmul/empty_inner", "matmul", [E(2, 0), E(0, 3)])
    c.smooth("matmul/empty_outer", "matmul", [E(0, 3), R(3, 2)])
    c.smooth("matmul/empty_batch", "matmul", [E(0, 2, 3), R(3, 2)])
    c.smooth("matmul/empty_vectors", "matmul", [E(0), E(0)])
    c.plain("matmul/i64", "matmul", [I([[1, 2], [3, 4], [5, 6]]), I([[1, -1, 2], [0, 3, 1]])])
    c.plain("matmul/nan", "matmul", [V([[0.0, 1.0], [2.0, 3.0]]), V([[NAN, 1.0], [0.0, INF]])], grads=False)
    c.plain("matmul/blocked", "matmul", [R(33, 40), R(40, 17)], dtypes=("f32", "f64"), grads=False)
    c.smooth("mm/plain", "mm", [R(2, 3), R(3, 4)])
    c.smooth("mm/transposed", "mm", [R(3, 2).v("t"), R(4, 3).v("t")])
    c.smooth("mm/empty_inner", "mm", [E(2, 0), E(0, 3)])
    c.smooth("bmm/plain", "bmm", [R(2, 2, 3), R(2, 3, 4)])
    c.smooth("bmm/strided", "bmm", [R(2, 3, 2).v("transpose", 1, 2), R(3, 2, 4).v("transpose", 0, 1)])
    c.smooth("bmm/expanded", "bmm", [R(1, 2, 3).v("expand", 4, 2, 3), R(4, 3, 2)])
    c.smooth("bmm/empty_batch", "bmm", [E(0, 2, 3), E(0, 3, 4)])
    for name, shape in (("row", (4,)), ("matrix", (2, 4)), ("column", (2, 1)), ("0d", ())):
        c.smooth(f"addmm/{name}", "addmm", [R(*shape), R(2, 3), R(3, 4)])
    c.smooth("linear/2d", "linear", [R(3, 4), R(2, 4), R(2)])
    c.smooth("linear/no_bias", "linear", [R(3, 4), R(2, 4)])
    c.smooth("linear/1d", "linear", [R(4), R(2, 4), R(2)])
    c.smooth("linear/3d", "linear", [R(2, 3, 4), R(2, 4), R(2)])
    c.smooth("linear/transposed", "linear", [R(4, 3).v("t"), R(4, 2).v("t"), R(2)])
    c.smooth("linear/empty", "linear", [E(0, 4), R(2, 4), R(2)])


def errors(c):
    for name, a, b in (("mm", (2, 3), (4, 5)), ("mv", (2, 3), (4,)), ("vm", (3,), (4, 5)), ("dot", (3,), (4,)), ("bmm", (2, 3, 4), (2, 5, 6)),
                       ("batch", (2, 3, 4), (3, 4, 6)), ("0d", (), (2,))):
        c.error(f"matmul/{name}", "matmul", [R(*a), R(*b)])
    c.error("matmul/dtype", "matmul", [V([[1.0]], "f32"), V([[1.0]], "f64")])
    c.error("mm/rank", "mm", [R(2, 3), R(3)])
    c.error("mm/size", "mm", [R(2, 3), R(4, 2)])
    c.error("bmm/batch", "bmm", [R(2, 2, 3), R(3, 3, 4)])
    c.error("addmm/shape", "addmm", [R(3), R(2, 3), R(3, 4)])
    c.error("linear/features", "linear", [R(2, 3), R(5, 4)])
    c.error("linear/bias", "linear", [R(2, 3), R(5, 3), R(4)])
    c.error("linear/dtype", "linear", [V([[1.0]], "f64"), V([[1.0]], "f32")])


def build(c):
    products(c)
    errors(c)


if __name__ == "__main__":
    generate(__file__, OPS, build)
