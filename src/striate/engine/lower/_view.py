"""Views of the memory of maps: what a copy reads, and where it writes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .._values import Map
from ._numbers import NotNative

_MOST_AXES = 6  # of csrc/copy


@dataclass(frozen=True)
class View:
    """Some numbers of a map, with a stride along each axis, in floats.

    A plain map has its own axes. A blocked one has batch, blocks of channels, the spatial axes in
    the order they lie in memory, and lanes: what leaves the channels alone need not know of blocks.

    Args:
        start: Floats from the map's first number to the view's.
    """

    map: Map
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    start: int = 0

    def at(self, dim: int, start: int, count: int, step: int = 1) -> View:
        """Every step-th place of an axis from `start` on; backwards where `step` is negative."""
        stride = self.strides[dim]
        return replace(
            self,
            sizes=_with(self.sizes, dim, count),
            strides=_with(self.strides, dim, stride * step),
            start=self.start + start * stride,
        )

    def pick(self, dim: int, place: int) -> View:
        """One place of an axis, without the axis."""
        found = self.at(dim, place, 1)
        return replace(
            found,
            sizes=found.sizes[:dim] + found.sizes[dim + 1 :],
            strides=found.strides[:dim] + found.strides[dim + 1 :],
        )

    def insert(self, dim: int, size: int = 1, stride: int = 0) -> View:
        """A new axis in front of axis `dim`; it repeats what is there, unless it has a stride."""
        return replace(
            self,
            sizes=(*self.sizes[:dim], size, *self.sizes[dim:]),
            strides=(*self.strides[:dim], stride, *self.strides[dim:]),
        )

    def parted(self, dim: int, inner: int) -> View:
        """An axis as two, of which the inner has a given length."""
        size, stride = self.sizes[dim], self.strides[dim]
        return replace(
            self,
            sizes=(*self.sizes[:dim], size // inner, inner, *self.sizes[dim + 1 :]),
            strides=(*self.strides[:dim], stride * inner, stride, *self.strides[dim + 1 :]),
        )

    def permuted(self, axes: tuple[int, ...]) -> View:
        """Axis k of the result is axis axes[k]."""
        return replace(
            self,
            sizes=tuple(self.sizes[a] for a in axes),
            strides=tuple(self.strides[a] for a in axes),
        )

    def spread(self, dim: int, size: int) -> View:
        """An axis of length 1 repeated."""
        return replace(
            self, sizes=_with(self.sizes, dim, size), strides=_with(self.strides, dim, 0)
        )

    @property
    def contiguous(self) -> bool:
        """Whether the numbers lie one behind the other."""
        step = 1
        for n, stride in zip(reversed(self.sizes), reversed(self.strides), strict=True):
            if n != 1 and stride != step:
                return False
            step *= n
        return True


def view(map_: Map) -> View:
    """All of a map.

    Raises:
        NotNative: Its lanes are images.
    """
    if map_.image_lanes:
        raise NotNative("its lanes are images")
    if map_.axes is None:
        sizes = map_.shape
        return View(map_, sizes, _strides(sizes))
    spatial = [map_.shape[axis] for axis in map_.axes[2:]]
    inner = (map_.blocks, *spatial, map_.lanes)
    return View(map_, (map_.batch, *inner), (map_.batch_stride, *_strides(inner)))


def dim_of(map_: Map, axis: int) -> int | None:
    """The view's axis that is an axis of the value; None for channels in blocks."""
    if map_.axes is None:
        return axis
    place = map_.axes.index(axis)
    return None if place == 1 else place


def parted_view(map_: Map) -> View:
    """A blocked map by the axes of its value, the channels as two: blocks, and lanes."""
    assert map_.axes is not None
    memory = view(map_)
    order: list[int] = []
    for axis in range(len(map_.shape)):
        place = map_.axes.index(axis)
        order += [1, len(memory.sizes) - 1] if place == 1 else [place]
    return memory.permuted(tuple(order))


def copy_attributes(source: View, result: View) -> dict[str, Any] | None:
    """Of a step that copies one view to another; None where the kernel has too few axes."""
    axes = _joined(source, result)
    if len(axes) > _MOST_AXES:
        return None
    return {
        "mode": "strided",
        "sizes": [n for n, _, _ in axes],
        "x_strides": [x for _, x, _ in axes],
        "y_strides": [y for _, _, y in axes],
        "x_start": source.start,
        "y_start": result.start,
    }


def _joined(source: View, result: View) -> list[tuple[int, int, int]]:
    """Size and strides of each axis; those joined that both step over as over one."""
    axes: list[tuple[int, int, int]] = []
    for n, x, y in zip(source.sizes, source.strides, result.strides, strict=True):
        if n == 1:
            continue
        if axes and axes[-1][1:] == (x * n, y * n):
            axes[-1] = (axes[-1][0] * n, x, y)
        else:
            axes.append((n, x, y))
    return axes or [(1, 1, 1)]


def _strides(sizes: tuple[int, ...]) -> tuple[int, ...]:
    strides: list[int] = []
    step = 1
    for n in reversed(sizes):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def _with(values: tuple[int, ...], place: int, value: int) -> tuple[int, ...]:
    return (*values[:place], value, *values[place + 1 :])
