"""Convolutions and poolings of ONNX files, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from striate.errors import GraphError
from striate.graph import load_onnx

from .models import checked, draw, kinds, one, written


def test_a_convolution_by_hand(tmp_path: Path) -> None:
    weight = np.array([[[1.0, 10.0]]], np.float32)
    graph = checked(one("Conv", (1, 1, 3), weight, np.array([0.5], np.float32)), tmp_path)
    # 1*1 + 2*10 + 0.5, 2*1 + 3*10 + 0.5
    assert graph.run(np.array([[[1.0, 2.0, 3.0]]]))[0].tolist() == [[[21.5, 32.5]]]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"strides": [2, 3]},
        {"pads": [1, 0, 2, 1]},
        {"dilations": [2, 1], "pads": [2, 1, 2, 1]},
        {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
        {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
        {"auto_pad": "SAME_LOWER"},
        {"auto_pad": "VALID", "strides": [2, 1]},
        {"kernel_shape": [3, 2]},
    ],
)
def test_convolutions_on_two_axes(options: dict[str, Any], tmp_path: Path) -> None:
    checked(one("Conv", (2, 3, 9, 10), draw(4, 3, 3, 2), draw(4), **options), tmp_path)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_convolutions_with_groups(axes: int, groups: int, tmp_path: Path) -> None:
    weight = draw(8, 4 // groups, *(3, 2, 3)[:axes])
    checked(one("Conv", (1, 4, *(7, 6, 5)[:axes]), weight, group=groups), tmp_path)


@pytest.mark.parametrize("opset", [7, 11, 13, 21])
def test_weight_and_bias_are_parameters(opset: int, tmp_path: Path) -> None:
    made = one("Conv", (1, 3, 5, 5), draw(4, 3, 3, 3), draw(4), opset=opset)
    graph = checked(made, tmp_path)
    assert [(w.name, w.role) for w in graph.weights.values()] == [
        ("w1", "parameter"), ("w2", "parameter"),
    ]  # fmt: skip
    assert graph["node"].inputs == ("x0", "w1", "w2")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"strides": [2, 3]},
        {"strides": [2, 2], "pads": [1, 0, 2, 1]},
        {"strides": [3, 2], "output_padding": [2, 1]},
        {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
        {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
        {"strides": [2, 2], "output_shape": [10, 9]},
        {"strides": [2, 2], "output_shape": [10, 9], "auto_pad": "SAME_UPPER"},
        {"dilations": [2, 1]},
        {"group": 2},
    ],
)
def test_transposed_convolutions(options: dict[str, Any], tmp_path: Path) -> None:
    weight, bias = draw(4, 2, 3, 3), draw(2 * options.get("group", 1))
    checked(one("ConvTranspose", (1, 4, 5, 4), weight, bias, **options), tmp_path)


@pytest.mark.parametrize("axes", [1, 3])
def test_transposed_convolutions_on_other_axes(axes: int, tmp_path: Path) -> None:
    weight = draw(2, 3, *(3, 2, 2)[:axes])
    checked(one("ConvTranspose", (1, 2, *(4, 3, 3)[:axes]), weight, strides=[2] * axes), tmp_path)


POOLINGS: list[dict[str, Any]] = [
    {},
    {"strides": [2, 2]},
    {"strides": [2, 2], "ceil_mode": 1},
    {"pads": [1, 1, 1, 0], "strides": [2, 1]},
    {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
    {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
    {"strides": [2, 2], "auto_pad": "VALID"},
    {"strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1},
]


@pytest.mark.parametrize("options", POOLINGS)
@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool"])
def test_poolings(kind: str, options: dict[str, Any], tmp_path: Path) -> None:
    checked(one(kind, (2, 3, 8, 7), kernel_shape=[3, 2], opset=21, **options), tmp_path)


@pytest.mark.parametrize("options", POOLINGS)
def test_mean_poolings_that_count_padding(options: dict[str, Any], tmp_path: Path) -> None:
    made = one("AveragePool", (1, 2, 8, 7), kernel_shape=[3, 2], count_include_pad=1, **options)
    checked(made, tmp_path)


@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("axes", [1, 3])
def test_poolings_on_other_axes(kind: str, axes: int, tmp_path: Path) -> None:
    checked(one(kind, (1, 2, *(6, 5, 7)[:axes]), kernel_shape=[3] * axes), tmp_path)


def test_poolings_with_holes(tmp_path: Path) -> None:
    for kind in ("MaxPool", "AveragePool"):
        made = one(kind, (1, 2, 8, 7), kernel_shape=[3, 2], dilations=[2, 3], opset=19)
        checked(made, tmp_path)


def test_indices_count_through_all_maps(tmp_path: Path) -> None:
    made = one("MaxPool", (2, 3, 6, 4), kernel_shape=[2, 2], strides=[2, 2], outputs=2)
    checked(made, tmp_path)


def test_the_norm_of_a_window(tmp_path: Path) -> None:
    for p in (1, 2, 3):
        checked(one("LpPool", (1, 2, 8, 7), kernel_shape=[3, 2], p=p), tmp_path)


@pytest.mark.parametrize("kind", ["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"])
def test_global_poolings(kind: str, tmp_path: Path) -> None:
    assert checked(one(kind, (2, 3, 5, 4)), tmp_path).types["node"].shape == (2, 3, 1, 1)


def test_the_same_network_at_another_size(tmp_path: Path) -> None:
    graph = checked(one("Conv", (1, 3, 9, 9), draw(4, 3, 3, 3), strides=[2, 2]), tmp_path)
    assert graph.at((5, 3, 21, 11)).types["node"].shape == (5, 4, 10, 5)


def test_a_kernel_shape_that_is_not_the_weight_s_is_refused(tmp_path: Path) -> None:
    path = written(one("Conv", (1, 3, 9, 9), draw(4, 3, 3, 3), kernel_shape=[5, 5]), tmp_path)
    with pytest.raises(GraphError, match=r"node 'node' \(Conv\): kernel_shape=\(5, 5\)"):
        load_onnx(path)


def test_a_pooling_keeps_its_name(tmp_path: Path) -> None:
    assert kinds(checked(one("MaxPool", (1, 2, 4, 4), kernel_shape=[2, 2]), tmp_path)) == [
        "max_pool"
    ]
