"""What depends on weights only is worked out once."""

from __future__ import annotations

import numpy as np

from striate.engine.passes import fold_constants, round_weights
from striate.engine.passes._scaled import Scaled
from striate.graph import ops

from .checks import Net, kinds, optimized, same, unchanged


def test_arithmetic_of_weights() -> None:
    net = Net(2, 3)
    scale = net.number("mul", net.add(ops.Activation("exp"), net.weight("w", 3)), 2.0)
    graph = same(net.graph(net.two("mul", "x", scale)), fold_constants)
    assert kinds(graph) == ["binary"]


def test_fills_are_constants() -> None:
    net = Net(2, 3)
    y = net.two("mul", "x", net.add(ops.Fill((3,), 2.0)))
    assert kinds(same(net.graph(y), fold_constants)) == ["binary"]


def test_weight_standardisation() -> None:
    net = Net(1, 2, 5, 5)
    w = net.weight("w", 4, 2, 3, 3)
    centred = net.two("sub", w, net.add(ops.Reduce("mean", (1, 2, 3), keepdim=True), w))
    from striate import Window

    y = net.add(ops.Conv((Window(3),) * 2), "x", centred, None)
    assert kinds(same(net.graph(y), fold_constants)) == ["conv"]


def test_an_expand_stays_small() -> None:
    net = Net(2, 3)
    large = net.add(ops.Expand((1000, 1000, 3)), net.weight("w", 3))
    unchanged(net.graph(net.two("add", large, large)), fold_constants)
    small = Net(2, 3)
    y = small.two("mul", "x", small.add(ops.Expand((2, 3)), small.weight("w", 3)))
    assert kinds(same(small.graph(y), fold_constants)) == ["binary"]


def test_a_constant_output_keeps_its_node() -> None:
    net = Net(2, 3)
    unchanged(net.graph(net.add(ops.Fill((3,), 2.0))), fold_constants)


def test_whole_numbers_keep_their_dtype() -> None:
    net = Net(4, 3)
    index = net.number("add", net.held("i", np.array([0, 1])), 1)
    graph = optimized(net.graph(net.add(ops.Gather(0), "x", index)))
    assert kinds(graph) == ["gather"]
    assert {w.numpy().dtype for w in graph.weights.values()} == {np.dtype("int64")}


def test_rounded_once() -> None:
    # 1 + 2^-24 is no float32; three times rounded it would stay 1, at once it becomes 1 + 2^-23.
    net = Net(1, 1)
    net.held("w", np.array([[1.0]], np.float32))
    y = net.add(ops.Linear(), "x", "w", None)
    for _ in range(3):
        y = net.number("mul", y, 1 + 2**-25)
    graph = optimized(net.graph(y))
    (weight,) = graph.weights.values()
    assert weight.numpy().dtype == np.float32
    assert weight.numpy().item() == np.float32((1 + 2**-25) ** 3) != 1
    assert round_weights(graph) is graph


def test_large_weights_are_rounded_in_blocks() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=(70, 40, 7, 7)).astype(np.float32)  # 137,200: three blocks
    scaled = Scaled(base, rng.normal(size=(70, 1, 1, 1))).times(rng.normal(size=(1, 40, 1, 1)))
    whole = base * scaled.factor
    assert whole.dtype == np.float64
    assert np.array_equal(np.asarray(scaled), whole)
    assert np.array_equal(scaled.rounded(np.float32), whole.astype(np.float32))
