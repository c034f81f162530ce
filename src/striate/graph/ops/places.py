"""An index as the native kernels read it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._operation import Array, Operation, register
from .._types import TensorType


@register
@dataclass(frozen=True)
class Places(Operation):
    """An index of any whole numbers as floats from 0 on; negative ones count from the end.

    Args:
        size: Length of the axis that is looked up, at most 2^24: float32 holds such numbers.
    """

    size: int

    kind = "places"
    slots = ("index",)

    def infer(self, index: TensorType) -> tuple[TensorType]:
        return (TensorType(index.shape),)

    def evaluate(self, index: Array) -> tuple[Array]:
        if ((index < -self.size) | (index >= self.size)).any():
            raise IndexError(
                f"an index of {index.min()} to {index.max()} looks up an axis of {self.size}"
            )
        return (np.where(index < 0, index + self.size, index).astype(np.float32),)
