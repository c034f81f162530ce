"""Normalisations and dropout of ONNX files, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from striate.graph import load_onnx

from .models import checked, draw, kinds, model, one, written


@pytest.mark.parametrize("opset", [7, 9, 14, 15])
def test_batch_norm_has_two_parameters_and_two_buffers(opset: int, tmp_path: Path) -> None:
    weights = [draw(3, seed=k) for k in range(3)]
    made = one("BatchNormalization", (2, 3, 4, 5), *weights, np.abs(draw(3)) + 1, opset=opset,
               epsilon=1e-3)  # fmt: skip
    graph = checked(made, tmp_path)
    assert [w.role for w in graph.weights.values()] == ["parameter"] * 2 + ["buffer"] * 2
    assert graph["node"].op.eps == 1e-3  # type: ignore[attr-defined]
    assert not graph.training


def test_batch_norm_in_training_uses_the_batch(tmp_path: Path) -> None:
    weights = [draw(3, seed=k) for k in range(3)]
    made = one("BatchNormalization", (4, 3, 5), *weights, np.abs(draw(3)) + 1, opset=15,
               training_mode=1, outputs=3, dtypes=(1, 1, 1))  # fmt: skip
    del made.graph.output[1:]
    graph = load_onnx(written(made, tmp_path))
    assert graph.training
    y = graph.run(draw(4, 3, 5))[0]
    expected = y.mean((0, 2)) - weights[1]
    assert np.abs(expected).max() < 1e-6


def test_instance_norm(tmp_path: Path) -> None:
    made = one("InstanceNormalization", (2, 3, 4, 5), draw(3), draw(3))
    assert kinds(checked(made, tmp_path)) == ["group_norm"]


@pytest.mark.parametrize("axis", [-1, 2, 1])
def test_layer_norm(axis: int, tmp_path: Path) -> None:
    shape = (2, 3, 4, 5)[axis:]
    checked(
        one("LayerNormalization", (2, 3, 4, 5), draw(*shape), draw(*shape), axis=axis), tmp_path
    )


def test_layer_norm_with_a_weight_that_is_stretched(tmp_path: Path) -> None:
    graph = checked(one("LayerNormalization", (2, 3, 4), draw(1, 4), axis=1), tmp_path)
    assert kinds(graph) == ["layer_norm", "binary"]


def test_group_norm_changed_in_opset_21(tmp_path: Path) -> None:
    new = one("GroupNormalization", (2, 6, 4, 5), draw(6), draw(6), num_groups=3, opset=21)
    assert kinds(checked(new, tmp_path)) == ["group_norm"]
    old = one("GroupNormalization", (2, 6, 4, 5), draw(3), draw(3), num_groups=3, opset=18)
    graph = load_onnx(written(old, tmp_path))  # ONNX Runtime has dropped it
    y = graph.run(draw(2, 6, 4, 5))[0]
    means = y.reshape(2, 3, -1).mean(2)
    assert np.allclose(means, draw(3), atol=1e-6)
    assert sum(w.type.numel for w in graph.weights.values()) == 6


@pytest.mark.parametrize("size", [1, 3, 5])
def test_local_response_norm(size: int, tmp_path: Path) -> None:
    made = one("LRN", (2, 7, 3, 3), size=size, alpha=0.3, beta=0.6, bias=1.5)
    checked(made, tmp_path)


@pytest.mark.parametrize("size", [2, 4])
def test_of_an_even_size_onnx_looks_one_channel_ahead(size: int, tmp_path: Path) -> None:
    made = one("LRN", (2, 7, 3, 3), size=size, alpha=0.3, beta=0.6, bias=1.5)
    x = draw(2, 7, 3, 3)
    expected = np.empty_like(
        x
    )  # ONNX Runtime refuses it, and onnx.reference mixes batch and channels
    for c in range(7):
        near = x[:, max(0, c - (size - 1) // 2) : c + size // 2 + 1]
        expected[:, c] = x[:, c] / (1.5 + 0.3 / size * (near**2).sum(1)) ** 0.6
    assert np.allclose(load_onnx(written(made, tmp_path)).run(x)[0], expected, atol=1e-6)


@pytest.mark.parametrize("p", [1, 2])
def test_division_by_a_norm(p: int, tmp_path: Path) -> None:
    checked(one("LpNormalization", (2, 3, 4), axis=1, p=p), tmp_path)


@pytest.mark.parametrize(
    ("opset", "inputs", "options"),
    [
        (7, (), {"ratio": 0.3}),
        (11, (), {"ratio": 0.3}),
        (13, (np.float32(0.3),), {}),
        (13, (np.float32(0.3), np.bool_(False)), {}),
    ],
)
def test_dropout_does_nothing(
    opset: int, inputs: tuple[Any, ...], options: dict[str, Any], tmp_path: Path
) -> None:
    graph = checked(one("Dropout", (2, 3), *inputs, opset=opset, **options), tmp_path)
    assert graph["node"].op.p == 0.3  # type: ignore[attr-defined]


def test_plain_constants_are_no_weights(tmp_path: Path) -> None:
    """torch writes group normalisation as Reshape, InstanceNormalization with ones, Reshape."""
    nodes = [
        helper.make_node("Constant", [], ["ones"], value_floats=[1.0, 1.0]),
        helper.make_node("Constant", [], ["zeros"], value_floats=[0.0, 0.0]),
        helper.make_node("InstanceNormalization", ["x", "ones", "zeros"], ["y"]),
    ]
    graph = checked(model(nodes, {"x": (1, 2, 5)}), tmp_path)
    assert not graph.weights
