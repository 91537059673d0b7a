"""Writes loss.json.gz: distances, and the likelihood of classes."""

import torch.nn.functional as F

from cases import B, E, I, P, R, V, generate


def loss(function, *extra):
    """Losses take input, target, then optional tensors in the order of `extra`."""
    def run(x, a):
        return function(x[0], x[1], **a, **dict(zip(extra, x[2:])))
    return run


OPS = {
    "mse_loss": loss(F.mse_loss),
    "l1_loss": loss(F.l1_loss),
    "nll_loss": loss(F.nll_loss, "weight"),
    "cross_entropy": loss(F.cross_entropy, "weight"),
    "binary_cross_entropy": loss(F.binary_cross_entropy, "weight"),
    "binary_cross_entropy_with_logits": loss(F.binary_cross_entropy_with_logits, "weight", "pos_weight"),
}


def losses(c):
    for red in ("mean", "sum", "none"):
        r = {"reduction": red}
        c.smooth(f"mse_loss/{red}", "mse_loss", [R(2, 3), R(2, 3)], r)
        c.smooth(f"l1_loss/{red}", "l1_loss", [R(2, 3), R(2, 3)], r)
        c.smooth(f"nll_loss/{red}", "nll_loss", [R(4, 3), I([0, 2, 1, 2])], r)
        c.smooth(f"nll_loss/weight_{red}", "nll_loss", [R(4, 3), I([0, 2, 1, 2]), P(3).nograd()], r)
        c.smooth(f"nll_loss/ignore_{red}", "nll_loss", [R(4, 3), I([0, -100, 1, 2])], r)
        c.smooth(f"nll_loss/weight_ignore_{red}", "nll_loss", [R(4, 3), I([0, 1, 1, 2]), P(3).nograd()], {**r, "ignore_index": 1})
        c.smooth(f"nll_loss/spatial_{red}", "nll_loss", [R(2, 3, 2, 2), I([[[0, 1], [2, 1]], [[2, 2], [0, 0]]]), P(3).nograd()], r)
        c.smooth(f"nll_loss/unbatched_{red}", "nll_loss", [R(3), I(1)], r)
        c.smooth(f"cross_entropy/{red}", "cross_entropy", [R(4, 3), I([0, 2, 1, 2])], r)
        c.smooth(f"cross_entropy/weight_{red}", "cross_entropy", [R(4, 3), I([0, 2, 1, 2]), P(3).nograd()], r)
        c.smooth(f"cross_entropy/ignore_{red}", "cross_entropy", [R(4, 3), I([0, -100, 1, 2])], r)
        c.smooth(f"cross_entropy/smoothing_{red}", "cross_entropy", [R(4, 3), I([0, 2, 1, 2])], {**r, "label_smoothing": 0.1})
        c.smooth(f"cross_entropy/all_options_{red}", "cross_entropy", [R(4, 3), I([0, 2, 1, 2]), P(3).nograd()],
                 {**r, "label_smoothing": 0.2, "ignore_index": 2})
        c.smooth(f"cross_entropy/probabilities_{red}", "cross_entropy", [R(3, 4), P(3, 4, low=0.05, high=0.4)], r)
        c.smooth(f"cross_entropy/probabilities_weight_{red}", "cross_entropy", [R(3, 4), P(3, 4, low=0.05, high=0.4).nograd(), P(4).nograd()],
                 {**r, "label_smoothing": 0.1})
        c.smooth(f"cross_entropy/spatial_{red}", "cross_entropy", [R(2, 3, 2, 2), I([[[0, 1], [2, 1]], [[2, 2], [0, 0]]])], r)
        c.smooth(f"cross_entropy/unbatched_{red}", "cross_entropy", [R(3), I(1)], r)
        c.smooth(f"bce/{red}", "binary_cross_entropy", [P(2, 3, low=0.05, high=0.95), P(2, 3, low=0.0, high=1.0).nograd()], r)
        c.smooth(f"bce/weight_{red}", "binary_cross_entropy", [P(2, 3, low=0.05, high=0.95), P(2, 3, low=0.0, high=1.0).nograd(), P(3).nograd()], r)
        c.smooth(f"bce_logits/{red}", "binary_cross_entropy_with_logits", [R(2, 3, scale=3.0), P(2, 3, low=0.0, high=1.0)], r)
        c.smooth(f"bce_logits/weight_{red}", "binary_cross_entropy_with_logits", [R(2, 3), P(2, 3, low=0.0, high=1.0).nograd(), P(2, 3).nograd()], r)
        c.smooth(f"bce_logits/pos_weight_{red}", "binary_cross_entropy_with_logits",
                 [R(2, 3), P(2, 3, low=0.0, high=1.0).nograd(), P(2, 1).nograd(), P(3).nograd()], r)
    c.smooth("mse_loss/broadcast", "mse_loss", [R(2, 3), R(3)])
    c.smooth("mse_loss/strided", "mse_loss", [R(3, 2).v("t"), R(2, 6).v("slice", 1, 0, 6, 2)])
    c.smooth("l1_loss/kink", "l1_loss", [V([1.0, 2.0, 3.0]), V([1.0, 1.0, 4.0])])
    c.smooth("cross_entropy/transposed", "cross_entropy", [R(3, 4).v("t"), I([0, 2, 1, 2])])
    # A column of a batch counts as non-contiguous memory for the target too.
    c.smooth("cross_entropy/strided_target", "cross_entropy", [R(2, 3), I([[0, 1], [2, 1]]).v("select", 1, 0)])
    c.plain("cross_entropy/large", "cross_entropy", [V([[1000.0, 0.0], [-1000.0, 1000.0]]), I([1, 1])], dtypes=("f32", "f64"))
    c.plain("cross_entropy/all_ignored", "cross_entropy", [R(2, 3), I([-100, -100])], dtypes=("f32", "f64"))
    c.plain("cross_entropy/empty", "cross_entropy", [E(0, 3), V([], "i64")], dtypes=("f32", "f64"), grads=False)
    c.plain("mse_loss/empty", "mse_loss", [E(0, 3), E(0, 3)], dtypes=("f32", "f64"), grads=False)
    c.plain("bce/bounds", "binary_cross_entropy", [V([0.0, 1.0, 0.0, 1.0]), V([0.0, 1.0, 1.0, 0.0]).nograd()], dtypes=("f32", "f64"))
    c.plain("bce_logits/large", "binary_cross_entropy_with_logits", [V([200.0, -200.0, 200.0, -200.0, 0.0]), V([0.0, 1.0, 1.0, 0.0, 0.5]).nograd()], dtypes=("f32", "f64"))


def more_options(c):
    pixels = [[[0, 1], [2, -100]], [[2, 2], [0, 0]]]
    for red in ("mean", "sum", "none"):
        r = {"reduction": red}
        c.smooth(f"nll_loss/pixels_ignored_{red}", "nll_loss", [R(2, 3, 2, 2), I(pixels), P(3).nograd()], r)
        c.smooth(f"nll_loss/volume_{red}", "nll_loss", [R(1, 3, 2, 1, 2), I([[[[0, 1]], [[2, 1]]]])], r)
        c.smooth(f"cross_entropy/pixels_all_options_{red}", "cross_entropy", [R(2, 3, 2, 2), I(pixels), P(3).nograd()], {**r, "label_smoothing": 0.1})
        c.smooth(f"cross_entropy/probabilities_pixels_{red}", "cross_entropy", [R(2, 3, 2, 2), P(2, 3, 2, 2, low=0.05, high=0.4), P(3)], r)
        c.smooth(f"cross_entropy/probabilities_unbatched_{red}", "cross_entropy", [R(3), P(3, low=0.05, high=0.4)], {**r, "label_smoothing": 0.1})
        c.smooth(f"bce/target_{red}", "binary_cross_entropy", [P(2, 3, low=0.05, high=0.95), P(2, 3, low=0.0, high=1.0), P(3).nograd()], r)
        c.smooth(f"bce_logits/all_{red}", "binary_cross_entropy_with_logits",
                 [R(2, 3), P(2, 3, low=0.0, high=1.0), P(2, 1).nograd(), P(3).nograd()], r)
        c.plain(f"mse_loss/promoted_{red}", "mse_loss", [V([1.0, 2.5], "f32"), V([0.5, 4.0], "f64")], r)
        c.plain(f"l1_loss/promoted_{red}", "l1_loss", [V([1.0, 2.5], "f16"), V([0.5, 4.0], "f32")], r)
        c.plain(f"bce_logits/promoted_{red}", "binary_cross_entropy_with_logits", [V([1.0, 2.5], "f32"), V([0.5, 1.0], "f64")], r)
        for op, rest in (("cross_entropy", "i64"), ("nll_loss", "i64"), ("mse_loss", None), ("l1_loss", None), ("binary_cross_entropy", None),
                         ("binary_cross_entropy_with_logits", None)):
            target = V([], rest) if rest else E(0, 3)
            c.plain(f"{op}/no_rows_{red}", op, [E(0, 3), target], r, dtypes=("f32", "f64"))
        c.plain(f"cross_entropy/probabilities_no_rows_{red}", "cross_entropy", [E(0, 3), E(0, 3)], r, dtypes=("f32", "f64"))
        c.plain(f"nll_loss/no_pixels_{red}", "nll_loss", [E(0, 3, 2, 2), I([]).v("reshape", 0, 2, 2)], r, dtypes=("f32", "f64"))
        for op in ("nll_loss", "cross_entropy"):
            c.plain(f"{op}/rows_all_ignored_{red}", op, [R(2, 3), I([-100, -100])], r, dtypes=("f32", "f64"))
            c.plain(f"{op}/pixels_all_ignored_{red}", op, [R(1, 3, 1, 2), I([[[-100, -100]]])], r, dtypes=("f32", "f64"))
        c.plain(f"bce/target_at_bounds_{red}", "binary_cross_entropy", [V([0.0, 1.0, 0.0, 1.0, 0.5]), V([0.0, 1.0, 1.0, 0.0, 1.0])], r, dtypes=("f32", "f64"))
    c.plain("mse_loss/integer_target", "mse_loss", [V([1.0, 2.5]), I([1, 4])])
    c.plain("l1_loss/integer_input", "l1_loss", [I([1, 4]), V([1.5, 2.5])])
    c.plain("nll_loss/u8", "nll_loss", [R(2, 3), V([2, 0], "u8")])
    c.plain("cross_entropy/u8", "cross_entropy", [R(2, 3), V([2, 0], "u8")])
    c.plain("nll_loss/weights_of_zero", "nll_loss", [R(2, 3), I([0, 1]), V([0.0, 0.0, 1.0]).nograd()])
    c.plain("bce/wide_weight", "binary_cross_entropy", [V([0.25, 0.5]), V([1.0, 0.0]), V([2.0, 0.5], "f64").nograd()])
    c.plain("cross_entropy/probabilities_wide", "cross_entropy", [V([[1.0, 2.0]], "f32"), V([[0.25, 0.75]], "f64")])
    for dtype in ("f16", "bf16"):
        for op, inputs in (
            ("mse_loss", [R(2, 3), R(2, 3)]), ("l1_loss", [R(2, 3), R(2, 3)]), ("nll_loss", [R(4, 3), I([0, 2, 1, -100]), P(3).nograd()]),
            ("cross_entropy", [R(4, 3), I([0, 2, 1, -100]), P(3).nograd()]), ("binary_cross_entropy_with_logits", [R(2, 3), P(2, 3, high=1.0)]),
            ("binary_cross_entropy", [P(2, 3, high=0.75), P(2, 3, high=0.75)]),
        ):
            c.plain(f"{op}/half", op, inputs, dtypes=(dtype,))


def errors(c):
    c.error("cross_entropy/probabilities_ignore_index", "cross_entropy", [R(2, 3), P(2, 3)], {"ignore_index": 0})
    c.error("cross_entropy/probabilities_weight", "cross_entropy", [R(2, 3), P(2, 3), R(1, 3)])
    c.error("cross_entropy/integer_probabilities", "cross_entropy", [R(1, 3), I([[0, 1, 0]])])
    c.error("cross_entropy/float_classes", "cross_entropy", [R(2, 3), V([0.0, 1.0])])
    c.error("cross_entropy/i32", "cross_entropy", [R(2, 3), V([0, 1], "i32")])
    c.error("cross_entropy/weight_dtype", "cross_entropy", [R(2, 3), I([0, 1]), V([1.0, 1.0, 1.0], "f64")])
    c.error("nll_loss/weight_dtype", "nll_loss", [R(2, 3), I([0, 1]), V([1.0, 1.0, 1.0], "f64")])
    c.error("nll_loss/weight_shape", "nll_loss", [R(2, 3), I([0, 1]), R(1, 3)])
    c.error("nll_loss/0d", "nll_loss", [R(), I(0)])
    c.error("mse_loss/i64", "mse_loss", [I([1]), I([2])])
    c.error("bce/target_range", "binary_cross_entropy", [V([0.5]), V([2.0])])
    c.error("bce/nan", "binary_cross_entropy", [V([float("nan")]), V([0.5])])
    c.error("bce/target_dtype", "binary_cross_entropy", [V([0.5]), V([0.5], "f64")])
    c.error("bce/weight_larger", "binary_cross_entropy", [P(3, high=0.9), P(3, high=0.9), P(2, 3)])
    c.error("bce/weight_shape", "binary_cross_entropy", [P(2, 3, high=0.9), P(2, 3, high=0.9), P(2)])
    c.error("bce_logits/i64", "binary_cross_entropy_with_logits", [R(2), I([0, 1])])
    c.error("bce_logits/weight_larger", "binary_cross_entropy_with_logits", [R(3), P(3, high=0.9), P(2, 3)])
    c.error("bce_logits/pos_weight_larger", "binary_cross_entropy_with_logits", [R(3), P(3, high=0.9), None, P(2, 3)])
    c.error("cross_entropy/target_high", "cross_entropy", [R(2, 3), I([0, 3])])
    c.error("cross_entropy/target_negative", "cross_entropy", [R(2, 3), I([0, -1])])
    c.error("cross_entropy/batch", "cross_entropy", [R(2, 3), I([0, 1, 2])])
    c.error("cross_entropy/target_dtype", "cross_entropy", [R(2, 3), B([True, False])])
    c.error("cross_entropy/weight", "cross_entropy", [R(2, 3), I([0, 1]), R(2)])
    c.error("cross_entropy/smoothing", "cross_entropy", [R(2, 3), I([0, 1])], {"label_smoothing": 1.5})
    c.error("nll_loss/target_high", "nll_loss", [R(2, 3), I([0, 3])])
    c.error("nll_loss/batch", "nll_loss", [R(2, 3), I([0])])
    c.error("mse_loss/shape", "mse_loss", [R(2, 3), R(2, 4)])
    c.error("mse_loss/reduction", "mse_loss", [R(2), R(2)], {"reduction": "average"})
    c.error("bce/range", "binary_cross_entropy", [V([1.5]), V([1.0])])
    c.error("bce/shape", "binary_cross_entropy", [P(2, 3, high=0.9), P(3, high=0.9)])
    c.error("bce_logits/shape", "binary_cross_entropy_with_logits", [R(2, 3), R(3)])


def build(c):
    losses(c)
    more_options(c)
    errors(c)


if __name__ == "__main__":
    generate(__file__, OPS, build)
