"""Files as users have them: written by torch.onnx.export."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import striate

from .models import TOLERANCE, draw
from .test_write import parameters


def exported(module: nn.Module, folder: Path, *shape: int, **options: Any) -> Path:
    """Export a module in torch's older way, which needs no further package."""
    path = folder / "net.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (torch.randn(*shape),),
            str(path),
            dynamo=False,
            input_names=["input"],
            **options,
        )
    return path


OPEN: dict[str, Any] = {"dynamic_axes": {"input": {0: "batch", 2: "height", 3: "width"}}}


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "unet"])
def test_networks_with_open_sizes(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = striate.zoo.create(name).eval()
    channels = 1 if name == "unet" else 3
    path = exported(net, tmp_path, 1, channels, 32, 32, **OPEN)
    graph = striate.load_onnx(path, (1, channels, 32, 32))
    assert "opaque" not in {node.kind for node in graph}
    assert graph.check() < 1e-5
    assert graph.check(draw(2, channels, 48, 64)) < 1e-5


def test_folded_weights_and_paths(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = striate.zoo.create("resnet18").eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias)  # the exporter shares weights that are equal
    graph = striate.load_onnx(exported(net, tmp_path, 2, 3, 32, 32))
    twin = striate.capture(net, (2, 3, 32, 32))
    # The exporter folds each batch normalisation into its convolution: 2 numbers a channel less,
    # one of them back as the bias.
    norms = sum(2 * m.num_features for m in net.modules() if isinstance(m, nn.BatchNorm2d))
    assert parameters(graph) == parameters(twin) - norms // 2
    for path in ("layer1.0.conv1", "layer4.1.conv2", "layer2.0.downsample.0", "fc"):
        assert graph[path].kind == twin[path].kind
        assert graph.types[graph[path].outputs[0]] == twin.types[twin[path].outputs[0]]


class Mixed(nn.Module):
    """What exporters write with shape arithmetic."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(2, 4)
        self.token = nn.Parameter(torch.randn(1, 1, 4))
        self.fc = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        x = self.norm(x)
        x = nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear")
        x = nn.functional.interpolate(x, size=(h, w), mode="nearest")
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        x = nn.functional.pad(x, (1, h % 2, 0, 0))[:, :, : h - 1, ::2]
        x = x.flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(n, -1, -1), x], 1)
        x = x + nn.functional.scaled_dot_product_attention(x, x, x)
        y: torch.Tensor = nn.functional.gelu(self.fc(x))
        return y


@pytest.mark.parametrize("opset", [14, 17])
def test_shape_arithmetic(opset: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = exported(Mixed().eval(), tmp_path, 2, 4, 6, 5, opset_version=opset, **OPEN)
    graph = striate.load_onnx(path, (2, 4, 6, 5))
    assert "opaque" not in {node.kind for node in graph}
    assert graph.check() < TOLERANCE
    assert graph.check(draw(1, 4, 9, 8)) < TOLERANCE
    # The norm's plain ones and zeros are no parameters.
    assert parameters(graph) == sum(p.numel() for p in Mixed().parameters())


def test_a_network_in_training(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.2)).train()
    path = exported(net, tmp_path, 2, 1, 5, 5, training=torch.onnx.TrainingMode.TRAINING,
                    do_constant_folding=False, opset_version=17)  # fmt: skip
    graph = striate.load_onnx(path)
    assert graph.training
    assert [node.kind for node in graph] == ["conv", "batch_norm", "dropout"]
    assert [node.name for node in graph] == ["0", "1", "2"]
    assert graph["2"].op.p == 0.2  # type: ignore[attr-defined]
