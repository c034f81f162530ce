"""EfficientNet: MobileNetV2's blocks with squeeze-excitation, at depths and widths found by search.

Tan and Le 2019, arXiv:1905.11946. As published (Table 1); the modules are named as torchvision's.
Squeeze-excitation: Hu et al. 2018, arXiv:1709.01507.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .. import nn
from ._registry import register, scaled
from .convnext import StochasticDepth

PAPER = "Tan and Le 2019, EfficientNet, arXiv:1905.11946"

# Table 1: expansion, kernel, stride of the first, channels out, repeats.
_B0 = (
    *((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3)),
    *((6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)),
)


class _ConvNorm(nn.Sequential):
    """A convolution without bias, batch norm, SiLU if asked."""

    def __init__(
        self,
        channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        groups: int = 1,
        activation: bool = True,
    ) -> None:
        padding = (kernel_size - 1) // 2
        conv = nn.Conv2d(
            channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False
        )
        layers = [conv, nn.BatchNorm2d(out_channels)]
        super().__init__(*layers, *([nn.SiLU(inplace=True)] if activation else []))


class SqueezeExcitation(nn.Module):
    """Scale each map by a number between 0 and 1 that all maps' averages decide."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.activation = nn.SiLU(inplace=True)
        self.scale_activation = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Scale the maps of x."""
        squeezed = self.activation(self.fc1(self.avgpool(x)))
        scaled_maps: Tensor = self.scale_activation(self.fc2(squeezed)) * x
        return scaled_maps


class MBConv(nn.Module):
    """Widen by 1x1, filter each channel, scale the channels, narrow by 1x1; added where it fits."""

    def __init__(
        self,
        channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int,
        expansion: int,
        drop: float,
    ) -> None:
        super().__init__()
        hidden = channels * expansion
        self.block = nn.Sequential(
            *([_ConvNorm(channels, hidden, 1)] if expansion != 1 else []),
            _ConvNorm(hidden, hidden, kernel_size, stride, groups=hidden),
            SqueezeExcitation(hidden, max(1, channels // 4)),
            _ConvNorm(hidden, out_channels, 1, activation=False),
        )
        self.stochastic_depth = StochasticDepth(drop)
        self.residual = stride == 1 and channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Filter, and add to x where the shapes agree."""
        out: Tensor = self.block(x)
        return x + self.stochastic_depth(out) if self.residual else out


class EfficientNet(nn.Module):
    """A stem, seven stages of inverted residuals, a wide 1x1 convolution, a linear layer."""

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        width: float,
        dropout: float,
        stochastic_depth: float,
    ) -> None:
        super().__init__()
        channels = scaled(32, width, divisor=8)
        stages: list[nn.Module] = [_ConvNorm(in_channels, channels, 3, stride=2)]
        done, total = 0, sum(repeats for *_, repeats in _B0)
        for expansion, kernel_size, stride, planes, repeats in _B0:
            out_channels = scaled(planes, width, divisor=8)
            blocks = []
            for index in range(repeats):
                step = stride if index == 0 else 1
                drop = stochastic_depth * done / total
                blocks.append(MBConv(channels, out_channels, kernel_size, step, expansion, drop))
                channels, done = out_channels, done + 1
            stages.append(nn.Sequential(*blocks))
        stages.append(_ConvNorm(channels, 4 * channels, 1))
        self.features = nn.Sequential(*stages)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(4 * channels, num_classes))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
            elif isinstance(layer, nn.Linear):
                bound = layer.out_features**-0.5
                nn.init.uniform_(layer.weight, -bound, bound)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Classify (N, in_channels, H, W)."""
        logits: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))
        return logits


@register(PAPER, (3, 224, 224), 1000)
def efficientnet_b0(
    in_channels: int = 3,
    num_classes: int = 1000,
    width: float = 1.0,
    dropout: float = 0.2,
    stochastic_depth: float = 0.2,
) -> EfficientNet:
    """Sixteen inverted residuals, 3x3 and 5x5, whose channels squeeze-excitation weighs; SiLU.

    Args:
        in_channels, num_classes: Channels read and classes told apart.
        width: The paper's width multiplier; channels are rounded to multiples of 8.
        dropout: Probability, before the linear layer.
        stochastic_depth: Probability to drop a block after the last; it rises linearly from 0.
    Example:
        >>> from striate import zoo
        >>> zoo.efficientnet_b0(width=0.25)(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2, 1000])
    """
    return EfficientNet(in_channels, num_classes, width, dropout, stochastic_depth)
