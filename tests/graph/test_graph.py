"""A graph made by hand: shapes, runs, names, words, and refusals that name the layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from striate import Window
from striate.errors import GraphError, OptionError, ShapeError
from striate.graph import FitError, Graph, Node, TensorType, Weight, ops
from striate.graph.ops import (
    Activation,
    Binary,
    Conv,
    Dropout,
    Flatten,
    Linear,
    MaxPool,
    Opaque,
    Split,
)

FIVE, TWO = (Window(5), Window(5)), (Window(2, stride=2), Window(2, stride=2))


def weight(name: str, *shape: int) -> Weight:
    numbers = np.random.default_rng(len(name)).standard_normal(shape).astype(np.float32)
    return Weight(name, TensorType(shape), numbers)


@pytest.fixture
def graph() -> Graph:
    """A convolution, a pooling, a flatten and a fully connected layer."""
    shapes = {"conv.weight": (8, 3, 5, 5), "conv.bias": (8,), "fc.weight": (10, 1568)}
    weights = [weight(name, *shape) for name, shape in shapes.items()]

    def source(x: Any) -> tuple[Any, ...]:
        kernel, bias, matrix = (torch.from_numpy(w.source) for w in weights)
        maps = F.relu(F.conv2d(torch.from_numpy(x), kernel, bias))
        return (F.linear(F.max_pool2d(maps, 2).flatten(1), matrix).numpy(),)

    nodes = (
        Node("conv", Conv(FIVE), ("image", *list(shapes)[:2]), ("conv",), "conv", "Conv2d"),
        Node("relu", Activation("relu"), ("conv",), ("relu",), inplace=True),
        Node("pool", MaxPool(TWO), ("relu",), ("pool",), "pool", "MaxPool2d"),
        Node("flatten", Flatten(), ("pool",), ("flatten",)),
        Node("fc", Linear(), ("flatten", "fc.weight", None), ("fc",), "fc", "Linear"),
    )  # fmt: skip
    inputs = {"image": TensorType((1, 3, 32, 32))}
    return Graph("Net", inputs, nodes, ("fc",), {w.name: w for w in weights}, source=source)


def test_words(graph: Graph) -> None:
    assert str(graph).splitlines() == [
        "Net(image 1x3x32x32)",
        "  conv    = conv(image) 5x5               1x8x28x28",
        "  relu    = activation(conv) relu         1x8x28x28",
        "  pool    = max_pool(relu) 2x2, stride 2  1x8x14x14",
        "  flatten = flatten(pool)                 1x1568",
        "  fc      = linear(flatten)               1x10",
        "  return fc",
    ]
    assert graph._repr_html_().startswith("<pre>Net(")


def test_other_shapes_share_the_weights(graph: Graph) -> None:
    batch = graph.at((16, 3, 32, 32))
    assert batch.types["pool"] == TensorType((16, 8, 14, 14))
    assert graph.types["pool"] == TensorType((1, 8, 14, 14))
    assert batch.weights["conv.weight"] is graph.weights["conv.weight"]


def test_who_makes_and_reads_a_value(graph: Graph) -> None:
    assert graph.producers["pool"].name == "pool"
    assert [node.name for node in graph.readers["pool"]] == ["flatten"]
    assert [node.name for node in graph.readers["fc.weight"]] == ["fc"]
    assert [node.name for node in graph] == ["conv", "relu", "pool", "flatten", "fc"]
    assert len(graph) == 5
    assert graph.input_types(graph["fc"]) == (
        TensorType((1, 1568)), TensorType((10, 1568)), None,
    )  # fmt: skip
    assert [graph[name].shares_memory for name in ("conv", "relu", "flatten")] == [0, 1, 1]


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (3, 3, 32, 32), (0, 3, 32, 32)])
def test_runs_are_the_sources(graph: Graph, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    (y,) = graph.run(x)
    assert y.dtype == np.float64
    assert graph.source
    np.testing.assert_allclose(y, graph.source(x)[0], rtol=1e-4, atol=1e-3)
    (y,) = graph.run(torch.from_numpy(x), dtype="float32")
    assert y.dtype == np.float32


def test_every_value_is_given_when_asked_for(graph: Graph) -> None:
    values = graph.run(np.zeros((1, 3, 32, 32)), every=True)
    assert {"image", "conv", "relu", "pool", "flatten", "fc"} <= values.keys()
    assert values["conv"].min() < 0 <= values["relu"].min()


def test_a_graph_is_checked_against_its_source(graph: Graph) -> None:
    assert graph.check() < 1e-5
    assert graph.check(torch.ones(2, 3, 32, 32)) < 1e-5
    wrong = replace(graph.nodes[1], op=Activation("tanh"))
    other = replace(graph, nodes=(graph.nodes[0], wrong, *graph.nodes[2:]))
    with pytest.raises(GraphError, match=r"differs from its network by .* the graph is wrong"):
        other.check()
    with pytest.raises(OptionError, match="has no source"):
        replace(graph, source=None).check()


def test_a_misfit_tells_the_sizes_that_led_there(graph: Graph) -> None:
    with pytest.raises(FitError) as refused:
        graph.at((1, 3, 28, 28))
    assert str(refused.value) == (
        "Linear 'fc': input 1x1152 has 1152 features; the layer was built for 1568. The sizes "
        "that led here: image 3x28x28 > conv 8x24x24 > pool 8x12x12 > flatten 1152."
    )
    assert refused.value.node == "fc"
    with pytest.raises(FitError, match="Conv2d 'conv': a window of 5x5 does not fit a map of 4x4"):
        graph.at((1, 3, 4, 4))
    with pytest.raises(FitError, match="1 channels; weight 8x3x5x5 needs 3"):
        graph.run(np.zeros((1, 1, 32, 32)))


def test_a_long_chain_of_sizes_is_cut_in_the_middle() -> None:
    nodes = tuple(
        Node(f"pool{k}", MaxPool(TWO), (f"pool{k - 1}" if k else "x",), (f"pool{k}",))
        for k in range(12)
    )
    with pytest.raises(FitError, match=r"x 1x1024x1024 > pool0 1x512x512 > \.\.\. > pool4"):
        Graph("Deep", {"x": TensorType((1, 1, 1024, 1024))}, nodes, ("pool11",), {})


def test_shapes_that_are_none(graph: Graph) -> None:
    with pytest.raises(OptionError, match="2 shapes were given for 1 inputs: image"):
        graph.at((1, 3, 32, 32), (1,))
    with pytest.raises(ShapeError, match=r"image \(1, 3, 32\) must have 4 axes"):
        graph.at((1, 3, 32))
    with pytest.raises(ShapeError, match="must have 4 axes"):
        graph.at((-1, 3, 32, 32))


def test_an_unknown_name_offers_near_ones(graph: Graph) -> None:
    with pytest.raises(OptionError, match=r"there is no layer 'flaten'. Did you mean 'flatten'"):
        graph["flaten"]
    with pytest.raises(OptionError, match="Did you mean 'conv' or 'relu' or 'pool'"):
        graph["zzz"]
    empty = Graph("Empty", {"x": TensorType((1,))}, (), ("x",), {})
    with pytest.raises(OptionError, match="The graph is empty"):
        empty["x"]
    assert empty.run(np.ones(1))[0].tolist() == [1]


def test_a_module_is_found_by_its_path() -> None:
    nodes = (
        Node("block.add", Binary("add"), ("x", "x"), ("a",), path="block"),
        Node("block.relu", Activation("relu"), ("a",), ("b",), path="block"),
        Node("head:2", Activation("relu"), ("b",), ("c",), path="head", module="ReLU"),
    )
    graph = Graph("Net", {"x": TensorType((2,))}, nodes, ("c",), {})
    assert graph["head"] is nodes[2]
    with pytest.raises(OptionError, match=r"several operations: name one of 'block.add', 'block."):
        graph["block"]


def test_several_outputs_and_one_value_read_twice() -> None:
    nodes = (
        Node("split", Split(1, 1), ("x",), ("left", "right")),
        Node("square", Binary("mul"), ("left", "left"), ("square",)),
        Node("sum", Binary("add"), ("square", "right"), ("sum",)),
    )
    graph = Graph("Two", {"x": TensorType((1, 2))}, nodes, ("sum", "left", "x"), {})
    outputs = graph.run(np.array([[3.0, 4.0]]))
    assert [y.tolist() for y in outputs] == [[[13]], [[3]], [[3, 4]]]


def test_what_is_not_known_spreads_to_its_readers() -> None:
    nodes = (
        Node("odd", Opaque("fft"), ("x",), ("odd",)),
        Node("relu", Activation("relu"), ("odd",), ("relu",)),
        Node("told", Opaque("fft", (((1, 4), "float32"),)), ("relu",), ("told",)),
        Node("last", Activation("relu"), ("told",), ("last",)),
    )
    graph = Graph("Odd", {"x": TensorType((1, 4))}, nodes, ("last",), {})
    assert graph.types["relu"] is None
    assert graph.types["last"] == TensorType((1, 4))
    assert "unknown" in str(graph)
    with pytest.raises(OptionError, match="opaque 'odd': fft is not an operation"):
        graph.run(np.zeros((1, 4)))


def test_randomness_is_refused_by_name() -> None:
    node = Node("drop", Dropout(0.5, training=True), ("x",), ("y",), "drop", "Dropout")
    graph = Graph("Net", {"x": TensorType((1, 4))}, (node,), ("y",), {}, training=True)
    with pytest.raises(OptionError, match=r"Dropout 'drop': a dropout with p=0.5 is switched on"):
        graph.run(np.zeros((1, 4)))


def test_a_graph_that_gives_nan_where_its_source_does_not_is_wrong() -> None:
    root = Node("r", ops.Activation("sqrt"), ("x",), ("r",))
    graph = Graph("g", {"x": TensorType((2,))}, (root,), ("r",), {}, source=lambda x: [abs(x)])
    with pytest.raises(GraphError, match="differs from its network by inf"):
        graph.check(np.array([-1.0, 1.0]))
    with pytest.raises(OptionError, match="2 inputs were given for 1: x"):
        graph.check(np.ones(2), np.ones(2))
