"""A scale and a shift go into the layers behind, where no padding stands in the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from striate import Window
from striate.engine.passes import fold_into_consumers
from striate.graph import ops

from .checks import Net, kinds, optimized, same, unchanged


def test_numbers_by_hand() -> None:
    # y = 2x + 3 through the filter (1, 10): weight (2, 20), bias 5 + 3*(1 + 10) = 38.
    net = Net(1, 1, 4)
    net.held("w", np.array([[[1.0, 10.0]]]))
    net.held("b", np.array([5.0]))
    y = net.number("add", net.number("mul", "x", 2.0), 3.0)
    graph = net.graph(net.add(ops.Conv((Window(2),)), y, "w", "b", name="conv"))
    graph = same(graph, fold_into_consumers)
    # The sum is taken first, the product then, into weights made for the sum.
    assert kinds(graph) == ["conv"]
    weight, bias = (graph.weights[str(name)].numpy() for name in graph.nodes[0].inputs[1:])
    assert weight.ravel().tolist() == [2.0, 20.0]
    assert bias.tolist() == [38.0]


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_batch_norm_at_the_input(groups: int) -> None:
    net = Net(2, 4, 6, 6)
    y = net.conv(net.bn("x", 4), 4, 8, groups=groups, stride=2, bias=False)
    assert kinds(same(net.graph(y), fold_into_consumers)) == ["conv"]


def test_padding_and_a_shift_do_not_go_together() -> None:
    net = Net(1, 3, 6, 6)
    y = net.conv(net.bn("x", 3), 3, 4, padding=1)
    graph = net.graph(y)
    unchanged(graph, fold_into_consumers)
    assert kinds(optimized(graph)) == ["batch_norm", "conv"]


@pytest.mark.parametrize("padding", [(1, 0), "same", (0, 2)])
def test_one_padded_side_is_enough(padding: Any) -> None:
    net = Net(1, 3, 6, 6)
    unchanged(
        net.graph(net.conv(net.bn("x", 3), 3, 4, stride=2, padding=padding)), fold_into_consumers
    )


def test_padding_and_a_scale_alone_do() -> None:
    net = Net(1, 3, 6, 6)
    y = net.conv(net.bn("x", 3, shift=False), 3, 4, padding=1)
    assert kinds(same(net.graph(y), fold_into_consumers)) == ["conv"]


def test_a_crop_reads_inside() -> None:
    net = Net(1, 3, 6, 6)
    y = net.conv(net.bn("x", 3), 3, 4, padding=-1)
    assert kinds(same(net.graph(y), fold_into_consumers)) == ["conv"]


def test_a_transposed_convolution_takes_a_scale_only() -> None:
    net = Net(1, 4, 3, 3)
    unchanged(net.graph(net.up(net.bn("x", 4), 4, 6, 3, groups=2)), fold_into_consumers)
    net = Net(1, 4, 3, 3)
    y = net.up(net.bn("x", 4, shift=False), 4, 6, 3, groups=2)
    assert kinds(same(net.graph(y), fold_into_consumers)) == ["conv_transpose"]


def test_through_flatten_into_linear() -> None:
    net = Net(2, 3, 4, 5)
    y = net.linear(net.add(ops.Flatten(), net.bn("x", 3)), 60, 7)
    assert kinds(same(net.graph(y), fold_into_consumers)) == ["flatten", "linear"]


def test_through_permute_and_flatten_into_linear() -> None:
    net = Net(2, 3, 4, 5)
    y = net.add(ops.Permute((0, 2, 3, 1)), net.bn("x", 3))
    y = net.linear(net.add(ops.Flatten(), y), 60, 7)
    assert kinds(same(net.graph(y), fold_into_consumers)) == ["permute", "flatten", "linear"]


def test_through_global_pooling_into_linear() -> None:
    net = Net(2, 3, 4, 5)
    y = net.add(ops.AdaptivePool((1, 1)), net.bn("x", 3))
    y = net.linear(net.add(ops.Flatten(), y), 3, 7)
    assert "batch_norm" not in kinds(same(net.graph(y), fold_into_consumers))
    net = Net(2, 3, 4, 5)
    y = net.linear(net.add(ops.Reduce("mean", (2, 3)), net.bn("x", 3)), 3, 7)
    assert kinds(same(net.graph(y), fold_into_consumers)) == ["reduce", "linear"]


def test_the_mean_of_channels_mixes_them() -> None:
    net = Net(2, 3, 4, 5)
    y = net.linear(net.add(ops.Reduce("mean", (1, 2)), net.bn("x", 3)), 5, 7)
    unchanged(net.graph(y), fold_into_consumers)


@pytest.mark.parametrize(
    ("padding", "counted", "divisor", "folds"),
    [(0, True, None, True), (1, True, None, False), (1, False, None, True), (0, True, 3, False)],
)
def test_through_average_pooling(
    padding: int, counted: bool, divisor: int | None, folds: bool
) -> None:
    net = Net(1, 3, 8, 8)
    windows = (Window(2, stride=2, padding=padding),) * 2
    y = net.add(ops.AvgPool(windows, counted, divisor), net.bn("x", 3))
    graph = net.graph(net.conv(y, 3, 4))
    if folds:
        assert kinds(same(graph, fold_into_consumers)) == ["avg_pool", "conv"]
    else:
        unchanged(graph, fold_into_consumers)


def test_all_readers_take_it_or_none() -> None:
    net = Net(1, 3, 6, 6)
    y = net.bn("x", 3)
    graph = net.graph(net.conv(y, 3, 4), net.conv(y, 3, 5, 1))
    assert kinds(same(graph, fold_into_consumers)) == ["conv", "conv"]
    unchanged(net.graph(*(n.name for n in net.nodes[1:]), net.relu(y)), fold_into_consumers)
    unchanged(net.graph(*(n.name for n in net.nodes[1:3]), y), fold_into_consumers)


def test_a_shared_layer_keeps_its_weights() -> None:
    net = Net(1, 3, 6, 6)
    net.conv(net.bn("x", 3), 3, 3, name="shared")
    second = net.add(ops.Conv((Window(3),) * 2), "shared", "shared.weight", "shared.bias")
    graph = same(net.graph(second), fold_into_consumers)
    assert kinds(graph) == ["conv", "conv"]
    assert graph.nodes[1].inputs[1] == "shared.weight"


def test_an_affine_used_as_weight_or_twice_stays() -> None:
    net = Net(3, 3)
    y = net.number("mul", "x", 2.0)
    unchanged(net.graph(net.add(ops.Linear(), y, y)), fold_into_consumers)


def test_sizes_read_from_what_goes_are_read_elsewhere() -> None:
    from striate.graph import Size

    net = Net(1, 3, 6, 6)
    y = net.bn("x", 3)
    z = net.conv(y, 3, 4, 1)
    z = net.add(ops.Reshape((Size.of(y, 0), 4, Size.of(y, 2) * Size.of(y, 3))), z)
    graph = same(net.graph(z), fold_into_consumers)
    assert graph.at((2, 3, 5, 7)).types[z].shape == (2, 4, 35)  # type: ignore[union-attr]
