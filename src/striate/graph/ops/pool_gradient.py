"""Gradients of poolings for their input."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...window import Window
from .._operation import Array, Operation, Type, register
from .._types import TensorType
from ._slide import shown, spread, taps
from .pool import AvgPool, adaptive_reads, winners


@register
@dataclass(frozen=True)
class MaxPlacesGradient(Operation):
    """Each output's gradient goes to the pixel that won its window.

    Args:
        windows: The pooling's.
        sizes: Of its input, behind the channels.
    Shape:
        gy (N, C, *) and places like it, the winners' numbers in their windows: gx (N, C, *sizes).
    """

    windows: tuple[Window, ...]
    sizes: tuple[int, ...]

    kind = "max_places_gradient"
    slots = ("gy", "places")

    def infer(self, gy: TensorType, places: TensorType) -> tuple[TensorType]:
        return (gy.with_shape(*gy.shape[:2], *self.sizes),)

    def evaluate(self, gy: Array, places: Array) -> tuple[Array]:
        count = math.prod(window.size for window in self.windows)
        parts = [np.where(places == number, gy, 0) for number in range(count)]
        return (spread(parts, (*gy.shape[:2], *self.sizes), self.windows),)

    def describe(self) -> str:
        return shown(self.windows)


@register
@dataclass(frozen=True)
class MaxPoolGradient(Operation):
    """The same, with the winners found again: the first of equals, the last NaN.

    Args:
        windows: The pooling's.
    Shape:
        gy (N, C, *), x (N, C, *sizes): gx like x.
    """

    windows: tuple[Window, ...]

    kind = "max_pool_gradient"
    slots = ("gy", "x")

    def infer(self, gy: TensorType, x: TensorType) -> tuple[TensorType]:
        return (x,)

    def evaluate(self, gy: Array, x: Array) -> tuple[Array]:
        outputs, one = gy.shape[2:], np.ones((1, 1, *x.shape[2:]), bool)
        inside = (read for _, read in taps(one, self.windows, 0, outputs))
        best, winner = np.full(gy.shape, -np.inf), np.full(gy.shape, -1)
        reads = taps(x, self.windows, 0, outputs)
        for number, ((_, read), real) in enumerate(zip(reads, inside, strict=True)):
            wins = real & ((read > best) | (read != read) | (winner < 0))
            best, winner = np.where(wins, read, best), np.where(wins, number, winner)
        count = math.prod(window.size for window in self.windows)
        parts = [np.where(winner == number, gy, 0) for number in range(count)]
        return (spread(parts, x.shape, self.windows),)

    def describe(self) -> str:
        return shown(self.windows)


@register
@dataclass(frozen=True)
class AvgPoolGradient(Operation):
    """Each output's gradient, divided by the window's count, goes to all pixels it reads.

    Args:
        windows, count_include_pad, divisor: The pooling's.
        sizes: Of its input, behind the channels.
    Shape:
        gy (N, C, *): gx (N, C, *sizes).
    """

    windows: tuple[Window, ...]
    sizes: tuple[int, ...]
    count_include_pad: bool = True
    divisor: int | None = None

    kind = "avg_pool_gradient"
    slots = ("gy",)

    def infer(self, gy: TensorType) -> tuple[TensorType]:
        return (gy.with_shape(*gy.shape[:2], *self.sizes),)

    def evaluate(self, gy: Array) -> tuple[Array]:
        pool = AvgPool(self.windows, self.count_include_pad, self.divisor)
        share = gy / pool.counts(self.sizes, gy.shape[2:]).astype(gy.dtype)
        parts = [share] * int(np.prod([w.size for w in self.windows]))
        return (spread(parts, (*gy.shape[:2], *self.sizes), self.windows),)

    def describe(self) -> str:
        return shown(self.windows)


@dataclass(frozen=True)
class _AdaptiveGradient(Operation):
    """What gradients of adaptive poolings share: which pixels each place read."""

    sizes: tuple[int, ...]

    slots: ClassVar[tuple[str, ...]] = ("gy",)

    def infer(self, gy: TensorType, *others: Type) -> tuple[TensorType]:
        return (gy.with_shape(*gy.shape[:2], *self.sizes),)

    def patches(self, places: tuple[int, ...]) -> Iterator[tuple[Any, Any]]:
        """Yield, place by place, its index and that of what it read."""
        along = [adaptive_reads(n, m) for n, m in zip(self.sizes, places, strict=True)]
        for place in np.ndindex(*places):
            read = [one[i] for i, one in zip(place, along, strict=True)]
            yield (..., *place), (..., *(slice(r.start, r.stop) for r in read))


@register
@dataclass(frozen=True)
class AdaptiveAvgPoolGradient(_AdaptiveGradient):
    """Each place's gradient, divided by the pixels it read, goes to all of them.

    Args:
        sizes: Of the pooling's input, behind the channels.
    Shape:
        gy (N, C, *): gx (N, C, *sizes).
    """

    kind = "adaptive_avg_pool_gradient"

    def evaluate(self, gy: Array) -> tuple[Array]:
        gx = np.zeros((*gy.shape[:2], *self.sizes), gy.dtype)
        for here, reads in self.patches(gy.shape[2:]):
            share = gy[here] / gx[reads][0, 0].size
            gx[reads] += share.reshape(*share.shape, *[1] * len(self.sizes))
        return (gx,)


@register
@dataclass(frozen=True)
class AdaptiveMaxPoolGradient(_AdaptiveGradient):
    """Each place's gradient goes to the pixel that won: the first of equals, the last NaN.

    Args:
        sizes: Of the pooling's input, behind the channels.
    Shape:
        gy (N, C, *), x (N, C, *sizes): gx like x.
    """

    kind = "adaptive_max_pool_gradient"
    slots = ("gy", "x")

    def evaluate(self, gy: Array, x: Array) -> tuple[Array]:
        gx = np.zeros_like(x)
        for here, reads in self.patches(gy.shape[2:]):
            patch = x[reads]
            flat = patch.reshape(*patch.shape[:2], -1)
            won = np.zeros_like(flat)
            np.put_along_axis(won, winners(flat)[..., None], gy[here][..., None], -1)
            gx[reads] += won.reshape(patch.shape)
        return (gx,)
