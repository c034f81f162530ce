"""ConvNeXt: a ConvNet with the layout of a vision transformer: 7x7 depthwise, LayerNorm, GELU.

Liu, Mao, Wu, Feichtenhofer, Darrell, Xie 2022, arXiv:2201.03545. As published; the modules are
named as torchvision's.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .. import nn
from ._registry import register, scaled

PAPER = "Liu et al. 2022, A ConvNet for the 2020s, arXiv:2201.03545"


class Permute(nn.Module):
    """Reorder the axes."""

    def __init__(self, *order: int) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        """Reorder the axes of x."""
        return x.permute(self.order)


class StochasticDepth(nn.Module):
    """Drop whole samples' residuals while training: Huang et al. 2016, arXiv:1603.09382."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Zero each sample with probability p, scale the others by 1 / (1 - p)."""
        if not self.training or self.p == 0:
            return x
        survival = 1 - self.p
        keep = torch.empty(len(x), *[1] * (x.dim() - 1), dtype=x.dtype, device=x.device)
        return x * keep.bernoulli_(survival) / survival

    def extra_repr(self) -> str:
        """Show the probability."""
        return f"p={self.p}"


class CNBlock(nn.Module):
    """7x7 depthwise, LayerNorm, two linear layers at each pixel, scaled, added to the input."""

    def __init__(self, channels: int, drop: float) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(channels, channels, kernel_size=7, padding=3, groups=channels),
            Permute(0, 2, 3, 1),
            nn.LayerNorm(channels, eps=1e-6),
            nn.Linear(channels, 4 * channels),
            nn.GELU(),
            nn.Linear(4 * channels, channels),
            Permute(0, 3, 1, 2),
        )
        self.layer_scale = nn.Parameter(torch.full((channels, 1, 1), 1e-6))
        self.stochastic_depth = StochasticDepth(drop)

    def forward(self, x: Tensor) -> Tensor:
        """Add the block's scaled output to x."""
        change: Tensor = self.stochastic_depth(self.layer_scale * self.block(x))
        return x + change


class ConvNeXt(nn.Module):
    """A patch stem and four stages of blocks with downsampling between them."""

    def __init__(
        self,
        repeats: tuple[int, ...],
        channels: tuple[int, ...],
        in_channels: int,
        num_classes: int,
        stochastic_depth: float,
    ) -> None:
        super().__init__()
        stem = nn.Sequential(
            nn.Conv2d(in_channels, channels[0], kernel_size=4, stride=4),
            nn.LayerNorm2d(channels[0], eps=1e-6),
        )
        layers: list[nn.Module] = [stem]
        done, total = 0, sum(repeats)
        for stage, count in enumerate(repeats):
            if stage:
                layers.append(
                    nn.Sequential(
                        nn.LayerNorm2d(channels[stage - 1], eps=1e-6),
                        nn.Conv2d(channels[stage - 1], channels[stage], kernel_size=2, stride=2),
                    )
                )
            drops = [stochastic_depth * (done + i) / (total - 1) for i in range(count)]
            layers.append(nn.Sequential(*(CNBlock(channels[stage], drop) for drop in drops)))
            done += count
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.LayerNorm2d(channels[-1], eps=1e-6),
            nn.Flatten(1),
            nn.Linear(channels[-1], num_classes),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Classify (N, in_channels, H, W) of 32x32 or more."""
        logits: Tensor = self.classifier(self.avgpool(self.features(x)))
        return logits


@register(PAPER, (3, 224, 224), 1000)
def convnext_tiny(
    in_channels: int = 3, num_classes: int = 1000, width: float = 1.0, stochastic_depth: float = 0.1
) -> ConvNeXt:
    """Eighteen blocks of a 7x7 depthwise convolution and two linear layers at each pixel.

    Args:
        in_channels, num_classes: Channels read and classes told apart.
        width: Factor on the channels 96, 192, 384 and 768.
        stochastic_depth: Probability to drop the last block; it rises linearly from 0.
    Example:
        >>> from striate import zoo
        >>> zoo.convnext_tiny(num_classes=5, width=0.125)(torch.zeros(1, 3, 64, 64)).shape
        torch.Size([1, 5])
    """
    channels = tuple(scaled(c, width) for c in (96, 192, 384, 768))
    return ConvNeXt((3, 3, 9, 3), channels, in_channels, num_classes, stochastic_depth)
