"""Norms and global poolings that a file spells out get their names."""

from __future__ import annotations

from typing import Any

import pytest

from striate.engine.passes import name_global_pools, name_layer_norms, remove_dead
from striate.graph import Graph, ops

from .checks import Net, kinds, optimized, same, unchanged


def mean(net: Net, x: str, axes: tuple[int, ...] = (-1,), *, keepdim: bool = True) -> str:
    return net.add(ops.Reduce("mean", axes, keepdim=keepdim), x)


def square(net: Net, x: str, how: str) -> str:
    if how == "pow":
        return net.number("pow", x, 2.0)
    return net.two("mul", x, x) if how == "mul" else net.add(ops.Activation("square"), x)


def quotient(net: Net, x: str, y: str, how: str) -> str:
    if how == "rsqrt":
        return net.two("mul", x, net.add(ops.Activation("rsqrt"), y))
    root = net.number("pow", y, 0.5) if how == "power" else net.add(ops.Activation("sqrt"), y)
    if how == "reciprocal":
        return net.two("mul", net.add(ops.Activation("reciprocal"), root), x)
    return net.two("div", x, root)


def spelled(
    net: Net, *, axes: Any = (-1,), squared: str = "pow", divided: str = "div", rms: bool = False
) -> str:
    x = net.relu("x")
    centred = x if rms else net.two("sub", x, mean(net, x, axes))
    variance = mean(net, square(net, centred, squared), axes)
    return quotient(net, centred, net.number("add", variance, 1e-6), divided)


@pytest.mark.parametrize("squared", ["pow", "mul", "square"])
@pytest.mark.parametrize("divided", ["div", "rsqrt", "reciprocal", "power"])
@pytest.mark.parametrize("rms", [False, True])
def test_every_spelling(squared: str, divided: str, rms: bool) -> None:
    net = Net(2, 3, 4)
    graph = net.graph(spelled(net, squared=squared, divided=divided, rms=rms))
    after = remove_dead(same(graph, name_layer_norms))[0]
    assert [node.op for node in after][1:] == [ops.LayerNorm(1, 1e-6, rms)]


def test_weight_and_bias_come_along() -> None:
    net = Net(2, 3, 4)
    y = net.two("mul", spelled(net, axes=(1, 2)), net.weight("w", 4))
    graph = optimized(net.graph(net.two("add", y, net.weight("b", 4))))
    assert kinds(graph) == ["activation", "layer_norm"]
    assert graph.nodes[1].op == ops.LayerNorm(2, 1e-6)


def test_over_other_axes_it_stays() -> None:
    net = Net(2, 3, 4)
    unchanged(net.graph(spelled(net, axes=(1,))), name_layer_norms)


def test_other_axes_or_values_in_one_step_stay() -> None:
    net = Net(2, 4, 4)
    centred = net.two("sub", "x", mean(net, "x", (-2,)))
    variance = mean(net, square(net, centred, "pow"))
    graph = net.graph(quotient(net, centred, net.number("add", variance, 1e-6), "div"))
    after = same(graph, name_layer_norms)  # a root mean square of what is centred otherwise
    assert after.nodes[-1].op == ops.LayerNorm(1, 1e-6, rms=True)
    net = Net(2, 4, 4)
    variance = mean(net, square(net, net.relu("x"), "pow"))
    y = quotient(net, "x", net.number("add", variance, 1e-6), "div")
    unchanged(net.graph(y), name_layer_norms)
    net = Net(2, 4, 4)
    variance = mean(net, net.number("pow", "x", 3.0))
    y = quotient(net, "x", net.number("add", variance, 1e-6), "div")
    unchanged(net.graph(y), name_layer_norms)


@pytest.mark.parametrize("function", ["mean", "max"])
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 5), (2, 3, 4, 5, 2)])
def test_global_pools(function: str, keepdim: bool, shape: tuple[int, ...]) -> None:
    net = Net(*shape)
    axes = tuple(range(2 - len(shape), 0))
    y = net.relu(net.add(ops.Reduce(function, axes, keepdim=keepdim), "x"))
    expected = ["adaptive_pool", *([] if keepdim else ["flatten"]), "activation"]
    assert kinds(same(net.graph(y), name_global_pools)) == expected


def test_other_means_are_no_global_pools() -> None:
    for axes in ((1,), (3,), (1, 2, 3), None):
        net = Net(2, 3, 4, 5)
        y = net.add(ops.Reduce("mean", axes, keepdim=True), "x")
        graph: Graph = net.graph(y)
        unchanged(graph, name_global_pools)
    net = Net(2, 3, 4, 5)
    unchanged(net.graph(net.add(ops.Reduce("sum", (2, 3)), "x")), name_global_pools)
