"""How each operation of the fixtures is spelled in PyTorch. Inputs come as a list, everything else by name in `a`."""

import torch
import torch.nn.functional as F


def method(name):
    return lambda x, a: getattr(x[0], name)(*x[1:])


def dims(a, key="dim"):
    value = a.get(key)
    return tuple(value) if isinstance(value, list) else value


def reduction(name):
    def run(x, a):
        kw = {k: v for k, v in a.items() if k in ("keepdim", "correction")}
        if "dtype" in a:
            kw["dtype"] = {"f32": torch.float32, "f64": torch.float64, "i64": torch.int64}[a["dtype"]]
        if "dim" in a:
            kw["dim"] = dims(a)
        return getattr(torch, name)(x[0], **kw)
    return run


def in_place(name):
    """`x.clone()` is changed through the view `a["into"]`, and the whole is returned, so the gradient passes through the view."""
    def run(x, a):
        from fixture import apply_view
        base = x[0].clone()
        part = base
        for view in a.get("into", []):
            part = apply_view(part, view)
        kw = {k: a[k] for k in ("alpha", "min", "max") if k in a}
        getattr(part, name)(*x[1:], **kw)
        return base
    return run


def pow_(x, a):
    return torch.pow(x[0], x[1])


def where(x, a):
    return torch.where(x[0], x[1], x[2])


def clamp(x, a):
    return torch.clamp(x[0], a.get("min"), a.get("max"))


def slice_(x, a):
    index = [slice(None)] * x[0].dim()
    index[a["dim"]] = slice(a["start"], a["end"], a["step"])
    return x[0][tuple(index)]


def batch_norm(x, a):
    # running_mean and running_var change in place in training
    return F.batch_norm(x[0], x[1], x[2], x[3], x[4], training=a["training"], momentum=a["momentum"], eps=a["eps"])


def loss(function, *extra):
    """Losses take input, target, then optional tensors in the order of `extra`."""
    def run(x, a):
        kw = dict(a)
        kw.update({name: t for name, t in zip(extra, x[2:])})
        return function(x[0], x[1], **kw)
    return run


def to(x, a):
    return x[0].to({"bool": torch.bool, "i64": torch.int64, "f32": torch.float32, "f64": torch.float64}[a["dtype"]])


def gather(x, a):
    return torch.gather(x[0], a["dim"], x[1])


def conv_transpose(n):
    return lambda x, a: getattr(F, f"conv_transpose{n}d")(x[0], x[1], x[2], **a)


OPS = {
    "add": lambda x, a: torch.add(x[0], x[1], **a) if torch.is_tensor(x[0]) else x[0] + x[1],
    "sub": lambda x, a: torch.sub(x[0], x[1], **a) if torch.is_tensor(x[0]) else x[0] - x[1],
    "mul": lambda x, a: x[0] * x[1],
    "div": lambda x, a: x[0] / x[1],
    "pow": pow_,
    "neg": lambda x, a: -x[0],
    "maximum": lambda x, a: torch.maximum(x[0], x[1]),
    "minimum": lambda x, a: torch.minimum(x[0], x[1]),
    **{k: method(k) for k in ("eq", "ne", "lt", "le", "gt", "ge")},
    **{k: method(k) for k in ("relu", "sigmoid", "tanh", "exp", "log", "sqrt", "abs", "t", "clone", "contiguous")},
    **{k: method(k) for k in ("square", "expm1", "log1p", "log2", "log10", "rsqrt", "reciprocal", "sin", "cos", "tan", "atan", "sinh", "cosh", "erf",
                              "floor", "ceil", "round", "trunc", "sign", "remainder", "floor_divide", "logical_and", "logical_or", "logical_xor",
                              "logical_not", "isnan", "any", "all", "prod", "mm", "bmm", "masked_fill", "diagonal")},
    "relu6": lambda x, a: F.relu6(x[0]),
    "logsigmoid": lambda x, a: F.logsigmoid(x[0]),
    "isclose": lambda x, a: torch.isclose(x[0], x[1], rtol=a["rtol"], atol=a["atol"]),
    "addmm": lambda x, a: torch.addmm(*x),
    "scatter_add": lambda x, a: x[0].scatter_add(a["dim"], x[1], x[2]),
    "index_select": lambda x, a: x[0].index_select(a["dim"], x[1]),
    "conv1d": lambda x, a: F.conv1d(x[0], x[1], x[2], **a),
    "conv3d": lambda x, a: F.conv3d(x[0], x[1], x[2], **a),
    **{f"conv_transpose{n}d": conv_transpose(n) for n in (1, 2, 3)},
    "adaptive_avg_pool2d": lambda x, a: F.adaptive_avg_pool2d(x[0], a["output_size"]),
    "leaky_relu": lambda x, a: F.leaky_relu(x[0], a["negative_slope"]),
    "clamp": clamp,
    "softmax": lambda x, a: torch.softmax(x[0], a["dim"]),
    "log_softmax": lambda x, a: torch.log_softmax(x[0], a["dim"]),
    "gather": gather,
    "where": where,
    "matmul": lambda x, a: torch.matmul(x[0], x[1]),
    **{k: reduction(k) for k in ("sum", "mean", "max", "min", "amax", "amin", "argmax", "argmin", "var", "std")},
    "view": lambda x, a: x[0].view(a["shape"]),
    "reshape": lambda x, a: x[0].reshape(a["shape"]),
    "transpose": lambda x, a: x[0].transpose(a["dim0"], a["dim1"]),
    "permute": lambda x, a: x[0].permute(a["dims"]),
    "squeeze": lambda x, a: x[0].squeeze(dims(a)) if "dim" in a else x[0].squeeze(),
    "unsqueeze": lambda x, a: x[0].unsqueeze(a["dim"]),
    "expand": lambda x, a: x[0].expand(a["shape"]),
    "narrow": lambda x, a: x[0].narrow(a["dim"], a["start"], a["length"]),
    "select": lambda x, a: x[0].select(a["dim"], a["index"]),
    "slice": slice_,
    "flatten": lambda x, a: x[0].flatten(a["start_dim"], a["end_dim"]),
    "cat": lambda x, a: torch.cat(x, a["dim"]),
    "stack": lambda x, a: torch.stack(x, a["dim"]),
    "to": to,
    "linear": lambda x, a: F.linear(*x),
    "conv2d": lambda x, a: F.conv2d(x[0], x[1], x[2], **a),
    "max_pool2d": lambda x, a: F.max_pool2d(x[0], **a),
    "avg_pool2d": lambda x, a: F.avg_pool2d(x[0], **a),
    "batch_norm": batch_norm,
    "dropout": lambda x, a: F.dropout(x[0], a["p"], a["training"]),
    "mse_loss": loss(F.mse_loss),
    "l1_loss": loss(F.l1_loss),
    "nll_loss": loss(F.nll_loss, "weight"),
    "cross_entropy": loss(F.cross_entropy, "weight"),
    "binary_cross_entropy": loss(F.binary_cross_entropy, "weight"),
    "binary_cross_entropy_with_logits": loss(F.binary_cross_entropy_with_logits, "weight", "pos_weight"),
    **{k: in_place(k) for k in ("add_", "sub_", "mul_", "div_", "pow_", "neg_", "relu_", "sigmoid_", "tanh_", "exp_", "log_", "sqrt_",
                                "abs_", "clamp_", "copy_", "fill_", "zero_")},
}
