"""Windows as the arguments of native steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...window import Window
from .._values import three

POINTWISE = {"kernel": [1, 1, 1], "stride": [1, 1, 1], "dilation": [1, 1, 1], "padding": [0, 0, 0]}
"""Of a convolution that reads one pixel."""


def spatial(values: Any, fill: int) -> list[int]:
    """Numbers of one to three axes as (depth, height, width)."""
    return list(three(tuple(values), fill))


def window_attributes(windows: Sequence[Window], sizes: Sequence[int]) -> dict[str, Any]:
    """The arguments of windows on maps of these sizes."""
    concrete = [w.on(n) for w, n in zip(windows, sizes, strict=True)]
    return {
        "kernel": spatial((w.size for w in concrete), 1),
        "stride": spatial((int(w.stride) for w in concrete), 1),
        "dilation": spatial((int(w.dilation) for w in concrete), 1),
        "padding": spatial((int(w.before) for w in concrete), 0),
    }
