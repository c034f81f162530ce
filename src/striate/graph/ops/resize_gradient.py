"""The gradient of a resizing."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from .._operation import Array, Operation, register
from .._sizes import Size
from .._types import TensorType
from .resize import Coordinates, Mode, Resize


@register
@dataclass(frozen=True)
class ResizeGradient(Operation):
    """Each pixel gets the gradients of all that read it, by the factors that it counted with.

    Args:
        sizes: Of the resizing's input, behind the channels.
        size, scale, mode, coordinates, rounding, use_scale, cubic_a: The resizing's.
    """

    sizes: tuple[int, ...]
    size: tuple[int | Size, ...] | None
    scale: tuple[float, ...] | None = None
    mode: Mode = "nearest"
    coordinates: Coordinates = "asymmetric"
    rounding: str = "floor"
    use_scale: bool = False
    cubic_a: float = -0.75

    kind = "resize_gradient"
    slots = ("gy",)

    def infer(self, gy: TensorType) -> tuple[TensorType]:
        return (gy.with_shape(*gy.shape[:2], *self.sizes),)

    @property
    def resize(self) -> Resize:
        """What it is the gradient of."""
        return Resize(**{f.name: getattr(self, f.name) for f in fields(Resize)})

    def evaluate(self, gy: Array) -> tuple[Array]:
        for axis, matrix in enumerate(self.resize.matrices(self.sizes, gy.shape[2:]), start=2):
            if len(set(matrix.shape)) > 1 or self.use_scale:
                gy = np.moveaxis(np.moveaxis(gy, axis, -1) @ matrix.astype(gy.dtype), -1, axis)
        return (gy,)

    def describe(self) -> str:
        return f"{self.mode} from {'x'.join(map(str, self.sizes))}"
