"""Shape arithmetic in ONNX files is followed, and makes no nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from striate.errors import GraphError
from striate.graph import Graph, Size, load_onnx

from .models import TOLERANCE, checked, draw, kinds, model, one, value, written

make = helper.make_node


def ints(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, np.int64)


def agrees_elsewhere(graph: Graph, *shapes: tuple[int, ...]) -> None:
    """The graph worked out for another shape computes what the file does there."""
    arrays = [draw(*shape, seed=1) for shape in shapes]
    assert graph.check(*arrays) < TOLERANCE


def flatten_by_shape() -> Any:
    """x.view(x.size(0), -1) as torch writes it: Shape, Gather, Unsqueeze, Concat, Reshape."""
    nodes = [
        make("Shape", ["x"], ["shape"]),
        make("Constant", [], ["zero"], value_int=0),
        make("Gather", ["shape", "zero"], ["n"], axis=0),
        make("Unsqueeze", ["n", "axes"], ["row"]),
        make("Concat", ["row", "rest"], ["target"], axis=0),
        make("Reshape", ["x", "target"], ["y"]),
    ]
    return model(nodes, {"x": ["N", 3, "H", "W"]}, weights={"axes": ints(0), "rest": ints(-1)})


def test_a_view_of_the_batch(tmp_path: Path) -> None:
    graph = checked(flatten_by_shape(), tmp_path, (2, 3, 4, 5))
    assert kinds(graph) == ["reshape"]
    assert graph["reshape"].op.shape == (Size.of("x", 0), -1)  # type: ignore[attr-defined]
    assert not graph.weights
    agrees_elsewhere(graph, (3, 3, 2, 2))


def test_arithmetic_over_sizes(tmp_path: Path) -> None:
    """Pixel shuffle's reshape, written with Shape, Slice, Div, Mul."""
    nodes = [
        make("Shape", ["x"], ["shape"]),
        make("Slice", ["shape", "one", "two"], ["c"]),
        make("Slice", ["shape", "two", "four"], ["hw"]),
        make("Div", ["c", "two"], ["half"]),
        make("Mul", ["half", "one"], ["same"]),
        make("Sub", ["c", "same"], ["other"]),
        make("Concat", ["zero", "other", "two", "hw"], ["target"], axis=0),
        make("Reshape", ["x", "target"], ["a"]),
        make("ReduceProd", ["hw"], ["area"], keepdims=1),
        make("Concat", ["zero", "minus", "area"], ["flat"], axis=0),
        make("Reshape", ["a", "flat"], ["y"]),
    ]
    weights = {"zero": ints(0), "one": ints(1), "two": ints(2), "four": ints(4), "minus": ints(-1)}
    made = model(nodes, {"x": ["N", "C", "H", "W"]}, weights=weights)
    graph = checked(made, tmp_path, (1, 4, 3, 5))
    assert kinds(graph) == ["reshape", "reshape"]
    agrees_elsewhere(graph, (2, 6, 2, 4))


def test_a_resize_to_the_size_of_another_map(tmp_path: Path) -> None:
    nodes = [
        make("Shape", ["x"], ["full"]),
        make("Shape", ["z"], ["small"]),
        make("Slice", ["full", "two", "four"], ["hw"]),
        make("Slice", ["small", "zero", "two"], ["nc"]),
        make("Concat", ["nc", "hw"], ["sizes"], axis=0),
        make("Resize", ["z", "", "", "sizes"], ["up"], mode="linear"),
        make("Add", ["up", "x"], ["y"]),
    ]
    weights = {"zero": ints(0), "two": ints(2), "four": ints(4)}
    shapes = {"x": ["N", 2, "H", "W"], "z": ["N", 2, "h", "w"]}
    made = model(nodes, shapes, weights=weights)
    graph = checked(made, tmp_path, (1, 2, 8, 6), (1, 2, 4, 3))
    assert kinds(graph) == ["resize", "binary"]
    agrees_elsewhere(graph, (2, 2, 9, 7), (2, 2, 4, 3))


def test_sizes_times_a_factor(tmp_path: Path) -> None:
    """Old exporters compute floor(float(size) * scale)."""
    nodes = [
        make("Shape", ["x"], ["shape"]),
        make("Slice", ["shape", "two", "four"], ["hw"]),
        make("Slice", ["shape", "zero", "two"], ["nc"]),
        make("Cast", ["hw"], ["f"], to=TensorProto.FLOAT),
        make("Mul", ["f", "factor"], ["g"]),
        make("Floor", ["g"], ["h"]),
        make("Cast", ["h"], ["i"], to=TensorProto.INT64),
        make("Concat", ["nc", "i"], ["sizes"], axis=0),
        make("Resize", ["x", "", "", "sizes"], ["y"], mode="nearest",
             coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    ]  # fmt: skip
    weights = {"zero": ints(0), "two": ints(2), "four": ints(4), "factor": np.float32(1.3)}
    made = model(nodes, {"x": [1, 1, "H", "W"]}, weights=weights)
    graph = checked(made, tmp_path, (1, 1, 10, 10))
    assert graph.types["resize"].shape == (1, 1, 13, 13)  # type: ignore[union-attr]
    agrees_elsewhere(graph, (1, 1, 20, 7))


def test_an_expand_over_the_batch(tmp_path: Path) -> None:
    """A class token: Shape, Gather, Concat, ConstantOfShape, Equal, Where, Expand."""
    nodes = [
        make("Shape", ["x"], ["shape"], end=1),
        make("Concat", ["shape", "rest"], ["target"], axis=0),
        make("Shape", ["target"], ["rank"]),
        make("ConstantOfShape", ["rank"], ["ones"],
             value=helper.make_tensor("v", TensorProto.INT64, [1], [1])),
        make("Mul", ["ones", "minus"], ["minuses"]),
        make("Equal", ["target", "minuses"], ["same"]),
        make("Where", ["same", "ones", "target"], ["chosen"]),
        make("Expand", ["token", "chosen"], ["tokens"]),
        make("Concat", ["tokens", "x"], ["y"], axis=1),
    ]  # fmt: skip
    weights = {"rest": ints(-1, -1), "minus": ints(-1), "token": draw(1, 1, 4)}
    graph = checked(model(nodes, {"x": ["N", 5, 4]}, weights=weights), tmp_path)
    assert kinds(graph) == ["expand", "concat"]
    agrees_elsewhere(graph, (3, 5, 4))


def test_attention_s_scale(tmp_path: Path) -> None:
    nodes = [
        make("Shape", ["x"], ["shape"]),
        make("Gather", ["shape", "last"], ["n"]),
        make("Cast", ["n"], ["f"], to=TensorProto.FLOAT),
        make("Sqrt", ["f"], ["root"]),
        make("Div", ["one", "root"], ["scale"]),
        make("Mul", ["x", "scale"], ["y"]),
    ]
    weights = {"last": np.int64(-1), "one": np.float32(1)}
    assert kinds(checked(model(nodes, {"x": (2, 16)}, weights=weights), tmp_path)) == ["binary"]


def test_a_range_over_positions(tmp_path: Path) -> None:
    nodes = [
        make("Shape", ["x"], ["shape"]),
        make("Gather", ["shape", "one"], ["n"]),
        make("Range", ["zero", "n", "one"], ["places"]),
        make("Cast", ["places"], ["f"], to=TensorProto.FLOAT),
        make("Add", ["x", "f"], ["y"]),
    ]
    weights = {"zero": np.int64(0), "one": np.int64(1)}
    graph = checked(model(nodes, {"x": ["N", "T"]}, weights=weights), tmp_path, (2, 5))
    agrees_elsewhere(graph, (1, 7))


def test_sizes_that_are_read_as_data(tmp_path: Path) -> None:
    nodes = [
        make("Shape", ["x"], ["shape"]),
        make("Cast", ["shape"], ["f"], to=TensorProto.FLOAT),
        make("Div", ["x", "f"], ["y"]),
    ]
    graph = checked(model(nodes, {"x": ["N", "M", 3]}), tmp_path, (2, 3, 3))
    agrees_elsewhere(graph, (1, 5, 3))


def test_sizes_as_an_output(tmp_path: Path) -> None:
    made = model([make("Shape", ["x"], ["y"])], {"x": (2, 3)},
                 outputs=[value("y", None, TensorProto.INT64)])  # fmt: skip
    assert load_onnx(written(made, tmp_path)).run(draw(2, 3))[0].tolist() == [2, 3]


def test_arithmetic_that_grows_without_end(tmp_path: Path) -> None:
    nodes = [make("Shape", ["x"], ["s0"])]
    nodes += [make("Add", [f"s{k}", f"s{k}"], [f"s{k + 1}"]) for k in range(60)]
    nodes.append(make("Reshape", ["x", "s60"], ["y"]))
    graph = load_onnx(written(model(nodes, {"x": (2, 3)}), tmp_path))
    assert "opaque" in kinds(graph)
    big = {"w": ints(2**40)}
    nodes = [make("Mul", ["w", "w"], ["a"]), make("Reshape", ["x", "a"], ["y"])]
    with pytest.raises(GraphError, match=r"damaged: it holds 1\.2"):
        load_onnx(written(model(nodes, {"x": (2, 3)}, weights=big), tmp_path))


def test_shapes_that_are_computed_from_data_are_opaque(tmp_path: Path) -> None:
    nodes = [
        make("Cast", ["x"], ["i"], to=TensorProto.INT64),
        make("Reshape", ["z", "i"], ["y"]),
        make("Relu", ["y"], ["w"]),
    ]
    graph = load_onnx(written(model(nodes, {"x": (2,), "z": (2, 3)}, outputs=["w"]), tmp_path))
    assert kinds(graph) == ["cast", "opaque", "activation"]
    assert graph.types[graph.outputs[0]] is None
    assert graph["reshape"].op.why == "its sizes are computed from the data"  # type: ignore[attr-defined]


@pytest.mark.parametrize("opset", [13, 18, 21])
def test_sizes_are_written_as_arithmetic(opset: int, tmp_path: Path) -> None:
    for made, shape in ((flatten_by_shape(), (2, 3, 4, 5)),):
        graph = load_onnx(written(made, tmp_path), shape)
        graph.to_onnx(tmp_path / "again.onnx", opset=opset)
        running = onnxruntime.InferenceSession(str(tmp_path / "again.onnx"))
        assert running.get_inputs()[0].shape == ["N", *shape[1:]]
        x = draw(7, *shape[1:])
        assert np.allclose(running.run(None, {"x": x})[0], graph.run(x)[0])


def test_indices_are_written_and_read(tmp_path: Path) -> None:
    made = one("MaxPool", (2, 3, 6, 4), kernel_shape=[2, 2], strides=[2, 2], outputs=2)
    graph = checked(made, tmp_path)
    graph.to_onnx(tmp_path / "again.onnx")
    assert load_onnx(tmp_path / "again.onnx").check() < TOLERANCE
