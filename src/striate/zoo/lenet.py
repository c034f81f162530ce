"""LeNet-5: as it is taught today, and as it was published.

LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86(11).

`lenet5` keeps the sizes of the layers and takes today's parts: ReLU, max pooling, full connection
tables, a linear output. `lenet5_1998` is the paper's network to the last of its 60,000 parameters.
The paper's outputs are distances, of which the smallest wins; here their negatives are given.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor

from .. import nn
from ..errors import OptionError
from ._registry import register, scaled

PAPER = (
    "LeCun, Bottou, Bengio, Haffner 1998, Gradient-based learning applied to document recognition"
)

# The paper's Table I: which of the six maps of S2 each of the sixteen maps of C3 reads.
C3_TABLE = (
    *((m, (m + 1) % 6, (m + 2) % 6) for m in range(6)),
    *((m, (m + 1) % 6, (m + 2) % 6, (m + 3) % 6) for m in range(6)),
    *((m, (m + 1) % 6, (m + 3) % 6, (m + 4) % 6) for m in range(3)),
    tuple(range(6)),
)

# The prototypes of the output layer: digits drawn on 7x12 pixels, in the paper's manner.
_DIGITS = """
 .XXXXX.  ...X...  .XXXXX.  XXXXXXX  .....X.  XXXXXXX  ..XXXX.  XXXXXXX  .XXXXX.  .XXXXX.
 XX...XX  ..XX...  XX...XX  .....XX  ....XX.  XX.....  .XX....  XX...XX  XX...XX  XX...XX
 XX...XX  .XXX...  XX...XX  ....XX.  ...XXX.  XX.....  XX.....  .....XX  XX...XX  XX...XX
 XX...XX  XXXX...  .....XX  ...XX..  ..XXXX.  XX.....  XX.....  ....XX.  XX...XX  XX...XX
 XX...XX  ..XX...  .....XX  ..XXXX.  .XX.XX.  XXXXXX.  XXXXXX.  ....XX.  .XX.XX.  XX...XX
 XX...XX  ..XX...  ....XX.  .....XX  XX..XX.  .....XX  XX...XX  ...XX..  ..XXX..  .XXXXXX
 XX...XX  ..XX...  ...XX..  .....XX  XX..XX.  .....XX  XX...XX  ...XX..  .XX.XX.  .....XX
 XX...XX  ..XX...  ..XX...  .....XX  XXXXXXX  .....XX  XX...XX  ..XX...  XX...XX  .....XX
 XX...XX  ..XX...  .XX....  .....XX  ....XX.  .....XX  XX...XX  ..XX...  XX...XX  .....XX
 XX...XX  ..XX...  XX.....  XX...XX  ....XX.  XX...XX  XX...XX  .XX....  XX...XX  ....XX.
 XX...XX  ..XX...  XX.....  XX...XX  ....XX.  XX...XX  XX...XX  .XX....  XX...XX  ...XX..
 .XXXXX.  XXXXXX.  XXXXXXX  .XXXXX.  ....XX.  .XXXXX.  .XXXXX.  .XX....  .XXXXX.  .XXX...
"""


def digit_prototypes() -> Tensor:
    """Give the ten digits as rows of 84 = 12*7 pixels, +1 for ink and -1 for paper.

    Example:
        >>> digit_prototypes().shape
        torch.Size([10, 84])
    """
    rows = [line.split() for line in _DIGITS.strip().splitlines()]
    ink = [[[pixel == "X" for pixel in row[digit]] for row in rows] for digit in range(10)]
    return torch.tensor(ink).flatten(1) * 2.0 - 1.0


@register(PAPER, (1, 32, 32), 10)
def lenet5(in_channels: int = 1, num_classes: int = 10, width: float = 1.0) -> nn.Sequential:
    """LeNet-5's layers with today's parts: ReLU, max pooling, a linear output.

    Args:
        in_channels: Channels of the 32x32 input.
        num_classes: Classes told apart.
        width: Factor on 6, 16, 120 and 84, the widths of the hidden layers.
    Shape:
        input (N, in_channels, 32, 32), output (N, num_classes).
    Example:
        >>> from striate import zoo
        >>> net = zoo.lenet5()
        >>> net(torch.zeros(1, 1, 32, 32)).shape, sum(p.numel() for p in net.parameters())
        (torch.Size([1, 10]), 61706)
    """
    c1, c3, c5, f6 = (scaled(channels, width) for channels in (6, 16, 120, 84))
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        c1=nn.Conv2d(in_channels, c1, kernel_size=5),
        relu1=nn.ReLU(),
        s2=nn.MaxPool2d(2),
        c3=nn.Conv2d(c1, c3, kernel_size=5),
        relu3=nn.ReLU(),
        s4=nn.MaxPool2d(2),
        c5=nn.Conv2d(c3, c5, kernel_size=5),
        relu5=nn.ReLU(),
        flatten=nn.Flatten(),
        f6=nn.Linear(c5, f6),
        relu6=nn.ReLU(),
        output=nn.Linear(f6, num_classes),
    )
    return nn.Sequential(layers)


@register(PAPER, (1, 32, 32), 10)
def lenet5_1998(in_channels: int = 1, num_classes: int = 10) -> nn.Sequential:
    """LeNet-5 as published: tanh, trainable subsampling, partial connections, RBF output.

    Trainable parameters, layer by layer: C1 156, S2 12, C3 1516, S4 32, C5 48120, F6 10164.

    Args:
        in_channels: Channels of the 32x32 input.
        num_classes: Digits 0 .. num_classes - 1; at most 10, as each needs its drawn prototype.
    Shape:
        input (N, in_channels, 32, 32), output (N, num_classes): minus the squared distance of F6
        to each digit's prototype, so that the largest wins.
    Raises:
        OptionError: More than 10 classes.
    Example:
        >>> from striate import zoo
        >>> sum(p.numel() for p in zoo.lenet5_1998().parameters())
        60000
    """
    if num_classes > 10:
        raise OptionError(
            f"lenet5_1998: num_classes={num_classes} must be 1 .. 10: its output layer compares "
            f"with drawings of the ten digits. For other classes use lenet5."
        )
    c1, c5 = nn.Conv2d(in_channels, 6, kernel_size=5), nn.Conv2d(16, 120, kernel_size=5)
    f6 = nn.Linear(120, 84)
    for weight, bias in ((c1.weight, c1.bias), (c5.weight, c5.bias), (f6.weight, f6.bias)):
        bound = 2.4 / weight[0].numel()  # the paper's rule, appendix A
        nn.init.uniform_(weight, -bound, bound)
        if bias is not None:
            nn.init.zeros_(bias)
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        c1=c1,
        tanh1=nn.ScaledTanh(),
        s2=nn.Subsample2d(6, kernel_size=2),
        tanh2=nn.ScaledTanh(),
        c3=nn.TableConv2d(6, 16, kernel_size=5, table=C3_TABLE),
        tanh3=nn.ScaledTanh(),
        s4=nn.Subsample2d(16, kernel_size=2),
        tanh4=nn.ScaledTanh(),
        c5=c5,
        tanh5=nn.ScaledTanh(),
        flatten=nn.Flatten(),
        f6=f6,
        tanh6=nn.ScaledTanh(),
        output=nn.RBF(84, num_classes, digit_prototypes()[:num_classes]),
    )
    return nn.Sequential(layers)
