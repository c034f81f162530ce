"""All passes together: the zoo, random networks, what is kept, what is told."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import striate
from striate import Window, zoo
from striate.engine.passes import PASSES, optimize
from striate.errors import OptionError
from striate.graph import Graph, ops
from striate.zoo.convnext import CNBlock, ConvNeXt

from .checks import Net, kinds, largest_difference, optimized


def captured(net: torch.nn.Module, *shape: int) -> Graph:
    """A network at test time, with norms that do something."""
    torch.manual_seed(0)
    for layer in net.eval().modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            assert layer.running_mean is not None
            assert layer.running_var is not None
            layer.running_mean.normal_(0, 0.2)
            layer.running_var.uniform_(0.5, 2)
            layer.weight.data.uniform_(0.5, 1.5)
            layer.bias.data.normal_(0, 0.2)
        if isinstance(layer, CNBlock):
            layer.layer_scale.data.uniform_(0.5, 1.5)
    return striate.capture(net, shape)


# The input's shape, and what is left: no batch norm anywhere, no dropout, no layer scale.
GOLDEN = {
    "lenet5": (
        (1, 1, 32, 32),
        {"conv": 3, "activation": 4, "max_pool": 2, "flatten": 1, "linear": 2},
    ),
    "lenet5_1998": (
        (1, 1, 32, 32),
        {"conv": 5, "activation": 6, "flatten": 1, "linear": 1, "binary": 1, "rbf": 1},
    ),
    "m5": (
        (1, 1, 1500),
        {
            "conv": 4, "activation": 4, "max_pool": 4, "adaptive_pool": 1, "flatten": 1,
            "linear": 1,
        },
    ),
    "resnet20": (
        (1, 3, 8, 8),
        {
            "conv": 19, "activation": 19, "binary": 9, "adaptive_pool": 1, "flatten": 1,
            "linear": 1, "slice": 4, "pad": 2,
        },
    ),
    "resnet18": (
        (1, 3, 32, 32),
        {
            "conv": 20, "activation": 17, "max_pool": 1, "binary": 8, "adaptive_pool": 1,
            "flatten": 1, "linear": 1,
        },
    ),
    "mobilenet_v2": (
        (1, 3, 32, 32),
        {
            "conv": 52, "activation": 35, "binary": 10, "adaptive_pool": 1, "flatten": 1,
            "linear": 1,
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GOLDEN)
def test_what_is_left_of_the_zoo(name: str) -> None:
    shape, left = GOLDEN[name]
    check(captured(zoo.create(name), *shape), left)


def test_what_is_left_of_a_small_unet() -> None:
    left = {"conv": 11, "activation": 10, "max_pool": 2, "conv_transpose": 2, "concat": 2}
    check(captured(zoo.create("unet", depth=2), 1, 1, 8, 8), left)


def test_what_is_left_of_a_small_convnext() -> None:
    net = ConvNeXt((1, 1, 2), (8, 16, 24), 3, 10, 0.1)
    left = {
        "conv": 7, "permute": 16, "layer_norm": 8, "linear": 9, "activation": 4,
        "binary": 4, "adaptive_pool": 1, "flatten": 1,
    }  # fmt: skip
    check(captured(net, 1, 3, 32, 32), left)


def check(before: Graph, left: dict[str, int]) -> None:
    """The same numbers from these nodes, every node that went is told of, any batch fits."""
    after, changes = optimize(before)
    assert dict(Counter(kinds(after))) == left
    assert largest_difference(before, after) < 5e-6
    gone = {node.name for node in before} - {node.name for node in after}
    assert gone <= {name for change in changes for name in change.gone}
    for batch in (before, after):
        at_three = batch.at(*((3, *t.shape[1:]) for t in batch.inputs.values()))
        (kind,) = (at_three.types[value] for value in at_three.outputs)
        assert kind is not None
        assert kind.shape[0] == 3


@st.composite
def networks(draw: Any) -> Graph:
    """Small networks in which affine operations, pads, branches and layers meet at random."""
    net = Net(2, 4, 9, 9, seed=draw(st.integers(0, 1000)))
    values = ["x"]

    def rank_four() -> str:
        return draw(st.sampled_from(values[-3:]))  # type: ignore[no-any-return]

    def conv(y: str) -> str:
        k = draw(st.sampled_from([1, 3]))
        groups = draw(st.sampled_from([1, 1, 2, 4]))
        return net.conv(y, 4, 4, k, groups=groups, bias=draw(st.booleans()), padding=k // 2)

    def pad_conv(y: str) -> str:
        value = draw(st.sampled_from([0.0, 0.0, 1.0]))
        y = net.add(ops.Pad(((0, 0), (0, 0), (1, 1), (1, 1)), value=value), y)
        return net.conv(y, 4, 4, 3, groups=draw(st.sampled_from([1, 4])))

    def arithmetic(y: str) -> str:
        function = draw(st.sampled_from(["add", "sub", "mul", "div"]))
        if draw(st.booleans()):
            return net.number(function, y, 1.5, reverse=draw(st.booleans()) and function != "div")
        name = f"c{len(net.nodes)}"
        return net.two(function, y, net.weight(name, 4, 1, 1, low=0.5))

    def pool(y: str) -> str:
        windows = (Window(3, padding=1),) * 2
        kind = draw(st.sampled_from([ops.MaxPool, ops.AvgPool]))
        return net.add(kind(windows), y)

    makers = [
        conv, conv, pad_conv, arithmetic, arithmetic, pool,
        lambda y: net.bn(y, 4, shift=draw(st.booleans())),
        net.relu,
        lambda y: net.two("add", y, rank_four()),
        lambda y: net.add(ops.Dropout(), y),
        lambda y: net.two("mul", y, net.add(ops.Activation("sigmoid"), y)),
        lambda y: net.add(ops.Permute((0, 1, 3, 2)), y),
    ]  # fmt: skip
    for _ in range(draw(st.integers(3, 12))):
        values.append(draw(st.sampled_from(makers))(rank_four()))
    if draw(st.booleans()):
        y = net.add(ops.Flatten(), net.add(ops.AdaptivePool((1, 1)), values[-1]))
        values.append(net.linear(net.linear(y, 4, 9), 9, 3))
    outputs = [values[-1], *([rank_four()] if draw(st.booleans()) else [])]
    return net.graph(*dict.fromkeys(outputs))


@given(networks())
@settings(max_examples=60, derandomize=True)
def test_random_networks(graph: Graph) -> None:
    optimized(graph)


@given(networks())
@settings(max_examples=20, derandomize=True)
def test_each_pass_alone_is_exact(graph: Graph) -> None:
    for one in PASSES:
        after, changes = one(graph)
        assert largest_difference(graph, after) < 1e-9
        names = [node.name for node in after]
        assert len(set(names)) == len(names)
        assert all(change.rule == one.__name__ and change.why for change in changes)
        graph = after


def test_nothing_to_do() -> None:
    net = Net(1, 3, 8, 8)
    graph = net.graph(net.relu(net.conv("x", 3, 4)))
    after, changes = optimize(graph)
    assert changes == []
    assert after.nodes == graph.nodes
    assert all(after.weights[name] is graph.weights[name] for name in graph.weights)


def test_kept_values_are_there() -> None:
    net = Net(1, 3, 8, 8)
    conv = net.conv("x", 3, 4)
    norm = net.bn(conv, 4)
    graph = net.graph(net.relu(norm))
    assert kinds(optimized(graph)) == ["conv", "activation"]
    after = optimized(graph, keep=[conv])
    assert kinds(after) == ["conv", "batch_norm", "activation"]
    assert conv in after.types
    assert after.outputs == graph.outputs
    with pytest.raises(OptionError, match="no value 'nowhere' to keep"):
        optimize(graph, keep=["nowhere"])


def test_each_node_that_goes_is_told_of_once() -> None:
    net = Net(1, 3)
    y = net.two("mul", "x", net.add(ops.Activation("sigmoid"), "x", name="gate"))
    net.relu("x")  # nobody reads it
    _, changes = optimize(net.graph(y))
    assert list(map(str, changes)) == [
        "activation2: nobody reads what it makes",
        "gate, binary1 -> binary1: spell out silu",
    ]


def test_nothing_is_written_in_place() -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(inplace=True)).eval()
    graph = striate.capture(net, (1, 1, 8, 8))
    assert graph.nodes[1].inplace
    assert not any(node.inplace for node in optimize(graph)[0])


def test_the_model_keeps_its_weights() -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)).eval()
    kept = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    graph = striate.capture(net, (1, 1, 8, 8))
    after, changes = optimize(graph)
    assert len(after) == 1
    assert all(torch.equal(kept[name], tensor) for name, tensor in net.state_dict().items())
    assert after.check() < 1e-6
    assert [str(change) for change in changes] == [
        "1 -> 0: batch norm goes into the weights and bias of the conv before it"
    ]


def test_other_batches_and_sizes_after() -> None:
    net = Net(1, 3, 8, 8)
    y = net.bn(net.conv("x", 3, 8, 3, stride=2, padding=1, bias=False), 8)
    y = net.add(ops.Reduce("mean", (2, 3)), net.two("add", net.relu(y), net.bn(y, 8)))
    graph = net.graph(net.linear(y, 8, 5))
    after = optimize(graph)[0].at((2, 3, 9, 5))
    assert largest_difference(graph.at((2, 3, 9, 5)), after) < 2e-6
