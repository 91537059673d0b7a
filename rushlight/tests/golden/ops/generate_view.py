"""Writes view.json.gz: other shapes and parts of the same memory, with their strides."""

from cases import E, R, generate, method


def slice_(x, a):
    index = [slice(None)] * x[0].dim()
    index[a["dim"]] = slice(a["start"], a["end"], a["step"])
    return x[0][tuple(index)]


def squeeze(x, a):
    if "dim" not in a:
        return x[0].squeeze()
    return x[0].squeeze(tuple(a["dim"]) if isinstance(a["dim"], list) else a["dim"])


OPS = {
    **{op: method(op) for op in ("t", "expand_as")},
    "view": lambda x, a: x[0].view(a["shape"]),
    "reshape": lambda x, a: x[0].reshape(a["shape"]),
    "transpose": lambda x, a: x[0].transpose(a["dim0"], a["dim1"]),
    "permute": lambda x, a: x[0].permute(a["dims"]),
    "squeeze": squeeze,
    "unsqueeze": lambda x, a: x[0].unsqueeze(a["dim"]),
    "expand": lambda x, a: x[0].expand(a["shape"]),
    "narrow": lambda x, a: x[0].narrow(a["dim"], a["start"], a["length"]),
    "select": lambda x, a: x[0].select(a["dim"], a["index"]),
    "slice": slice_,
    "flatten": lambda x, a: x[0].flatten(**a),
    "diagonal": lambda x, a: x[0].diagonal(**a),
    "split": lambda x, a: x[0].split(a["split_size"], a["dim"]),
    "chunk": lambda x, a: x[0].chunk(a["chunks"], a["dim"]),
    "unbind": lambda x, a: x[0].unbind(a["dim"]),
}


def shapes(c):
    def view(name, op, inputs, args=None):
        c.smooth(name, op, inputs, args, stride=True)

    for op in ("view", "reshape"):
        view(f"{op}/flat", op, [R(2, 3)], {"shape": [6]})
        view(f"{op}/infer", op, [R(2, 6)], {"shape": [3, -1]})
        view(f"{op}/ones", op, [R(2, 3)], {"shape": [1, 2, 1, 3]})
        view(f"{op}/to_0d", op, [R(1, 1)], {"shape": []})
        view(f"{op}/empty", op, [E(0, 3)], {"shape": [3, 0]})
        view(f"{op}/split_strided", op, [R(6, 4).v("narrow", 1, 0, 3)], {"shape": [2, 3, 3]})
    c.smooth("reshape/transposed", "reshape", [R(2, 3).v("t")], {"shape": [6]})
    c.smooth("reshape/expanded", "reshape", [R(3).v("expand", 2, 3)], {"shape": [3, 2]})
    view("t/2d", "t", [R(2, 3)])
    view("t/1d", "t", [R(3)])
    view("t/0d", "t", [R()])
    view("transpose/3d", "transpose", [R(2, 3, 4)], {"dim0": 0, "dim1": -1})
    view("transpose/same", "transpose", [R(2, 3)], {"dim0": 1, "dim1": 1})
    view("permute/3d", "permute", [R(2, 3, 4)], {"dims": [2, 0, 1]})
    view("permute/negative", "permute", [R(2, 3, 2)], {"dims": [-1, 0, 1]})
    view("squeeze/all", "squeeze", [R(1, 2, 1, 3)])
    view("squeeze/dim", "squeeze", [R(1, 2, 1, 3)], {"dim": -2})
    view("squeeze/not_one", "squeeze", [R(1, 2)], {"dim": 1})
    view("squeeze/dims", "squeeze", [R(1, 2, 1, 3)], {"dim": [0, 1]})
    view("unsqueeze/front", "unsqueeze", [R(2, 3)], {"dim": 0})
    view("unsqueeze/last", "unsqueeze", [R(2, 3)], {"dim": -1})
    view("unsqueeze/middle", "unsqueeze", [R(2, 3).v("t")], {"dim": 1})
    view("unsqueeze/0d", "unsqueeze", [R()], {"dim": 0})
    view("expand/new_dim", "expand", [R(3)], {"shape": [2, 3]})
    view("expand/one", "expand", [R(2, 1)], {"shape": [2, 4]})
    view("expand/keep", "expand", [R(2, 1, 3)], {"shape": [-1, 4, -1]})
    view("expand/0d", "expand", [R()], {"shape": [2, 2]})
    view("expand/to_empty", "expand", [R(1, 3)], {"shape": [0, 3]})
    view("expand_as/row", "expand_as", [R(3), R(2, 3)])
    view("expand_as/0d", "expand_as", [R(), R(2, 2)])
    view("flatten/all", "flatten", [R(2, 3, 2)], {"start_dim": 0, "end_dim": -1})
    view("flatten/from_1", "flatten", [R(2, 3, 2)], {"start_dim": 1, "end_dim": -1})
    view("flatten/to_1", "flatten", [R(2, 3, 2)], {"start_dim": 0, "end_dim": 1})
    view("flatten/0d", "flatten", [R()], {"start_dim": 0, "end_dim": -1})
    c.smooth("flatten/transposed", "flatten", [R(2, 3).v("t")], {"start_dim": 0, "end_dim": -1})


def parts(c):
    def view(name, op, inputs, args=None):
        c.smooth(name, op, inputs, args, stride=True)

    view("narrow/middle", "narrow", [R(2, 5)], {"dim": 1, "start": 1, "length": 3})
    view("narrow/negative", "narrow", [R(4, 2)], {"dim": 0, "start": -3, "length": 2})
    view("narrow/none", "narrow", [R(4, 2)], {"dim": 0, "start": 4, "length": 0})
    view("select/first", "select", [R(3, 2)], {"dim": 0, "index": 1})
    view("select/negative", "select", [R(3, 2)], {"dim": -1, "index": -1})
    view("slice/step", "slice", [R(3, 7)], {"dim": 1, "start": 1, "end": 6, "step": 2})
    view("slice/negative", "slice", [R(5, 2)], {"dim": 0, "start": -4, "end": -1, "step": 1})
    view("slice/open", "slice", [R(5)], {"dim": 0, "start": None, "end": None, "step": 3})
    view("slice/beyond", "slice", [R(5)], {"dim": 0, "start": 2, "end": 100, "step": 1})
    view("slice/empty", "slice", [R(5)], {"dim": 0, "start": 4, "end": 2, "step": 1})
    view("diagonal/square", "diagonal", [R(3, 3)])
    view("diagonal/wide", "diagonal", [R(2, 4)])
    view("diagonal/transposed", "diagonal", [R(2, 4).v("t")])
    view("diagonal/offset", "diagonal", [R(3, 4)], {"offset": 1})
    view("diagonal/below", "diagonal", [R(3, 4)], {"offset": -1})
    view("diagonal/beyond", "diagonal", [R(2, 2)], {"offset": 2})
    view("diagonal/dims", "diagonal", [R(2, 3, 4)], {"offset": -1, "dim1": 0, "dim2": -1})
    view("split/even", "split", [R(4, 2)], {"split_size": 2, "dim": 0})
    view("split/rest", "split", [R(2, 5)], {"split_size": 2, "dim": -1})
    view("split/whole", "split", [R(3)], {"split_size": 8, "dim": 0})
    view("split/empty", "split", [E(0, 2)], {"split_size": 2, "dim": 0})
    view("chunk/even", "chunk", [R(4, 2)], {"chunks": 2, "dim": 0})
    view("chunk/fewer", "chunk", [R(5)], {"chunks": 4, "dim": 0})
    view("chunk/last", "chunk", [R(2, 7)], {"chunks": 3, "dim": -1})
    view("unbind/rows", "unbind", [R(3, 2)], {"dim": 0})
    view("unbind/columns", "unbind", [R(2, 3).v("t")], {"dim": -1})


def errors(c):
    c.error("view/size", "view", [R(2, 3)], {"shape": [4]})
    c.error("view/infer", "view", [R(2, 3)], {"shape": [4, -1]})
    c.error("view/two_inferred", "view", [R(2, 3)], {"shape": [-1, -1]})
    c.error("view/strides", "view", [R(2, 3).v("t")], {"shape": [6]})
    c.error("reshape/size", "reshape", [R(2, 3)], {"shape": [5]})
    c.error("view/infer_empty", "view", [E(0, 3)], {"shape": [-1, 0]})
    c.error("t/3d", "t", [R(2, 3, 4)])
    c.error("permute/duplicate", "permute", [R(2, 3)], {"dims": [0, 0]})
    c.error("permute/count", "permute", [R(2, 3)], {"dims": [0]})
    c.error("transpose/dim", "transpose", [R(2, 3)], {"dim0": 0, "dim1": 2})
    c.error("expand/size", "expand", [R(2, 3)], {"shape": [2, 4]})
    c.error("expand/fewer", "expand", [R(2, 3)], {"shape": [3]})
    c.error("expand/new_infer", "expand", [R(3)], {"shape": [-1, 3]})
    c.error("expand_as/size", "expand_as", [R(2), R(2, 3)])
    c.error("narrow/length", "narrow", [R(4)], {"dim": 0, "start": 2, "length": 3})
    c.error("narrow/start", "narrow", [R(4)], {"dim": 0, "start": 5, "length": 0})
    c.error("select/index", "select", [R(3)], {"dim": 0, "index": 3})
    c.error("select/negative", "select", [R(3)], {"dim": 0, "index": -4})
    c.error("select/0d", "select", [R()], {"dim": 0, "index": 0})
    c.error("slice/step", "slice", [R(3)], {"dim": 0, "start": 0, "end": 3, "step": 0})
    c.error("unsqueeze/dim", "unsqueeze", [R(2)], {"dim": 2})
    c.error("squeeze/dim", "squeeze", [R(2)], {"dim": 1})
    c.error("flatten/order", "flatten", [R(2, 3)], {"start_dim": 1, "end_dim": 0})
    c.error("diagonal/1d", "diagonal", [R(3)])
    c.error("split/dim", "split", [R(3)], {"split_size": 1, "dim": 1})
    c.error("chunk/none", "chunk", [R(3)], {"chunks": 0, "dim": 0})
    c.error("unbind/dim", "unbind", [R(3)], {"dim": 1})
    c.error("unbind/0d", "unbind", [R()], {"dim": 0})


def build(c):
    for part in (shapes, parts, errors):
        part(c)


if __name__ == "__main__":
    generate(__file__, OPS, build)
