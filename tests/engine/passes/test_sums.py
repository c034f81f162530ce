"""Parallel convolutions that are added are one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from striate import Window
from striate.engine.passes import merge_sums
from striate.graph import Graph, ops

from .checks import Net, kinds, optimized, same, unchanged


def test_numbers_by_hand() -> None:
    # (1, 2, 3) with padding 1, plus the pixel times 10, plus the pixel itself: (1, 13, 3).
    net = Net(1, 1, 4)
    net.held("w1", np.array([[[1.0, 2.0, 3.0]]]))
    net.held("w2", np.array([[[10.0]]]))
    a = net.add(ops.Conv((Window(3, padding=1),)), "x", "w1", None, name="wide")
    b = net.add(ops.Conv((Window(1),)), "x", "w2", None, name="narrow")
    graph = same(net.graph(net.two("add", net.two("add", a, b), "x")), merge_sums)
    (node,) = graph.nodes
    assert graph.weights[str(node.inputs[1])].numpy().ravel().tolist() == [1.0, 13.0, 3.0]


def rep_vgg(groups: int = 1, stride: int = 1) -> Graph:
    net = Net(2, 4, 7, 7)
    wide = net.bn(net.conv("x", 4, 4, 3, padding=1, bias=False, groups=groups, stride=stride), 4)
    one = net.bn(net.conv("x", 4, 4, 1, bias=False, groups=groups, stride=stride), 4)
    y = net.two("add", wide, one)
    return net.graph(net.relu(net.two("add", y, net.bn("x", 4)) if stride == 1 else y))


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("stride", [1, 2])
def test_rep_vgg(groups: int, stride: int) -> None:
    graph = optimized(rep_vgg(groups, stride))
    assert kinds(graph) == ["conv", "activation"]
    assert "3x3" in graph.op(graph.nodes[0]).describe()


@pytest.mark.parametrize(
    ("first", "second", "merges"),
    [
        ({"k": 3, "padding": 2, "dilation": 2}, {"k": 1}, True),
        ({"k": 3, "padding": 2, "dilation": 2}, {"k": 3, "padding": 1}, False),  # 25 taps > 18
        ({"k": 5, "padding": 2}, {"k": 3, "padding": 1}, True),
        ({"k": 2, "padding": (0, 1)}, {"k": 2, "padding": (1, 0)}, False),  # 3x3 > 2 * 2x2
        ({"k": 3, "padding": 1, "stride": 2}, {"k": 1, "stride": 2}, True),
        ({"k": 3, "padding": (0, 2)}, {"k": 3, "padding": (1, 1)}, True),  # 16 taps <= 18
    ],
)
def test_windows(first: dict[str, Any], second: dict[str, Any], merges: bool) -> None:
    net = Net(1, 2, 8, 8)
    y = net.two("add", net.conv("x", 2, 3, **first), net.conv("x", 2, 3, **second))
    if merges:
        assert kinds(same(net.graph(y), merge_sums)) == ["conv"]
    else:
        unchanged(net.graph(y), merge_sums)


def test_a_row_and_a_column_stay_two() -> None:
    net = Net(1, 2, 8, 8)
    row, column = (Window(1), Window(3, padding=1)), (Window(3, padding=1), Window(1))
    a = net.add(ops.Conv(row), "x", net.weight("a", 2, 2, 1, 3), None)
    b = net.add(ops.Conv(column), "x", net.weight("b", 2, 2, 3, 1), None)
    unchanged(net.graph(net.two("add", a, b)), merge_sums)


def test_other_inputs_readers_and_sums_stay() -> None:
    net = Net(1, 2, 8, 8)
    a, b = net.conv("x", 2, 2, 1), net.conv(net.relu("x"), 2, 2, 1)
    unchanged(net.graph(net.two("add", a, b)), merge_sums)
    net = Net(1, 2, 8, 8)
    a, b = net.conv("x", 2, 2, 1), net.conv("x", 2, 2, 1)
    unchanged(net.graph(net.two("add", a, b), a), merge_sums)
    unchanged(net.graph(net.two("add", a, b, alpha=2.0)), merge_sums)
    net = Net(1, 1, 8, 8)  # the input is broadcast over the channels
    unchanged(net.graph(net.two("add", net.conv("x", 1, 4, 1), "x")), merge_sums)
