"""Gradients of slices with steps, of mirrored borders and of look-ups: sums over who read what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .._operation import Array, Operation, register
from .._types import TensorType
from .combine import Pad


@register
@dataclass(frozen=True)
class SliceGradient(Operation):
    """Put the gradients back to where a slice took the numbers from, with zeros between.

    Args:
        axis: The slice's.
        size: Length of that axis of its input.
        start, step: Of the positions it kept, from the front; a negative step walks backwards.
    """

    axis: int
    size: int
    start: int
    step: int

    kind = "slice_gradient"
    slots = ("gy",)

    def infer(self, gy: TensorType) -> tuple[TensorType]:
        shape = gy.shape
        return (gy.with_shape(*shape[: self.axis], self.size, *shape[self.axis + 1 :]),)

    def evaluate(self, gy: Array) -> tuple[Array]:
        gx = np.zeros(self.infer(TensorType(gy.shape))[0].shape, gy.dtype)
        kept = self.start + self.step * np.arange(gy.shape[self.axis])
        gx[(slice(None),) * self.axis + (kept,)] = gy
        return (gx,)


@register
@dataclass(frozen=True)
class PadGradient(Operation):
    """Add up at each pixel the gradients of all places that a padding copied it to.

    Args:
        pads, mode: The padding's.
        shape: Of its input.
    """

    pads: tuple[tuple[int, int], ...]
    mode: Literal["reflect", "replicate", "circular"]
    shape: tuple[int, ...]

    kind = "pad_gradient"
    slots = ("gy",)

    def infer(self, gy: TensorType) -> tuple[TensorType]:
        return (gy.with_shape(*self.shape),)

    def evaluate(self, gy: Array) -> tuple[Array]:
        for axis, n in enumerate(self.shape):
            gy = added_at(gy, axis, n, self.sources(axis))
        return (gy,)

    def sources(self, axis: int) -> Array:
        """Which place of an axis of the input each place of gy was copied from."""
        (sources,) = Pad((self.pads[axis],), self.mode).evaluate(np.arange(self.shape[axis]))
        return sources


@register
@dataclass(frozen=True)
class GatherGradient(Operation):
    """Add up at each position the gradients of all that looked it up.

    Args:
        axis, elementwise: The look-up's.
        shape: Of its data.
    """

    axis: int
    shape: tuple[int, ...]
    elementwise: bool = False

    kind = "gather_gradient"
    slots = ("gy", "index")

    def infer(self, gy: TensorType, index: TensorType) -> tuple[TensorType]:
        return (gy.with_shape(*self.shape),)

    def evaluate(self, gy: Array, index: Array) -> tuple[Array]:
        places = index.astype(np.int64)
        if self.elementwise:
            gx = np.zeros(self.shape, gy.dtype)
            where: list[Any] = list(np.indices(index.shape, sparse=True))
            where[self.axis] = places
            np.add.at(gx, tuple(where), gy)
            return (gx,)
        front, behind = self.shape[: self.axis], self.shape[self.axis + 1 :]
        each = gy.reshape(*front, places.size, *behind)
        return (added_at(each, self.axis, self.shape[self.axis], places.reshape(-1)),)


def added_at(gy: Array, axis: int, n: int, places: Array) -> Array:
    """Make an axis n long, and add each slice of it to the place that it came from."""
    gx = np.zeros((*gy.shape[:axis], n, *gy.shape[axis + 1 :]), gy.dtype)
    where: list[Any] = [slice(None)] * axis
    np.add.at(gx, (*where, places), gy)
    return gx
