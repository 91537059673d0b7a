"""Writes embedding.json.gz: rows of a table chosen by integers. Sparse gradients are in generate_sparse.py."""

import torch.nn.functional as F

from cases import B, E, I, R, V, generate



def embedding(x, a):
    norm_type = float(a.get("norm_type", 2.0))  # JSON has no infinity
    return F.embedding(x[0], x[1], **{**a, "norm_type": norm_type})


OPS = {"embedding": embedding}


def build(c):
    words = [[2, 0, 2], [1, 2, 3]]
    c.smooth("embedding/plain", "embedding", [I(words), R(4, 3)])
    c.smooth("embedding/int32", "embedding", [V(words, "i32"), R(4, 3)])
    c.smooth("embedding/0d", "embedding", [I(1), R(3, 2)])
    c.smooth("embedding/transposed", "embedding", [I(words).v("t"), R(3, 4).v("t")])
    for padding in (2, 0, -1):
        c.smooth(f"embedding/padding/{padding}", "embedding", [I(words), R(4, 3)], {"padding_idx": padding})
    c.smooth("embedding/only_padding", "embedding", [I([1, 1]), R(4, 3)], {"padding_idx": 1})
    # First order only: PyTorch's second derivative leaves the frequencies out.
    c.plain("embedding/frequency", "embedding", [I(words), R(4, 3)], {"scale_grad_by_freq": True}, dtypes=("f32", "f64"))
    c.plain("embedding/frequency_padding", "embedding", [I(words), R(4, 3)], {"scale_grad_by_freq": True, "padding_idx": 2})
    for norm_type in (2.0, 1.0, 3.5, 0.0, -1.0, "inf"):
        args = {"max_norm": 1.0, "norm_type": norm_type}
        c.plain(f"embedding/max_norm/{norm_type}", "embedding", [I([[0, 3], [0, 1]]), R(4, 3, scale=1.5).nograd()], args,
                dtypes=("f32", "f64"), mutates=(1,))
    # Without gradients: PyTorch rounds their partial sums.
    c.plain("embedding/halves", "embedding", [I(words), R(4, 3)], dtypes=("f16", "bf16"), grads=False)
    c.plain("embedding/i64", "embedding", [I(words), I([[1, 2], [3, 4], [5, 6], [7, 8]])])
    c.plain("embedding/bool", "embedding", [I([1, 0]), B([[True, False], [False, True]])])
    c.plain("embedding/none", "embedding", [V([[], []], "i64"), R(3, 2)])
    c.plain("embedding/no_columns", "embedding", [I([1, 0]), E(2, 0)])
    c.plain("embedding/no_rows", "embedding", [V([], "i64"), E(0, 2)])
    c.error("embedding/index", "embedding", [I([0, 4]), R(4, 3)])
    c.error("embedding/negative_index", "embedding", [I([-1]), R(4, 3)])
    c.error("embedding/index_dtype", "embedding", [V([0.0], "f32"), R(4, 3)])
    c.error("embedding/index_i16", "embedding", [V([0], "i16"), R(4, 3)])
    c.error("embedding/rank", "embedding", [I([0]), R(4)])
    c.error("embedding/rank_3", "embedding", [I([0]), R(4, 2, 2)])
    c.error("embedding/padding", "embedding", [I([0]), R(4, 2)], {"padding_idx": 4})
    c.error("embedding/padding_negative", "embedding", [I([0]), R(4, 2)], {"padding_idx": -5})
    c.error("embedding/max_norm_dtype", "embedding", [I([0]), I([[1, 2]])], {"max_norm": 1.0})


if __name__ == "__main__":
    generate(__file__, OPS, build)
