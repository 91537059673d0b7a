"""Writes index.json.gz: choosing elements by a condition or by tables of indices."""

import torch

from cases import COLUMN, INF, NAN, NUMBER, TENSOR, ZERO_D, B, E, I, R, V, generate, method

OPS = {
    # The condition comes first, as in PyTorch.
    "where_cond": lambda x, a: torch.where(x[0], x[1], x[2]),
    "masked_fill": method("masked_fill"),
    "gather": lambda x, a: torch.gather(x[0], a["dim"], x[1]),
    "scatter_add": lambda x, a: x[0].scatter_add(a["dim"], x[1], x[2]),
    "index_select": lambda x, a: x[0].index_select(a["dim"], x[1]),
}


def conditions(c):
    for a in TENSOR:
        for b in TENSOR:
            c.plain(f"promote/where/{a}_{b}", "where_cond", [B([True, False, False]), V(TENSOR[a], a), V(COLUMN[b], b)])
            c.plain(f"promote/where_0d/{a}_{b}", "where_cond", [B([True, False, False]), V(TENSOR[a], a), V(ZERO_D[b], b)])
        for b in NUMBER:
            if (a, b) != ("bool", "bool"):
                c.plain(f"promote/where_number/{a}_{b}", "where_cond", [B([True, False, False]), V(TENSOR[a], a), NUMBER[b]])
    mask = B([[True, False, True], [False, False, True]])
    c.smooth("where/same", "where_cond", [mask, R(2, 3), R(2, 3)])
    c.smooth("where/broadcast", "where_cond", [B([True, False, True]), R(2, 1), R(3)])
    c.smooth("where/number", "where_cond", [mask, R(2, 3), 0.5])
    c.smooth("where/number_first", "where_cond", [mask, -1.0, R(2, 3)])
    c.smooth("where/0d", "where_cond", [mask, R(), R(2, 3)])
    c.plain("where/nan_not_taken", "where_cond", [B([True, False]), V([1.0, NAN]), V([INF, 2.0])], dtypes=("f32", "f64"))
    c.error("where/shape", "where_cond", [B([True, False]), R(3), R(3)])
    c.smooth("masked_fill/number", "masked_fill", [R(2, 3), mask, 0.5])
    c.smooth("masked_fill/tensor", "masked_fill", [R(2, 3), mask, R()])
    c.smooth("masked_fill/broadcast", "masked_fill", [R(2, 3), B([True, False, True]), -1.0])
    c.smooth("masked_fill/transposed", "masked_fill", [R(3, 2).v("t"), mask, 2.0])
    c.plain("masked_fill/i64", "masked_fill", [I([1, 2, 3]), B([True, False, True]), 7])
    c.error("masked_fill/shape", "masked_fill", [R(2), B([True, False, True]), 0.0])
    c.error("masked_fill/dtype", "masked_fill", [R(2), I([1, 0]), 0.0])
    c.error("masked_fill/value", "masked_fill", [R(2), B([True, False]), R(2)])


def tables(c):
    index = [[0, 2], [1, 1], [2, 0]]
    c.smooth("gather/dim1", "gather", [R(3, 4), I(index)], {"dim": 1})
    c.smooth("gather/dim0", "gather", [R(3, 4), I([[0, 2, 1, 0], [0, 0, 0, 0]])], {"dim": 0})
    c.smooth("gather/negative_dim", "gather", [R(2, 3, 2), I([[[0, 1], [1, 0]]])], {"dim": -2})
    c.smooth("gather/smaller_index", "gather", [R(4, 4), I([[3]])], {"dim": 1})
    c.smooth("gather/transposed", "gather", [R(4, 3).v("t"), I(index)], {"dim": 1})
    c.smooth("gather/0d", "gather", [R(), I(0)], {"dim": 0})
    c.plain("gather/i64", "gather", [I([[1, 2], [3, 4]]), I([[1, 1], [0, 1]])], {"dim": 1})
    c.plain("gather/empty_index", "gather", [R(2, 3), V([[], []], "i64")], {"dim": 1})
    c.smooth("scatter_add/dim0", "scatter_add", [R(3, 2), I([[0, 2], [0, 1], [2, 2], [0, 0]]), R(4, 2)], {"dim": 0})
    c.smooth("scatter_add/dim1", "scatter_add", [R(2, 3), I([[0, 0, 2, 1], [1, 1, 1, 1]]), R(2, 4)], {"dim": -1})
    c.smooth("scatter_add/smaller", "scatter_add", [R(3, 3), I([[2]]), R(1, 1)], {"dim": 0})
    c.smooth("scatter_add/strided", "scatter_add", [R(2, 3).v("t"), I([[0, 2], [1, 1]]), R(2, 4).v("slice", 1, 0, 4, 2)], {"dim": 0})
    c.plain("scatter_add/i64", "scatter_add", [I([1, 2, 3]), I([0, 0, 2]), I([10, 20, 30])], {"dim": 0})
    c.plain("scatter_add/empty", "scatter_add", [R(2, 3), V([[], []], "i64"), E(2, 0)], {"dim": 1}, grads=False)
    c.smooth("index_select/dim0", "index_select", [R(3, 2), I([2, 0, 2])], {"dim": 0})
    c.smooth("index_select/dim1", "index_select", [R(2, 3, 2), I([1, 1])], {"dim": -2})
    c.smooth("index_select/transposed", "index_select", [R(2, 3).v("t"), I([2, 0])], {"dim": 0})
    c.smooth("index_select/none", "index_select", [R(3, 2), V([], "i64")], {"dim": 0})
    c.plain("index_select/bool", "index_select", [B([True, False]), I([1, 1, 0])], {"dim": 0})
    c.error("gather/index", "gather", [R(2, 3), I([[3], [0]])], {"dim": 1})
    c.error("gather/negative_index", "gather", [R(2, 3), I([[-1], [0]])], {"dim": 1})
    c.error("gather/rank", "gather", [R(2, 3), I([0, 1])], {"dim": 1})
    c.error("gather/size", "gather", [R(2, 3), I([[0], [0], [0]])], {"dim": 1})
    c.error("gather/index_dtype", "gather", [R(2, 3), V([[0.0], [1.0]], "f32")], {"dim": 1})
    c.error("scatter_add/index", "scatter_add", [R(2), I([2]), R(1)], {"dim": 0})
    c.error("scatter_add/size", "scatter_add", [R(2), I([0, 1]), R(1)], {"dim": 0})
    c.error("scatter_add/dtype", "scatter_add", [R(2), I([0]), V([1], "i64")], {"dim": 0})
    c.error("index_select/index", "index_select", [R(2), I([2])], {"dim": 0})
    c.error("index_select/negative", "index_select", [R(2), I([-1])], {"dim": 0})
    c.error("index_select/rank", "index_select", [R(2, 2), I([[0]])], {"dim": 0})


def build(c):
    conditions(c)
    tables(c)


if __name__ == "__main__":
    generate(__file__, OPS, build)
