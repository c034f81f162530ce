"""The gradient of a product over axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._operation import Array, Operation, register
from .._types import TensorType


@register
@dataclass(frozen=True)
class ProductGradient(Operation):
    """gx[i] = gy * product of all x[j] with j != i: right where some are 0, too.

    Args:
        axes: That were multiplied over, counted from the front.
    Shape:
        gy like x with these axes 1 long.
    """

    axes: tuple[int, ...]

    kind = "product_gradient"
    slots = ("gy", "x")

    def infer(self, gy: TensorType, x: TensorType) -> tuple[TensorType]:
        return (x,)

    def evaluate(self, gy: Array, x: Array) -> tuple[Array]:
        ends = tuple(range(x.ndim - len(self.axes), x.ndim))
        moved = np.moveaxis(x, self.axes, ends)
        flat = moved.reshape(*moved.shape[: ends[0] if ends else None], -1)
        ones = np.ones_like(flat[..., :1])
        before = np.cumprod(np.concatenate([ones, flat[..., :-1]], -1), -1)
        behind = np.cumprod(np.concatenate([ones, flat[..., :0:-1]], -1), -1)[..., ::-1]
        others = np.moveaxis((before * behind).reshape(moved.shape), ends, self.axes)
        return (gy * others,)
