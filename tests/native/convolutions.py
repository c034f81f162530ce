"""Convolutions that all kernels are tried with."""

from __future__ import annotations

from typing import Any

from .first_layers import FIRST_LAYERS, POOLED_FIRST_LAYERS, SILU
from .steps import Convolution


def depthwise(
    channels: int,
    size: tuple[int, int, int],
    kernel: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    **others: Any,
) -> Convolution:
    """Along height and width, padded to keep the size at stride 1."""
    padding = dilation * (kernel - 1) // 2
    return Convolution(
        in_channels=channels,
        out_channels=channels,
        groups=channels,
        size=size,
        kernel=(1, kernel, kernel),
        stride=(1, stride, stride),
        dilation=(1, dilation, dilation),
        before=(0, padding, padding),
        after=(0, padding, padding),
        **others,
    )


def _padded(channels: int, out_channels: int, size: tuple[int, int], **others: Any) -> Convolution:
    """3x3 that keeps the size."""
    return Convolution(
        in_channels=channels,
        out_channels=out_channels,
        size=(1, *size),
        before=(0, 1, 1),
        after=(0, 1, 1),
        **others,
    )


def _five(
    channels: int, out_channels: int, size: tuple[int, int], padding: int, **others: Any
) -> Convolution:
    """A 5x5 filter on a blocked map."""
    return Convolution(
        in_channels=channels,
        out_channels=out_channels,
        size=(1, *size),
        kernel=(1, 5, 5),
        before=(0, padding, padding),
        after=(0, padding, padding),
        **others,
    )


SHAPES = FIRST_LAYERS | {
    "3x3": Convolution(),
    "3x3 padded": Convolution(before=(0, 1, 1), after=(0, 1, 1)),
    "1x1": Convolution(in_channels=17, out_channels=9, kernel=(1, 1, 1)),
    "one channel each": Convolution(in_channels=1, out_channels=1),
    "5x5 on plain input": Convolution(in_channels=3, kernel=(1, 5, 5), plain_input=True),
    "stride 2": Convolution(stride=(1, 2, 2), before=(0, 1, 1), after=(0, 1, 1)),
    "stride 2, blocks and groups": Convolution(
        in_channels=41,
        out_channels=152,
        size=(2, 25, 31),
        stride=(1, 2, 2),
        after=(0, 1, 0),
        residual=True,
        batch=2,
    ),
    "one tile, many channels": _padded(41, 72, (4, 3)),
    "two tiles, many channels": _padded(72, 41, (8, 4), residual=True, activation=SILU),
    "three tiles, many channels": _padded(33, 33, (3, 9), bias=False),
    "four tiles, many channels": _padded(80, 100, (7, 7), residual=True),
    "four tiles of four images": _padded(31, 64, (4, 4), batch=4),
    "dilation 2": Convolution(dilation=(1, 2, 2), before=(0, 2, 2), after=(0, 2, 2)),
    "depthwise": Convolution(in_channels=17, out_channels=17, groups=17),
    "depthwise 3x3": depthwise(9, (1, 14, 15), 3, residual=True, batch=2),
    "depthwise 3x3 stride 2": depthwise(16, (1, 13, 14), 3, stride=2),
    "depthwise 5x5": depthwise(8, (1, 19, 23), 5, scale=True, batch=2),
    "depthwise 5x5 stride 2": depthwise(7, (1, 14, 17), 5, stride=2),
    "depthwise 7x7": depthwise(1, (1, 29, 31), 7, bias=False),
    "depthwise 7x7 stride 2": depthwise(17, (1, 15, 14), 7, stride=2),
    "depthwise 7x7 on a smaller map": depthwise(8, (1, 3, 2), 7),
    "depthwise of any width": depthwise(8, (1, 5, 40), 4, stride=3),
    "depthwise dilated": depthwise(24, (1, 15, 27), 3, dilation=3),
    "depthwise of one pixel": depthwise(24, (1, 1, 1), 3),
    "depthwise padded on one side": depthwise(8, (1, 9, 9), 5, stride=2).but(
        before=(0, 4, 0), after=(0, 0, 7)
    ),
    "depthwise wide stride": depthwise(8, (1, 13, 13), 3).but(stride=(1, 5, 2)),
    "depthwise volume": depthwise(8, (6, 7, 8), 3).but(
        kernel=(3, 3, 3), before=(1, 1, 1), after=(1, 1, 1), stride=(2, 1, 1), dilation=(2, 1, 1)
    ),
    "depthwise signal": depthwise(9, (1, 1, 67), 31).but(kernel=(1, 1, 31)),
    "depthwise silu": depthwise(16, (3, 20, 17), 3, activation=SILU),
    "depthwise silu into a part of a map": depthwise(
        8, (1, 20, 17), 3, activation=SILU, places=((2, 21, 17), (1, 1, 1), (1, 1, 0))
    ),
    "depthwise many maps": depthwise(130, (1, 2, 3), 3, batch=3),
    "depthwise on plain input": depthwise(37, (1, 19, 23), 5, batch=2, plain_input=True),
    "depthwise on plain input in bands": depthwise(
        21, (1, 90, 71), 3, residual=True, activation=SILU, plain_input=True
    ),
    "depthwise on plain input, wide stride": depthwise(16, (1, 100, 99), 3, plain_input=True).but(
        stride=(1, 7, 2), dilation=(1, 2, 1), before=(0, 3, 1), after=(0, 9, 0)
    ),
    "depthwise of a plain pixel": depthwise(24, (1, 1, 1), 3, batch=2, plain_input=True),
    "grouped": Convolution(in_channels=24, out_channels=12, groups=3),
    "groups of a vector": _padded(48, 48, (9, 14), groups=3, residual=True, batch=2),
    "one vector, rows of three taps": _padded(91, 8, (5, 37)),
    "one vector, taps in place": Convolution(in_channels=24, out_channels=7, size=(1, 9, 31)),
    "one vector, taps of a volume": _padded(
        20, 5, (6, 11), places=((3, 14, 23), (1, 2, 2), (0, 1, 1))
    ).but(kernel=(2, 3, 3), size=(4, 6, 11)),
    "more padding than window": Convolution(before=(0, 4, 0), after=(0, 0, 5)),
    "signal": Convolution(size=(1, 1, 31), kernel=(1, 1, 9), stride=(1, 1, 2)),
    "volume": Convolution(size=(5, 6, 7), kernel=(3, 3, 3), before=(1, 1, 1), after=(1, 1, 1)),
    "residual and batch": Convolution(batch=3, residual=True, out_channels=20),
    "primes": Convolution(
        batch=2,
        in_channels=23,
        out_channels=31,
        size=(1, 13, 7),
        kernel=(1, 3, 2),
        stride=(1, 2, 3),
        dilation=(1, 2, 1),
        before=(0, 2, 1),
        after=(0, 1, 0),
        bias=False,
    ),
    "wider than a block": Convolution(
        in_channels=6, size=(1, 5, 131), out_channels=16, before=(0, 1, 1), after=(0, 1, 1)
    ),
    "far dilation": Convolution(
        in_channels=9, size=(1, 21, 20), dilation=(1, 9, 8), before=(0, 9, 8), after=(0, 9, 8)
    ),
    "long filter": Convolution(
        in_channels=2, size=(1, 1, 700), kernel=(1, 1, 301), before=(0, 0, 7), stride=(1, 1, 3)
    ),
    "long filter on plain input": Convolution(
        batch=2,
        in_channels=2,
        size=(1, 1, 700),
        kernel=(1, 1, 301),
        after=(0, 0, 7),
        stride=(1, 1, 3),
        plain_input=True,
        out_channels=24,
    ),
    "plain and dilated": Convolution(
        in_channels=3,
        size=(2, 9, 9),
        kernel=(2, 3, 3),
        dilation=(1, 2, 2),
        before=(1, 2, 0),
        stride=(1, 1, 2),
        plain_input=True,
        out_channels=40,
    ),
    "1x1 in place": Convolution(
        batch=2,
        in_channels=40,
        out_channels=56,
        size=(1, 10, 13),
        kernel=(1, 1, 1),
        residual=True,
        activation={"activation": "clamp", "alpha": 0.0, "beta": 6.0},
    ),
    "1x1 on small maps, several images together": Convolution(
        in_channels=37,
        out_channels=44,
        size=(1, 4, 5),
        kernel=(1, 1, 1),
        batch=7,
        residual=True,
        activation=SILU,
    ),
    "1x1 on maps of four pixels, several images together": Convolution(
        in_channels=37,
        out_channels=44,
        size=(1, 1, 4),
        kernel=(1, 1, 1),
        batch=31,
        residual=True,
        activation=SILU,
    ),
    "1x1 of groups and long sums on small maps": Convolution(
        in_channels=608,
        out_channels=80,
        groups=2,
        size=(1, 2, 2),
        kernel=(1, 1, 1),
        batch=30,
    ),
    "1x1 stride 2": Convolution(
        in_channels=32, out_channels=24, size=(1, 11, 12), kernel=(1, 1, 1), stride=(1, 2, 2)
    ),
    "1x1 stride 2, shared by tasks": Convolution(
        in_channels=264,
        out_channels=296,
        size=(1, 13, 11),
        kernel=(1, 1, 1),
        stride=(1, 2, 2),
        residual=True,
    ),
    "1x1 with fewer weights to scale than pixels": Convolution(
        batch=2, in_channels=17, out_channels=20, size=(1, 9, 10), kernel=(1, 1, 1), scale=True
    ),
    "1x1 with more weights than pixels to scale": Convolution(
        batch=2, in_channels=136, out_channels=120, size=(1, 3, 3), kernel=(1, 1, 1), scale=True
    ),
    "1x1 of long sums": Convolution(
        in_channels=777, out_channels=40, size=(1, 3, 5), kernel=(1, 1, 1)
    ),
    "scale and batch": Convolution(
        batch=3,
        in_channels=20,
        out_channels=20,
        kernel=(1, 3, 3),
        before=(0, 1, 1),
        scale=True,
    ),
    "grouped, whole vectors": Convolution(
        batch=2,
        in_channels=96,
        out_channels=64,
        groups=2,
        before=(0, 1, 1),
        after=(0, 1, 1),
    ),
    "grouped, 4 each": Convolution(
        in_channels=32,
        out_channels=32,
        groups=8,
        before=(0, 1, 1),
        after=(0, 1, 1),
        size=(1, 9, 13),
        residual=True,
    ),
    "grouped, 4 each, stride 2, batch": Convolution(
        batch=2,
        in_channels=20,
        out_channels=20,
        groups=5,
        stride=(1, 2, 2),
        before=(0, 1, 1),
        size=(1, 15, 34),
        activation=SILU,
    ),
    "grouped, 4 each, 5x5": _five(12, 12, (9, 31), 2, groups=3, bias=False),
    "grouped, 4 each, dilated": Convolution(
        in_channels=24, out_channels=24, groups=6, dilation=(1, 2, 2), before=(0, 2, 2)
    ),
    "grouped, 4 each, volume": Convolution(
        in_channels=8,
        out_channels=8,
        groups=2,
        size=(5, 6, 17),
        kernel=(3, 3, 3),
        stride=(2, 1, 1),
        before=(1, 1, 1),
        after=(1, 1, 1),
    ),
    "grouped, 4 each, scaled": Convolution(
        in_channels=12, out_channels=12, groups=3, before=(0, 1, 1), scale=True
    ),
    "grouped, 2 to 6": Convolution(
        in_channels=48, out_channels=144, groups=24, stride=(1, 2, 2), scale=True, size=(1, 8, 9)
    ),
    "grouped, 5 to 3": Convolution(
        batch=2,
        in_channels=35,
        out_channels=21,
        groups=7,
        stride=(1, 2, 1),
        dilation=(1, 1, 2),
    ),
    "grouped, 24 each": Convolution(
        in_channels=72,
        out_channels=72,
        groups=3,
        before=(0, 1, 1),
        scale=True,
    ),
    "volume, two planes a block": Convolution(
        in_channels=8,
        out_channels=48,
        size=(7, 5, 4),
        kernel=(3, 1, 2),
        before=(1, 0, 1),
        after=(1, 0, 0),
        stride=(2, 1, 1),
    ),
    "transposed: one remainder": Convolution(
        batch=2,
        in_channels=17,
        out_channels=20,
        size=(1, 5, 6),
        kernel=(1, 2, 1),
        before=(0, 1, 0),
        residual=True,
        activation={"activation": "clamp", "alpha": -1.0, "beta": 1.0},
        places=((1, 10, 19), (1, 2, 3), (0, 1, 2)),
    ),
    "transposed volume": Convolution(
        in_channels=16,
        out_channels=8,
        size=(3, 3, 4),
        kernel=(1, 1, 1),
        places=((6, 7, 8), (2, 2, 2), (1, 1, 0)),
    ),
    "into a part of a map": Convolution(
        out_channels=16,
        size=(2, 5, 5),
        kernel=(1, 2, 2),
        places=((3, 5, 5), (1, 1, 1), (1, 0, 1)),
    ),
    "3x3 wide": Convolution(
        batch=2,
        in_channels=13,
        out_channels=37,
        size=(1, 19, 23),
        before=(0, 1, 0),
        after=(0, 2, 1),
    ),
    "3x3 relu6 and residual": Convolution(
        in_channels=16,
        out_channels=24,
        size=(1, 14, 13),
        before=(0, 1, 1),
        after=(0, 1, 1),
        residual=True,
        activation={"activation": "clamp", "alpha": 0.0, "beta": 6.0},
    ),
    "3x3 on one pixel": Convolution(size=(1, 1, 1), before=(0, 1, 1), after=(0, 1, 1)),
    "3x3 on two rows, far padding": Convolution(
        in_channels=9, size=(1, 2, 5), before=(0, 3, 9), after=(0, 5, 0)
    ),
    "3x3 cropped": Convolution(size=(1, 12, 12), before=(0, -1, -2), after=(0, -3, 0)),
    "3x3 with many channels": Convolution(
        batch=3,
        in_channels=300,
        out_channels=290,
        size=(1, 5, 4),
        before=(0, 1, 1),
        after=(0, 1, 1),
    ),
    "3x3 with channels for several tasks": Convolution(
        in_channels=43,
        out_channels=260,
        size=(1, 7, 9),
        before=(0, 1, 1),
        after=(0, 1, 1),
        residual=True,
        activation=SILU,
    ),
    "3x3 with more channels than tiles": Convolution(
        batch=2, in_channels=33, out_channels=205, size=(1, 19, 19)
    ),
    "3x3 with many channels and tiles": Convolution(
        in_channels=264, out_channels=40, size=(1, 29, 30), bias=False
    ),
    "3x3 dilated, uneven": Convolution(
        batch=2,
        in_channels=17,
        out_channels=16,
        size=(1, 13, 17),
        dilation=(1, 3, 2),
        before=(0, 3, 1),
        after=(0, 4, 2),
        residual=True,
    ),
    "3x3 dilated beyond the map": Convolution(
        size=(1, 3, 4), dilation=(1, 6, 7), before=(0, 6, 7), after=(0, 6, 7)
    ),
    "3 taps of a signal": Convolution(
        batch=2,
        in_channels=33,
        out_channels=40,
        size=(1, 1, 101),
        kernel=(1, 1, 3),
        before=(0, 0, 1),
        after=(0, 0, 1),
        residual=True,
    ),
    "1x3 dilated": Convolution(
        in_channels=8, size=(1, 5, 19), kernel=(1, 1, 3), dilation=(1, 1, 4), before=(0, 0, 2)
    ),
    "3x1": Convolution(in_channels=20, size=(1, 11, 6), kernel=(1, 3, 1), after=(0, 1, 0)),
    "3x1x1": Convolution(
        batch=2, size=(9, 3, 5), kernel=(3, 1, 1), before=(1, 0, 0), after=(1, 0, 0)
    ),
    "1x3x3 of a volume": Convolution(size=(4, 9, 8), before=(0, 1, 1), after=(0, 1, 1)),
    "volume with channels to spare": Convolution(
        batch=2,
        in_channels=20,
        out_channels=17,
        size=(7, 9, 10),
        kernel=(3, 3, 3),
        before=(2, 1, 1),
        after=(1, 1, 1),
    ),
    "2x3x3, dilated in depth": Convolution(
        in_channels=16,
        size=(6, 5, 6),
        kernel=(2, 3, 3),
        dilation=(3, 1, 1),
        before=(4, 1, 1),
        after=(4, 1, 1),
    ),
    "volume with many channels": Convolution(
        in_channels=200,
        out_channels=200,
        size=(2, 4, 4),
        kernel=(3, 3, 3),
        before=(1, 1, 1),
        after=(1, 1, 1),
    ),
    "5x5, clamped": _five(5, 9, (9, 10), 1).but(
        activation={"activation": "clamp", "alpha": -1.0, "beta": 3.0}
    ),
    "5x5, LeNet's": _five(6, 16, (14, 14), 0),
    "5x5 padded, odd sizes, batch": _five(9, 17, (7, 13), 2, batch=2, activation=SILU),
    "5x5 of one channel and filter": _five(1, 1, (9, 6), 0, bias=False),
    "5x5 padded on one side": _five(17, 8, (11, 8), 1).but(before=(0, 4, 0), after=(0, 0, 3)),
    "5x5 on a smaller map": _five(8, 24, (3, 2), 2),
    "5x5 wide, with residual": _five(19, 37, (23, 27), 2, residual=True, batch=2),
    "5x5 on few pixels, with many channels": _five(130, 150, (5, 6), 2),
    "5x5 dilated, uneven": _five(17, 16, (13, 17), 3).but(dilation=(1, 3, 2)),
    "5 taps of a signal": _five(9, 17, (1, 43), 2).but(
        kernel=(1, 1, 5), before=(0, 0, 2), after=(0, 0, 1), batch=2
    ),
    "5x1": _five(8, 9, (13, 6), 1).but(kernel=(1, 5, 1)),
    "3x5x5": _five(10, 9, (9, 8), 2).but(size=(4, 9, 8), kernel=(3, 5, 5), before=(1, 2, 2)),
    "5x5 into a part of a map": _five(8, 16, (6, 6), 2).but(
        places=((1, 13, 14), (1, 2, 2), (0, 1, 0))
    ),
    "5x5, few filters": _five(3, 4, (14, 13), 0),
    "5x5, few filters, padded, batch": _five(4, 7, (11, 14), 2, batch=2, activation=SILU),
    "5x5, few filters, pairs of rows": _five(4, 7, (10, 29), 2, batch=2, activation=SILU),
    "5x5, few filters, one row of tiles": _five(8, 13, (6, 12), 0).but(
        activation={"activation": "clamp", "alpha": -1.0, "beta": 3.0}, after=(0, 0, 3)
    ),
    "5x5 stride 2, few filters": _five(4, 8, (12, 31), 2).but(stride=(1, 2, 2), bias=False),
    "7x6 stride 3 and 1, few filters": _five(2, 3, (20, 17), 0).but(
        kernel=(1, 7, 6), stride=(1, 3, 1), before=(0, -2, 4), after=(0, 3, -1)
    ),
    "9x9 on a wide map, few filters": _five(1, 2, (9, 300), 4).but(kernel=(1, 9, 9)),
    "5x5 cut off": _five(7, 9, (12, 13), 0).but(before=(0, -2, -1), after=(0, 0, -1)),
    "scale": Convolution(in_channels=20, scale=True, kernel=(1, 1, 1)),
    "many tiles, one beyond a multiple of 6": Convolution(
        batch=2,
        in_channels=17,
        out_channels=9,
        size=(1, 43, 37),
        before=(0, 1, 0),
        after=(0, 1, 2),
        residual=True,
        activation={"activation": "clamp", "alpha": 0.0, "beta": 6.0},
    ),
}
"""With all attributes."""

POOLED = POOLED_FIRST_LAYERS | {
    "3x3": Convolution(size=(1, 6, 8), pool=True),
    "3x3, padded": _padded(17, 20, (13, 14), pool=True, bias=False),
    "3x3, one filter, one pixel": Convolution(
        in_channels=2, out_channels=1, size=(1, 4, 5), pool=True
    ),
    "3x3, batch, clamp": _padded(
        9,
        40,
        (19, 16),
        batch=3,
        pool=True,
        activation={"activation": "clamp", "alpha": 0.0, "beta": 6.0},
    ),
    "3x3, silu": _padded(8, 16, (12, 31), batch=2, pool=True, activation=SILU),
    "3x3, many channels, few pixels": _padded(130, 150, (7, 4), pool=True),
    "3x3 in phases": _padded(160, 96, (17, 18), batch=2, pool=True),
    "3x3 of a volume's planes": Convolution(size=(4, 9, 10), pool=True),
    "3x3x3": Convolution(
        in_channels=5,
        size=(6, 9, 7),
        kernel=(3, 3, 3),
        before=(1, 1, 1),
        after=(1, 1, 1),
        pool=True,
    ),
    "5x5, LeNet's": _five(6, 16, (14, 14), 0, pool=True),
    "5x5, few filters": _five(4, 8, (13, 17), 2, batch=2, pool=True),
    "7x7 stride 2, few filters": _five(3, 5, (23, 18), 3, pool=True).but(
        kernel=(1, 7, 7), stride=(1, 2, 2)
    ),
    "5x5, odd, batch": _five(20, 33, (9, 15), 2, batch=2, pool=True, activation=SILU),
}
"""Of which the largest of 2x2 outputs is kept."""
