"""Reports to render: a small net, one with blocks and branches, and one that is partly unknown."""

from __future__ import annotations

import numpy as np
import pytest

import striate
from striate import Window
from striate.graph import Graph, Node, TensorType, Weight, ops
from striate.inspection import Report
from striate.inspection._inspect import report_on


def graph_with_unknown(told: bool) -> Graph:
    """Two convolutions around an operation that is not known, and a parameter that nothing reads.

    Args:
        told: Whether the shape of what the unknown operation makes is told.
    """
    weights = [
        Weight("conv1.weight", TensorType((4, 3, 3, 3)), np.zeros((4, 3, 3, 3), "float32")),
        Weight("conv2.weight", TensorType((5, 4, 3, 3)), np.zeros((5, 4, 3, 3), "float32")),
        Weight("spare", TensorType((7,)), np.zeros(7, "float32"), trainable=False),
    ]
    conv = ops.Conv((Window(3, padding=1),) * 2)
    odd = ops.Opaque("mylib::odd", (((1, 4, 8, 8), "float32") if told else None,))
    nodes = (
        Node("conv1", conv, ("x", "conv1.weight", None), ("a",), "conv1", "Conv2d"),
        Node("block.odd", odd, ("a",), ("b",), "block", "Odd"),
        Node("block.conv", conv, ("b", "conv2.weight", None), ("c",), "block.conv", "Conv2d"),
        Node("relu", ops.Activation("relu"), ("c",), ("d",), "relu", "ReLU"),
    )
    inputs = {"x": TensorType((1, 3, 8, 8))}
    return Graph("odd", inputs, nodes, ("d",), {w.name: w for w in weights})


@pytest.fixture(scope="session")
def lenet() -> Report:
    return striate.inspect("lenet5")


@pytest.fixture(scope="session")
def resnet() -> Report:
    return striate.inspect("resnet18")


@pytest.fixture(scope="session", params=[True, False], ids=["shape told", "nothing told"])
def odd(request: pytest.FixtureRequest) -> Report:
    return report_on(graph_with_unknown(request.param))


@pytest.fixture(
    scope="session",
    params=["lenet5_1998", "resnet18", "unet", "mobilenet_v2", "m5", "told", "not told"],
)
def report(request: pytest.FixtureRequest) -> Report:
    if request.param.endswith("told"):
        return report_on(graph_with_unknown(request.param == "told"))
    return striate.inspect(request.param)
