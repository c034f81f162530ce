"""Functions of one number and arithmetic of two values, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from striate.graph import load_onnx

from .models import FLOAT, checked, draw, kinds, model, one, value, written


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("Relu", {}), ("LeakyRelu", {}), ("LeakyRelu", {"alpha": 0.3}), ("Elu", {"alpha": 0.7}),
        ("Selu", {}), ("Selu", {"alpha": 1.1, "gamma": 0.9}), ("Celu", {"alpha": 0.6}),
        ("Gelu", {}), ("Gelu", {"approximate": "tanh"}), ("Sigmoid", {}), ("Tanh", {}),
        ("HardSigmoid", {}), ("HardSigmoid", {"alpha": 0.3, "beta": 0.4}), ("HardSwish", {}),
        ("Mish", {}), ("Softplus", {}), ("Softsign", {}), ("ThresholdedRelu", {"alpha": 0.4}),
        ("Abs", {}), ("Neg", {}), ("Exp", {}), ("Reciprocal", {}), ("Erf", {}), ("Sin", {}),
        ("Cos", {}), ("Sign", {}), ("Floor", {}), ("Ceil", {}), ("Round", {}), ("Identity", {}),
        ("Softmax", {}), ("LogSoftmax", {}), ("Softmax", {"axis": 1}),
    ],
)  # fmt: skip
def test_functions(kind: str, options: dict[str, Any], tmp_path: Path) -> None:
    checked(one(kind, (2, 3, 4), opset=20, **options), tmp_path)


@pytest.mark.parametrize(
    ("opset", "inputs", "options"),
    [
        (7, (), {"min": -0.5, "max": 0.5}),
        (7, (), {"max": 0.5}),
        (11, (np.float32(0), np.float32(6)), {}),
        (13, (None, np.float32(0.2)), {}),
        (13, (np.float32(-0.1),), {}),
        (13, (), {}),
        (13, ((), ()), {}),
    ],
)
def test_clip(opset: int, inputs: tuple[Any, ...], options: dict[str, Any], tmp_path: Path) -> None:
    checked(one("Clip", (2, 3, 4), *inputs, opset=opset, **options), tmp_path)


@pytest.mark.parametrize("shape", [(3, 1, 1), (1,), (1, 3, 1, 1), (4, 1), (3, 4, 5)])
def test_slopes_of_any_shape(shape: tuple[int, ...], tmp_path: Path) -> None:
    graph = checked(one("PRelu", (2, 3, 4, 5), draw(*shape)), tmp_path)
    assert (graph["node"].kind == "prelu") == (shape in [(3, 1, 1), (1,), (1, 3, 1, 1)])


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("kind", ["Softmax", "LogSoftmax"])
def test_before_opset_13_softmax_joins_axes(kind: str, axis: int, tmp_path: Path) -> None:
    if axis == -1:
        checked(one(kind, (2, 3, 4), opset=11, axis=axis), tmp_path)
    graph = checked(one(kind, (2, 3, 4), opset=7, axis=axis % 3), tmp_path)
    assert graph.at((3, 2, 5)).types[graph.outputs[0]].shape == (3, 2, 5)


@pytest.mark.parametrize("kind", ["Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean"])
def test_arithmetic_with_broadcasting(kind: str, tmp_path: Path) -> None:
    checked(one(kind, (2, 3, 4), (3, 1)), tmp_path)
    checked(one(kind, (2, 3, 4), draw(3, 1)), tmp_path)
    checked(one(kind, draw(3, 1), (2, 3, 4)), tmp_path)
    checked(one(kind, np.float32(0.7), (2, 3, 4)), tmp_path)
    checked(one(kind, (4,), draw(1, 1)), tmp_path)


def test_more_than_two(tmp_path: Path) -> None:
    for kind in ("Sum", "Max", "Min", "Mean"):
        checked(one(kind, (2, 3), (2, 3), (1, 3)), tmp_path)


def test_powers(tmp_path: Path) -> None:
    checked(one("Pow", (2, 3), np.float32(2)), tmp_path)
    checked(one("Pow", np.float32(2), (2, 3)), tmp_path)


@pytest.mark.parametrize("kind", ["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"])
def test_choices(kind: str, tmp_path: Path) -> None:
    nodes = [
        helper.make_node(kind, ["x", "z"], ["c"]),
        helper.make_node("Where", ["c", "x", "w"], ["y"]),
    ]
    for w in (np.float32(0.5), draw(3)):
        checked(model(nodes, {"x": (2, 3), "z": (2, 3)}, weights={"w": w}), tmp_path)


def test_a_single_number_is_no_weight(tmp_path: Path) -> None:
    graph = checked(one("Mul", (2, 3), np.float32(0.1)), tmp_path)
    assert not graph.weights
    assert graph["node"].op.number == 0.1  # type: ignore[attr-defined]


def test_casts_of_the_same_dtype_are_no_nodes(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["a"], to=FLOAT),
        helper.make_node("Cast", ["a"], ["b"], to=TensorProto.INT32),
        helper.make_node("CastLike", ["b", "x"], ["y"]),
    ]
    assert kinds(checked(model(nodes, {"x": (2, 3)}), tmp_path)) == ["cast", "cast"]


def test_whole_numbers_divide_to_whole_numbers(tmp_path: Path) -> None:
    node = helper.make_node("Div", ["x", "w"], ["y"])
    made = model(
        [node],
        {"x": (3,)},
        weights={"w": np.array([2, 3, 4])},
        outputs=[value("y", None, TensorProto.INT64)],
        input_dtype=TensorProto.INT64,
    )
    graph = load_onnx(written(made, tmp_path))
    assert graph.run(np.array([7, 7, 7]))[0].tolist() == [3, 2, 1]
