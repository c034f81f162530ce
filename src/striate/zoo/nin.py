"""Network in Network: 1x1 convolutions as small networks at each pixel, global average pooling.

Lin, Chen, Yan 2013, arXiv:1312.4400: the network for 32x32 images. Differs in nothing but the
weights' start, which is He's, as ReLU wants it.
"""

from __future__ import annotations

from .. import nn
from ._registry import register, scaled

PAPER = "Lin, Chen, Yan 2013, Network in network, arXiv:1312.4400"


def _mlpconv(channels: int, first: int, second: int, third: int, kernel: int) -> list[nn.Module]:
    """One convolution and two 1x1 ones, each with its ReLU."""
    return [
        nn.Conv2d(channels, first, kernel_size=kernel, padding="same"),
        nn.ReLU(inplace=True),
        nn.Conv2d(first, second, kernel_size=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(second, third, kernel_size=1),
        nn.ReLU(inplace=True),
    ]


@register(PAPER, (3, 32, 32), 10)
def nin(
    in_channels: int = 3, num_classes: int = 10, width: float = 1.0, dropout: float = 0.5
) -> nn.Sequential:
    """Three convolutions, each followed by two of 1x1, and a global average for each class.

    Args:
        in_channels, num_classes: Channels read and classes told apart.
        width: Factor on the channels of every hidden layer.
        dropout: Probability, after each of the two poolings.
    Example:
        >>> from striate import zoo
        >>> zoo.nin(width=0.25)(torch.zeros(1, 3, 32, 32)).shape
        torch.Size([1, 10])
    """
    wide, narrow, mid = (scaled(channels, width) for channels in (192, 96, 160))
    net = nn.Sequential(
        *_mlpconv(in_channels, wide, mid, narrow, kernel=5),
        nn.MaxPool2d(3, stride=2, padding="same"),
        nn.Dropout(dropout),
        *_mlpconv(narrow, wide, wide, wide, kernel=5),
        nn.AvgPool2d(3, stride=2, padding="same", count_include_pad=False),
        nn.Dropout(dropout),
        *_mlpconv(wide, wide, wide, num_classes, kernel=3),
        nn.GlobalAvgPool2d(),
        nn.Flatten(),
    )
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return net
