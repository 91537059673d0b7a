"""Writes inplace.json.gz: changes in place that have no form out of place."""

from cases import I, R, V, generate, in_place

OPS = {op: in_place(op) for op in ("copy_", "fill_", "zero_")}


def build(c):
    c.smooth("copy_/broadcast", "copy_", [R(2, 3), R(3)])
    c.smooth("copy_/into", "copy_", [R(2, 3), R(2)], {"into": [["select", 1, 1]]})
    c.plain("copy_/i64_from_f32", "copy_", [I([1, 2]), V([3.7, -1.2], "f32")])
    c.error("copy_/shape", "copy_", [R(3), R(4)])
    c.smooth("fill_/into", "fill_", [R(2, 3), 0.5], {"into": [["narrow", 1, 0, 2]]})
    c.smooth("zero_/into", "zero_", [R(2, 3)], {"into": [["select", 0, 1]]})


if __name__ == "__main__":
    generate(__file__, OPS, build)
