"""Values put together and taken apart: concat, stack, split, slice, pad, gather."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from ...errors import ShapeError
from ...window import Window
from .. import ops
from .._backward import Backward
from .._operation import Array, Operation, Saved, Type, register
from .._reach import SOMEWHERE, Along, Reach, pointwise
from .._sizes import Size
from .._types import TensorType
from ._axes import normal_axis, promoted, whole_sizes


@register
@dataclass(frozen=True)
class Concat(Operation):
    """Join values end to end along an axis."""

    axis: int = 1

    kind = "concat"
    slots = ("x",)

    def infer(self, *inputs: TensorType) -> tuple[TensorType]:
        first = inputs[0]
        axis = normal_axis(self.axis, first.rank, self.kind)
        for other in inputs[1:]:
            same = other.rank == first.rank and all(
                a == b
                for k, (a, b) in enumerate(zip(first.shape, other.shape, strict=True))
                if k != axis
            )
            if not same:
                given = " and ".join(map(str, inputs))
                raise ShapeError(
                    f"{given} cannot be joined along axis {axis}: all other axes must be equal.",
                    subject=self.kind,
                )
        total = sum(x.shape[axis] for x in inputs)
        sizes = (*first.shape[:axis], total, *first.shape[axis + 1 :])
        return (TensorType(sizes, promoted(*inputs)),)

    def evaluate(self, *inputs: Array) -> tuple[Array]:
        return (np.concatenate(inputs, self.axis),)

    def gradient(self, back: Backward, number: int) -> str | None:
        lengths = tuple(back.shape(back.read(k))[self.axis] for k in range(len(back.inputs)))
        return back.fit(back.add_all(ops.Split(self.axis, lengths), back.gy)[number], number)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        rank = outputs[0].rank
        joined = self.axis % rank
        # An output stands in one of the inputs, so along the joined axis no single window serves.
        one = tuple(SOMEWHERE if axis == joined else Along(axis) for axis in range(rank))
        return (one,) * len(inputs)

    def describe(self) -> str:
        return "" if self.axis == 1 else f"axis {self.axis}"


@register
@dataclass(frozen=True)
class Stack(Operation):
    """Join values along a new axis."""

    axis: int = 0

    kind = "stack"
    slots = ("x",)

    def infer(self, *inputs: TensorType) -> tuple[TensorType]:
        if len({x.shape for x in inputs}) != 1:
            given = " and ".join(map(str, inputs))
            raise ShapeError(f"{given} differ and cannot be stacked.", subject=self.kind)
        axis = normal_axis(self.axis, inputs[0].rank + 1, self.kind)
        sizes = inputs[0].shape
        return (TensorType((*sizes[:axis], len(inputs), *sizes[axis:]), promoted(*inputs)),)

    def evaluate(self, *inputs: Array) -> tuple[Array]:
        return (np.stack(inputs, self.axis),)

    def gradient(self, back: Backward, number: int) -> str | None:
        return back.fit(back.add(ops.Select(self.axis, number), back.gy), number)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        rank = outputs[0].rank
        new = self.axis % rank
        return (tuple(Along(axis) for axis in range(rank) if axis != new),) * len(inputs)


@register
@dataclass(frozen=True)
class Split(Operation):
    """Cut a value along an axis into pieces, without copying.

    Args:
        axis: The axis.
        sizes: Lengths of the pieces, or one length for all (the last may be shorter).
        pieces: Number of pieces as equal as possible, instead of `sizes` (torch's chunk).
    """

    axis: int = 1
    sizes: tuple[int | Size, ...] | int | Size | None = None
    pieces: int | None = None

    kind = "split"
    slots = ("x",)
    view = True

    def lengths(self, n: int) -> tuple[int, ...]:
        """Lengths of the pieces of an axis of n."""
        if isinstance(self.sizes, tuple):
            return whole_sizes(self.sizes)
        if not n:
            return (0,) * (self.pieces or 1)
        step = -(-n // self.pieces) if self.pieces else max(cast("int", self.sizes), 1)
        return tuple(min(step, n - start) for start in range(0, n, step))

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        axis = normal_axis(self.axis, x.rank, self.kind)
        lengths = self.lengths(x.shape[axis])
        if sum(lengths) != x.shape[axis] or min(lengths) < 0:
            raise ShapeError(
                f"input {x} has {x.shape[axis]} along axis {axis}; pieces of {lengths} make "
                f"{sum(lengths)}.",
                subject=self.kind,
            )
        return tuple(
            x.with_shape(*x.shape[:axis], length, *x.shape[axis + 1 :]) for length in lengths
        )

    def evaluate(self, x: Array) -> tuple[Array, ...]:
        ends = np.cumsum(self.lengths(x.shape[self.axis]))[:-1]
        return tuple(np.split(x, ends, self.axis))

    def gradient(self, back: Backward, number: int) -> str | None:
        parts = [
            back.zeros(y) if gradient is None else gradient
            for y, gradient in zip(back.outputs, back.gradients, strict=True)
        ]
        return back.add(ops.Concat(self.axis), *parts)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        rank = outputs[0].rank
        cut = self.axis % rank
        whole = inputs[0] == outputs[0]
        return (tuple(SOMEWHERE if a == cut and not whole else Along(a) for a in range(rank)),)

    def describe(self) -> str:
        return f"{self.pieces} pieces" if self.pieces else f"sizes {self.sizes}"


@register
@dataclass(frozen=True)
class Slice(Operation):
    """Keep the positions start, start + step, ... before `end` along one axis, without copying.

    Args:
        axis: The axis.
        start, end: As in Python: negative ones count from the end, past the end is the end.
        step: Negative steps walk backwards (ONNX).
    """

    axis: int
    start: int | Size = 0
    end: int | Size | None = None
    step: int = 1

    kind = "slice"
    slots = ("x",)
    view = True

    def _range(self, n: int) -> range:
        piece = slice(self.start, self.end, self.step)
        return range(*piece.indices(n))

    def infer(self, x: TensorType) -> tuple[TensorType]:
        axis = normal_axis(self.axis, x.rank, self.kind)
        if self.step == 0:
            raise ShapeError(f"input {x}: a step of 0 never ends; use 1.", subject=self.kind)
        length = len(self._range(x.shape[axis]))
        return (x.with_shape(*x.shape[:axis], length, *x.shape[axis + 1 :]),)

    def evaluate(self, x: Array) -> tuple[Array]:
        kept = np.array(self._range(x.shape[self.axis]), dtype=np.int64)
        return (np.take(x, kept, self.axis),)

    def gradient(self, back: Backward, number: int) -> str | None:
        shape = back.shape(back.read(0))
        axis = self.axis % len(shape)
        kept = self._range(shape[axis])
        if kept.step != 1:
            return back.add(ops.SliceGradient(axis, shape[axis], kept.start, kept.step), back.gy)
        start, end = (kept.start, kept.stop) if kept else (0, 0)
        pads = [(0, 0)] * len(shape)
        pads[axis] = (start, shape[axis] - end)
        return back.add(ops.Pad(tuple(pads)), back.gy)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        x = inputs[0]
        assert x
        cut = self.axis % x.rank
        kept = self._range(x.shape[cut])
        if not kept or kept.step < 0:
            return (tuple(SOMEWHERE if a == cut else Along(a) for a in range(x.rank)),)
        after = kept[-1] + 1 - x.shape[cut]
        window = Window(1, stride=kept.step, padding=(-kept.start, after))
        return (tuple(Along(a, window) if a == cut else Along(a) for a in range(x.rank)),)

    def describe(self) -> str:
        end = "" if self.end is None else self.end
        step = f":{self.step}" if self.step != 1 else ""
        return f"axis {self.axis}, {self.start}:{end}{step}"


@register
@dataclass(frozen=True)
class Select(Operation):
    """Keep one position of an axis, and take the axis out, without copying."""

    axis: int
    index: int | Size

    kind = "select"
    slots = ("x",)
    view = True

    def infer(self, x: TensorType) -> tuple[TensorType]:
        axis = normal_axis(self.axis, x.rank, self.kind)
        index = cast("int", self.index)
        if not -x.shape[axis] <= index < x.shape[axis]:
            raise ShapeError(
                f"input {x} has {x.shape[axis]} places along axis {axis}; there is no place "
                f"{index}.",
                subject=self.kind,
            )
        return (x.with_shape(*x.shape[:axis], *x.shape[axis + 1 :]),)

    def evaluate(self, x: Array) -> tuple[Array]:
        return (np.take(x, cast("int", self.index), self.axis),)

    def gradient(self, back: Backward, number: int) -> str | None:
        shape = back.shape(back.read(0))
        axis = self.axis % len(shape)
        index = cast("int", self.index) % shape[axis]
        pads = [(0, 0)] * len(shape)
        pads[axis] = (index, shape[axis] - 1 - index)
        one = back.reshape(back.gy, (*shape[:axis], 1, *shape[axis + 1 :]))
        return back.add(ops.Pad(tuple(pads)), one)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        x = inputs[0]
        assert x
        cut = self.axis % x.rank
        return (tuple(SOMEWHERE if a == cut else Along(a - (a > cut)) for a in range(x.rank)),)


@register
@dataclass(frozen=True)
class Pad(Operation):
    """Add pixels around; negative numbers take some away.

    Args:
        pads: (before, after) of every axis, the batch's too.
        mode: `constant`, `reflect` (without the edge pixel), `replicate` or `circular`.
        value: What `constant` adds.

    The reach tells the pixels inside; what another mode puts on a border is read from near it
    (`circular`: from the other end).
    """

    pads: tuple[tuple[int | Size, int | Size], ...]
    mode: Literal["constant", "reflect", "replicate", "circular"] = "constant"
    value: float = 0.0

    kind = "pad"
    slots = ("x",)

    def infer(self, x: TensorType) -> tuple[TensorType]:
        if len(self.pads) != x.rank:
            raise ShapeError(
                f"input {x} has {x.rank} axes; {len(self.pads)} pairs of pads were given.",
                subject=self.kind,
            )
        pads = cast("tuple[tuple[int, int], ...]", self.pads)
        sizes = tuple(n + before + after for n, (before, after) in zip(x.shape, pads, strict=True))
        most = {"reflect": -1, "circular": 0}.get(self.mode)
        for n, size, pair in zip(x.shape, sizes, pads, strict=True):
            added = max(0, *pair)
            if size < 0 or (most is not None and added and added > n + most):
                raise ShapeError(
                    f"input {x} cannot be padded by {pair} along an axis of {n} pixels"
                    + (f": {self.mode} can add at most {n + (most or 0)}." if most is not None
                       else "."),
                    subject=self.kind,
                )  # fmt: skip
        return (x.with_shape(*sizes),)

    def evaluate(self, x: Array) -> tuple[Array]:
        pads = cast("tuple[tuple[int, int], ...]", self.pads)
        crops = tuple(
            slice(max(-before, 0), n - max(-after, 0))
            for n, (before, after) in zip(x.shape, pads, strict=True)
        )
        wider = [(max(before, 0), max(after, 0)) for before, after in pads]
        if self.mode == "constant":
            return (np.pad(x[crops], wider, constant_values=np.asarray(self.value, x.dtype)),)
        modes: dict[str, Any] = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
        return (np.pad(x[crops], wider, mode=modes[self.mode]),)

    def gradient(self, back: Backward, number: int) -> str | None:
        pads = cast("tuple[tuple[int, int], ...]", self.pads)
        if self.mode == "constant":
            return back.add(ops.Pad(tuple((-before, -after) for before, after in pads)), back.gy)
        return back.add(ops.PadGradient(pads, self.mode, back.shape(back.read(0))), back.gy)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        pads = cast("tuple[tuple[int, int], ...]", self.pads)
        return (tuple(Along(axis, Window(1, padding=pair)) for axis, pair in enumerate(pads)),)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        # For its shape alone, but torch keeps it.
        return Saved(inputs=(0,) if self.mode in ("reflect", "replicate") else ())

    def describe(self) -> str:
        shown = ", ".join(f"{a}" if a == b else f"({a}, {b})" for a, b in self.pads[1:])
        return f"{shown}" + ("" if self.mode == "constant" else f", {self.mode}")


@register
@dataclass(frozen=True)
class Gather(Operation):
    """Look up positions along an axis: numpy.take, or element by element (torch.gather).

    Args:
        axis: The axis of the data.
        elementwise: The index has the output's shape and tells the position for each element.
    """

    axis: int = 0
    elementwise: bool = False

    kind = "gather"
    slots = ("x", "index")

    def infer(self, x: TensorType, index: TensorType) -> tuple[TensorType]:
        axis = normal_axis(self.axis, x.rank, self.kind)
        if not self.elementwise:
            return (x.with_shape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]),)
        pairs = enumerate(zip(index.shape, x.shape, strict=False))
        if index.rank != x.rank or any(m > n for a, (m, n) in pairs if a != axis):
            raise ShapeError(
                f"index {index} must have the {x.rank} axes of input {x}, and along all but axis "
                f"{axis} be no longer.",
                subject=self.kind,
            )
        return (x.with_shape(*index.shape),)

    def evaluate(self, x: Array, index: Array) -> tuple[Array]:
        places = index.astype(np.int64)
        if not self.elementwise:
            return (np.take(x, places, self.axis),)
        axis = self.axis % x.ndim
        near = tuple(slice(None if a == axis else m) for a, m in enumerate(index.shape))
        return (np.take_along_axis(x[near], places, axis),)

    def gradient(self, back: Backward, number: int) -> str | None:
        shape = back.shape(back.read(0))
        axis = self.axis % len(shape)
        return back.add(ops.GatherGradient(axis, shape, self.elementwise), back.gy, back.inputs[1])

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        x, index = inputs
        assert x
        assert index
        axis = self.axis % x.rank
        if self.elementwise:
            ends = [
                Window(1, padding=(0, m - n)) for m, n in zip(index.shape, x.shape, strict=True)
            ]
            one = tuple(SOMEWHERE if a == axis else Along(a, end) for a, end in enumerate(ends))
            return one, pointwise(index.rank)
        shift = index.rank - 1
        one = tuple(
            SOMEWHERE if a == axis else Along(a if a < axis else a + shift) for a in range(x.rank)
        )
        return one, tuple(Along(axis + a) for a in range(index.rank))

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        # torch.gather keeps the data too, for their shape.
        return Saved(inputs=(0, 1) if self.elementwise else (1,))
