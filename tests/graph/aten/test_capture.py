"""Graphs captured from torch modules compute what the modules compute, and keep their names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import striate
from striate import capture, zoo
from striate.errors import GraphError, OptionError, ShapeError
from striate.graph import FitError, Graph


class Calls(nn.Module):
    """A module of one function, so that a line can be captured."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> Any:
        """Call it."""
        return self.function(*inputs)


def kinds(graph: Graph) -> list[str]:
    return [node.kind for node in graph]


SMALL = {
    "lenet5": (1, 32, 32),
    "lenet5_1998": (1, 32, 32),
    "nin": (3, 32, 32),
    "resnet20": (3, 32, 32),
    "resnet18": (3, 64, 64),
    "mobilenet_v1": (3, 64, 64),
    "mobilenet_v2": (3, 64, 64),
    "efficientnet_b0": (3, 64, 64),
    "convnext_tiny": (3, 64, 64),
    "unet": (1, 32, 32),
    "m5": (1, 4000),
    "c3d_small": (3, 16, 56, 56),
}


@pytest.mark.parametrize("name", SMALL)
def test_the_reference_agrees_with_the_zoo(name: str) -> None:
    torch.manual_seed(0)
    net = zoo.create(name).eval()
    graph = capture(net, (1, *SMALL[name]))
    assert "opaque" not in kinds(graph)
    assert graph.check() < 1e-5


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "unet", "m5"])
def test_one_capture_serves_all_sizes(name: str) -> None:
    net = zoo.create(name).eval()
    graph = capture(net, (1, *SMALL[name]))
    larger = (3, SMALL[name][0], *(2 * n for n in SMALL[name][1:]))
    with torch.no_grad():
        expected = net(torch.zeros(larger)).shape
    assert graph.at(larger).types[graph.outputs[0]].shape == tuple(expected)


def test_every_other_pixel_needs_no_second_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def unwanted(*_: Any) -> None:
        raise AssertionError("traced again")

    monkeypatch.setattr("striate.graph.aten._capture.trace_open", unwanted)
    graph = capture(Calls(lambda x: x[:, :, ::2, 0::3]), (1, 2, 8, 9))
    assert graph.at((4, 2, 13, 7)).types[graph.outputs[0]].shape == (4, 2, 7, 3)


def test_a_slice_up_to_a_share_of_the_size_serves_all_sizes() -> None:
    graph = capture(Calls(lambda x: x[:, :, 1 : x.shape[2] // 2]), (1, 2, 8, 9))
    assert graph.at((4, 2, 14, 7)).types[graph.outputs[0]].shape == (4, 2, 6, 7)


# What networks write, one line each: (function, shapes of its inputs).
LINES: dict[str, tuple[Any, list[tuple[int, ...]]]] = {
    "relu6": (F.relu6, [(2, 3)]),
    "hardtanh": (lambda x: F.hardtanh(x, -0.5, 0.7), [(2, 3)]),
    "leaky relu": (lambda x: F.leaky_relu(x, 0.2), [(2, 3)]),
    "elu, selu, celu": (lambda x: F.elu(x, 0.7) + F.selu(x) + F.celu(x, 1.3), [(2, 3)]),
    "gelu": (lambda x: F.gelu(x) + F.gelu(x, approximate="tanh"), [(2, 3)]),
    "silu, mish, softplus": (lambda x: F.silu(x) + F.mish(x) + F.softplus(x), [(2, 3)]),
    "hardswish": (lambda x: F.hardswish(x) * F.hardsigmoid(x), [(2, 3)]),
    "clamp": (lambda x: x.clamp(min=0.1) + x.clamp(max=0.2), [(2, 3)]),
    "softmax": (lambda x: F.softmax(x, -1) + F.log_softmax(x, 0), [(2, 3)]),
    "glu": (lambda x: F.glu(x, 1), [(2, 6)]),
    "numbers in front": (lambda x: 1 - x / 2 + 3 / (x * x + 1) - 2**x, [(2, 3)]),
    "broadcast": (lambda x, y: (x + y) * x.pow(2) - y, [(2, 3, 4), (3, 1)]),
    "minimum": (lambda x, y: torch.maximum(x, y) + torch.minimum(x, y), [(2, 3), (2, 3)]),
    "where": (lambda x, y: torch.where(x > y, x, 0.5), [(2, 3), (2, 3)]),
    "masked fill": (lambda x: x.masked_fill(x < 0, -1.0), [(2, 3)]),
    "concatenate": (lambda x, y: torch.cat([x, y], -1), [(2, 3), (2, 2)]),
    "stack": (lambda x, y: torch.stack([x, y], 1).sum(1), [(2, 3), (2, 3)]),
    "split": (lambda x: torch.cat(x.split([1, 3], 1)[::-1], 1), [(2, 4)]),
    "chunk": (lambda x: torch.cat(x.chunk(3, 1)[::-1], 1), [(2, 7)]),
    "unbind": (lambda x: sum(x.unbind(1)), [(2, 3, 4)]),
    "slices": (lambda x: x[:, 1:, ::2, :-1], [(2, 3, 5, 5)]),
    "select": (lambda x: x[:, 1] + x[..., 0].mean(-1, keepdim=True), [(2, 3, 3)]),
    "index": (lambda x: x[:, torch.tensor([2, 0])], [(2, 3)]),
    "pads": (
        lambda x: F.pad(F.pad(F.pad(x, (1, 2), mode="reflect"), (1, 0, 0, 2)), (1, 1), "circular"),
        [(2, 3, 5)],
    ),
    "replicate": (lambda x: F.pad(x, (1, 2, 2, 1), mode="replicate"), [(2, 3, 4, 4)]),
    "reshapes": (lambda x: x.view(2, -1).reshape(2, 3, -1).flatten(1), [(2, 3, 4)]),
    "transposes": (lambda x: x.transpose(1, 2).permute(2, 0, 1).movedim(0, -1), [(2, 3, 4)]),
    "squeeze": (lambda x: x.unsqueeze(1).squeeze(1).unsqueeze(-1).squeeze(), [(2, 3)]),
    "expand": (lambda x: x[:, None].expand(-1, 4, -1) + x.repeat(1, 1)[:, None], [(2, 3)]),
    "reductions": (
        lambda x: x.mean((2, 3)) + x.sum((2, 3)) + x.amax((2, 3)) + x.std((2, 3)),
        [(2, 3, 4, 4)],
    ),
    "max along": (lambda x: x.max(1).values + x.min(1).values, [(2, 3, 4)]),
    "norm": (lambda x: F.normalize(x, dim=1), [(2, 3)]),
    "products": (lambda x, y: x @ y + torch.bmm(x, y), [(2, 3, 4), (2, 4, 3)]),
    "einsum": (lambda x, y: torch.einsum("bij,bjk->bik", x, y), [(2, 3, 4), (2, 4, 5)]),
    "attention": (lambda q: F.scaled_dot_product_attention(q, q, q), [(2, 2, 5, 4)]),
    "nearest": (lambda x: F.interpolate(x, scale_factor=2), [(1, 2, 3, 4)]),
    "nearest to a size": (lambda x: F.interpolate(x, size=(5, 7)), [(1, 2, 3, 4)]),
    "bilinear": (
        lambda x: F.interpolate(x, scale_factor=1.5, mode="bilinear"), [(1, 2, 4, 6)],
    ),
    "bilinear corners": (
        lambda x: F.interpolate(x, size=(7, 5), mode="bilinear", align_corners=True),
        [(1, 2, 3, 4)],
    ),
    "bicubic": (lambda x: F.interpolate(x, size=(7, 9), mode="bicubic"), [(1, 2, 5, 6)]),
    "like another": (
        lambda x, y: F.interpolate(x, size=y.shape[2:], mode="bilinear"),
        [(1, 2, 3, 4), (1, 1, 6, 9)],
    ),
    "pixel shuffle": (lambda x: F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2), [(1, 8, 3, 4)]),
    "channel shuffle": (lambda x: F.channel_shuffle(x, 2), [(1, 4, 3, 3)]),
    "roll, flip": (lambda x: torch.roll(x, (1, 2), (1, 2)).flip(1), [(1, 4, 5)]),
    "max pool": (lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True), [(1, 2, 6, 7)]),
    "average pool": (
        lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), [(1, 2, 6, 7)],
    ),
    "lp pool": (lambda x: F.lp_pool2d(x.abs(), 2, 2), [(1, 2, 6, 6)]),
    "adaptive pools": (
        lambda x: F.adaptive_avg_pool2d(x, (3, 2)) + F.adaptive_max_pool2d(x, (3, 2)),
        [(1, 2, 7, 5)],
    ),
    "local response": (lambda x: F.local_response_norm(x, 3), [(1, 5, 3, 3)]),
    "instance norm": (F.instance_norm, [(2, 3, 4, 4)]),
    "dropout off": (lambda x: F.dropout(x, 0.5, training=False), [(2, 3)]),
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_functional_calls(line: str) -> None:
    function, shapes = LINES[line]
    graph = capture(Calls(function).eval(), *shapes)
    assert "opaque" not in kinds(graph)
    assert graph.check() < 1e-5


def test_in_place_functions_whose_result_is_not_used() -> None:
    def overwrite(x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        F.relu_(y)
        y += 1
        return y

    graph = capture(Calls(overwrite), (2, 3))
    assert kinds(graph) == ["binary", "activation", "binary"]
    assert graph.check() < 1e-6


def test_a_write_into_a_view_is_said_to_be_unknown() -> None:
    def write(x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        y[:, 0].zero_()
        return y

    graph = capture(Calls(write), (2, 3))
    assert kinds(graph)[-1] == "opaque"
    assert "view" in graph.nodes[-1].op.describe()
    with pytest.raises(OptionError, match="cannot be run"):
        graph.run(np.zeros((2, 3)))


def test_shared_modules_share_their_weights_and_are_told_apart() -> None:
    layer = nn.Linear(3, 3)
    graph = capture(nn.Sequential(layer, nn.ReLU(), layer), (1, 3))
    assert [node.name for node in graph] == ["0", "1", "2"]
    assert list(graph.weights) == ["0.weight", "0.bias"]
    report = striate.inspect(graph)
    assert report.params == 12
    assert report["2"].shared_params == 12


def test_tied_weights_are_counted_once() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    assert striate.inspect(net, (1, 3)).params == sum(p.numel() for p in net.parameters())


def test_weights_are_the_modules_own() -> None:
    net = nn.Conv2d(1, 2, 3)
    graph = capture(net, (1, 1, 8, 8))
    assert graph.weights["weight"].source is net.weight
    array = graph.weights["weight"].numpy()
    assert array.__array_interface__["data"][0] == net.weight.data_ptr()


def test_several_inputs_and_outputs() -> None:
    graph = capture(Calls(lambda x, y: (x + y, {"b": x - y})), (2, 3), (2, 3))
    assert (len(graph.inputs), len(graph.outputs)) == (2, 2)
    assert graph.check() < 1e-6
    assert graph.at((5, 3), (5, 3)).types[graph.outputs[1]].shape == (5, 3)


def test_train_mode_is_kept() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5)).train()
    graph = capture(net, (2, 1, 8, 8))
    assert graph.training
    assert [node.name for node in graph] == ["0", "1", "2"]
    assert graph["1"].op.training
    with pytest.raises(OptionError, match="switched on"):
        graph.check()


def test_one_image_without_a_batch() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2))
    graph = capture(net, (1, 9, 9))
    assert graph.types[graph.outputs[0]].shape == (2, 3, 3)
    assert graph.check() < 1e-6


def test_padding_same_is_one_layer() -> None:
    net = striate.nn.Sequential(
        striate.nn.Conv2d(1, 2, 4, padding="same"), striate.nn.AvgPool2d(3, 2, padding="same")
    )
    graph = capture(net, (1, 1, 8, 8))
    assert [node.name for node in graph] == ["0", "1"]
    assert graph.check() < 1e-6


def test_meta_networks_have_shapes_but_no_numbers() -> None:
    with torch.device("meta"):
        net = zoo.create("lenet5")
    graph = capture(net.eval(), (1, 1, 32, 32))
    with pytest.raises(GraphError, match="meta device"):
        graph.check()


class Asks(nn.Module):
    """Looks at a value to decide."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Turn the sign."""
        x = self.conv(x)
        return x if x.sum() > 0 else -x


def test_a_branch_on_values_cannot_be_captured() -> None:
    with pytest.raises(GraphError, match="branches on values"):
        capture(Asks(), (1, 1, 8, 8))


def test_a_wrong_size_is_told_with_the_chain_and_what_fits() -> None:
    with pytest.raises(FitError) as refused:
        capture(zoo.create("lenet5"), (1, 1, 30, 30))
    text = str(refused.value)
    assert text.startswith("Conv2d 'c5': a window of 5x5 does not fit a map of 4x4")
    assert "input 1x30x30 > c1 6x26x26 > s2 6x13x13 > c3 16x9x9 > s4 16x4x4" in text
    assert "smallest input that fits is 32x32" in text


def test_wrong_channels_are_told() -> None:
    with pytest.raises(ShapeError, match="has 1 channels; weight 64x3x7x7 needs 3"):
        capture(zoo.create("resnet18"), (1, 1, 64, 64))


def test_what_is_no_module_or_no_shape_is_refused() -> None:
    with pytest.raises(OptionError, match=r"no torch\.nn\.Module"):
        capture("resnet50", (1, 3, 8, 8))  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="shape is missing"):
        capture(nn.ReLU())
    with pytest.raises(OptionError, match="neither a tensor nor a shape"):
        capture(nn.ReLU(), "1x3")
    with pytest.raises(OptionError, match="neither a tensor nor a shape"):
        capture(nn.ReLU(), (1, 0, 3))
