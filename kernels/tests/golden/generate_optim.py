"""Writes optim.txt: parameters after a few steps of PyTorch's optimizers (pip install torch==2.15).

    python generate_optim.py > optim.txt

One line for each case: dtype, optimizer, options as name=value (a pair as two, such as betas.0 and betas.1), steps, and then the
parameters as hexadecimal bit patterns.
Parameters start as (i * 37 mod 29 - 14) / 8, gradients are ((i * 23 + t * 11) mod 31 - 15) / 16 in step t = 1, 2, ...: exact
numbers that the test makes itself.
"""

import itertools
import struct

import torch

N = 7


def run(dtype, name, options, steps):
    p = torch.tensor([(i * 37 % 29 - 14) / 8 for i in range(N)], dtype=dtype, requires_grad=True)
    sparse = name == "SparseAdam"
    optimizer = getattr(torch.optim, name)([p], **options, **({} if sparse else {"foreach": False}))
    for t in range(1, steps + 1):
        g = torch.tensor([((i * 23 + t * 11) % 31 - 15) / 16 for i in range(N)], dtype=dtype)
        # With every element, also those that are 0.
        p.grad = torch.sparse_coo_tensor(torch.arange(N)[None], g) if sparse else g
        optimizer.step()
    code = {torch.float32: ("f", "I", 8), torch.float64: ("d", "Q", 16)}[dtype]
    bits = [format(struct.unpack(code[1], struct.pack(code[0], x))[0], f"0{code[2]}x") for x in p.tolist()]
    words = []
    for k, v in options.items():
        words += [f"{k}.{i}={float(x)!r}" for i, x in enumerate(v)] if isinstance(v, tuple) else [f"{k}={float(v)!r}"]
    print("f32" if dtype == torch.float32 else "f64", name, ",".join(words), steps, *bits)


def product(**values):
    for choice in itertools.product(*values.values()):
        yield dict(zip(values, choice))


for dtype in (torch.float32, torch.float64):
    for options in product(lr=(0.03,), momentum=(0.0, 0.9), dampening=(0.0, 0.25), weight_decay=(0.0, 0.1), nesterov=(False, True), maximize=(False, True)):
        if options["nesterov"] and (options["momentum"] == 0 or options["dampening"] != 0):
            continue
        if options["momentum"] == 0 and options["dampening"] != 0:
            continue
        run(dtype, "SGD", options, 4)
    for options in product(lr=(0.03,), lr_decay=(0.0, 0.3), weight_decay=(0.0, 0.1), eps=(1e-10, 0.1), maximize=(False, True)):
        run(dtype, "Adagrad", options, 5)
    for options in product(lr=(0.03,), lambd=(1e-4, 0.5), alpha=(0.75,), t0=(1e6, 1.0), weight_decay=(0.0, 0.1), maximize=(False, True)):
        run(dtype, "ASGD", options, 6)
    for options in product(lr=(0.03,), etas=((0.5, 1.2), (0.3, 1.9)), step_sizes=((1e-6, 50.0), (0.02, 0.04)), maximize=(False, True)):
        run(dtype, "Rprop", options, 6)
    for options in product(lr=(0.3,), rho=(0.9, 0.4), eps=(1e-6, 0.1), weight_decay=(0.0, 0.1), maximize=(False, True)):
        run(dtype, "Adadelta", options, 5)
    for options in product(lr=(0.03,), alpha=(0.99, 0.3), eps=(1e-8, 0.1), weight_decay=(0.0, 0.1), momentum=(0.0, 0.9), centered=(False, True), maximize=(False, True)):
        run(dtype, "RMSprop", options, 5)
    for options in product(lr=(0.03,), betas=((0.9, 0.999), (0.4, 0.8)), eps=(1e-8, 0.1), weight_decay=(0.0, 0.1), maximize=(False, True)):
        run(dtype, "Adamax", options, 5)
    for name in ("Adam", "AdamW"):
        for options in product(lr=(0.03,), betas=((0.9, 0.999), (0.4, 0.8)), eps=(1e-8, 0.1), weight_decay=(0.0, 0.1), amsgrad=(False, True), maximize=(False, True)):
            run(dtype, name, options, 5)
    for options in product(lr=(0.03,), betas=((0.9, 0.999), (0.4, 0.8)), eps=(1e-8, 0.1), maximize=(False, True)):
        run(dtype, "SparseAdam", options, 5)
