"""AlexNet, in the one-column form that torchvision publishes weights for.

Krizhevsky, Sutskever, Hinton 2012, "ImageNet classification with deep convolutional neural
networks"; the one column: Krizhevsky 2014, arXiv:1404.5997. Differs from the first paper in the
numbers of channels (64, 192, 384, 256, 256), and has no local response normalisation and no split
over two GPUs.
"""

from __future__ import annotations

from torch import Tensor

from .. import nn
from ._registry import register, scaled

PAPER = "Krizhevsky 2014, One weird trick for parallelizing convolutional neural networks"


class AlexNet(nn.Module):
    """Five convolutions and three linear layers; the modules are named as torchvision's."""

    def __init__(self, in_channels: int, num_classes: int, width: float, dropout: float) -> None:
        super().__init__()
        c1, c2, c3, c4, hidden = (scaled(c, width) for c in (64, 192, 384, 256, 4096))
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, c1, kernel_size=11, stride=4, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(c1, c2, kernel_size=5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(c2, c3, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(c3, c4, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(c4, c4, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(c4 * 6 * 6, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Classify (N, in_channels, H, W) of 63x63 or more."""
        maps = self.avgpool(self.features(x))
        logits: Tensor = self.classifier(maps.flatten(1))
        return logits


@register(PAPER, (3, 224, 224), 1000)
def alexnet(
    in_channels: int = 3, num_classes: int = 1000, width: float = 1.0, dropout: float = 0.5
) -> AlexNet:
    """Five convolutions, the first 11x11 with stride 4, and three linear layers.

    Args:
        in_channels, num_classes: Channels read and classes told apart.
        width: Factor on the channels of every hidden layer.
        dropout: Probability, before the first two linear layers.
    Example:
        >>> from striate import zoo
        >>> zoo.alexnet(num_classes=5, width=0.1)(torch.zeros(1, 3, 96, 96)).shape
        torch.Size([1, 5])
    """
    return AlexNet(in_channels, num_classes, width, dropout)
