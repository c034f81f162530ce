"""A scale and a shift go into the layer before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import Window
from striate.engine.passes import fold_into_producer, share_common
from striate.graph import ops

from .checks import Net, kinds, same, unchanged


def test_numbers_by_hand() -> None:
    # scale = 3 / sqrt(8.99999 + 1e-5) = 1, then 6 / 3 = 2; shift = 5 - 4*2 = -3.
    # weight 10 -> 20, bias 7 -> 7*2 - 3 = 11.
    net = Net(1, 1, 2, 2)
    for name, number in {"w": [[[[10.0]]]], "b": [7.0], "g": [6.0], "s": [5.0], "m": [4.0]}.items():
        net.held(name, np.array(number))
    net.held("v", np.array([9 - 1e-5]))
    net.add(ops.Conv((Window(1),) * 2), "x", "w", "b", name="conv")
    net.add(ops.BatchNorm(), "conv", "g", "s", "m", "v", name="bn")
    graph, (change,) = fold_into_producer(net.graph("bn"))
    (node,) = graph.nodes
    assert (node.name, node.outputs) == ("conv", ("bn",))
    assert graph.weights["conv.weight:folded"].numpy().item() == pytest.approx(20)
    assert graph.weights["conv.bias:folded"].numpy().item() == pytest.approx(11)
    assert (change.rule, change.gone, change.into) == ("fold_into_producer", ("bn",), "conv")
    assert "batch norm goes into the weights and bias" in str(change)


@given(
    axes=st.integers(1, 3),
    groups=st.sampled_from([1, 2, 4]),
    bias=st.booleans(),
    padding=st.integers(0, 2),
    stride=st.integers(1, 2),
)
@settings(max_examples=12, derandomize=True)
def test_batch_norm_into_any_convolution(
    axes: int, groups: int, bias: bool, padding: int, stride: int
) -> None:
    net = Net(2, 4, *(5,) * axes)
    y = net.conv("x", 4, 8, bias=bias, groups=groups, axes=axes, padding=padding, stride=stride)
    assert kinds(same(net.graph(net.bn(y, 8)), fold_into_producer)) == ["conv"]


@pytest.mark.parametrize("groups", [1, 2])
def test_batch_norm_into_a_transposed_convolution(groups: int) -> None:
    net = Net(1, 4, 5, 5)
    y = net.bn(net.up("x", 4, 6, 3, groups=groups), 6)
    assert kinds(same(net.graph(y), fold_into_producer)) == ["conv_transpose"]


def test_batch_norm_into_a_linear_layer() -> None:
    net = Net(3, 4)
    y = net.bn(net.linear("x", 4, 6, bias=False), 6)
    assert kinds(same(net.graph(y), fold_into_producer)) == ["linear"]


def test_a_table_becomes_dense() -> None:
    net = Net(1, 3, 6, 6)
    y = net.conv("x", 3, 4, bias=True, table=((0,), (1, 2), (0, 1, 2), (2,)))
    graph = same(net.graph(net.bn(y, 4)), fold_into_producer)
    assert kinds(graph) == ["conv"]
    assert graph.types["conv0.weight:folded"].shape == (4, 3, 3, 3)  # type: ignore[union-attr]


def test_shared_weights_are_left_to_the_others() -> None:
    net = Net(1, 4, 6, 6)
    first = net.conv("x", 4, 4, padding=1, name="shared")
    y = net.bn(first, 4)
    again = net.add(ops.Conv((Window(3),) * 2), y, "shared.weight", "shared.bias")
    graph = same(net.graph(again), fold_into_producer)
    assert kinds(graph) == ["conv", "conv"]
    assert graph.nodes[1].inputs[1] == "shared.weight"


def test_another_reader_keeps_the_batch_norm() -> None:
    net = Net(1, 2, 5, 5)
    y = net.conv("x", 2, 2)
    unchanged(net.graph(net.two("add", net.bn(y, 2), y)), fold_into_producer)


def test_an_output_keeps_the_batch_norm() -> None:
    net = Net(1, 2, 5, 5)
    y = net.conv("x", 2, 2)
    unchanged(net.graph(net.bn(y, 2), y), fold_into_producer)


def test_readers_that_are_the_same_affine_are_one() -> None:
    net = Net(1, 2, 5, 5)
    y = net.conv("x", 2, 2)
    a, b = (net.number("mul", y, 3.0) for _ in range(2))
    graph = same(net.graph(net.two("mul", net.relu(a), b)), share_common)
    assert kinds(same(graph, fold_into_producer)) == ["conv", "activation", "binary"]


def test_statistics_of_the_batch_are_no_constants() -> None:
    net = Net(2, 2, 5, 5)
    y = net.conv("x", 2, 2)
    weights = [net.weight(f"bn.{k}", 2, low=0.5) for k in range(4)]
    unchanged(net.graph(net.add(ops.BatchNorm(training=True), y, *weights)), fold_into_producer)


def test_a_batch_norm_that_is_not_finite_stays() -> None:
    net = Net(1, 2, 5, 5)
    y = net.conv("x", 2, 2)
    weights = [net.weight(f"bn.{k}", 2, low=0.5) for k in range(3)]
    weights.append(net.held("var", np.array([1.0, -2.0], np.float32)))
    unchanged(net.graph(net.add(ops.BatchNorm(), y, *weights)), fold_into_producer)


@pytest.mark.parametrize("shape", [(), (1,), (4, 1, 1), (1, 4, 1, 1), (1, 1, 1, 1)])
@pytest.mark.parametrize("function", ["add", "sub", "mul", "div"])
@pytest.mark.parametrize("constant_first", [False, True])
def test_arithmetic_with_a_constant(
    function: str, shape: tuple[int, ...], constant_first: bool
) -> None:
    net = Net(1, 3, 5, 5)
    y = net.conv("x", 3, 4)
    operands = [y, net.weight("c", *shape, low=0.5)]
    alpha = 2.5 if function in ("add", "sub") else 1
    y = net.two(function, *(operands[::-1] if constant_first else operands), alpha=alpha)
    graph = net.graph(net.number("sub", y, 2.0, reverse=True, alpha=0.5))
    left = ["binary"] if function == "div" and constant_first else []
    assert kinds(same(graph, fold_into_producer)) == ["conv", *left, *left]


@pytest.mark.parametrize("shape", [(1, 1, 5), (5, 1), (4, 1, 5), (1, 1, 4, 1, 1)])
def test_constants_along_places_stay(shape: tuple[int, ...]) -> None:
    net = Net(1, 3, 7, 7)
    y = net.conv("x", 3, 4)
    unchanged(net.graph(net.two("mul", y, net.weight("c", *shape))), fold_into_producer)


def test_a_constant_of_each_image_stays() -> None:
    net = Net(2, 3, 7, 7)
    y = net.conv("x", 3, 4)
    unchanged(net.graph(net.two("mul", y, net.weight("c", 2, 1, 1, 1))), fold_into_producer)


def test_layer_scale_goes_through_the_permute() -> None:
    net = Net(1, 5, 5, 3)
    y = net.add(ops.Permute((0, 3, 1, 2)), net.linear("x", 3, 4))
    y = net.two("mul", net.weight("gamma", 4, 1, 1), y)
    graph = same(net.graph(net.two("add", y, y)), fold_into_producer)
    assert kinds(graph) == ["linear", "permute", "binary"]


def test_channels_last_constant_after_linear() -> None:
    net = Net(2, 5, 3)
    y = net.two("mul", net.linear("x", 3, 4), net.weight("gamma", 4))
    assert kinds(same(net.graph(y), fold_into_producer)) == ["linear"]


def test_a_reshape_between_keeps_or_loses_the_axis() -> None:
    net = Net(2, 6, 3)
    y = net.add(ops.Reshape((2, 2, 3, 4)), net.linear("x", 3, 4))
    kept = net.graph(net.two("mul", y, net.weight("gamma", 4)))
    assert kinds(same(kept, fold_into_producer)) == ["linear", "reshape"]
    net.nodes.pop()
    unchanged(net.graph(net.two("mul", y, net.weight("rows", 3, 1))), fold_into_producer)


@pytest.mark.parametrize("given_weight", [False, True])
def test_into_layer_and_group_norm(given_weight: bool) -> None:
    net = Net(2, 5, 4)
    own = [net.weight("w", 4), net.weight("b", 4)] if given_weight else []
    y = net.add(ops.LayerNorm(), "x", *own)
    y = net.two("add", net.two("mul", y, net.weight("g", 4)), net.weight("s", 4))
    assert kinds(same(net.graph(y), fold_into_producer)) == ["layer_norm"]
    net = Net(2, 4, 5)
    own = [net.weight("w", 4), net.weight("b", 4)] if given_weight else []
    y = net.bn(net.add(ops.GroupNorm(2), "x", *own), 4)
    assert kinds(same(net.graph(y), fold_into_producer)) == ["group_norm"]


def test_whole_numbers_stay() -> None:
    net = Net()
    net.inputs = {"x": (3,)}
    net.held("i", np.arange(3))
    y = net.add(ops.Cast("int64"), "x")
    unchanged(net.graph(net.number("mul", y, 2)), fold_into_producer)
