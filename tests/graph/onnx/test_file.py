"""ONNX files as they are: names, inputs, external data; damaged and hostile ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from striate.errors import GraphError, ShapeError
from striate.graph import load_onnx

from .models import checked, draw, kinds, model, one, value, written

make = helper.make_node


def relu(**options: Any) -> Any:
    return model([make("Relu", ["x"], ["y"])], options.pop("inputs", {"x": (1, 2)}), **options)


def refused(made: Any, folder: Path, match: str) -> None:
    with pytest.raises(GraphError, match=match):
        load_onnx(written(made, folder))


# Names ------------------------------------------------------------------------------------------


def test_names_of_torch_s_exporter_become_paths(tmp_path: Path) -> None:
    names = [
        "/layer1/layer1.0/conv1/Relu", "/layer1/layer1.0/Relu", "/layer1/layer1.0/relu/Relu",
        "/features/0/Relu", "/act/Exp", "/act/Abs", "/Flatten", "", "", "block/conv", "x",
    ]  # fmt: skip
    nodes = []
    for k, name in enumerate(names):
        kind = name.rpartition("/")[2] if name.startswith("/") else "Relu"
        nodes.append(make(kind, [f"v{k}" if k else "x"], [f"v{k + 1}"], name=name))
    graph = checked(model(nodes, {"x": (1, 2)}, outputs=["v11"]), tmp_path)
    assert [node.name for node in graph] == [
        "layer1.0.conv1", "layer1.0.relu", "layer1.0.relu:2", "features.0", "act.exp", "act.abs",
        "flatten", "relu", "relu:2", "block.conv", "x:2",
    ]  # fmt: skip
    assert graph["features.0"].path == "features.0"
    assert graph["flatten"].path == ""


def test_nodes_without_names_are_called_after_their_weights(tmp_path: Path) -> None:
    node = make("Conv", ["x", "stem.conv.weight"], ["y"], name="Conv_0")
    weights = {"stem.conv.weight": draw(2, 1, 3)}
    assert checked(model([node], {"x": (1, 1, 5)}, weights=weights), tmp_path)["stem.conv"]


def test_unknown_operators_are_kept_by_name(tmp_path: Path) -> None:
    nodes = [
        make("Relu", ["x"], ["a"]),
        make("Thing", ["a", "w"], ["b"], domain="com.example", name="/neck/thing/Thing"),
        make("Relu", ["b"], ["y"]),
    ]
    made = model(nodes, {"x": (1, 2)}, weights={"w": draw(3, 3)})
    graph = load_onnx(written(made, tmp_path))
    assert kinds(graph) == ["activation", "opaque", "activation"]
    assert graph["neck.thing"].op.describe() == "com.example.Thing"
    assert graph["neck.thing"].inputs == ("relu", "w")
    made.graph.value_info.append(value("b", (1, 7)))
    graph = load_onnx(written(made, tmp_path))
    assert graph.types[graph.outputs[0]].shape == (1, 7)  # type: ignore[union-attr]


def test_branches_and_loops_are_opaque(tmp_path: Path) -> None:
    inner = [helper.make_graph([make(kind, ["x"], ["z"])], kind, [], [value("z", (1, 2))])
             for kind in ("Relu", "Abs")]  # fmt: skip
    node = make("If", ["c"], ["y"], then_branch=inner[0], else_branch=inner[1])
    made = model([node], {"x": (1, 2)}, weights={"c": np.bool_(True)})
    graph = load_onnx(written(made, tmp_path))
    assert kinds(graph) == ["opaque"]
    assert "x" in graph["if"].inputs


def test_functions_of_the_file_are_put_in(tmp_path: Path) -> None:
    opsets = [helper.make_opsetid("", 18)]
    body = [make("Relu", ["a"], ["b"]), make("Abs", ["b"], ["c"])]
    made = model([make("Both", ["x"], ["y"], domain="mine")], {"x": (1, 2)})
    made.opset_import.append(helper.make_opsetid("mine", 1))
    made.functions.append(helper.make_function("mine", "Both", ["a"], ["c"], body, opsets))
    assert kinds(checked(made, tmp_path)) == ["activation", "activation"]


def test_functions_that_call_themselves_are_refused(tmp_path: Path) -> None:
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("mine", 1)]
    made = model([make("F0", ["x"], ["y"], domain="mine")], {"x": (1, 2)})
    body = [make("F0", ["a"], ["b"], domain="mine")]
    made.functions.append(helper.make_function("mine", "F0", ["a"], ["b"], body, opsets))
    refused(made, tmp_path, "calls itself")
    del made.functions[:]
    for k in range(30):  # each calls the next twice: 2**30 nodes
        kind = [make(f"F{k + 1}", ["a"], ["b"], domain="mine")] * 2
        made.functions.append(helper.make_function("mine", f"F{k}", ["a"], ["b"], kind, opsets))
    refused(made, tmp_path, "would have [0-9,]+ nodes")


def test_quantised_operators_are_opaque(tmp_path: Path) -> None:
    nodes = [
        make("QuantizeLinear", ["x", "s"], ["q"]),
        make("DequantizeLinear", ["q", "s"], ["y"]),
    ]
    made = model(nodes, {"x": (1, 2)}, weights={"s": np.float32(0.5)})
    graph = load_onnx(written(made, tmp_path))
    assert kinds(graph) == ["opaque", "opaque"]
    assert graph.types[graph.outputs[0]].shape == (1, 2)  # type: ignore[union-attr]


def test_nodes_in_another_order(tmp_path: Path) -> None:
    nodes = [make("Abs", ["a"], ["y"]), make("Neg", ["x"], ["a"])]
    graph = load_onnx(written(model(nodes, {"x": (1, 2)}), tmp_path))
    assert [n.name for n in graph] == ["neg", "abs"]


# Inputs -----------------------------------------------------------------------------------------


def test_an_open_batch_is_one(tmp_path: Path) -> None:
    graph = checked(relu(inputs={"x": ["N", 2]}), tmp_path)
    assert graph.inputs["x"].shape == (1, 2)


def test_other_open_sizes_must_be_given(tmp_path: Path) -> None:
    path = written(relu(inputs={"x": ["N", 3, "H", "W"]}), tmp_path)
    with pytest.raises(GraphError, match=r"'x' is Nx3xHxW.*--input 1x3x224x224"):
        load_onnx(path)
    assert load_onnx(path, (2, 3, 5, 7)).inputs["x"].shape == (2, 3, 5, 7)
    with pytest.raises(GraphError, match="2 shapes were given for 1 inputs: x"):
        load_onnx(path, (1,), (2,))
    with pytest.raises(GraphError, match="has 4 axes"):
        load_onnx(path, (2, 3))


def test_inputs_of_no_known_rank(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="of any shape"):
        load_onnx(written(relu(inputs={"x": None}), tmp_path))


def test_a_shape_that_does_not_fit_names_the_node(tmp_path: Path) -> None:
    path = written(one("Conv", (1, 3, 9, 9), draw(4, 3, 3, 3), name="stem"), tmp_path)
    with pytest.raises(ShapeError, match="Conv 'stem': input 1x2x9x9 has 2 channels"):
        load_onnx(path, (1, 2, 9, 9))


# Weights ----------------------------------------------------------------------------------------


def added(tensor: Any, shape: tuple[int, ...] = (2, 2)) -> Any:
    made = model([make("Add", ["x", "w"], ["y"])], {"x": shape})
    made.graph.initializer.append(tensor)
    return made


def tensor_of(raw: bytes, dims: tuple[int, ...], data_type: int = TensorProto.FLOAT) -> Any:
    return TensorProto(name="w", data_type=data_type, dims=dims, raw_data=raw)


def test_weights_are_views_of_the_file_s_bytes(tmp_path: Path) -> None:
    graph = checked(added(numpy_helper.from_array(draw(2, 2), "w")), tmp_path)
    weight = graph.weights["w"]
    assert weight.role == "parameter"
    assert not weight.numpy().flags.owndata


@pytest.mark.parametrize(
    "dtype",
    ["FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16", "INT64", "INT32", "INT8", "UINT8", "UINT16", "BOOL",
     "COMPLEX64"],
)  # fmt: skip
@pytest.mark.parametrize("raw", [True, False])
def test_numbers_of_all_types(dtype: str, raw: bool, tmp_path: Path) -> None:
    number = getattr(TensorProto, dtype)
    like = helper.tensor_dtype_to_np_dtype(number)
    array = np.array([[0, 1], [2, 5]]).astype(like)
    given = array.tobytes() if raw else array.reshape(-1).tolist()
    tensor = helper.make_tensor("w", number, (2, 2), given, raw=raw)
    made = model([make("Identity", ["w"], ["y"])], {"x": (1,)}, outputs=[value("y", None, number)])
    made.graph.initializer.append(tensor)
    weight = load_onnx(written(made, tmp_path)).weights["w"]
    assert np.array_equal(weight.numpy(), array.astype(weight.numpy().dtype))
    assert weight.type.dtype == dtype.lower().replace("double", "float64").replace(
        "float", "float32" if dtype == "FLOAT" else "float")  # fmt: skip


def test_numbers_of_a_type_that_no_graph_holds(tmp_path: Path) -> None:
    made = added(tensor_of(b"1234", (2, 2), TensorProto.FLOAT8E4M3FN))
    graph = load_onnx(written(made, tmp_path))
    assert "ONNX's type 17" in graph["add"].op.why  # type: ignore[attr-defined]


def external(folder: Path, **told: Any) -> Any:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=(2, 2))
    tensor.data_location = TensorProto.EXTERNAL
    for key, content in {"location": "data.bin", **told}.items():
        tensor.external_data.add(key=key, value=str(content))
    return added(tensor)


def test_external_data_are_mapped(tmp_path: Path) -> None:
    weight = draw(2, 2)
    (tmp_path / "data.bin").write_bytes(b"\0" * 8 + weight.tobytes())
    graph = checked(external(tmp_path, offset=8, length=16), tmp_path)
    assert isinstance(graph.weights["w"].numpy(), np.memmap)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "w").write_bytes(weight.tobytes())
    graph = load_onnx(written(external(tmp_path, location="inner/w"), tmp_path))
    assert np.array_equal(graph.weights["w"].numpy(), weight)


def test_external_data_outside_the_folder_are_refused(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "data.bin").write_bytes(b"\0" * 16)
    (inside / "link").symlink_to(tmp_path / "data.bin")
    (inside / "there").symlink_to(tmp_path)
    outside = str(tmp_path / "data.bin")
    for location in ("../data.bin", outside, "link", "there/data.bin"):
        refused(external(inside, location=location), inside, "only files in the folder")
    for location in ("", ".", "absent", "\0", "x" * 5000, "data.bin/x"):
        refused(external(inside, location=location), inside, "'w' has its data in")


@pytest.mark.parametrize(
    ("told", "match"),
    [
        ({"length": 12}, "needs 16 bytes, and 12"),
        ({"offset": 4}, "holds 16"),
        ({"offset": 1 << 50}, "holds 16"),
        ({"offset": -4}, "no place in a file"),
        ({"offset": "1e3"}, "no place in a file"),
        ({"offset": "9" * 5000}, "no place in a file"),
    ],
)
def test_external_data_of_the_wrong_size(told: Any, match: str, tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(b"\0" * 16)
    refused(external(tmp_path, **told), tmp_path, match)


# Damaged and hostile files ----------------------------------------------------------------------


def test_files_that_are_no_onnx(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    for content in (b"", b"hello", b"\x80\x02", b"PK\x03\x04" + b"\0" * 100):
        path.write_bytes(content)
        with pytest.raises(GraphError, match="is no ONNX file, or it is damaged"):
            load_onnx(path)
    with pytest.raises(GraphError, match="cannot be read"):
        load_onnx(tmp_path / "absent.onnx")
    with pytest.raises(GraphError, match="cannot be read"):
        load_onnx(tmp_path)


def test_opsets_that_are_not_known(tmp_path: Path) -> None:
    refused(relu(opset=6), tmp_path, "has opset 6; Striate reads opset 7")
    refused(relu(opset=999), tmp_path, r"has opset 999; the onnx that is installed knows up to")
    made = relu()
    del made.opset_import[:]
    refused(made, tmp_path, "no version of the operators")
    made.opset_import.append(helper.make_opsetid("other", 1))
    refused(made, tmp_path, "names 0 versions")


@pytest.mark.parametrize(
    ("raw", "dims", "match"),
    [
        (b"\0" * 12, (2, 2), "2x2 needs 16 bytes, and 12 are there"),
        (b"", (2, 2), "needs 16 bytes, and 0"),
        (b"\0" * 16, (-2, -2), r"its dims are \(-2, -2\)"),
        (b"", (1 << 62, 1 << 62), "its dims are"),
        (b"", (1 << 62, 0), "its dims are"),
        (b"\0" * 16, (1 << 30,), "needs 4,294,967,296 bytes"),
    ],
)
def test_weights_whose_sizes_lie(raw: bytes, dims: Any, match: str, tmp_path: Path) -> None:
    refused(added(tensor_of(raw, dims)), tmp_path, match)


def test_graphs_that_hang_together_badly(tmp_path: Path) -> None:
    x = {"x": (1, 2)}
    circle = [make("Add", ["x", "b"], ["a"]), make("Relu", ["a"], ["b"])]
    refused(model(circle, x, outputs=["b"]), tmp_path, "waits for its own result, in a circle")
    refused(model([make("Relu", ["z"], ["y"])], x), tmp_path, "'z', which nothing makes")
    refused(model([make("Relu", ["x"], ["z"])], x), tmp_path, "nothing makes the output 'y'")
    refused(model([make("Relu", ["x"], ["y"])] * 2, x), tmp_path, "'y' is made twice")
    refused(model([make("Relu", ["x"], ["x"])], x, outputs=["x"]), tmp_path, "made twice")
    made = model([make("Relu", ["x"], ["y"])], x)
    del made.graph.output[:]
    refused(made, tmp_path, "has no outputs")
    made = added(tensor_of(b"\0" * 16, (2, 2)))
    made.graph.initializer.append(made.graph.initializer[0])
    refused(made, tmp_path, "'w' is made twice")


def test_absurd_sizes_are_numbers_only(tmp_path: Path) -> None:
    refused(relu(inputs={"x": (1 << 40, 1 << 40)}), tmp_path, "absurdly large")
    big = np.array([1 << 30, 1 << 30], np.int64)
    refused(one("Expand", (1, 1), big), tmp_path, "absurdly large")
    refused(one("Tile", (1, 1), big), tmp_path, "absurdly large")
    refused(one("ConstantOfShape", big), tmp_path, "absurdly large")
    graph = load_onnx(written(one("Expand", (1, 1), big[:1]), tmp_path))
    assert graph.types["node"].numel == 1 << 30  # type: ignore[union-attr]
    scales = np.array([1, 1, 1e30, 1e30], np.float32)
    refused(one("Resize", (1, 1, 2, 2), None, scales), tmp_path, "absurdly large")
    refused(
        one("Range", np.int64(0), np.int64(1 << 62), np.int64(1), dtypes=(7,)), tmp_path, "absurd"
    )
    pads = np.array([0, 1 << 60, 0, 0], np.int64)
    refused(one("Pad", (1, 1), pads), tmp_path, "absurdly large")


@pytest.mark.parametrize(
    ("made", "match"),
    [
        (one("Conv", (1, 3, 9, 9), draw(4, 3, 3, 3), strides=[0, 1]), "stride=0 must be 1 or more"),
        (one("Conv", (1, 3, 9, 9), draw(4, 3, 3, 3), strides=[1]), "must hold 2 numbers"),
        (one("Conv", (1, 3, 9, 9), draw(4, 3, 3, 3), strides=1.5), "must hold 2 numbers"),
        (one("Conv", (1, 3, 9, 9), draw(4, 3, 3, 3), group=0), "group=0 does not divide"),
        (one("Conv", (1, 3, 9, 9), draw(4, 3, 3, 3), draw(3)), "bias 3 must hold 4"),
        (one("Conv", (1, 3, 9, 9)), "its input 1 is missing"),
        (one("Conv", (1, 3, 9, 9), draw(4, 3, 3, 3), auto_pad="SAME"), "auto_pad='SAME'"),
        (one("MaxPool", (1, 3, 9, 9)), "needs kernel_shape"),
        (one("Concat", (1, 3)), "needs inputs and an axis"),
        (one("Transpose", (1, 3), perm=[0, 0]), "does not name each once"),
        (one("Gemm", (1, 3, 1), draw(3, 4)), "multiplies matrices"),
        (one("Flatten", (1, 3), axis=9), "axis=9"),
        (one("Slice", (1, 3), np.array([0]), np.array([1]), np.array([0]), np.array([0])),
         "a step of 0"),
        (one("DepthToSpace", (1, 4, 2, 2), blocksize=0), "blocksize=0"),
        (one("Relu"), "its input 0 is missing"),
        (one("Relu", (1, 2), outputs=2), "makes only 1"),
    ],
)  # fmt: skip
def test_nodes_that_make_no_sense(made: Any, match: str, tmp_path: Path) -> None:
    with pytest.raises((GraphError, ShapeError), match=match):
        load_onnx(written(made, tmp_path))


def test_errors_are_those_of_the_file(tmp_path: Path) -> None:
    path = written(one("Conv", (1, 3, 9, 9)), tmp_path)
    with pytest.raises(GraphError, match=rf"^{path}: node 'node' \(Conv\): "):
        load_onnx(path)
