"""C3D, made small: 3x3x3 convolutions over clips or volumes.

Tran, Bourdev, Fergus, Torresani, Paluri 2014, arXiv:1412.0767. Differs from the paper in size: four
convolutions of 16 to 128 channels with batch norm on 16 frames of 56x56, and a global average in
the place of the two wide linear layers.
"""

from __future__ import annotations

from .. import nn
from ._registry import register, scaled

PAPER = "Tran et al. 2014, Learning spatiotemporal features with 3D ConvNets, arXiv:1412.0767"


@register(PAPER, (3, 16, 56, 56), 10)
def c3d_small(in_channels: int = 3, num_classes: int = 10, width: float = 1.0) -> nn.Sequential:
    """Four 3x3x3 convolutions; the first pooling leaves the time axis alone.

    Args:
        in_channels, num_classes: Channels read and classes told apart.
        width: Factor on 16, 32, 64 and 128, the channels of the layers.
    Shape:
        input (N, in_channels, D, H, W) with D >= 8 and H, W >= 16, output (N, num_classes).
    Example:
        >>> from striate import zoo
        >>> zoo.c3d_small()(torch.zeros(1, 3, 16, 56, 56)).shape
        torch.Size([1, 10])
    """
    layers: list[nn.Module] = []
    channels = in_channels
    for number, planes in enumerate((16, 32, 64, 128)):
        out_channels = scaled(planes, width)
        layers += [
            nn.Conv3d(channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm3d(out_channels),
            nn.ReLU(inplace=True),
            nn.MaxPool3d((1, 2, 2) if number == 0 else 2),
        ]
        channels = out_channels
    return nn.Sequential(
        *layers, nn.GlobalAvgPool3d(), nn.Flatten(), nn.Linear(channels, num_classes)
    )
