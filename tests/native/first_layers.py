"""First layers, of plain input, that all kernels are tried with."""

from __future__ import annotations

from typing import Any

from .steps import Convolution

SILU = {"activation": "silu"}


def _first(
    channels: int,
    out_channels: int,
    size: tuple[int, int, int],
    kernel: int,
    stride: int,
    padding: int,
    **others: Any,
) -> Convolution:
    """On plain input, along height and width."""
    return Convolution(
        in_channels=channels,
        out_channels=out_channels,
        size=size,
        kernel=(1, kernel, kernel),
        stride=(1, 1 if size[1] == 1 else stride, stride),
        before=(0, padding, padding),
        after=(0, padding, padding),
        plain_input=True,
        **others,
    )


FIRST_LAYERS = {
    "first 3x3, tiles": _first(3, 20, (1, 19, 137), 3, 1, 1, batch=2, activation=SILU),
    "first 3x3x3": _first(3, 16, (6, 9, 70), 3, 1, 1, batch=2).but(
        kernel=(3, 3, 3), before=(1, 1, 1), after=(1, 1, 1)
    ),
    "first 3x3x3, many rows": _first(2, 33, (4, 50, 6), 3, 1, 1, bias=False).but(
        kernel=(3, 3, 3), before=(2, 1, 1), after=(0, 1, 1)
    ),
    "first 3x3x3, planes skipped": _first(1, 9, (14, 10, 12), 3, 1, 1).but(
        kernel=(3, 3, 3), before=(1, 1, 1), after=(1, 1, 1), stride=(5, 1, 1)
    ),
    "first 7x7 stride 2": _first(3, 20, (1, 33, 35), 7, 2, 3),
    "first 7x7 stride 2, wide, batch": _first(
        2, 9, (1, 12, 270), 7, 2, 3, batch=2, activation=SILU
    ),
    "first 7x7 stride 2, several rows of tiles a task": _first(
        1, 17, (1, 40, 16), 7, 2, 3, batch=8
    ),
    "first 7x7 stride 2 of a volume": _first(2, 8, (5, 13, 30), 7, 2, 3, bias=False).but(
        kernel=(3, 7, 7), before=(1, 3, 3), after=(1, 3, 3), stride=(2, 2, 2)
    ),
    "first 7x7 stride 2 of a dilated volume": _first(2, 8, (5, 13, 30), 7, 2, 3).but(
        kernel=(3, 7, 7), before=(1, 3, 3), after=(1, 3, 3), stride=(2, 2, 2), dilation=(2, 1, 1)
    ),
    "first 7x7 stride 2, padded on one side": _first(3, 16, (1, 19, 18), 7, 2, 0).but(
        before=(0, 9, -1), after=(0, -3, 11)
    ),
    "first 7x7 stride 2 on a smaller map": _first(3, 8, (1, 2, 1), 7, 2, 3),
    "first 7x7 stride 4": _first(3, 33, (1, 45, 66), 7, 4, 3),
    "first 5x5 stride 2": _first(4, 24, (1, 31, 40), 5, 2, 2).but(
        activation={"activation": "clamp", "alpha": -1.0, "beta": 3.0}
    ),
    "first 3x3 on a wide map": _first(3, 16, (1, 5, 190), 3, 1, 1, residual=True),
    "first 3x3 stride 2, one block, batch": _first(4, 8, (1, 14, 15), 3, 2, 1, batch=2),
    "first 4x4 stride 4": _first(3, 24, (1, 17, 16), 4, 4, 0),
    "first 11x11 stride 4": _first(3, 9, (1, 31, 31), 11, 4, 2),
    "first 5x5 stride 3": _first(1, 17, (1, 20, 19), 5, 3, 1, bias=False),
    "first 5x5, LeNet's": _first(1, 6, (1, 32, 32), 5, 1, 0),
    "first 5x5, odd rows, batch": _first(1, 7, (1, 15, 29), 5, 1, 2, batch=3, bias=False),
    "first 3x3, columns as lanes": _first(1, 8, (1, 32, 32), 3, 1, 1, batch=2, activation=SILU),
    "first 4x4, columns as lanes": _first(2, 3, (1, 9, 50), 4, 1, 1, bias=False).but(
        activation={"activation": "clamp", "alpha": -0.5, "beta": 1.0}, after=(0, 2, 1)
    ),
    "first 3x3, columns as lanes, many rows": _first(4, 5, (1, 120, 131), 3, 1, 0),
    "first 3x3, one filter": _first(3, 1, (1, 13, 11), 3, 1, 1, activation=SILU),
    "first 7x4 stride 3 and 1": _first(2, 5, (1, 26, 17), 7, 3, 2).but(
        kernel=(1, 7, 4), stride=(1, 3, 1), after=(0, 0, 3)
    ),
    "first 5x5 cut off": _first(1, 8, (1, 20, 20), 5, 1, 0).but(before=(0, -2, -3)),
    "first 3x2 stride 1 and 5": _first(4, 3, (1, 9, 64), 3, 1, 0).but(
        kernel=(1, 3, 2), stride=(1, 1, 5)
    ),
    "first on a smaller map": _first(2, 8, (1, 2, 1), 3, 1, 2),
    "first on one pixel": _first(1, 1, (1, 1, 1), 1, 1, 0),
    "first dilated": _first(2, 8, (1, 12, 13), 3, 2, 2).but(dilation=(1, 3, 2)),
    "first padded on one side": _first(3, 8, (1, 9, 9), 4, 2, 0).but(
        before=(0, 0, 3), after=(0, 5, 0)
    ),
    "first padded behind": _first(3, 32, (1, 16, 16), 3, 2, 0).but(after=(0, 1, 1)),
    "first signal": _first(1, 20, (1, 1, 3000), 80, 4, 0).but(kernel=(1, 1, 80)),
    "first volume": _first(3, 16, (5, 9, 10), 3, 1, 1).but(
        kernel=(3, 3, 3), before=(1, 1, 1), after=(1, 1, 1), stride=(2, 1, 1)
    ),
}

POOLED_FIRST_LAYERS = {
    "first 5x5, LeNet's": _first(1, 6, (1, 32, 32), 5, 1, 0, pool=True),
    "first 5x5, odd rows, batch": _first(1, 7, (1, 15, 29), 5, 1, 2, batch=3, pool=True),
    "first 5x5, columns as lanes": _first(3, 2, (1, 23, 37), 5, 1, 2, batch=2, pool=True),
    "first 3x3, columns as lanes": _first(
        1, 8, (1, 19, 33), 3, 1, 1, pool=True, bias=False, activation=SILU
    ),
    "first 3x3, few filters": _first(3, 12, (1, 18, 17), 3, 1, 1, pool=True, activation=SILU),
    "first 3x3, fewer filters": _first(3, 4, (1, 18, 17), 3, 1, 1, pool=True, activation=SILU),
    "first 3x3": _first(3, 33, (1, 19, 18), 3, 1, 1, pool=True),
    "first 3x3, silu": _first(4, 16, (1, 8, 40), 3, 1, 0, batch=2, pool=True, activation=SILU),
    "first 7x7 stride 2": _first(3, 40, (1, 45, 47), 7, 2, 3, pool=True, bias=False),
    "first of a volume": _first(2, 8, (5, 9, 12), 3, 1, 1, pool=True).but(
        kernel=(3, 3, 3), before=(1, 1, 1), after=(1, 1, 1)
    ),
    "first dilated": _first(2, 9, (1, 12, 13), 3, 1, 2, pool=True).but(dilation=(1, 2, 2)),
    "first, two long rows": _first(3, 17, (1, 4, 7003), 3, 1, 0, pool=True),
}
"""Of which the largest of 2x2 outputs is kept."""
