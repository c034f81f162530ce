"""Graphs written as ONNX files: the checker, ONNX Runtime, and read back."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import striate
from striate import errors
from striate.graph import Graph

from .models import TOLERANCE, draw


def macs(graph: Graph) -> int:
    return sum(
        graph.op(n).macs(graph.input_types(n), graph.output_types(n)) or 0 for n in graph
    )  # fmt: skip


def parameters(graph: Graph) -> int:
    return sum(w.type.numel for w in graph.weights.values() if w.role == "parameter")


def session(path: Path) -> Any:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def round_trip(
    graph: Graph, folder: Path, opset: int = 18, tolerance: float = TOLERANCE, seed: int = 0
) -> Graph:
    """Write and read a graph; compare ONNX Runtime with the graph's own float64 result."""
    path = folder / "net.onnx"
    graph.to_onnx(path, opset=opset)
    onnx.checker.check_model(str(path), full_check=True)
    running = session(path)
    arrays = [draw(*t.shape, seed=seed) for t in graph.inputs.values()]
    feeds = {i.name: a for i, a in zip(running.get_inputs(), arrays, strict=True)}
    for ours, theirs in zip(graph.run(*arrays), running.run(None, feeds), strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max(initial=0) <= tolerance * max(1.0, np.abs(ours).max())
    back = striate.load_onnx(path, *(t.shape for t in graph.inputs.values()))
    assert parameters(back) == parameters(graph)
    assert macs(back) == macs(graph)
    assert [back.types[o] for o in back.outputs] == [graph.types[o] for o in graph.outputs]
    assert back.check(*arrays) < tolerance
    return back


class Function(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[torch.Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(x)


def captured(module: Any, *shapes: tuple[int, ...]) -> Graph:
    torch.manual_seed(0)
    if not isinstance(module, nn.Module):
        module = Function(module)
    return striate.capture(module.eval(), *shapes)


LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "conv1d": (lambda: nn.Conv1d(2, 4, 3, padding=1, stride=2), (2, 2, 9)),
    "conv2d": (lambda: nn.Conv2d(4, 4, (3, 2), dilation=2, groups=2), (1, 4, 9, 8)),
    "conv same": (
        lambda: nn.Sequential(striate.nn.Conv2d(2, 3, 3, stride=2, padding="same")),
        (1, 2, 8, 7),
    ),
    "conv3d": (lambda: nn.Conv3d(1, 2, 3), (1, 1, 4, 5, 6)),
    "transposed": (
        lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2),
        (1, 4, 5, 4),
    ),
    "max pool": (lambda: nn.MaxPool2d(3, 2, padding=1, ceil_mode=True), (1, 2, 8, 6)),
    "max pool ceil": (lambda: nn.MaxPool2d(2, 2, padding=1, ceil_mode=True), (1, 2, 7, 8)),
    "max pool holes": (lambda: nn.MaxPool1d(2, dilation=3), (1, 2, 8)),
    "avg pool": (lambda: nn.AvgPool2d(3, 2, padding=1), (1, 2, 8, 7)),
    "avg pool ceil": (lambda: nn.AvgPool2d(3, 2, padding=1, ceil_mode=True), (1, 2, 8, 7)),
    "avg pool uncounted": (
        lambda: nn.AvgPool2d(3, 2, padding=1, ceil_mode=True, count_include_pad=False),
        (1, 2, 8, 7),
    ),
    "avg pool divisor": (lambda: nn.AvgPool2d(2, divisor_override=3), (1, 2, 4, 6)),
    "lp pool": (lambda: nn.LPPool2d(2, 3, 2), (1, 2, 7, 7)),
    "global pool": (lambda: nn.AdaptiveAvgPool2d(1), (2, 3, 5, 4)),
    "adaptive, equal": (lambda: nn.AdaptiveAvgPool2d((2, 3)), (1, 2, 6, 9)),
    "adaptive mean": (lambda: nn.AdaptiveAvgPool2d((3, None)), (1, 2, 7, 5)),
    "adaptive max": (lambda: nn.AdaptiveMaxPool2d((3, 4)), (1, 2, 7, 6)),
    "batch norm": (lambda: nn.BatchNorm2d(3), (2, 3, 4, 5)),
    "batch norm, plain": (lambda: nn.BatchNorm1d(3, affine=False), (2, 3, 4)),
    "batch norm, batch's": (lambda: nn.BatchNorm2d(3, track_running_stats=False), (2, 3, 4, 5)),
    "instance norm": (lambda: nn.InstanceNorm2d(3, affine=True), (2, 3, 4, 5)),
    "group norm": (lambda: nn.GroupNorm(2, 4), (2, 4, 3, 5)),
    "layer norm": (lambda: nn.LayerNorm((3, 5)), (2, 4, 3, 5)),
    "layer norm, plain": (lambda: nn.LayerNorm(5, elementwise_affine=False), (2, 3, 5)),
    "rms norm": (lambda: nn.RMSNorm(5), (2, 3, 5)),
    "local norm": (lambda: nn.LocalResponseNorm(5, alpha=0.3), (2, 7, 3, 3)),
    "local norm, even": (lambda: nn.LocalResponseNorm(4, alpha=0.3), (2, 7, 3, 3)),
    "linear": (lambda: nn.Linear(3, 4), (2, 3)),
    "linear on maps": (lambda: nn.Linear(3, 4), (2, 5, 3)),
    "linear without bias": (lambda: nn.Linear(3, 4, bias=False), (2, 5, 3)),
    "prelu": (lambda: nn.PReLU(3), (2, 3, 4, 4)),
    "nearest": (lambda: nn.Upsample(scale_factor=2), (1, 2, 3, 4)),
    "bilinear": (lambda: nn.Upsample(size=(7, 5), mode="bilinear"), (1, 2, 3, 4)),
    "corners": (
        lambda: nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
        (1, 2, 3, 4),
    ),
    "bicubic": (lambda: nn.Upsample(scale_factor=1.5, mode="bicubic"), (1, 2, 4, 4)),
    "pixel shuffle": (lambda: nn.PixelShuffle(2), (1, 12, 3, 2)),
    "pixel unshuffle": (lambda: nn.PixelUnshuffle(2), (1, 3, 4, 6)),
    "channel shuffle": (lambda: nn.ChannelShuffle(2), (1, 6, 3, 2)),
    "subsample": (
        lambda: nn.Sequential(striate.zoo.create("lenet5_1998").get_submodule("s2")),
        (1, 6, 4, 6),
    ),
    "dropout": (lambda: nn.Dropout(0.3), (2, 3)),
}


@cache
def layer(name: str) -> Graph:
    make, shape = LAYERS[name]
    torch.manual_seed(0)
    return captured(make(), shape)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("opset", [13, 17, 18, 21])
def test_layers(name: str, opset: int, tmp_path: Path) -> None:
    graph = layer(name)
    tolerance = 1e-5 if name in ("nearest", "bilinear", "corners", "bicubic") else TOLERANCE
    round_trip(graph, tmp_path, opset, tolerance)


FUNCTIONS: dict[str, Callable[[torch.Tensor], Any]] = {
    "relu": F.relu,
    "relu6": F.relu6,
    "clamp": lambda x: x.clamp(min=-0.3),
    "selu": F.selu,
    "leaky": lambda x: F.leaky_relu(x, 0.3),
    "elu": lambda x: F.elu(x, 0.7),
    "celu": lambda x: F.celu(x, 0.7),
    "gelu": F.gelu,
    "tanh gelu": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "mish": F.mish,
    "softplus": F.softplus,
    "softplus 2": lambda x: F.softplus(x, 2),
    "softsign": F.softsign,
    "hardswish": F.hardswish,
    "hardsigmoid": F.hardsigmoid,
    "sigmoid": torch.sigmoid,
    "log sigmoid": F.logsigmoid,
    "tanh": torch.tanh,
    "threshold": lambda x: F.threshold(x, 0.2, -1.0),
    "hardtanh": F.hardtanh,
    "rsqrt": lambda x: torch.rsqrt(x.abs() + 1),
    "square": torch.square,
    "erf": torch.erf,
    "softmax": lambda x: F.softmax(x, 1),
    "log softmax": lambda x: F.log_softmax(x, -1),
    "add": lambda x: torch.add(x, x[:, :1], alpha=2),
    "reverse": lambda x: 1 - x,
    "divide": lambda x: 2 / (x * x + 1),
    "power": lambda x: (x * x) ** 1.5,
    "floor divide": lambda x: x // 0.3,
    "remainder": lambda x: x % 0.7,
    "where": lambda x: torch.where(x > 0, x, x.new_zeros(())),
    "not equal": lambda x: torch.where(x != 0, x, 1.0),
    "concat": lambda x: torch.cat([x, x[:, :1]], 1),
    "stack": lambda x: torch.stack([x, 2 * x], 2),
    "split": lambda x: x.split([1, 3], 2)[1],
    "chunk": lambda x: torch.cat(x.chunk(3, 3)[::-1], 3),
    "slice": lambda x: x[:, 1:, ::2, 3],
    "flip": lambda x: x.flip(2, 3),
    "roll": lambda x: x.roll((1, -2), (2, 3)),
    "pad": lambda x: F.pad(x, (1, 2, -1, 0)),
    "pad 1": lambda x: F.pad(x, (1, 2), value=1.0),
    "reflect": lambda x: F.pad(x, (1, 2, 2, 0), mode="reflect"),
    "replicate": lambda x: F.pad(x, (1, 2, 2, 0), mode="replicate"),
    "circular": lambda x: F.pad(x, (1, 2, 2, 0), mode="circular"),
    "view": lambda x: x.view(x.shape[0], -1),
    "flatten": lambda x: x.flatten(2),
    "flatten all": lambda x: x.flatten(1, 2),
    "permute": lambda x: x.permute(0, 2, 3, 1),
    "squeeze": lambda x: x[:, :1].squeeze(1),
    "unsqueeze": lambda x: x.unsqueeze(-1),
    "expand": lambda x: x[:, :1].expand(-1, 5, -1, -1),
    "repeat": lambda x: x.repeat(1, 2, 1, 1),
    "mean": lambda x: x.mean((2, 3)),
    "sum": lambda x: x.sum(1, keepdim=True),
    "amax": lambda x: x.amax((1, 2)),
    "var": lambda x: x.var((2, 3)),
    "std": lambda x: x.std(1, correction=0),
    "norm": lambda x: F.normalize(x, dim=1),
    "argmax": lambda x: x.argmax(1) + 0.5,
    "cumsum": lambda x: x.cumsum(2),
    "matmul": lambda x: x @ x.transpose(2, 3),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x),
    "causal": lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
    "ones": lambda x: x + torch.ones(x.shape[0], 1, 1, 1),
    "arange": lambda x: x + torch.arange(5),
    "any": lambda x: (x > 2).any(1).float(),
    "token": lambda x: torch.cat([x.new_zeros(1, 1, 4, 5).expand(x.shape[0], -1, -1, -1), x], 1),
    "gather": lambda x: x[:, [2, 0]],
    "two": lambda x: (x + 1, x + 2),
    "twice": lambda x: (x.relu(),) * 2,
    "same": lambda x: (x, x + 1),
}


@cache
def function(name: str) -> Graph:
    return captured(FUNCTIONS[name], (2, 3, 4, 5))


def follows_batch(graph: Graph) -> bool:
    """Whether a larger batch makes all outputs larger, and changes nothing else."""
    try:
        larger = graph.at((3, 3, 4, 5))
    except errors.ShapeError:
        return False
    shapes = [larger.types[o].shape for o in graph.outputs]  # type: ignore[union-attr]
    return all(shape[0] == 3 for shape in shapes)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("opset", [13, 18, 21])
def test_functions(name: str, opset: int, tmp_path: Path) -> None:
    graph = function(name)
    back = round_trip(graph, tmp_path, opset)
    if follows_batch(graph):
        assert session(tmp_path / "net.onnx").get_inputs()[0].shape == ["N", 3, 4, 5]
        larger = draw(3, 3, 4, 5)
        assert back.check(larger) < TOLERANCE


def test_a_fixed_batch_stays_fixed(tmp_path: Path) -> None:
    graph = captured(lambda x: x.view(2, 6).sum(1), (2, 3, 2))
    round_trip(graph, tmp_path)
    assert session(tmp_path / "net.onnx").get_inputs()[0].shape == [2, 3, 2]


def test_roles_come_back(tmp_path: Path) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 1, bias=False)
            self.norm = nn.BatchNorm2d(1)
            self.register_buffer("scale", torch.tensor([[2.0, 3.0]]))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = self.norm(self.conv(x)) * self.scale
            return y

    graph = captured(Net(), (1, 1, 2, 2))
    back = round_trip(graph, tmp_path)
    told = {w.name: w.role for w in back.weights.values()}
    assert told == {w.name: w.role for w in graph.weights.values() if w.name in told}
    assert [node.name for node in back][:2] == ["conv", "norm"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_dtypes_come_back(dtype: Any, tmp_path: Path) -> None:
    module = nn.Conv1d(2, 3, 3).to(dtype)
    graph = striate.capture(module.eval(), (1, 2, 5))
    path = tmp_path / "net.onnx"
    graph.to_onnx(path)
    back = striate.load_onnx(path)
    for name, weight in graph.weights.items():
        assert back.weights[name].type == weight.type
        assert np.array_equal(back.weights[name].numpy(), weight.numpy())


def test_what_onnx_lacks_is_named(tmp_path: Path) -> None:
    graph = captured(nn.AdaptiveMaxPool2d((2, 3), return_indices=True), (1, 1, 5, 5))
    with pytest.raises(
        errors.GraphError, match=r"\(adaptive_pool\) cannot be written: ONNX has no"
    ):
        graph.to_onnx(tmp_path / "net.onnx")
    assert not [*tmp_path.iterdir()]


def test_opsets_that_are_not_written(tmp_path: Path) -> None:
    for opset in (12, 99):
        with pytest.raises(errors.OptionError, match="opsets 13 to 21"):
            captured(F.relu, (1, 2)).to_onnx(tmp_path / "net.onnx", opset=opset)


def test_large_weights_lie_beside_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("striate.graph.onnx._write.MOST_BYTES_INSIDE", 100)
    graph = captured(nn.Sequential(nn.Linear(3, 40), nn.ReLU(), nn.Linear(40, 2)), (2, 3))
    back = round_trip(graph, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.onnx", "net.onnx.data"]
    assert isinstance(back.weights["0.weight"].numpy(), np.memmap)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.GraphError, match="cannot be written"):
        captured(F.relu, (1, 2)).to_onnx(tmp_path / "file" / "net.onnx")


ZOO = {
    "lenet5": (1, 1, 32, 32), "lenet5_1998": (1, 1, 32, 32), "resnet18": (1, 3, 32, 32),
    "mobilenet_v2": (1, 3, 32, 32), "convnext_tiny": (1, 3, 32, 32), "unet": (1, 1, 32, 32),
    "efficientnet_b0": (1, 3, 32, 32),
    "m5": (1, 1, 4000), "c3d_small": (1, 3, 16, 32, 32),
}  # fmt: skip


@pytest.mark.parametrize("name", ZOO)
def test_networks_of_the_zoo(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = striate.zoo.create(name).eval()
    graph = striate.capture(net, ZOO[name])
    path = tmp_path / "net.onnx"
    graph.to_onnx(path)
    onnx.checker.check_model(str(path), full_check=True)
    back = striate.load_onnx(path)
    assert parameters(back) == parameters(graph)
    assert macs(back) == macs(graph)
    assert [back.types[o] for o in back.outputs] == [graph.types[o] for o in graph.outputs]
    x = draw(3, *ZOO[name][1:])
    with torch.no_grad():
        expected = net(torch.from_numpy(x)).numpy()
    running = session(path)
    (found,) = running.run(None, {running.get_inputs()[0].name: x})
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
