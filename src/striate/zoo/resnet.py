"""ResNet: layers that learn what to add to their input; and ResNeXt, with grouped convolutions.

He, Zhang, Ren, Sun 2015, arXiv:1512.03385; ResNeXt: Xie, Girshick, Dollar, Tu, He 2016,
arXiv:1611.05431. The ImageNet networks are torchvision's, whose bottleneck strides in the 3x3
convolution and not in the first 1x1. The networks for 32x32 images are those of the paper's
section 4.2, with shortcuts without parameters (option A).
"""

from __future__ import annotations

from torch import Tensor

from .. import functional as F
from .. import nn
from ._registry import register, scaled

PAPER = "He, Zhang, Ren, Sun 2015, Deep residual learning, arXiv:1512.03385"
PAPER_RESNEXT = "Xie, Girshick, Dollar, Tu, He 2016, Aggregated residual transformations"


def _conv3x3(channels: int, out_channels: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, out_channels, 3, stride, padding=1, groups=groups, bias=False)


def _conv1x1(channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, out_channels, kernel_size=1, stride=stride, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, added to their input."""

    expansion = 1

    def __init__(
        self, channels: int, planes: int, stride: int, downsample: nn.Module | None
    ) -> None:
        super().__init__()
        self.conv1 = _conv3x3(channels, planes, stride)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = _conv3x3(planes, planes)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """Add what two convolutions make of x to x."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out = out + (x if self.downsample is None else self.downsample(x))
        result: Tensor = self.relu(out)
        return result


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions, added to their input; the 3x3 one is narrow, or grouped."""

    expansion = 4

    def __init__(
        self,
        channels: int,
        planes: int,
        stride: int,
        downsample: nn.Module | None,
        groups: int = 1,
        group_width: int = 64,
    ) -> None:
        super().__init__()
        width = max(1, planes * group_width // 64) * groups
        self.conv1 = _conv1x1(channels, width)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv3x3(width, width, stride, groups)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = _conv1x1(width, planes * self.expansion)
        self.bn3 = nn.BatchNorm2d(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """Add what three convolutions make of x to x."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out = out + (x if self.downsample is None else self.downsample(x))
        result: Tensor = self.relu(out)
        return result


class ResNet(nn.Module):
    """A 7x7 convolution, four stages of residual blocks, a linear layer; named as torchvision's."""

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        repeats: tuple[int, int, int, int],
        in_channels: int,
        num_classes: int,
        width: float,
        **block_options: int,
    ) -> None:
        super().__init__()
        stem = scaled(64, width)
        self.conv1 = nn.Conv2d(in_channels, stem, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        channels, stages = stem, []
        for number, count in enumerate(repeats):
            planes, blocks = scaled(64 * 2**number, width), []
            for index in range(count):
                stride = 2 if number and not index else 1
                out_channels = planes * block.expansion
                shortcut = None
                if stride != 1 or channels != out_channels:
                    shortcut = nn.Sequential(
                        _conv1x1(channels, out_channels, stride), nn.BatchNorm2d(out_channels)
                    )
                blocks.append(block(channels, planes, stride, shortcut, **block_options))
                channels = out_channels
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(channels, num_classes)
        _start_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        """Classify (N, in_channels, H, W)."""
        maps = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        maps = self.layer4(self.layer3(self.layer2(self.layer1(maps))))
        logits: Tensor = self.fc(self.avgpool(maps).flatten(1))
        return logits


class _Shortcut(nn.Module):
    """Take every second pixel, and fill the new channels with zeros: option A."""

    def __init__(self, new_channels: int) -> None:
        super().__init__()
        self.new_channels = new_channels

    def forward(self, x: Tensor) -> Tensor:
        before = self.new_channels // 2
        padding = (0, 0, 0, 0, before, self.new_channels - before)
        padded: Tensor = F.pad(x[:, :, ::2, ::2], padding)
        return padded


class CifarResNet(nn.Module):
    """A 3x3 convolution and three stages of n basic blocks: 6n + 2 layers."""

    def __init__(self, blocks: int, in_channels: int, num_classes: int, width: float) -> None:
        super().__init__()
        channels = scaled(16, width)
        self.conv1 = _conv3x3(in_channels, channels)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        stages = []
        for number in range(3):
            planes, stage = scaled(16 * 2**number, width), []
            for index in range(blocks):
                narrow = number > 0 and index == 0
                shortcut = _Shortcut(planes - channels) if narrow else None
                stage.append(BasicBlock(channels, planes, 2 if narrow else 1, shortcut))
                channels = planes
            stages.append(nn.Sequential(*stage))
        self.layer1, self.layer2, self.layer3 = stages
        self.avgpool = nn.GlobalAvgPool2d()
        self.fc = nn.Linear(channels, num_classes)
        _start_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        """Classify (N, in_channels, H, W)."""
        maps = self.relu(self.bn1(self.conv1(x)))
        maps = self.layer3(self.layer2(self.layer1(maps)))
        logits: Tensor = self.fc(self.avgpool(maps).flatten(1))
        return logits


def _start_convolutions(net: nn.Module) -> None:
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")


@register(PAPER, (3, 224, 224), 1000)
def resnet18(in_channels: int = 3, num_classes: int = 1000, width: float = 1.0) -> ResNet:
    """Eight residual blocks of two 3x3 convolutions.

    Args:
        in_channels, num_classes: Channels read and classes told apart.
        width: Factor on the channels of every layer.
    Example:
        >>> from striate import zoo
        >>> zoo.resnet18(num_classes=5, width=0.25)(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2, 5])
    """
    return ResNet(BasicBlock, (2, 2, 2, 2), in_channels, num_classes, width)


@register(PAPER, (3, 224, 224), 1000)
def resnet34(in_channels: int = 3, num_classes: int = 1000, width: float = 1.0) -> ResNet:
    """Sixteen residual blocks of two 3x3 convolutions.

    Arguments as `resnet18`.
    """
    return ResNet(BasicBlock, (3, 4, 6, 3), in_channels, num_classes, width)


@register(PAPER, (3, 224, 224), 1000)
def resnet50(in_channels: int = 3, num_classes: int = 1000, width: float = 1.0) -> ResNet:
    """Sixteen residual bottlenecks of 1x1, 3x3 and 1x1 convolutions.

    Arguments as `resnet18`.
    """
    return ResNet(Bottleneck, (3, 4, 6, 3), in_channels, num_classes, width)


@register(PAPER, (3, 224, 224), 1000)
def resnet101(in_channels: int = 3, num_classes: int = 1000, width: float = 1.0) -> ResNet:
    """Thirty-three residual bottlenecks.

    Arguments as `resnet18`.
    """
    return ResNet(Bottleneck, (3, 4, 23, 3), in_channels, num_classes, width)


@register(PAPER_RESNEXT, (3, 224, 224), 1000)
def resnext50_32x4d(in_channels: int = 3, num_classes: int = 1000, width: float = 1.0) -> ResNet:
    """ResNet-50 whose 3x3 convolutions have 32 groups of 4 channels.

    Arguments as `resnet18`; `width` scales the groups' channels, not their number.
    """
    return ResNet(
        Bottleneck, (3, 4, 6, 3), in_channels, num_classes, width, groups=32, group_width=4
    )


@register(PAPER, (3, 32, 32), 10)
def resnet20(in_channels: int = 3, num_classes: int = 10, width: float = 1.0) -> CifarResNet:
    """Nine residual blocks for 32x32 images, 16 to 64 channels wide.

    Args:
        in_channels, num_classes: Channels read and classes told apart.
        width: Factor on the channels of every layer.
    Example:
        >>> from striate import zoo
        >>> sum(p.numel() for p in zoo.resnet20().parameters())
        269722
    """
    return CifarResNet(3, in_channels, num_classes, width)


@register(PAPER, (3, 32, 32), 10)
def resnet32(in_channels: int = 3, num_classes: int = 10, width: float = 1.0) -> CifarResNet:
    """Fifteen residual blocks for 32x32 images.

    Arguments as `resnet20`.
    """
    return CifarResNet(5, in_channels, num_classes, width)


@register(PAPER, (3, 32, 32), 10)
def resnet56(in_channels: int = 3, num_classes: int = 10, width: float = 1.0) -> CifarResNet:
    """Twenty-seven residual blocks for 32x32 images.

    Arguments as `resnet20`.
    """
    return CifarResNet(9, in_channels, num_classes, width)
