"""MobileNets: depthwise and pointwise convolutions in the place of dense ones.

V1: Howard et al. 2017, arXiv:1704.04861. V2: Sandler et al. 2018, arXiv:1801.04381, whose modules
are named as torchvision's. Both are as published, V1 with ReLU after every batch norm.
"""

from __future__ import annotations

from torch import Tensor

from .. import nn
from ._registry import register, scaled

PAPER_V1 = "Howard et al. 2017, MobileNets, arXiv:1704.04861"
PAPER_V2 = "Sandler et al. 2018, MobileNetV2, arXiv:1801.04381"

# Table 1 of V1: channels out and stride of each depthwise separable convolution.
_V1 = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *[(512, 1)] * 5,
    *((1024, 2), (1024, 1)),
)
# Table 2 of V2: expansion, channels out, repeats, stride of the first.
_V2 = (
    *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
    *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
)


class _ConvNorm(nn.Sequential):
    """A convolution without bias, batch norm, ReLU or ReLU6."""

    def __init__(
        self,
        channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        groups: int = 1,
        activation: type[nn.Module] = nn.ReLU6,
    ) -> None:
        padding = (kernel_size - 1) // 2
        super().__init__(
            nn.Conv2d(
                channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False
            ),
            nn.BatchNorm2d(out_channels),
            activation(inplace=True),
        )


class InvertedResidual(nn.Module):
    """Widen by 1x1, filter each channel by 3x3, narrow by 1x1; added to the input where it fits."""

    def __init__(self, channels: int, out_channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = channels * expansion
        widen = [_ConvNorm(channels, hidden, 1)] if expansion != 1 else []
        self.conv = nn.Sequential(
            *widen,
            _ConvNorm(hidden, hidden, 3, stride, groups=hidden),
            nn.Conv2d(hidden, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.residual = stride == 1 and channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Filter, and add to x where the shapes agree."""
        out: Tensor = self.conv(x)
        return x + out if self.residual else out


class MobileNetV2(nn.Module):
    """A stem, seventeen inverted residuals, a wide 1x1 convolution, a linear layer."""

    def __init__(self, in_channels: int, num_classes: int, width: float, dropout: float) -> None:
        super().__init__()
        channels = scaled(32, width, divisor=8)
        last = scaled(1280, max(1.0, width), divisor=8)
        layers: list[nn.Module] = [_ConvNorm(in_channels, channels, 3, stride=2)]
        for expansion, planes, repeats, stride in _V2:
            out_channels = scaled(planes, width, divisor=8)
            for index in range(repeats):
                step = stride if index == 0 else 1
                layers.append(InvertedResidual(channels, out_channels, step, expansion))
                channels = out_channels
        layers.append(_ConvNorm(channels, last, 1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last, num_classes))
        _start(self)

    def forward(self, x: Tensor) -> Tensor:
        """Classify (N, in_channels, H, W)."""
        logits: Tensor = self.classifier(self.features(x).mean((2, 3)))
        return logits


def _start(net: nn.Module) -> None:
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, 0, 0.01)
            nn.init.zeros_(layer.bias)


@register(PAPER_V1, (3, 224, 224), 1000)
def mobilenet_v1(
    in_channels: int = 3, num_classes: int = 1000, width: float = 1.0, dropout: float = 0.001
) -> nn.Sequential:
    """Thirteen depthwise separable convolutions, with a stride in five of the places.

    Args:
        in_channels, num_classes: Channels read and classes told apart.
        width: The paper's width multiplier; channels are rounded to multiples of 8.
        dropout: Probability, before the linear layer.
    Example:
        >>> from striate import zoo
        >>> zoo.mobilenet_v1(width=0.25)(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2, 1000])
    """
    channels = scaled(32, width, divisor=8)
    layers: list[nn.Module] = [_ConvNorm(in_channels, channels, 3, 2, activation=nn.ReLU)]
    for planes, stride in _V1:
        out_channels = scaled(planes, width, divisor=8)
        layers += [
            _ConvNorm(channels, channels, 3, stride, groups=channels, activation=nn.ReLU),
            _ConvNorm(channels, out_channels, 1, activation=nn.ReLU),
        ]
        channels = out_channels
    head = [nn.GlobalAvgPool2d(), nn.Flatten(), nn.Dropout(dropout)]
    net = nn.Sequential(*layers, *head, nn.Linear(channels, num_classes))
    _start(net)
    return net


@register(PAPER_V2, (3, 224, 224), 1000)
def mobilenet_v2(
    in_channels: int = 3, num_classes: int = 1000, width: float = 1.0, dropout: float = 0.2
) -> MobileNetV2:
    """Seventeen inverted residuals with linear bottlenecks; ReLU6 in between.

    Args:
        in_channels, num_classes: Channels read and classes told apart.
        width: The paper's width multiplier; channels are rounded to multiples of 8.
        dropout: Probability, before the linear layer.
    Example:
        >>> from striate import zoo
        >>> zoo.mobilenet_v2(width=0.25)(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2, 1000])
    """
    return MobileNetV2(in_channels, num_classes, width, dropout)
