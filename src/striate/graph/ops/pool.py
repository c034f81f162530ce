"""Pooling: the largest, the mean or the p-norm of a window; and adaptive windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal

import numpy as np

from ...errors import ShapeError
from ...window import Window
from .. import ops
from .._backward import Backward
from .._operation import Array, Connections, Operation, Saved, Type, register
from .._reach import WHOLE, Along, Reach
from .._types import TensorType
from ._slide import (
    check_maps,
    connected,
    kept,
    output_sizes,
    padded_bytes,
    shown,
    sliding_reach,
    taps,
    window_sum,
)

MOST_PLACES = 255
"""Pixels of a window whose number in it is written as a byte; 255 stands for none."""


@dataclass(frozen=True)
class _Pool(Operation):
    """A window over each axis behind the channels, each map for itself."""

    windows: tuple[Window, ...]

    slots: ClassVar[tuple[str, ...]] = ("x",)

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        check_maps(x, len(self.windows), self.kind)
        sizes = output_sizes(self.windows, x.shape[2:], self.kind)
        return (x.with_shape(*x.shape[:2], *sizes),)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        x = inputs[0]
        assert x
        return (sliding_reach(self.windows, x.shape[2:], channelwise=True),)

    def connections(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Connections:
        x = inputs[0]
        assert x
        maps = x.shape[0] * x.shape[1]
        real, padding = (maps * n for n in connected(self.windows, x.shape[2:]))
        return Connections(real, padding)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        x = inputs[0]
        assert x
        return kept(x, self.windows)

    def scratch_bytes(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> int:
        x = inputs[0]
        assert x
        return padded_bytes(x, self.windows)

    def describe(self) -> str:
        return shown(self.windows)


@register
@dataclass(frozen=True)
class MaxPool(_Pool):
    """y[n,c,i] = max over u of x[n, c, i*stride - before + u*dilation]; padding never wins.

    Args:
        windows: One for each axis behind the channels.
        indices: Whether a second output holds the flat position of each maximum in its map.
        places: Whether it holds instead the number of each maximum in its window, as a byte: all
            that the gradient needs. Padding counts; windows have `MOST_PLACES` pixels at most.
    """

    indices: bool = False
    places: bool = False

    kind = "max_pool"

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        (y,) = super().infer(x)
        if self.places:
            return (y, TensorType(y.shape, "uint8"))
        return (y, TensorType(y.shape, "int64")) if self.indices else (y,)

    def evaluate(self, x: Array) -> tuple[Array, ...]:
        outputs = self.infer(TensorType(x.shape))[0].shape[2:]
        whole = x.dtype.kind in "iub"
        lowest = np.iinfo(x.dtype).min if whole else -np.inf
        best = np.full((*x.shape[:2], *outputs), lowest, dtype=x.dtype)
        where = np.full(best.shape, -1, dtype=np.int64)
        position = np.arange(math.prod(x.shape[2:])).reshape(1, 1, *x.shape[2:])
        reads = (read for _, read in taps(x, self.windows, lowest, outputs))
        places = (place for _, place in taps(position, self.windows, -1, outputs))
        for number, (read, place) in enumerate(zip(reads, places, strict=True)):
            # The first of equals stands, but any pixel stands before none; NaN beats all.
            better = (read > best) | (read != read) | ((where < 0) & (place >= 0))
            best = np.where(better, read, best)
            where = np.where(better, number if self.places else place, where)
        if self.places:
            return (best, where.astype(np.uint8))
        return (best, where) if self.indices else (best,)

    def gradient(self, back: Backward, number: int) -> str | None:
        if self.places:
            sizes = back.shape(back.read(0))[2:]
            op = ops.MaxPlacesGradient(self.windows, sizes)
            return back.add(op, back.gy, back.outputs[1])
        return back.add(ops.MaxPoolGradient(self.windows), back.gy, back.inputs[0])

    def scratch_bytes(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> int:
        positions = 0 if self.indices else 8 * outputs[0].numel  # int64
        return super().scratch_bytes(inputs, outputs) + positions

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        x = inputs[0]
        assert x
        return kept(x, self.windows, extra_bytes=8 * outputs[0].numel)  # int64 positions


@register
@dataclass(frozen=True)
class AvgPool(_Pool):
    """y[n,c,i] = (sum over u of x[n, c, i*stride - before + u]) / count

    Args:
        windows: One for each axis behind the channels.
        count_include_pad: Count padding as zeros of the window; else divide by the real pixels.
            What ceil mode lets hang over the padded end is never counted.
        divisor: Divide by this instead.
    """

    count_include_pad: bool = True
    divisor: int | None = None

    kind = "avg_pool"

    def evaluate(self, x: Array) -> tuple[Array, ...]:
        outputs = self.infer(TensorType(x.shape))[0].shape[2:]
        total = window_sum(x, self.windows, outputs)
        return (total / self.counts(x.shape[2:], outputs).astype(total.dtype),)

    def gradient(self, back: Backward, number: int) -> str | None:
        sizes = back.shape(back.read(0))[2:]
        op = ops.AvgPoolGradient(self.windows, sizes, self.count_include_pad, self.divisor)
        return back.add(op, back.gy)

    def counts(self, sizes: Sequence[int], outputs: Sequence[int]) -> Array:
        """What each output divides by."""
        if self.divisor is not None:
            return np.asarray(self.divisor)
        count = np.ones(outputs)
        for axis, (window, n, places) in enumerate(zip(self.windows, sizes, outputs, strict=True)):
            inside = [self.counted(window, n, i) for i in range(places)]
            count *= np.reshape(inside, [-1 if a == axis else 1 for a in range(len(outputs))])
        return count

    def counted(self, window: Window, n: int, i: int) -> int:
        """How many taps output i of an axis of n pixels divides by, without a `divisor`."""
        concrete = window.on(n)
        low, high = 0, n
        if self.count_include_pad:
            after = concrete.after if isinstance(window.padding, str) else window.after
            low, high = -int(concrete.before), n + int(after)
        return len([p for p in concrete.taps(i) if low <= p < high])


@register
@dataclass(frozen=True)
class LpPool(_Pool):
    """y[n,c,i] = (sum over u of |x[n, c, i*stride - before + u]|**p) ** (1/p)

    Args:
        windows: One for each axis behind the channels.
        p: The exponent.
        absolute: As ONNX has it. Without it as torch computes it: x keeps its sign, so that an odd
            p of a negative sum is NaN; and where ceil mode lets a window hang over the end, the
            sum of what it reads is scaled up to a whole window.
    """

    p: float = 2.0
    absolute: bool = True

    kind = "lp_pool"

    def evaluate(self, x: Array) -> tuple[Array, ...]:
        if self.absolute:
            outputs = self.infer(TensorType(x.shape))[0].shape[2:]
            return (window_sum(np.abs(x) ** self.p, self.windows, outputs) ** (1 / self.p),)
        (mean,) = AvgPool(self.windows).evaluate(x**self.p)
        return ((mean * math.prod(w.size for w in self.windows)) ** (1 / self.p),)

    def gradient(self, back: Backward, number: int) -> str | None:
        x, y, gy = back.read(0), back.outputs[0], back.gy
        sizes = back.shape(x)[2:]
        share = back.binary("mul", gy, back.binary("pow", y, 1 - self.p))
        if self.absolute:
            spread = back.add(ops.AvgPoolGradient(self.windows, sizes, divisor=1), share)
            size = back.binary("pow", back.add(ops.Activation("abs"), x), self.p - 1)
            slope = back.binary("mul", size, back.add(ops.Activation("sign"), x))
        else:
            mean = back.add(ops.AvgPoolGradient(self.windows, sizes), share)
            spread = back.binary("mul", mean, math.prod(w.size for w in self.windows))
            slope = back.binary("pow", x, self.p - 1)
        return back.binary("mul", spread, slope)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        # torch builds it of powers, a mean and signs, and keeps each: x**p and four of the output.
        x = inputs[0]
        assert x
        return Saved(inputs=(0,), extra_bytes=x.nbytes + 4 * outputs[0].nbytes)


@register
@dataclass(frozen=True)
class AdaptivePool(Operation):
    """Pool into a given number of places: place i of m reads floor(i*n/m) .. ceil((i+1)*n/m) - 1.

    Args:
        output_size: Places along each axis behind the channels; None keeps the axis.
        reduction: `mean` or `max`.
        indices: Whether a second output holds the flat position of each maximum in its map.
    """

    output_size: tuple[int | None, ...]
    reduction: Literal["mean", "max"] = "mean"
    indices: bool = False

    kind = "adaptive_pool"
    slots = ("x",)

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        check_maps(x, len(self.output_size), self.kind)
        sizes = tuple(
            n if m is None else m for m, n in zip(self.output_size, x.shape[2:], strict=True)
        )
        if 0 in x.shape[2:] or min(sizes) < 1:
            raise ShapeError(
                f"input {x} cannot be pooled into {'x'.join(map(str, sizes))} places: there must "
                f"be one pixel and one place or more along every axis.",
                subject=self.kind,
            )
        y = x.with_shape(*x.shape[:2], *sizes)
        return (y, TensorType(y.shape, "int64")) if self.indices else (y,)

    def evaluate(self, x: Array) -> tuple[Array, ...]:
        y = self.infer(TensorType(x.shape))[0]
        result = np.empty(y.shape, dtype=x.dtype)
        where = np.zeros(y.shape, dtype=np.int64)
        position = np.arange(math.prod(x.shape[2:])).reshape(x.shape[2:])
        along = [adaptive_reads(n, m) for n, m in zip(x.shape[2:], y.shape[2:], strict=True)]
        for place in np.ndindex(*y.shape[2:]):
            read = [one[i] for i, one in zip(place, along, strict=True)]
            reads: Any = (..., *(slice(r.start, r.stop) for r in read))
            here: Any = (..., *place)
            positions = position[reads].reshape(-1)
            patch = x[reads].reshape(*x.shape[:2], positions.size)
            if self.reduction == "mean":
                result[here] = patch.mean(-1)
            else:
                result[here] = patch.max(-1)
                where[here] = positions[winners(patch)]
        return (result, where) if self.indices else (result,)

    def gradient(self, back: Backward, number: int) -> str | None:
        x = back.read(0)
        sizes = back.shape(x)[2:]
        if self.reduction == "mean":
            return back.add(ops.AdaptiveAvgPoolGradient(sizes), back.gy)
        return back.add(ops.AdaptiveMaxPoolGradient(sizes), back.gy, x)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        x = inputs[0]
        assert x
        spatial = tuple(
            WHOLE if m == 1 and n > 1 else Along(axis, adaptive_window(n, m))
            for axis, (n, m) in enumerate(
                zip(x.shape[2:], outputs[0].shape[2:], strict=True), start=2
            )
        )
        return ((Along(0), Along(1), *spatial),)

    def connections(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Connections:
        x = inputs[0]
        assert x
        pairs = zip(x.shape[2:], outputs[0].shape[2:], strict=True)
        along = (sum(map(len, adaptive_reads(n, m))) for n, m in pairs)
        return Connections(x.shape[0] * x.shape[1] * math.prod(along))

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        if self.reduction == "max":
            return Saved(inputs=(0,), extra_bytes=8 * outputs[0].numel)  # int64 positions
        if set(outputs[0].shape[2:]) == {1}:
            return Saved()  # torch takes the mean over the axes, which keeps nothing
        return Saved(inputs=(0,))

    def describe(self) -> str:
        sizes = "x".join("all" if m is None else str(m) for m in self.output_size)
        return f"{self.reduction} into {sizes}"


def winners(patch: Array) -> Array:
    """Number the largest along the last axis: the first of equals, the last NaN, as torch does."""
    nan = np.isnan(patch[..., ::-1]) if patch.dtype.kind == "f" else np.zeros(patch.shape, bool)
    last = patch.shape[-1] - 1 - nan.argmax(-1)
    return np.asarray(np.where(nan.any(-1), last, patch.argmax(-1)))


def adaptive_reads(n: int, m: int) -> list[range]:
    """List which of n pixels each of m places reads."""
    return [range(i * n // m, -(-(i + 1) * n // m)) for i in range(m)]


def adaptive_window(n: int, m: int) -> Window:
    """Find the window that covers what each of m places reads of n pixels.

    Where m divides n the places tile the axis, and the window is exact.

    Example:
        >>> adaptive_window(6, 3), adaptive_window(7, 7)
        (Window(2, stride=2), Window(1))
    """
    if n % m == 0:
        return Window(n // m, stride=n // m)
    return covering(Fraction(n, m), adaptive_reads(n, m), n)


def covering(stride: Fraction, reads: Sequence[range], n: int) -> Window:
    """Make the smallest window of this stride whose output i covers reads[i].

    Args:
        stride: Input pixels from output to output.
        reads: What each output reads.
        n: Length of the input's axis.
    """
    before = max(i * stride - read[0] for i, read in enumerate(reads))
    end = max(read[-1] - i * stride for i, read in enumerate(reads))
    grid = math.lcm(stride.denominator, before.denominator, end.denominator)
    size = int((before + end) * grid) + 1
    # Padding behind such that len(reads) outputs fit on n pixels.
    after = (len(reads) - 1) * stride + end + 1 - n
    return Window(size, stride, Fraction(1, grid), (before, after))
