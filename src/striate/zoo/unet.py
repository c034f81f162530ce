"""U-Net: down to small maps and up again, with the maps of the way down carried across.

Ronneberger, Fischer, Brox 2015, arXiv:1505.04597. Differs from the paper in 'same' padding, so that
the output is as large as the input and nothing is cropped, and in batch norm after each
convolution, without a bias before it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .. import nn
from ..errors import ShapeError
from ._registry import register, scaled

PAPER = "Ronneberger, Fischer, Brox 2015, U-Net, arXiv:1505.04597"


class _DoubleConv(nn.Sequential):
    def __init__(self, channels: int, out_channels: int) -> None:
        layers: list[nn.Module] = []
        for _ in range(2):
            layers.append(nn.Conv2d(channels, out_channels, 3, padding="same", bias=False))
            layers += [nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)]
            channels = out_channels
        super().__init__(*layers)


class UNet(nn.Module):
    """`depth` poolings down and as many transposed convolutions up."""

    def __init__(self, in_channels: int, num_classes: int, channels: int, depth: int) -> None:
        super().__init__()
        widths = [channels * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList()
        for level, width in enumerate(widths):
            self.down.append(_DoubleConv(widths[level - 1] if level else in_channels, width))
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ModuleList()
        self.merge = nn.ModuleList()
        for width in reversed(widths[:-1]):
            self.up.append(nn.ConvTranspose2d(2 * width, width, kernel_size=2, stride=2))
            self.merge.append(_DoubleConv(2 * width, width))
        self.head = nn.Conv2d(widths[0], num_classes, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """Give each pixel of (N, in_channels, H, W) its logits."""
        step = 2 ** (len(self.down) - 1)
        if any(size % step for size in x.shape[-2:]):
            fits = tuple(-(-size // step) * step for size in x.shape[-2:])
            raise ShapeError(
                f"input {tuple(x.shape)} does not halve {len(self.down) - 1} times: height and "
                f"width must be multiples of {step}. Pad it to {fits[0]}x{fits[1]}.",
                subject="UNet",
            )
        carried = []
        for level, block in enumerate(self.down):
            x = block(self.pool(x) if level else x)
            carried.append(x)
        carried.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat((carried.pop(), up(x)), dim=1))
        logits: Tensor = self.head(x)
        return logits


@register(PAPER, (1, 128, 128), 2)
def unet(in_channels: int = 1, num_classes: int = 2, width: float = 1.0, depth: int = 4) -> UNet:
    """Four poolings down, four transposed convolutions up, maps carried across: logits a pixel.

    Args:
        in_channels, num_classes: Channels read, and classes a pixel can have.
        width: Factor on 64, the channels of the first level, which double at each further one.
        depth: Number of poolings; height and width must be multiples of 2**depth.
    Shape:
        input (N, in_channels, H, W), output (N, num_classes, H, W).
    Raises:
        ShapeError: A height or width that does not halve `depth` times.
    Example:
        >>> from striate import zoo
        >>> zoo.unet(width=0.125, depth=2)(torch.zeros(1, 1, 32, 48)).shape
        torch.Size([1, 2, 32, 48])
    """
    return UNet(in_channels, num_classes, scaled(64, width), depth)
