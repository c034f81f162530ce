"""One step that multiplies matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._fuse import Group
from .._values import Map
from ._lowering import Lowering, NotNative
from .elementwise import broadcast_strides


def multiply(
    low: Lowering, group: Group, a: Map, b: Map, a_shape: tuple[int, ...],
    b_shape: tuple[int, ...], y: Map, *, a_transposed: bool = False, transposed: bool = False,
    scale: float = 1.0,
) -> None:  # fmt: skip
    """A step `matmul` on arrays of these shapes.

    Args:
        a_transposed: a lies as (..., depth, rows).
        transposed: b has the shape (..., columns, depth).
    """
    batch = np.broadcast_shapes(a_shape[:-2], b_shape[:-2])
    axes = _batch(batch, a_shape, b_shape)
    columns, depth = b_shape[-2:] if transposed else b_shape[:-3:-1]
    attributes: dict[str, Any] = {
        "batch": [n for n, _, _ in axes],
        "a_strides": [stride for _, stride, _ in axes],
        "b_strides": [stride for _, _, stride in axes],
        "rows": a_shape[-2],
        "depth": depth,
        "columns": columns,
        "a_transposed": a_transposed,
        "transposed": transposed,
        "scale": scale,
    }
    low.emit(group, "matmul", attributes, [a, b], [y])


def _batch(batch: Any, a: tuple[int, ...], b: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Size and strides of the axes in front; those joined that both step over as over one."""
    strides = [
        [stride * math.prod(shape[-2:]) for stride in broadcast_strides(shape[:-2], batch)]
        for shape in (a, b)
    ]
    axes: list[tuple[int, int, int]] = []
    for n, i, j in zip(batch, *strides, strict=True):
        if n == 1:
            continue
        if axes and axes[-1][1:] == (i * n, j * n):
            axes[-1] = (axes[-1][0] * n, i, j)
        else:
            axes.append((n, i, j))
    if len(axes) > 4:
        raise NotNative(f"a batch of {len(axes)} axes has no kernel")
    return axes or [(1, 0, 0)]
