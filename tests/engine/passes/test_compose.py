"""Two linear layers in a row are one, where that is less work and padding allows it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import Window
from striate.engine.passes import compose_layers
from striate.graph import Size, ops

from .checks import Net, kinds, same, unchanged


def test_numbers_by_hand() -> None:
    # (1, 2) then (10, 100) over one axis: 10*(1, 2, 0) + 100*(0, 1, 2) = (10, 120, 200);
    # a channel between that goes through twice doubles it.
    net = Net(1, 1, 5)
    net.held("w1", np.array([[[1.0, 2.0]], [[1.0, 2.0]], [[1.0, 2.0]]]))
    net.held("b1", np.array([1.0, 0.0, 0.0]))
    net.held("w2", np.array([[[10.0, 100.0]] * 3]))
    y = net.add(ops.Conv((Window(2),)), "x", "w1", "b1", name="first")
    graph = net.graph(net.add(ops.Conv((Window(2),)), y, "w2", None, name="second"))
    graph = same(graph, compose_layers)
    (node,) = graph.nodes
    assert node.name == "second"
    assert graph.op(node) == ops.Conv((Window(3),))
    weight, bias = (graph.weights[str(name)].numpy() for name in node.inputs[1:])
    assert weight.ravel().tolist() == [30.0, 360.0, 600.0]
    assert bias.tolist() == [110.0]


def test_linear_after_linear_where_it_saves() -> None:
    net = Net(2, 5, 6)
    y = net.linear(net.linear("x", 6, 20), 20, 7, bias=False)
    assert kinds(same(net.graph(y), compose_layers)) == ["linear"]
    net = Net(2, 5, 20)  # a bottleneck: 20*3 + 3*20 < 20*20
    unchanged(net.graph(net.linear(net.linear("x", 20, 3), 3, 20)), compose_layers)


@given(
    sizes=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 2)),
    dilations=st.tuples(st.integers(1, 2), st.integers(1, 3)),
    padding=st.integers(0, 2),
    groups=st.sampled_from([(1, 1), (2, 2), (2, 1), (1, 2)]),
)
@settings(max_examples=40, derandomize=True)
def test_any_two_windows(
    sizes: Any, strides: Any, dilations: Any, padding: int, groups: tuple[int, int]
) -> None:
    net = Net(1, 2, 19)
    y = net.conv(
        "x", 2, 64, sizes[0], axes=1, groups=groups[0],
        stride=strides[0], dilation=dilations[0], padding=padding,
    )  # fmt: skip
    y = net.conv(
        y, 64, 2, sizes[1], axes=1, groups=groups[1], stride=strides[1], dilation=dilations[1]
    )
    assert kinds(same(net.graph(y), compose_layers)) == ["conv"]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("padding", [0, 1, "same"])
def test_padding_behind_a_pointwise_one(bias: bool, padding: Any) -> None:
    net = Net(1, 2, 9, 9)
    y = net.conv(net.conv("x", 2, 12, 1, bias=bias), 12, 3, 3, padding=padding)
    if bias and padding:
        unchanged(net.graph(y), compose_layers)
    else:
        assert kinds(same(net.graph(y), compose_layers)) == ["conv"]


def test_padding_behind_a_wide_one_stays() -> None:
    net = Net(1, 2, 9, 9)
    y = net.conv(net.conv("x", 2, 32, 3, bias=False), 32, 2, 3, padding=1)
    unchanged(net.graph(y), compose_layers)


def test_crops_and_sizes_that_decide_stay() -> None:
    for padding, stride in ((-1, 1), ("same", 2)):
        net = Net(1, 2, 9, 9)
        y = net.conv(net.conv("x", 2, 32, 1), 32, 2, 3, padding=padding, stride=stride)
        unchanged(net.graph(y), compose_layers)


def test_a_depthwise_and_a_pointwise_one_stay_two() -> None:
    net = Net(1, 16, 9, 9)
    y = net.conv(net.conv("x", 16, 16, 3, groups=16), 16, 16, 1)
    unchanged(net.graph(y), compose_layers)


def test_what_stands_between_is_read_elsewhere() -> None:
    net = Net(2, 6)
    between = net.linear("x", 6, 20)
    y = net.linear(between, 20, 7)
    unchanged(net.graph(y, between), compose_layers)
    unchanged(net.graph(net.two("add", y, net.linear(between, 20, 7))), compose_layers)
    net = Net(2, 6)
    between = net.linear("x", 6, 20, name="between")
    y = net.linear(between, 20, 7)
    z = net.add(ops.Reshape((Size.of("between", 0), 7, 1)), y)
    unchanged(net.graph(z), compose_layers)


def test_batches_and_sizes_after() -> None:
    net = Net(1, 2, 9, 9)
    before = net.graph(net.conv(net.conv("x", 2, 32, 3, stride=2), 32, 2, 1))
    after = same(before, compose_layers)
    for shape in ((3, 2, 12, 7), (1, 2, 3, 30)):
        assert after.at(*[shape]).types[after.outputs[0]] == before.at(shape).types["conv1"]
