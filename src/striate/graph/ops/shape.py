"""Another shape for the same numbers: reshape, permute, broadcast."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...errors import ShapeError
from ...window import Window
from .._backward import Backward
from .._operation import Array, Operation, Type, register
from .._reach import SOMEWHERE, WHOLE, Along, Everywhere, Reach
from .._sizes import Size
from .._types import TensorType
from ._axes import broadcast_shapes, normal_axes, whole_sizes


@register
@dataclass(frozen=True)
class Reshape(Operation):
    """The same numbers, in the same order, in another shape.

    Args:
        shape: The new sizes; one may be -1, which takes what is left.
    """

    shape: tuple[int | Size, ...]

    kind = "reshape"
    slots = ("x",)
    view = True

    def infer(self, x: TensorType) -> tuple[TensorType]:
        sizes = list(whole_sizes(self.shape))
        known = math.prod(n for n in sizes if n != -1)
        if -1 in sizes and known and x.numel % known == 0 and sizes.count(-1) == 1:
            sizes[sizes.index(-1)] = x.numel // known
        if math.prod(sizes) != x.numel or min(sizes, default=0) < 0:
            target = "x".join("?" if n == -1 else str(n) for n in sizes)
            raise ShapeError(
                f"input {x} has {x.numel} numbers and cannot become {target}.", subject=self.kind
            )
        return (x.with_shape(*sizes),)

    def evaluate(self, x: Array) -> tuple[Array]:
        return (x.reshape(self.infer(TensorType(x.shape))[0].shape),)

    def gradient(self, back: Backward, number: int) -> str | None:
        return back.reshape(back.gy, back.shape(back.read(0)))

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        x = inputs[0]
        assert x
        return (reshape_reach(x.shape, outputs[0].shape),)


@register
@dataclass(frozen=True)
class Flatten(Operation):
    """Join neighbouring axes into one.

    Args:
        start, end: First and last of the axes joined.
    """

    start: int = 1
    end: int = -1

    kind = "flatten"
    slots = ("x",)
    view = True

    def infer(self, x: TensorType) -> tuple[TensorType]:
        if x.rank == 0:
            return (x.with_shape(1),)
        start, end = normal_axes((self.start, self.end), x.rank, self.kind)
        if start > end:
            raise ShapeError(
                f"input {x}: the first axis to join, {self.start}, comes after the last, "
                f"{self.end}.",
                subject=self.kind,
            )
        joined = math.prod(x.shape[start : end + 1])
        return (x.with_shape(*x.shape[:start], joined, *x.shape[end + 1 :]),)

    def evaluate(self, x: Array) -> tuple[Array]:
        return (x.reshape(self.infer(TensorType(x.shape))[0].shape),)

    def gradient(self, back: Backward, number: int) -> str | None:
        return back.reshape(back.gy, back.shape(back.read(0)))

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        x = inputs[0]
        assert x
        return (reshape_reach(x.shape, outputs[0].shape),)

    def describe(self) -> str:
        return "" if (self.start, self.end) == (1, -1) else f"axes {self.start} to {self.end}"


@register
@dataclass(frozen=True)
class Permute(Operation):
    """Output axis k is input axis axes[k]."""

    axes: tuple[int, ...]

    kind = "permute"
    slots = ("x",)
    view = True

    def infer(self, x: TensorType) -> tuple[TensorType]:
        axes = normal_axes(self.axes, x.rank, self.kind)
        if sorted(axes) != list(range(x.rank)):
            raise ShapeError(
                f"input {x} has {x.rank} axes; the order {self.axes} does not name each once.",
                subject=self.kind,
            )
        return (x.with_shape(*(x.shape[axis] for axis in axes)),)

    def evaluate(self, x: Array) -> tuple[Array]:
        return (x.transpose(self.axes),)

    def gradient(self, back: Backward, number: int) -> str | None:
        axes = normal_axes(self.axes, len(self.axes), self.kind)
        return back.add(Permute(tuple(map(axes.index, range(len(axes))))), back.gy)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        rank = outputs[0].rank
        axes = normal_axes(self.axes, rank, self.kind)
        return (tuple(Along(axes.index(axis)) for axis in range(rank)),)

    def describe(self) -> str:
        return f"to axes {', '.join(map(str, self.axes))}"


@register
@dataclass(frozen=True)
class Squeeze(Operation):
    """Take axes of length 1 out.

    Args:
        axes: The axes, of which only those of length 1 go; None takes all of them.
    """

    axes: tuple[int, ...] | None = None

    kind = "squeeze"
    slots = ("x",)
    view = True

    def infer(self, x: TensorType) -> tuple[TensorType]:
        return (x.with_shape(*(x.shape[axis] for axis in self._kept(x))),)

    def evaluate(self, x: Array) -> tuple[Array]:
        return (x.reshape(self.infer(TensorType(x.shape))[0].shape),)

    def gradient(self, back: Backward, number: int) -> str | None:
        return back.reshape(back.gy, back.shape(back.read(0)))

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        x = inputs[0]
        assert x
        kept = self._kept(x)
        return (tuple(Along(kept.index(a)) if a in kept else WHOLE for a in range(x.rank)),)

    def _kept(self, x: TensorType) -> list[int]:
        axes = range(x.rank) if self.axes is None else normal_axes(self.axes, x.rank, self.kind)
        return [axis for axis in range(x.rank) if axis not in axes or x.shape[axis] != 1]


@register
@dataclass(frozen=True)
class Unsqueeze(Operation):
    """Put axes of length 1 in, at these places of the output."""

    axes: tuple[int, ...]

    kind = "unsqueeze"
    slots = ("x",)
    view = True

    def infer(self, x: TensorType) -> tuple[TensorType]:
        rank = x.rank + len(self.axes)
        new = normal_axes(self.axes, rank, self.kind)
        if len(set(new)) < len(new):
            raise ShapeError(
                f"input {x}: the new axes {self.axes} must each be named once.", subject=self.kind
            )
        sizes = iter(x.shape)
        return (x.with_shape(*(1 if axis in new else next(sizes) for axis in range(rank))),)

    def evaluate(self, x: Array) -> tuple[Array]:
        return (x.reshape(self.infer(TensorType(x.shape))[0].shape),)

    def gradient(self, back: Backward, number: int) -> str | None:
        return back.reshape(back.gy, back.shape(back.read(0)))

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        rank = outputs[0].rank
        new = normal_axes(self.axes, rank, self.kind)
        return (tuple(Along(axis) for axis in range(rank) if axis not in new),)


@register
@dataclass(frozen=True)
class Expand(Operation):
    """Repeat axes of length 1, and put axes in front, without copying.

    Args:
        shape: The new sizes; -1 keeps one.
        both: Whether axes of the new shape may also be stretched (ONNX's Expand).
    """

    shape: tuple[int | Size, ...]
    both: bool = False

    kind = "expand"
    slots = ("x",)
    view = True

    def infer(self, x: TensorType) -> tuple[TensorType]:
        target = whole_sizes(self.shape)
        shift = len(target) - x.rank
        sizes = tuple(x.shape[a - shift] if n == -1 and a >= shift else n
                      for a, n in enumerate(target))  # fmt: skip
        result = broadcast_shapes(self.kind, x.shape, sizes)
        if min(result, default=0) < 0 or (result != sizes and not self.both):
            target_text = "x".join(map(str, target))
            raise ShapeError(
                f"input {x} cannot be stretched to {target_text}: every size must be the input's "
                f"own, or the input's must be 1; -1 keeps one.",
                subject=self.kind,
            )
        return (x.with_shape(*result),)

    def evaluate(self, x: Array) -> tuple[Array]:
        return (np.broadcast_to(x, self.infer(TensorType(x.shape))[0].shape),)

    def gradient(self, back: Backward, number: int) -> str | None:
        return back.fit(back.gy, 0)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        x = inputs[0]
        assert x
        shape, shift = outputs[0].shape, outputs[0].rank - x.rank
        return (
            tuple(
                Along(axis + shift) if n == shape[axis + shift] else WHOLE
                for axis, n in enumerate(x.shape)
            ),
        )


@register
@dataclass(frozen=True)
class Tile(Operation):
    """Repeat the whole value along its axes."""

    repeats: tuple[int | Size, ...]

    kind = "tile"
    slots = ("x",)

    def infer(self, x: TensorType) -> tuple[TensorType]:
        repeats = whole_sizes(self.repeats)
        sizes = (*(1,) * (len(repeats) - x.rank), *x.shape)
        if len(repeats) < x.rank or min(repeats, default=0) < 0:
            raise ShapeError(
                f"input {x} has {x.rank} axes; {repeats} must tell how often to repeat each: a "
                f"number of 0 or more for every axis, and for new ones in front.",
                subject=self.kind,
            )
        return (x.with_shape(*(n * r for n, r in zip(sizes, repeats, strict=True))),)

    def evaluate(self, x: Array) -> tuple[Array]:
        return (np.tile(x, whole_sizes(self.repeats)),)

    def gradient(self, back: Backward, number: int) -> str | None:
        shape, repeats = back.shape(back.read(0)), whole_sizes(self.repeats)
        front = (1,) * (len(repeats) - len(shape))
        apart = [n for pair in zip(repeats, (*front, *shape), strict=True) for n in pair]
        each = back.reshape(back.gy, tuple(apart))
        return back.reshape(back.sum(each, tuple(range(0, len(apart), 2))), shape)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        x = inputs[0]
        assert x
        shape, shift = outputs[0].shape, outputs[0].rank - x.rank
        return (
            tuple(
                Along(a + shift) if n == shape[a + shift] else SOMEWHERE
                for a, n in enumerate(x.shape)
            ),
        )


@register
@dataclass(frozen=True)
class Roll(Operation):
    """Shift along axes; what leaves at one end comes in at the other."""

    shifts: tuple[int, ...]
    axes: tuple[int, ...]

    kind = "roll"
    slots = ("x",)

    def infer(self, x: TensorType) -> tuple[TensorType]:
        normal_axes(self.axes, x.rank, self.kind)
        return (x,)

    def evaluate(self, x: Array) -> tuple[Array]:
        return (np.roll(x, self.shifts, self.axes),)

    def gradient(self, back: Backward, number: int) -> str | None:
        return back.add(Roll(tuple(-shift for shift in self.shifts), self.axes), back.gy)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        rank = outputs[0].rank
        rolled = normal_axes(self.axes, rank, self.kind)
        return (tuple(SOMEWHERE if axis in rolled else Along(axis) for axis in range(rank)),)


@register
@dataclass(frozen=True)
class Flip(Operation):
    """Turn axes around."""

    axes: tuple[int, ...]

    kind = "flip"
    slots = ("x",)

    def infer(self, x: TensorType) -> tuple[TensorType]:
        normal_axes(self.axes, x.rank, self.kind)
        return (x,)

    def evaluate(self, x: Array) -> tuple[Array]:
        return (np.flip(x, self.axes),)

    def gradient(self, back: Backward, number: int) -> str | None:
        return back.add(self, back.gy)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        rank = outputs[0].rank
        turned = normal_axes(self.axes, rank, self.kind)
        return (tuple(SOMEWHERE if axis in turned else Along(axis) for axis in range(rank)),)


def reshape_reach(old: tuple[int, ...], new: tuple[int, ...]) -> Reach:
    """Follow axes through a reshape, in the smallest groups whose sizes multiply to the same.

    An axis that stays alone keeps its place. Where axes are joined (H, r) -> H*r, output i reads
    input i // r of the first; where one is split, H -> (H/r, r), output i reads r pixels from i*r.
    Other axes of a group are read somewhere.

    Example:
        >>> reshape_reach((2, 6, 7), (2, 3, 2, 7))[1]
        Along(axis=1, window=Window(2, stride=2))
    """
    reach: list[Along | Everywhere] = []
    for inside, outside in _groups(old, new):
        if len(inside) == len(outside) == 1:
            reach.append(Along(outside[0]))
            continue
        large = [axis for axis in inside if old[axis] != 1]
        target = [axis for axis in outside if new[axis] != 1]
        for axis in inside:
            if old[axis] == 1:
                reach.append(WHOLE)
            elif axis == large[0] and target:
                reach.append(_first_axis(target[0], old[axis], new[target[0]]))
            else:
                reach.append(SOMEWHERE)
    return tuple(reach)


def _first_axis(axis: int, n: int, m: int) -> Along | Everywhere:
    """How the first of a group's outputs, m long, reads the first of its inputs, n long."""
    if n == m:
        return Along(axis)
    if m and n and n % m == 0:
        return Along(axis, Window(n // m, stride=n // m))
    if m and n and m % n == 0:
        return Along(axis, Window(m // n, stride=m // n).transposed())
    return SOMEWHERE


def _groups(old: tuple[int, ...], new: tuple[int, ...]) -> list[tuple[list[int], list[int]]]:
    """Cut both shapes into the shortest runs with equal products."""
    groups: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(old) or j < len(new):
        inside: list[int] = []
        outside: list[int] = []
        left = right = 1
        while not inside or not outside or left != right:
            if i < len(old) and (not inside or (outside and left < right) or j == len(new)):
                left *= old[i]
                inside.append(i)
                i += 1
            elif j < len(new):
                right *= new[j]
                outside.append(j)
                j += 1
            else:
                break
        groups.append((inside, outside))
    return groups
