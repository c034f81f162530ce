"""Thousands of damaged files: each is read, or refused with an error of Striate's; none is big."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from random import Random
from typing import Any

import pytest
from onnx import helper

from striate.errors import StriateError
from striate.graph import load_onnx
from striate.graph.onnx._table import LOWERINGS

from .models import draw, model, one
from .test_sizes import flatten_by_shape, ints

MOST_BYTES = 50 << 20
"""What reading a file of a few kilobytes may allocate."""

make = helper.make_node

EXTREME = [0, 1, -1, 2, 7, 64, 255, 1 << 16, 1 << 31, -(1 << 31), (1 << 40) + 1, (1 << 62) + 1,
           (1 << 63) - 1, -(1 << 63)]  # fmt: skip


def seeds() -> list[Any]:
    """Networks with something of everything."""
    nodes = [
        make("Conv", ["x", "w", "b"], ["a"], pads=[1, 1, 1, 1], name="/stem/conv/Conv"),
        make("BatchNormalization", ["a", "b", "b", "b", "v"], ["c"], epsilon=1e-3),
        make("Clip", ["c", "low"], ["d"]),
        make("MaxPool", ["d"], ["e"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        make("Resize", ["e", "", "scales"], ["f"], mode="linear"),
        make("Pad", ["f", "pads"], ["g"]),
        make("Slice", ["g", "starts", "ends", "axes"], ["h"]),
        make("Split", ["h", "split"], ["i", "j"], axis=1),
        make("Concat", ["j", "i"], ["k"], axis=1),
        make("Transpose", ["k"], ["l"], perm=[0, 2, 3, 1]),
        make("Shape", ["l"], ["s"]),
        make("Slice", ["s", "starts", "ends"], ["t"]),
        make("ConstantOfShape", ["t"], ["u"]),
        make("ReduceMean", ["l", "axes"], ["m"], keepdims=1),
        make("MatMul", ["m", "fc"], ["n"]),
        make("Softmax", ["n"], ["o"], axis=-1),
        make("Unsqueeze", ["o", "axes"], ["p"]),
        make("Expand", ["p", "wide"], ["q"]),
        make("Tile", ["o", "pads4"], ["y"]),
    ]
    weights = {
        "w": draw(4, 3, 3, 3), "b": draw(4), "v": abs(draw(4)), "low": draw(1)[0],
        "scales": draw(4) * 0 + [1, 1, 2, 2], "pads": ints(0, 0, 1, 1, 0, 0, 1, 1),
        "starts": ints(1), "ends": ints(9), "axes": ints(2), "split": ints(1, 3),
        "fc": draw(4, 5), "pads4": ints(1, 1, 2, 2), "wide": ints(2, 1, 1, 1, 1, 1),
    }  # fmt: skip
    weights["scales"] = weights["scales"].astype("float32")
    whole = model(nodes, {"x": ("N", 3, 8, 8)}, weights=weights)
    pool = one("AveragePool", (1, 2, 8, 7), kernel_shape=[3, 2], count_include_pad=1)
    up = one("ConvTranspose", (1, 4, 5, 4), draw(4, 2, 3, 3), strides=[2, 2], output_shape=[10, 9])
    old = one("Slice", (3, 4, 5), opset=9, starts=[1], ends=[3], axes=[1])
    function = model([make("Both", ["x"], ["y"], domain="mine")], {"x": (1, 2)})
    function.opset_import.append(helper.make_opsetid("mine", 1))
    body = [make("Relu", ["a"], ["b"]), make("Abs", ["b"], ["c"])]
    opsets = [helper.make_opsetid("", 18)]
    function.functions.append(helper.make_function("mine", "Both", ["a"], ["c"], body, opsets))
    flat = flatten_by_shape()
    for size in flat.graph.input[0].type.tensor_type.shape.dim:
        size.dim_value = 4
    return [whole, pool, up, old, function, flat]


def damaged(content: bytes, draw: Random) -> bytes:
    """Flip, cut, repeat or overwrite a few bytes."""
    data = bytearray(content)
    for _ in range(draw.choice([1, 1, 1, 2, 5, 20])):
        place = draw.randrange(max(len(data), 1))
        kind = draw.randrange(5)
        if kind == 0:
            data[place : place + 1] = bytes([draw.randrange(256)])
        elif kind == 1:
            del data[place : place + draw.randrange(1, 30)]
        elif kind == 2:
            data[place:place] = data[place : place + draw.randrange(1, 30)]
        elif kind == 3:
            data[place : place + 10] = b"\xff" * 9 + b"\x01"
        elif draw.random() < 0.2:
            del data[place:]
    return bytes(data)


def twisted(made: Any, draw: Random) -> Any:
    """Change what the messages say: numbers, names, operators, dims."""
    made = type(made).FromString(made.SerializeToString())
    graph = made.graph
    values = [v for n in graph.node for v in (*n.input, *n.output)]
    for _ in range(draw.choice([1, 1, 2, 4])):
        node = draw.choice(graph.node)
        kind = draw.randrange(8)
        if kind == 0 and node.input:
            node.input[draw.randrange(len(node.input))] = draw.choice([*values, ""])
        elif kind == 1:
            node.op_type = draw.choice(sorted(LOWERINGS))
        elif kind == 2 and node.attribute:
            attribute = draw.choice(node.attribute)
            attribute.i = draw.choice(EXTREME)
            attribute.ints[:] = [draw.choice([*attribute.ints, *EXTREME]) for _ in range(
                draw.choice([len(attribute.ints), 1, 2, 3]))]  # fmt: skip
        elif kind == 3 and graph.initializer:
            tensor = draw.choice(graph.initializer)
            if draw.random() < 0.3:
                tensor.dims[:] = [draw.choice(EXTREME) for _ in range(draw.randrange(4))]
            elif tensor.data_type == 7:
                numbers = [draw.choice(EXTREME) for _ in range(len(tensor.raw_data) // 8)]
                tensor.raw_data = b"".join(n.to_bytes(8, "little", signed=True) for n in numbers)
        elif kind == 4:
            made.opset_import[0].version = draw.choice([7, 9, 10, 11, 12, 13, 18, 19, 21, 23, 0])
        elif kind == 5 and graph.input[0].type.tensor_type.shape.dim:
            draw.choice(graph.input[0].type.tensor_type.shape.dim).dim_value = draw.choice(EXTREME)
        elif kind == 6:
            graph.node.append(draw.choice(graph.node))
        elif kind == 7:
            name = draw.choice(["axis", "axes", "pads", "group", "mode", "to", "value", "perm"])
            node.attribute.append(helper.make_attribute(name, draw.choice([3, [1, 9], "x", 1.5])))
    return made


def survives(count: int, path: Path) -> None:
    """Read `count` damaged files."""
    networks = seeds()
    draw = Random(0)
    loaded = 0
    for number in range(count):
        made = networks[number % len(networks)]
        if number % 3 == 0:
            content = damaged(made.SerializeToString(), draw)
        else:
            content = twisted(made, draw).SerializeToString()
        path.write_bytes(content)
        tracemalloc.start()
        try:
            str(load_onnx(path))
            loaded += 1
        except StriateError:
            pass
        except BaseException:
            path.with_name(f"crash{number}.onnx").write_bytes(content)
            raise
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert peak < MOST_BYTES, f"file {number} took {peak:,} bytes"
    assert count // 20 < loaded < count


def test_the_networks_themselves_are_read(tmp_path: Path) -> None:
    for made in seeds():
        (tmp_path / "net.onnx").write_bytes(made.SerializeToString())
        load_onnx(tmp_path / "net.onnx")


def test_a_hundred_damaged_files(tmp_path: Path) -> None:
    survives(120, tmp_path / "net.onnx")


@pytest.mark.slow
def test_thousands_of_damaged_files(tmp_path: Path) -> None:
    survives(6000, tmp_path / "net.onnx")
