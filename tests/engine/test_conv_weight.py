"""Gradients of convolutions for filters and bias, as steps of a plan."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import striate
from striate import Window
from striate.graph import ops

from .passes.checks import Net

Array = np.ndarray[Any, Any]


def _steps(plan: Any) -> list[str]:
    return [step.kind for step in plan._steps]


def _compare(net: Net, *outputs: str) -> Any:
    graph = net.graph(*outputs)
    plan = striate.compile(graph, threads=1)
    draw = np.random.default_rng(0)
    given = [draw.standard_normal(t.shape).astype(np.float32) for t in graph.inputs.values()]
    values = graph.run(*given, every=True)
    expected = [values[name] for name in outputs]
    found = plan(*given)
    for y, exact in zip(found if isinstance(found, tuple) else (found,), expected, strict=True):
        assert y.shape == exact.shape
        np.testing.assert_allclose(y, exact, rtol=0, atol=1e-5 * np.abs(exact).max())
    return plan


WINDOWS = (Window(3, 2, 1, 1), Window(3, 1, 1, 1))


@pytest.mark.parametrize("sum_first", [False, True])
def test_filters_and_bias_are_one_step(sum_first: bool) -> None:
    net = Net(3, 12, 9, 10, gy=(3, 20, 5, 10))
    x, gy = (net.add(ops.Activation("silu"), name) for name in ("x", "gy"))
    total = ops.Reduce("sum", (0, 2, 3), keepdim=sum_first)
    gb = net.add(total, gy) if sum_first else ""
    gw = net.add(ops.ConvWeightGradient(WINDOWS), x, gy)
    gb = gb or net.add(total, gy)
    plan = _compare(net, gw, gb)
    assert "conv_weight_gradient" in _steps(plan)
    assert not {"reduce", "pool", "island"} & {*_steps(plan)}


def test_a_sum_that_is_read_before_the_map_is_made_stays_apart() -> None:
    # The map waits for the sum, so that one step cannot make both gradients.
    net = Net(3, 12, 9, 10, gy=(3, 20, 5, 10))
    gb = net.add(ops.Reduce("sum", (0, 2, 3)), "gy")
    total = net.add(ops.Reduce("sum"), gb)
    x = net.add(ops.Binary("mul"), "x", total)
    gw = net.add(ops.ConvWeightGradient(WINDOWS), x, "gy")
    plan = _compare(net, gw, gb)
    assert "conv_weight_gradient" in _steps(plan)


def test_other_sums_stay_apart() -> None:
    net = Net(3, 12, 9, 10, gy=(3, 20, 5, 10))
    gw = net.add(ops.ConvWeightGradient(WINDOWS), "x", "gy")
    mean = net.add(ops.Reduce("mean", (0, 2, 3)), "gy")
    rows = net.add(ops.Reduce("sum", (0, 2)), "gy")
    plan = _compare(net, gw, mean, rows)
    assert "conv_weight_gradient" in _steps(plan)


def test_the_networks_input_stays_as_it_is() -> None:
    net = Net(3, 3, 9, 10, gy=(3, 20, 5, 10))
    gw = net.add(ops.ConvWeightGradient(WINDOWS), "x", "gy")
    plan = _compare(net, gw)
    (step,) = [s for s in plan._steps if s.kind == "conv_weight_gradient"]
    assert step.attributes["plain_input"]


def test_a_linear_layers_gradient_is_a_product_with_its_first_matrix_turned() -> None:
    net = Net(5, 12, gy=(5, 20))
    gb = net.add(ops.Reduce("sum", (0,)), "gy")
    gw = net.add(ops.MatMul(), net.add(ops.Permute((1, 0)), "gy"), "x")
    plan = _compare(net, gw, gb)
    (product,) = [step for step in plan._steps if step.kind == "matmul"]
    assert product.attributes["a_transposed"]
    assert "copy" not in _steps(plan)


def test_a_turned_matrix_that_others_read_too_is_made() -> None:
    net = Net(5, 12, gy=(5, 20))
    turned = net.add(ops.Permute((1, 0)), "gy")
    gw = net.add(ops.MatMul(), turned, "x")
    plan = _compare(net, gw, net.add(ops.Activation("silu"), turned))
    assert "conv_weight_gradient" not in _steps(plan)
    assert not any(step.attributes.get("a_transposed") for step in plan._steps)


@pytest.mark.parametrize("bias", [False, True])
def test_linear_layers_on_channels_stay_in_blocks(bias: bool) -> None:
    # As in ConvNeXt: maps are in blocks, and the layer has each pixel's channels as a row.
    net = Net(2, 24, 5, 4, gy=(2, 5, 4, 40))
    weight = net.weight("weight", 40, 24)
    x, gy = (net.add(ops.Activation("silu"), name) for name in ("x", "gy"))
    x = net.conv(x, 24, 24, 1)
    gy = net.add(ops.Permute((0, 2, 3, 1)), net.conv(
        net.add(ops.Permute((0, 3, 1, 2)), gy), 40, 40, 1))  # fmt: skip
    x = net.add(ops.Permute((0, 2, 3, 1)), x)
    rows = [net.add(ops.Reshape((40, c)), v) for v, c in ((gy, 40), (x, 24))]
    gw = net.add(ops.MatMul(), net.add(ops.Permute((1, 0)), rows[0]), rows[1])
    gx = net.add(ops.MatMul(), gy, weight)
    outputs = [gw, net.add(ops.Permute((0, 3, 1, 2)), gx)]
    if bias:
        outputs.append(net.add(ops.Reduce("sum", (0,)), rows[0]))
    plan = _compare(net, *outputs)
    assert "conv_weight_gradient" in _steps(plan)
    assert not {"matmul", "reduce"} & {*_steps(plan)}
