"""Writes activation.json.gz: activations but for softmax."""

import torch
import torch.nn.functional as F

from cases import INF, NAN, TENSOR, B, E, I, P, R, V, apply_view, generate, in_place, in_place_function, method

EDGE = [0.0, -0.0, 1.0, -1.0, INF, -INF, NAN, 1e-30, -1e-30, 88.0, -88.0, 120.0, -120.0, 800.0, -800.0]
SHORT_EDGE = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, INF, -INF, NAN, 1e-30, 88.0, -88.0, 300.0]
NONLINEAR = ("silu", "gelu", "mish", "softplus", "elu", "softsign", "hardsigmoid", "hardswish")
MORE = ("selu", "celu", "hardshrink", "softshrink", "tanhshrink")


def in_place_leaky_relu(x, a):
    """`F.leaky_relu` takes its slope by name, and is no method of tensors."""
    base = x[0].clone()
    part = base
    for view in a.get("into", []):
        part = apply_view(part, view)
    F.leaky_relu(part, a["negative_slope"], inplace=True)
    return base


def in_place_hardtanh(x, a):
    """`F.hardtanh` takes its bounds by name, and is no method of tensors."""
    base = x[0].clone()
    part = base
    for view in a.get("into", []):
        part = apply_view(part, view)
    F.hardtanh(part, a["min_val"], a["max_val"], inplace=True)
    return base


def slopes(a):
    return {k: v for k, v in a.items() if k not in ("seed", "into")}


def in_place_rrelu(x, a):
    base = x[0].clone()
    part = base
    for view in a.get("into", []):
        part = apply_view(part, view)
    F.rrelu_(part, **slopes(a))
    return base


OPS = {
    **{op: method(op) for op in ("relu", "sigmoid", "tanh")},
    **{op: in_place(op) for op in ("relu_", "sigmoid_", "tanh_")},
    "add_relu": lambda x, a: torch.relu(x[0] + x[1]),
    "relu6": lambda x, a: F.relu6(x[0]),
    "hardtanh": lambda x, a: F.hardtanh(x[0], **a),
    "hardtanh_": in_place_hardtanh,
    "logsigmoid": lambda x, a: F.logsigmoid(x[0]),
    **{op: lambda x, a, f=getattr(F, op): f(x[0], **a) for op in NONLINEAR},
    "threshold": lambda x, a: F.threshold(x[0], **a),
    "leaky_relu": lambda x, a: F.leaky_relu(x[0], **a),
    "leaky_relu_": in_place_leaky_relu,
    "prelu": lambda x, a: F.prelu(x[0], x[1]),
    "rrelu": lambda x, a: F.rrelu(x[0], **slopes(a)),
    "rrelu_": in_place_rrelu,
    **{op: lambda x, a, f=getattr(F, op): f(x[0], **a) for op in MORE},
    "glu": lambda x, a: F.glu(x[0]),
    "glu_dim": lambda x, a: F.glu(x[0], a["dim"]),
}


def first_order(c, op):
    """PyTorch has no second derivative of hardsigmoid."""
    return (lambda *a: c.plain(*a, dtypes=("f32", "f64"))) if op == "hardsigmoid" else c.smooth


def nonlinear(c, op, name, args=None):
    smooth = first_order(c, op)
    smooth(f"{name}/2d", op, [R(2, 3)], args)
    smooth(f"{name}/0d", op, [R()], args)
    smooth(f"{name}/empty", op, [E(2, 0)], args)
    smooth(f"{name}/transposed", op, [R(3, 2).v("t")], args)
    c.plain(f"{name}/long", op, [R(37, scale=3.0)], args, dtypes=("f32", "f64"))
    c.plain(f"{name}/edge", op, [V(SHORT_EDGE)], args, dtypes=("f32", "f64"), grads=False)
    c.error(f"{name}/bool", op, [B([True])], args)
    if op in ("softsign", "threshold"):  # PyTorch takes integers there
        c.plain(f"promote/{name}/i64", op, [I([3, -2, 0, 1, 7])], args)
    elif op != "hardtanh":
        c.error(f"{name}/i64", op, [I([1])], args)


def learned_and_random_slopes(c):
    for name, x, w in (
        ("one", [R(2, 3)], P(1)), ("channels", [R(2, 3)], P(3)), ("images", [R(2, 3, 2, 2)], R(3)), ("transposed", [R(3, 2).v("t")], R(3)),
        ("vector", [R(4)], P(1)), ("0d", [R()], P(1)), ("0d_weight", [R(2, 3)], P()), ("0d_both", [R()], P()), ("empty", [E(0, 3)], P(3)),
        ("kinks", [V([[0.0, -0.0, 2.0], [-1.0, 0.0, 1.0]])], R(3)),
    ):
        c.smooth(f"prelu/{name}", "prelu", [*x, w])
    c.plain("prelu/long", "prelu", [R(5, 37), R(37)], dtypes=("f32", "f64"))
    c.plain("prelu/edge", "prelu", [V(SHORT_EDGE), V([0.25])], dtypes=("f32", "f64"), grads=False)
    c.error("prelu/channels", "prelu", [R(2, 3), R(2)])
    c.error("prelu/vector", "prelu", [R(3), R(3)])
    c.error("prelu/matrix", "prelu", [R(3), R(1, 1)])
    c.error("prelu/dtype", "prelu", [R(3), V([0.25], "f64")])
    c.error("prelu/i64", "prelu", [I([1, 2]), I([1])])
    for name, args in (("default", {}), ("bounds", {"lower": 0.1, "upper": 0.6}), ("equal", {"lower": 0.25, "upper": 0.25})):
        for mode in (True, False):
            args = {**args, "training": mode, "seed": 9}
            tag = f"{name}_{'training' if mode else 'evaluation'}"
            c.smooth(f"rrelu/{tag}", "rrelu", [R(5, 4)], args)
            c.smooth(f"rrelu/{tag}_transposed", "rrelu", [R(5, 4).v("t")], args)
            c.smooth(f"rrelu_/{tag}", "rrelu_", [R(5, 4)], args)
            c.smooth(f"rrelu_/{tag}_into", "rrelu_", [R(5, 4)], {**args, "into": [["select", 1, 1]]})
            c.smooth(f"rrelu/{tag}_empty", "rrelu", [E(0, 3)], args)
            c.smooth(f"rrelu/{tag}_0d", "rrelu", [R(shift=-5.0)], args)
            c.plain(f"rrelu/{tag}_edge", "rrelu", [V([0.0, -0.0, 1.0, -1.0, 2.5, INF, -INF, NAN])], args, dtypes=("f32", "f64"), grads=False)
    c.plain("rrelu/long_training", "rrelu", [R(700)], {"training": True, "seed": 10}, dtypes=("f32", "f64"))
    c.plain("rrelu/bf16", "rrelu", [R(700, shift=-1.0)], {"training": True, "seed": 10}, dtypes=("bf16",))
    c.plain("rrelu_/bf16", "rrelu_", [R(9, 2, shift=-1.0)], {"training": True, "seed": 10, "into": [["select", 1, 1]]}, dtypes=("bf16",))
    c.error("rrelu/order", "rrelu", [R(3)], {"lower": 0.5, "upper": 0.1, "seed": 0})
    c.error("rrelu/i64", "rrelu", [I([1])], {"seed": 0})


def shrinking_and_gated(c):
    for op in MORE:
        nonlinear_of(c, op, op)
    nonlinear_of(c, "celu", "celu_alpha", {"alpha": 1.5})
    for op in ("hardshrink", "softshrink"):
        nonlinear_of(c, op, f"{op}_lambd", {"lambd": 0.25})
        c.smooth(f"{op}/kinks", op, [V([-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0])])
    c.plain("promote/tanhshrink/i64", "tanhshrink", [I([3, -2, 0])])
    c.error("celu/zero", "celu", [R(2)], {"alpha": 0.0})
    c.error("softshrink/negative", "softshrink", [R(2)], {"lambd": -1.0})
    for dim in (0, 1, -1):
        c.smooth(f"glu/dim_{dim}", "glu_dim", [R(2, 4)], {"dim": dim})
    c.smooth("glu/middle", "glu_dim", [R(2, 4, 3)], {"dim": 1})
    c.smooth("glu/transposed", "glu_dim", [R(4, 3).v("t")], {"dim": -1})
    c.smooth("glu/empty", "glu_dim", [E(0, 4)], {"dim": -1})
    c.smooth("glu/default", "glu", [R(2, 4)])
    c.error("glu/odd", "glu_dim", [R(2, 3)], {"dim": -1})
    c.error("glu/0d", "glu_dim", [R()], {"dim": -1})
    c.error("glu/i64", "glu_dim", [I([1, 2])], {"dim": -1})


def nonlinear_of(c, op, name, args=None):
    """`nonlinear` without the errors of the other dtypes, which tanhshrink takes."""
    c.smooth(f"{name}/2d", op, [R(2, 3)], args)
    c.smooth(f"{name}/0d", op, [R()], args)
    c.smooth(f"{name}/empty", op, [E(2, 0)], args)
    c.smooth(f"{name}/transposed", op, [R(3, 2).v("t")], args)
    c.plain(f"{name}/long", op, [R(37, scale=3.0)], args, dtypes=("f32", "f64"))
    c.plain(f"{name}/edge", op, [V(SHORT_EDGE)], args, dtypes=("f32", "f64"), grads=False)
    if op != "tanhshrink":
        c.error(f"{name}/i64", op, [I([1])], args)


def build(c):
    learned_and_random_slopes(c)
    shrinking_and_gated(c)
    for op in ("sigmoid", "tanh", "relu"):
        c.smooth(f"{op}/2d", op, [R(2, 3)])
        c.smooth(f"{op}/0d", op, [R()])
        c.smooth(f"{op}/empty", op, [E(2, 0)])
        c.smooth(f"{op}/transposed", op, [R(3, 2).v("t")])
        c.smooth(f"{op}/expanded", op, [R(3).v("expand", 2, 3)])
        c.plain(f"{op}/long", op, [R(37, scale=4.0)], dtypes=("f32", "f64"))
        c.plain(f"{op}/edge", op, [V(EDGE)], dtypes=("f32", "f64"))
        in_place_function(c, f"{op}_")
    for op in ("sigmoid", "tanh"):
        for a in ("i64", "bool"):
            c.plain(f"promote/{op}/{a}", op, [V(TENSOR[a], a)])
    c.plain("promote/relu/i64", "relu", [V(TENSOR["i64"], "i64")])
    c.smooth("relu/kink", "relu", [V([-1.0, 0.0, -0.0, 2.0])])
    c.error("relu/bool", "relu", [B([True])])
    for op in ("relu6", "logsigmoid"):
        c.smooth(f"{op}/2d", op, [R(2, 3)])
        c.smooth(f"{op}/0d", op, [R()])
        c.smooth(f"{op}/empty", op, [E(2, 0)])
        c.smooth(f"{op}/transposed", op, [R(3, 2).v("t")])
        c.smooth(f"{op}/expanded", op, [R(3).v("expand", 2, 3)])
        c.smooth(f"{op}/sliced", op, [R(2, 6).v("slice", 1, 0, 6, 2)])
        c.plain(f"{op}/long", op, [R(37)], dtypes=("f32", "f64"))
        c.plain(f"{op}/edge", op, [V(SHORT_EDGE)], dtypes=("f32", "f64"), grads=False)
    bounds = {"min_val": -0.5, "max_val": 0.75}
    nonlinear(c, "hardtanh", "hardtanh")
    nonlinear(c, "hardtanh", "hardtanh_bounds", bounds)
    c.smooth("hardtanh/kinks", "hardtanh", [V([-2.0, -1.0, 0.0, 1.0, 2.0])])
    c.plain("promote/hardtanh/i64", "hardtanh", [V(TENSOR["i64"], "i64")], {"min_val": -1.5, "max_val": 1.5})
    c.error("hardtanh/order", "hardtanh", [R(2)], {"min_val": 1.0, "max_val": -1.0})
    in_place_function(c, "hardtanh_", bounds)
    c.smooth("relu6/kinks", "relu6", [V([-1.0, 0.0, 3.0, 6.0, 7.0])])
    c.error("relu6/i64", "relu6", [B([True])])
    c.error("logsigmoid/i64", "logsigmoid", [I([1])])
    for op in NONLINEAR:
        nonlinear(c, op, op)
    nonlinear(c, "gelu", "gelu_tanh", {"approximate": "tanh"})
    nonlinear(c, "softplus", "softplus_sharp", {"beta": 2.5, "threshold": 4.0})
    nonlinear(c, "elu", "elu_alpha", {"alpha": 1.5})
    nonlinear(c, "threshold", "threshold", {"threshold": 0.5, "value": 9.0})
    for op in ("hardsigmoid", "hardswish"):
        first_order(c, op)(f"{op}/kinks", op, [V([-4.0, -3.0, -1.0, 0.0, 0.5, 3.0, 4.0])])
    c.smooth("elu/kink", "elu", [V([-1.0, 0.0, -0.0, 2.0])], {"alpha": 1.5})
    c.smooth("softplus/kink", "softplus", [V([1.0, 2.0, 2.5])], {"beta": 2.0, "threshold": 4.0})
    c.smooth("threshold/kink", "threshold", [V([0.25, 0.5, 0.75])], {"threshold": 0.5, "value": 9.0})
    for slope in (0.01, 0.2, 0.0, 1.5):
        c.smooth(f"leaky_relu/slope_{slope}", "leaky_relu", [R(2, 3)], {"negative_slope": slope})
    c.smooth("leaky_relu/default", "leaky_relu", [R(2, 3)])
    c.smooth("leaky_relu/kink", "leaky_relu", [V([-1.0, 0.0, -0.0, 2.0])], {"negative_slope": 0.1})
    c.plain("leaky_relu/edge", "leaky_relu", [V(EDGE)], {"negative_slope": 0.1}, dtypes=("f32", "f64"))
    c.error("leaky_relu/i64", "leaky_relu", [I([1])])
    c.smooth("leaky_relu_/whole", "leaky_relu_", [R(2, 3)], {"negative_slope": 0.2})
    c.smooth("leaky_relu_/into", "leaky_relu_", [R(2, 3)], {"negative_slope": 0.3, "into": [["select", 1, 1]]})
    c.smooth("add_relu/same", "add_relu", [R(2, 3), R(2, 3)])
    c.smooth("add_relu/broadcast", "add_relu", [R(2, 1, 3), R(4, 1)])
    c.smooth("add_relu/transposed", "add_relu", [R(3, 2).v("t"), R(2, 3)])
    c.smooth("add_relu/empty", "add_relu", [E(0, 3), R(3)])
    c.error("add_relu/shape", "add_relu", [R(2, 3), P(4)])


if __name__ == "__main__":
    generate(__file__, OPS, build)
