"""Affine after affine is affine; what is left of a batch norm is written plainly."""

from __future__ import annotations

import numpy as np
import pytest

from striate.engine.passes import merge_affine, plain_batch_norm
from striate.graph import ops

from .checks import Net, kinds, optimized, same, unchanged


def test_batch_norm_after_batch_norm() -> None:
    net = Net(2, 3, 4, 4)
    graph = same(net.graph(net.bn(net.bn("x", 3), 3)), merge_affine)
    assert kinds(graph) == ["batch_norm"]
    assert graph.op(graph.nodes[0]) == ops.BatchNorm(eps=0.0)


def test_numbers_make_one_number() -> None:
    # ((x * 2) / 4) * 3 = 1.5 x;  (x + 1) - 3 = x - 2
    net = Net(2, 3)
    y = net.number("mul", net.number("div", net.number("mul", "x", 2.0), 4.0), 3.0)
    assert [n.op for n in same(net.graph(y), merge_affine)] == [ops.Binary("mul", 1.5)]
    net = Net(2, 3)
    y = net.number("sub", net.number("add", "x", 1.0), 3.0)
    assert [n.op for n in same(net.graph(y), merge_affine)] == [ops.Binary("add", -2.0)]


def test_product_and_sum_along_channels() -> None:
    net = Net(2, 3, 4)
    y = net.two("add", net.two("mul", "x", net.weight("g", 3, 1)), net.weight("s", 1, 3, 1))
    assert kinds(same(net.graph(y), merge_affine)) == ["batch_norm"]


def test_sums_along_the_last_axis_stay_a_sum() -> None:
    net = Net(2, 3, 4)
    y = net.two("add", net.two("add", "x", net.weight("s", 4)), net.weight("t", 4))
    assert kinds(same(net.graph(y), merge_affine)) == ["binary"]


def test_product_and_sum_along_the_last_axis_stay_two() -> None:
    net = Net(2, 3, 4)
    y = net.two("add", net.two("mul", "x", net.weight("g", 4)), net.weight("s", 4))
    unchanged(net.graph(y), merge_affine)


def test_different_axes_stay_two() -> None:
    net = Net(2, 3, 3)
    y = net.two("mul", net.two("mul", "x", net.weight("g", 3)), net.weight("s", 3, 1))
    unchanged(net.graph(y), merge_affine)


@pytest.mark.parametrize("rank", [2, 3, 4])
def test_plain_form(rank: int) -> None:
    net = Net(*(2, 3, 4, 5)[:rank])
    y = net.bn(net.relu("x"), 3)
    graph = same(net.graph(y), plain_batch_norm)
    (node,) = graph.nodes[1:]
    numbers = [graph.weights[str(name)].numpy() for name in node.inputs[1:]]
    assert np.array_equal(numbers[2:], [np.zeros(3), np.ones(3)])
    scale = net.weights[f"{y}.weight"].numpy() / np.sqrt(
        net.weights[f"{y}.var"].numpy() + np.float64(1e-5)
    )
    assert np.allclose(numbers[0], scale, rtol=1e-7)
    unchanged(graph, plain_batch_norm)
    assert kinds(optimized(net.graph(y))) == ["activation", "batch_norm"]
