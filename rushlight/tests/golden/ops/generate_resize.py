"""Writes resize.json.gz: other shapes with fewer elements, or with elements that follow in memory, with their strides. New memory has
unspecified contents in PyTorch, so no case grows it."""

from cases import E, I, R, generate

# Not the input itself: its shape would change with the output's.
OPS = {"resize_": lambda x, a: x[0].detach().resize_(a["shape"])}


def build(c):
    def resized(name, input, *shape):
        c.plain(f"resize_/{name}", "resize_", [input], {"shape": list(shape)}, stride=True)

    resized("fewer", R(2, 3), 2, 2)
    resized("same_number", R(2, 3), 3, 2)
    resized("same_shape", R(2, 3), 2, 3)
    resized("same_shape_transposed", R(2, 3).v("t"), 3, 2)
    resized("other_shape_transposed", R(2, 3).v("t"), 2, 3)
    resized("same_shape_expanded", R(1, 3).v("expand", 2, 3), 2, 3)
    resized("beyond_a_view", R(4, 3).v("narrow", 0, 1, 1), 3, 3)
    resized("beyond_a_column", R(4, 3).v("select", 1, 2), 2, 5)
    resized("expanded", R(4, 1).v("expand", 4, 3), 2, 2)
    resized("0d", R(3))
    resized("empty", R(3), 0, 4)
    resized("of_empty", E(0, 3), 3, 0)
    resized("i64", I([[1, 2], [3, 4]]), 3)
    c.error("resize_/negative", "resize_", [R(2)], {"shape": [-1]})


if __name__ == "__main__":
    generate(__file__, OPS, build)
