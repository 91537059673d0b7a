"""Writes norm.json.gz: batch normalization, also with an activation after it."""

import torch.nn.functional as F

from cases import P, R, generate


def batch_norm(x, a):
    """Input, running mean, running variance, weight, bias. The running statistics are updated in place in training."""
    return F.batch_norm(*x[:5], training=a["training"], momentum=a["momentum"], eps=a["eps"])


OPS = {
    # PyTorch's own function has no activation.
    "batch_norm": lambda x, a: getattr(F, a["activation"])(batch_norm(x, a)) if "activation" in a else batch_norm(x, a),
}


def build(c):
    def stats(n):
        return [R(n).nograd(), P(n).nograd()]

    for name, shape, n in (("4d", (3, 2, 2, 3), 2), ("2d", (4, 3), 3), ("3d", (2, 3, 4), 3)):
        for training in (True, False):
            args = {"training": training, "momentum": 0.1, "eps": 1e-5}
            c.smooth(f"batch_norm/{name}/{'train' if training else 'eval'}", "batch_norm", [R(*shape), *stats(n), P(n), R(n)], args, mutates=(1, 2))
    train = {"training": True, "momentum": 0.3, "eps": 1e-3}
    c.smooth("batch_norm/not_affine", "batch_norm", [R(2, 2, 2, 2), *stats(2), None, None], train, mutates=(1, 2))
    c.smooth("batch_norm/no_statistics", "batch_norm", [R(2, 2, 3, 2), None, None, P(2), R(2)], train)
    c.smooth("batch_norm/channels_last", "batch_norm", [R(2, 2, 3, 2).v("permute", 0, 3, 1, 2), *stats(2), P(2), R(2)], train, mutates=(1, 2))
    c.smooth("batch_norm/far_from_zero", "batch_norm", [R(4, 2, 2, 2, scale=0.5, shift=50.0), *stats(2), P(2), R(2)], train, mutates=(1, 2))
    c.smooth("batch_norm/eval_no_affine", "batch_norm", [R(2, 2, 2, 2), *stats(2), None, None], {"training": False, "momentum": 0.1, "eps": 1e-5}, mutates=(1, 2))
    bn = {"training": True, "momentum": 0.1, "eps": 1e-5}
    c.error("batch_norm/one_value", "batch_norm", [R(1, 3), None, None, None, None], bn)
    c.error("batch_norm/features", "batch_norm", [R(4, 3), R(2), P(2), None, None], bn)
    c.error("batch_norm/weight", "batch_norm", [R(4, 3), None, None, R(2), R(3)], bn)
    for activation in ("relu", "relu6"):
        for training in (True, False):
            args = {"training": training, "momentum": 0.1, "eps": 1e-5, "activation": activation}
            c.smooth(f"batch_norm/{activation}/{'train' if training else 'eval'}", "batch_norm",
                     [R(3, 2, 2, 3, scale=4.0), *stats(2), P(2), R(2)], args, mutates=(1, 2))


if __name__ == "__main__":
    generate(__file__, OPS, build)
