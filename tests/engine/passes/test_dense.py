"""LeNet-5's own layers as plain convolutions."""

from __future__ import annotations

import numpy as np

from striate import Window
from striate.engine.passes import write_plainly
from striate.graph import ops

from .checks import Net, kinds, optimized, same, unchanged

TWO = (Window(2, stride=2),) * 2


def test_a_table() -> None:
    net = Net(1, 3, 5, 5)
    graph = same(net.graph(net.conv("x", 3, 2, table=((0, 2), (1,)))), write_plainly)
    (node,) = graph.nodes
    weight = graph.weights[str(node.inputs[1])].numpy()
    assert node.op == ops.Conv((Window(3),) * 2)
    assert [[bool(w.any()) for w in row] for row in weight] == [
        [True, False, True],
        [False, True, False],
    ]


def test_a_subsampling() -> None:
    net = Net(2, 3, 6, 6)
    y = net.add(ops.Subsample(TWO), "x", net.weight("w", 3), net.weight("b", 3))
    graph = same(net.graph(y), write_plainly)
    (node,) = graph.nodes
    assert node.op == ops.Conv(TWO, groups=3)
    weight = graph.weights[str(node.inputs[1])].numpy()
    assert np.array_equal(weight[:, 0, 1, 0], net.weights["w"].numpy())


def test_scaled_tanh_goes_into_both_sides() -> None:
    net = Net(1, 3, 6, 6)
    y = net.add(ops.Subsample(TWO), "x", net.weight("w", 3), net.weight("b", 3))
    y = net.add(ops.Activation("tanh"), net.number("mul", y, 2 / 3))
    y = net.conv(net.number("mul", y, 1.7159), 3, 4, 2)
    assert kinds(optimized(net.graph(y))) == ["conv", "activation", "conv"]


def test_windows_that_hang_over_stay() -> None:
    net = Net(1, 3, 5, 5)
    windows = (Window(2, stride=2, ceil_mode=True),) * 2
    y = net.add(ops.Subsample(windows), "x", net.weight("w", 3), net.weight("b", 3))
    unchanged(net.graph(y), write_plainly)
