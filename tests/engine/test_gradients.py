"""Gradients of poolings, activations and softmax run natively, each in a graph of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import striate
from striate.graph import Graph, Node
from striate.graph._types import TensorType
from striate.graph.ops import (
    ActivationGradient,
    AdaptiveAvgPoolGradient,
    AdaptiveMaxPoolGradient,
    AvgPoolGradient,
    Binary,
    CrossEntropy,
    CrossEntropyGradient,
    MaxPlacesGradient,
    MaxPool,
    MaxPoolGradient,
    Permute,
    Reduce,
    Reshape,
    SliceGradient,
    SoftmaxGradient,
)
from striate.window import Window

SMALL, LARGE = (2, 11, 6, 7), (2, 11, 12, 14)
WINDOWS = (Window(3, 2, 1, 1), Window(2, 2))
CASES: dict[str, Any] = {
    "avg": (AvgPoolGradient(WINDOWS, (12, 14)), SMALL),
    "avg, not counted": (AvgPoolGradient(WINDOWS, (12, 14), False), SMALL),
    "avg, divisor": (AvgPoolGradient(WINDOWS, (12, 14), True, 5), SMALL),
    "avg of a signal": (AvgPoolGradient((Window(4, 4),), (28,)), (2, 11, 7)),
    "global": (AdaptiveAvgPoolGradient((5, 7)), (2, 11, 1, 1)),
    "adaptive": (AdaptiveAvgPoolGradient((5, 7)), (2, 11, 2, 3)),
    "relu": (ActivationGradient("relu"), SMALL, SMALL),
    "relu of vectors": (ActivationGradient("relu"), (4, 11), (4, 11)),
    "gelu": (ActivationGradient("gelu"), SMALL, SMALL),
    "selu": (ActivationGradient("elu", (1.67, 1.05, 1)), SMALL, SMALL),
    "softmax": (SoftmaxGradient(1), (4, 11), (4, 11)),
    "log softmax of maps": (SoftmaxGradient(1, True), SMALL, SMALL),
}


def graph_of(*nodes: Node, outputs: tuple[str, ...], **shapes: tuple[int, ...]) -> Graph:
    inputs = {name: TensorType(shape) for name, shape in shapes.items()}
    return Graph("one", inputs, nodes, outputs, {})


def check(graph: Graph, *arrays: Any) -> Any:
    plan = striate.compile(graph, [a.shape for a in arrays])
    kinds = [step.kind for step in plan._recipe.steps]
    assert "island" not in kinds
    expected = graph.run(*arrays)
    found = plan(*arrays)
    found = found if isinstance(found, tuple) else (found,)
    for ours, theirs in zip(found, expected, strict=True):
        assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max()
    return kinds


@pytest.mark.parametrize("name", CASES)
def test_an_operation_alone(name: str) -> None:
    op, *shapes = CASES[name]
    names = ("gy", "x")[: len(shapes)]
    draw = np.random.default_rng(0)
    arrays = [draw.standard_normal(shape).astype(np.float32) for shape in shapes]
    graph = graph_of(
        Node("n", op, names, ("gx",)), outputs=("gx",), **dict(zip(names, shapes, strict=True))
    )
    assert f"{op.kind.removeprefix('adaptive_').removeprefix('avg_')}" in check(graph, *arrays)


@pytest.mark.parametrize("adaptive", [False, True])
def test_maxima(adaptive: bool) -> None:
    op = AdaptiveMaxPoolGradient((12, 14)) if adaptive else MaxPoolGradient(WINDOWS)
    draw = np.random.default_rng(0)
    x = draw.integers(-2, 3, LARGE).astype(np.float32)
    windows = (Window(2, 2), Window(2, 2)) if adaptive else WINDOWS
    (y,) = MaxPool(windows).evaluate(x)
    gy = draw.standard_normal(y.shape).astype(np.float32)
    node = Node("n", op, ("gy", "x"), ("gx",))
    check(graph_of(node, outputs=("gx",), gy=gy.shape, x=x.shape), gy, x)


@pytest.mark.parametrize("permuted", [False, True])
def test_maxima_by_their_places(permuted: bool) -> None:
    """The places are bytes; a gradient whose axes lie in another order is reordered."""
    draw = np.random.default_rng(0)
    x = draw.integers(-2, 3, LARGE).astype(np.float32)
    (y,) = MaxPool(WINDOWS).evaluate(x)
    gy = draw.standard_normal(y.shape).astype(np.float32)
    nodes = [Node("pool", MaxPool(WINDOWS, places=True), ("x",), ("y", "places"))]
    if permuted:
        gy = np.ascontiguousarray(gy.transpose(0, 1, 3, 2))
        turn = Permute((0, 1, 3, 2))
        nodes += [
            Node("f", MaxPool((Window(1),) * 2), ("gy",), ("e",)),
            Node("t", turn, ("e",), ("g",)),
        ]
    gradient = MaxPlacesGradient(WINDOWS, LARGE[2:])
    nodes.append(Node("n", gradient, ("g" if permuted else "gy", "places"), ("gx",)))
    check(graph_of(*nodes, outputs=("y", "gx"), x=x.shape, gy=gy.shape), x, gy)


def test_a_gradient_lies_where_the_one_it_is_made_of_did() -> None:
    nodes = (
        Node("a", AvgPoolGradient(WINDOWS, (12, 14)), ("gy",), ("g",)),
        Node("b", ActivationGradient("relu"), ("g", "x"), ("gx",)),
        Node("c", ActivationGradient("tanh"), ("gx", "x"), ("gz",)),
    )
    graph = graph_of(*nodes, outputs=("gz",), gy=SMALL, x=LARGE)
    draw = np.random.default_rng(0)
    arrays = [draw.standard_normal(shape).astype(np.float32) for shape in (SMALL, LARGE)]
    check(graph, *arrays)
    plan = striate.compile(graph, [SMALL, LARGE])
    places = {
        step.nodes[0]: step.outputs[0]
        for step in plan._recipe.steps
        if step.kind == "activation_gradient"
    }
    assert places["b"] == places["c"]


IMAGES, PLACES = (0, 2, 3), (2, 3)


@pytest.mark.parametrize("axes", [IMAGES, PLACES])
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("function", ["", "mul"])
def test_sums_of_maps(function: str, keepdim: bool, axes: tuple[int, ...]) -> None:
    """Of a map that is blocked since a pooling made it, or of its products with another."""
    nodes = [Node("a", AvgPoolGradient(WINDOWS, (12, 14)), ("gy",), ("g",))]
    if function:
        nodes.append(Node("m", Binary(function), ("x", "g"), ("p",)))
    read = "p" if function else "g"
    nodes.append(Node("r", Reduce("sum", axes, keepdim), (read,), ("y",)))
    shapes = {"gy": SMALL, "x": LARGE} if function else {"gy": SMALL}
    draw = np.random.default_rng(0)
    arrays = [draw.standard_normal(shape).astype(np.float32) for shape in shapes.values()]
    kinds = check(graph_of(*nodes, outputs=("y",), **shapes), *arrays)
    assert "sums" in kinds
    assert "elementwise" not in kinds


def test_products_of_plain_arrays_are_added_up_in_two_steps() -> None:
    nodes = (
        Node("m", Binary("mul"), ("x", "y"), ("p",)),
        Node("r", Reduce("sum", (1,)), ("p",), ("s",)),
    )
    draw = np.random.default_rng(0)
    arrays = [draw.standard_normal((4, 11)).astype(np.float32) for _ in range(2)]
    kinds = check(graph_of(*nodes, outputs=("s",), x=(4, 11), y=(4, 11)), *arrays)
    assert "reduce" in kinds


@pytest.mark.parametrize("first", [True, False])
def test_two_gradients_are_added_on_their_way_through_an_activation(first: bool) -> None:
    nodes = (
        Node("a", AvgPoolGradient(WINDOWS, (12, 14)), ("gy",), ("g",)),
        Node("s", Binary("add"), ("g", "h") if first else ("h", "g"), ("both",)),
        Node("r", ActivationGradient("relu"), ("both", "y"), ("gx",)),
    )
    shapes = {"gy": SMALL, "h": LARGE, "y": LARGE}
    draw = np.random.default_rng(0)
    arrays = [draw.standard_normal(shape).astype(np.float32) for shape in shapes.values()]
    kinds = check(graph_of(*nodes, outputs=("gx",), **shapes), *arrays)
    assert "activation_gradient" in kinds
    assert "elementwise" not in kinds


def test_cross_entropy_and_its_gradient() -> None:
    nodes = (
        Node("loss", CrossEntropy(0.1), ("logits", "labels"), ("y",)),
        Node("one", Reduce("sum", (0,)), ("gy",), ("g",)),  # plans have no inputs without axes
        Node("gradient", CrossEntropyGradient(0.1), ("logits", "labels", "g"), ("gx",)),
    )
    graph = graph_of(*nodes, outputs=("y", "gx"), logits=(5, 11), labels=(5,), gy=(1,))
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 11, 5).astype(np.float32)
    logits = draw.standard_normal((5, 11)).astype(np.float32)
    kinds = check(graph, logits, labels, np.array([0.5], np.float32))
    assert kinds.count("cross_entropy") == 2


def test_slices_with_steps_go_back_in_one_step() -> None:
    nodes = (
        Node("a", SliceGradient(3, 14, 1, 2), ("gy",), ("g",)),
        Node("b", SliceGradient(2, 13, 0, 2), ("g",), ("gx",)),
    )
    gy = np.random.default_rng(0).standard_normal((2, 11, 6, 7)).astype(np.float32)
    kinds = check(graph_of(*nodes, outputs=("gx",), gy=gy.shape), gy)
    assert kinds.count("pool_gradient") == 1


@pytest.mark.parametrize("shape", [(2, 1, 1, 1), (11, 1, 1), (2, 11, 1, 1)])
def test_a_map_stays_blocked_beside_numbers_that_are_computed(shape: tuple[int, ...]) -> None:
    """Stochastic depth's for each image, a layer's scale, squeeze-excite's factors."""
    nodes = (
        Node("a", AvgPoolGradient(WINDOWS, (12, 14)), ("gy",), ("g",)),
        Node("m", Binary("mul"), ("g", "b"), ("p",)),
        Node("c", AvgPoolGradient(WINDOWS, (24, 28)), ("p",), ("gx",)),
    )
    draw = np.random.default_rng(0)
    arrays = [draw.standard_normal(s).astype(np.float32) for s in (SMALL, shape)]
    graph = graph_of(*nodes, outputs=("gx",), gy=SMALL, b=shape)
    check(graph, *arrays)
    plan = striate.compile(graph, [SMALL, shape])
    reordered = [step.maps for step in plan._recipe.steps if step.kind == "layout"]
    assert not any("12x14" in maps for maps in reordered)


def test_a_map_seen_as_rows_is_summed_where_it_lies() -> None:
    """The gradient of a linear layer's bias, where the channels come last (ConvNeXt)."""
    nodes = (
        Node("a", AvgPoolGradient(WINDOWS, (12, 14)), ("gy",), ("g",)),
        Node("p", Permute((0, 2, 3, 1)), ("g",), ("h",)),
        Node("v", Reshape((336, 11)), ("h",), ("rows",)),
        Node("r", Reduce("sum", (0,)), ("rows",), ("y",)),
    )
    gy = np.random.default_rng(0).standard_normal(SMALL).astype(np.float32)
    kinds = check(graph_of(*nodes, outputs=("y",), gy=SMALL), gy)
    assert kinds == ["layout", "pool_gradient", "sums"]
