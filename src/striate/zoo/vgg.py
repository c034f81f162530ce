"""VGG: nothing but 3x3 convolutions and 2x2 poolings, 11 to 19 weight layers deep.

Simonyan, Zisserman 2014, arXiv:1409.1556, table 1, configurations A, B, D and E. Differs from the
paper in an adaptive pooling to 7x7 before the linear layers, and in the optional batch norm.
"""

from __future__ import annotations

from torch import Tensor

from .. import nn
from ._registry import register, scaled

PAPER = "Simonyan, Zisserman 2014, Very deep convolutional networks, arXiv:1409.1556"

# Convolutions in each of the five stages, which end in a pooling.
_STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_CHANNELS = (64, 128, 256, 512, 512)


class VGG(nn.Module):
    """Stages of 3x3 convolutions; the modules are named as torchvision's."""

    def __init__(
        self,
        depth: int,
        batch_norm: bool,
        in_channels: int,
        num_classes: int,
        width: float,
        dropout: float,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = in_channels
        for stage, repeats in zip(_CHANNELS, _STAGES[depth], strict=True):
            for _ in range(repeats):
                layers.append(nn.Conv2d(channels, scaled(stage, width), kernel_size=3, padding=1))
                channels = scaled(stage, width)
                layers += [nn.BatchNorm2d(channels)] if batch_norm else []
                layers.append(nn.ReLU(inplace=True))
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
        hidden = scaled(4096, width)
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(channels * 7 * 7, hidden),
            nn.ReLU(True),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(True),
            nn.Dropout(dropout),
            nn.Linear(hidden, num_classes),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, 0, 0.01)
            if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Classify (N, in_channels, H, W) of 32x32 or more."""
        maps = self.avgpool(self.features(x))
        logits: Tensor = self.classifier(maps.flatten(1))
        return logits


@register(PAPER, (3, 224, 224), 1000)
def vgg11(
    in_channels: int = 3,
    num_classes: int = 1000,
    width: float = 1.0,
    batch_norm: bool = False,
    dropout: float = 0.5,
) -> VGG:
    """Eight 3x3 convolutions in five stages, and three linear layers.

    Args:
        in_channels, num_classes: Channels read and classes told apart.
        width: Factor on the channels of every hidden layer.
        batch_norm: Normalise after each convolution.
        dropout: Probability, after the first two linear layers.
    Example:
        >>> from striate import zoo
        >>> zoo.vgg11(num_classes=5, width=0.05, batch_norm=True)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 5])
    """
    return VGG(11, batch_norm, in_channels, num_classes, width, dropout)


@register(PAPER, (3, 224, 224), 1000)
def vgg13(
    in_channels: int = 3,
    num_classes: int = 1000,
    width: float = 1.0,
    batch_norm: bool = False,
    dropout: float = 0.5,
) -> VGG:
    """Ten 3x3 convolutions in five stages, and three linear layers.

    Arguments as `vgg11`.
    """
    return VGG(13, batch_norm, in_channels, num_classes, width, dropout)


@register(PAPER, (3, 224, 224), 1000)
def vgg16(
    in_channels: int = 3,
    num_classes: int = 1000,
    width: float = 1.0,
    batch_norm: bool = False,
    dropout: float = 0.5,
) -> VGG:
    """Thirteen 3x3 convolutions in five stages, and three linear layers.

    Arguments as `vgg11`.
    """
    return VGG(16, batch_norm, in_channels, num_classes, width, dropout)


@register(PAPER, (3, 224, 224), 1000)
def vgg19(
    in_channels: int = 3,
    num_classes: int = 1000,
    width: float = 1.0,
    batch_norm: bool = False,
    dropout: float = 0.5,
) -> VGG:
    """Sixteen 3x3 convolutions in five stages, and three linear layers.

    Arguments as `vgg11`.
    """
    return VGG(19, batch_norm, in_channels, num_classes, width, dropout)
