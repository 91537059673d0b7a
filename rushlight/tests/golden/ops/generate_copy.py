"""Writes copy.json.gz: copies of memory, to another order in memory, to another type, to another device."""

from cases import DTYPES, INF, NAN, TENSOR, I, R, V, generate

OPS = {
    "copy": lambda x, a: x[0].clone(),
    "contiguous": lambda x, a: x[0].contiguous(),
    "to_device": lambda x, a: x[0].to("cpu", copy=True),
    "to_dtype": lambda x, a: x[0].to(DTYPES[a["dtype"]]),
}


def build(c):
    for a in TENSOR:
        for b in TENSOR:
            c.plain(f"promote/to/{a}_{b}", "to_dtype", [V(TENSOR[a], a)], {"dtype": b})
    c.plain("promote/to/f64_i64/trunc", "to_dtype", [V([1.9, -1.9, 0.5, -0.5, 2.0**40, 3e9], "f64")], {"dtype": "i64"})
    c.plain("promote/to/f32_bool_nan", "to_dtype", [V([0.0, -0.0, 0.1, NAN, INF], "f32")], {"dtype": "bool"})
    c.plain("promote/to/i64_f32/round", "to_dtype", [I([2**24 + 1, 2**53 + 1, -(2**62) + 1])], {"dtype": "f32"})
    c.smooth("to/grad_f32", "to_dtype", [R(3)], {"dtype": "f32"})
    c.smooth("to/grad_f64", "to_dtype", [R(3)], {"dtype": "f64"})
    c.smooth("clone/transposed", "copy", [R(2, 3).v("t")])
    for a in TENSOR:
        c.plain(f"to_device/{a}", "to_device", [V(TENSOR[a], a)])
    c.smooth("to_device/transposed", "to_device", [R(2, 3).v("t")])
    c.smooth("to_device/expanded", "to_device", [R(3).v("expand", 2, 3)])
    c.smooth("to_device/empty", "to_device", [R(0, 3)])
    c.smooth("contiguous/transposed", "contiguous", [R(2, 3).v("t")], stride=True)
    c.smooth("contiguous/expanded", "contiguous", [R(3).v("expand", 2, 3)], stride=True)


if __name__ == "__main__":
    generate(__file__, OPS, build)
