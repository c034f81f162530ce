"""Functions that a file spells out get their names."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from striate.engine.passes import name_activations
from striate.graph import Graph, ops

from .checks import Net, kinds, largest_difference, unchanged

Spelled = Callable[[Net, str], str]


def f(net: Net, function: str, x: str) -> str:
    return net.add(ops.Activation(function), x)


def held(net: Net, number: float) -> str:
    return net.held(f"c{len(net.weights)}", np.array(number, np.float32))


def silu(net: Net, x: str) -> str:
    return net.two("mul", x, f(net, "sigmoid", x))


def sigmoid(net: Net, x: str) -> str:
    return net.number(
        "div", net.number("add", f(net, "exp", f(net, "neg", x)), 1.0), 1.0, reverse=True
    )


def hardswish(net: Net, x: str) -> str:
    return net.two("mul", x, f(net, "hardsigmoid", x))


def hardswish_of_relu6(net: Net, x: str) -> str:
    six = net.add(ops.Activation("clip", (0, 6)), net.number("add", x, 3.0))
    return net.two("div", net.two("mul", x, six), held(net, 6.0))


def relu6(net: Net, x: str) -> str:
    return net.number("min", net.number("max", x, 0.0), 6.0)


def gelu_of_onnx(net: Net, x: str) -> str:
    inner = f(net, "erf", net.two("div", x, held(net, math.sqrt(2))))
    both = net.two("mul", x, net.two("add", inner, held(net, 1.0)))
    return net.two("mul", both, held(net, 0.5))


def gelu(net: Net, x: str) -> str:
    inner = net.number("add", f(net, "erf", net.number("mul", x, math.sqrt(0.5))), 1.0)
    return net.two("mul", net.number("mul", x, 0.5), inner)


def gelu_tanh(net: Net, x: str) -> str:
    cube = net.number("mul", net.number("pow", x, 3.0), 0.044715)
    inner = net.number("mul", net.two("add", x, cube), math.sqrt(2 / math.pi))
    outer = net.number("add", f(net, "tanh", inner), 1.0)
    return net.two("mul", net.number("mul", x, 0.5), outer)


def mish(net: Net, x: str) -> str:
    return net.two("mul", x, f(net, "tanh", f(net, "softplus", x)))


def relu(net: Net, x: str) -> str:
    return net.number("max", x, 0.0)


@pytest.mark.parametrize(
    ("spelled", "op"),
    [
        (silu, ops.Activation("silu")),
        (sigmoid, ops.Activation("sigmoid")),
        (hardswish, ops.Activation("hardswish")),
        (hardswish_of_relu6, ops.Activation("hardswish")),
        (relu6, ops.Activation("clip", (0.0, 6.0))),
        (gelu_of_onnx, ops.Activation("gelu")),
        (gelu, ops.Activation("gelu")),
        (gelu_tanh, ops.Activation("gelu", (1,))),
        (mish, ops.Activation("mish")),
        (relu, ops.Activation("relu")),
    ],
)
def test_named(spelled: Spelled, op: ops.Activation) -> None:
    net = Net(2, 3, 5)
    x = net.linear("x", 5, 5)  # something before, so that the search has to stop in time
    graph = net.graph(net.linear(spelled(net, f(net, "relu", x)), 5, 5))
    after = tidied(graph)
    assert [node.op for node in after if node.kind == "activation"][-1] == op
    assert kinds(after) == ["linear", "activation", "activation", "linear"]


def tidied(graph: Graph) -> Graph:
    """Name, and take out what is no longer read, as `optimize` does; numbers agree."""
    from striate.engine.passes import remove_dead

    after = remove_dead(name_activations(graph)[0])[0]
    assert largest_difference(graph, after) < 1e-6
    return after


def quick_gelu(net: Net, x: str) -> str:
    return net.two("mul", x, f(net, "sigmoid", net.number("mul", x, 1.702)))


def almost_hardswish(net: Net, x: str) -> str:
    return net.two("mul", x, net.add(ops.Activation("hardsigmoid", (0.2, 0.5)), x))


def late_clip(net: Net, x: str) -> str:
    return net.number("min", silu(net, x), 4000.0)


def of_two(net: Net, x: str) -> str:
    return net.two("mul", x, f(net, "sigmoid", f(net, "relu", "x")))


def per_channel(net: Net, x: str) -> str:
    return net.two("mul", x, f(net, "sigmoid", net.two("mul", x, net.weight("w", 5))))


@pytest.mark.parametrize("spelled", [quick_gelu, almost_hardswish, of_two, per_channel])
def test_others_stay(spelled: Spelled) -> None:
    net = Net(2, 3, 5)
    unchanged(net.graph(spelled(net, net.linear("x", 5, 5))), name_activations)


def test_a_bound_far_out_is_seen() -> None:
    net = Net(2, 3, 5)
    after = tidied(net.graph(late_clip(net, net.linear("x", 5, 5))))
    assert [node.op.describe() for node in after][1:] == ["silu", "min 4000"]


def test_steps_that_others_read_stay_for_them() -> None:
    net = Net(2, 3, 5)
    gate = f(net, "sigmoid", "x")
    graph = net.graph(net.two("mul", "x", gate), gate)
    assert kinds(tidied(graph)) == ["activation", "activation"]
