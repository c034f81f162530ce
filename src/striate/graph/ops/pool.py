"""Pooling: the largest, the mean or the p-norm of a window; and adaptive windows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from ...errors import ShapeError
from ...window import Window
from .._operation import Array, Connections, Operation, Saved, Type, register
from .._reach import WHOLE, Along, Reach
from .._types import TensorType
from ._slide import check_maps, connected, output_sizes, shown, sliding_reach, taps


@dataclass(frozen=True)
class _Pool(Operation):
    """A window over each axis behind the channels, each map for itself."""

    windows: tuple[Window, ...]

    slots = ("x",)

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        check_maps(x, len(self.windows), self.kind)
        sizes = output_sizes(self.windows, x.shape[2:], self.kind)
        return (x.with_shape(*x.shape[:2], *sizes),)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        x = inputs[0]
        assert x
        return (sliding_reach(self.windows, x.shape[2:], channelwise=True),)

    def connections(
        self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]
    ) -> Connections:
        x = inputs[0]
        assert x
        maps = x.shape[0] * x.shape[1]
        real, padding = (maps * n for n in connected(self.windows, x.shape[2:]))
        return Connections(real, padding)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        return Saved(inputs=(0,))

    def describe(self) -> str:
        return shown(self.windows)


@register
@dataclass(frozen=True)
class MaxPool(_Pool):
    """y[n,c,i] = max over u of x[n, c, i*stride - before + u*dilation]; padding never wins.

    Args:
        windows: One for each axis behind the channels.
        indices: Whether a second output holds the flat position of each maximum in its map.
    """

    indices: bool = False

    kind = "max_pool"

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        (y,) = super().infer(x)
        return (y, TensorType(y.shape, "int64")) if self.indices else (y,)

    def evaluate(self, x: Array) -> tuple[Array, ...]:
        outputs = self.infer(TensorType(x.shape))[0].shape[2:]
        whole = x.dtype.kind in "iub"
        lowest = np.iinfo(x.dtype).min if whole else -np.inf
        best = np.full((*x.shape[:2], *outputs), lowest, dtype=x.dtype)
        where = np.zeros(best.shape, dtype=np.int64)
        position = np.arange(math.prod(x.shape[2:])).reshape(1, 1, *x.shape[2:])
        places = taps(position, self.windows, -1, outputs)
        for (_, read), (_, at) in zip(
            taps(x, self.windows, lowest, outputs), places, strict=True
        ):
            better = (read > best) | (np.isnan(read) if not whole else False)
            best = np.where(better, read, best)
            where = np.where(better, at, where)
        return (best, where) if self.indices else (best,)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        return Saved(inputs=(0,), extra_bytes=8 * outputs[0].numel)  # int64 positions


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
        total = sum(read for _, read in taps(x, self.windows, 0, outputs))
        if self.divisor is not None:
            return (total / self.divisor,)
        count = np.ones(outputs)
        for axis, (window, n, places) in enumerate(
            zip(self.windows, x.shape[2:], outputs, strict=True)
        ):
            concrete = window.on(n)
            low, high = 0, n
            if self.count_include_pad:
                after = concrete.after if isinstance(window.padding, str) else window.after
                low, high = -int(concrete.before), n + int(after)
            inside = [len([p for p in concrete.taps(i) if low <= p < high]) for i in range(places)]
            count *= np.reshape(inside, [-1 if a == axis else 1 for a in range(len(outputs))])
        return (total / count.astype(x.dtype),)


@register
@dataclass(frozen=True)
class LpPool(_Pool):
    """y[n,c,i] = (sum over u of x[n, c, i*stride - before + u]**p) ** (1/p)

    As torch computes it; ONNX takes the magnitude of x first (`absolute`).
    """

    p: float = 2.0
    absolute: bool = True

    kind = "lp_pool"

    def evaluate(self, x: Array) -> tuple[Array, ...]:
        outputs = self.infer(TensorType(x.shape))[0].shape[2:]
        powers = (np.abs(x) if self.absolute else x) ** self.p
        total = sum(read for _, read in taps(powers, self.windows, 0, outputs))
        return (np.maximum(total, 0) ** (1 / self.p),)


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
        if 0 in x.shape[2:]:
            raise ShapeError(f"input {x} has no pixels to pool.", subject=self.kind)
        y = x.with_shape(*x.shape[:2], *sizes)
        return (y, TensorType(y.shape, "int64")) if self.indices else (y,)

    def evaluate(self, x: Array) -> tuple[Array, ...]:
        y = self.infer(TensorType(x.shape))[0]
        result = np.empty(y.shape, dtype=x.dtype)
        where = np.zeros(y.shape, dtype=np.int64)
        position = np.arange(math.prod(x.shape[2:])).reshape(x.shape[2:])
        for place in np.ndindex(*y.shape[2:]):
            reads = tuple(
                slice(i * n // m, -(-(i + 1) * n // m))
                for i, n, m in zip(place, x.shape[2:], y.shape[2:], strict=True)
            )
            patch = x[(..., *reads)].reshape(*x.shape[:2], -1)
            if self.reduction == "mean":
                result[(..., *place)] = patch.mean(-1)
            else:
                result[(..., *place)] = patch.max(-1)
                where[(..., *place)] = position[reads].reshape(-1)[patch.argmax(-1)]
        return (result, where) if self.indices else (result,)

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

    def connections(
        self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]
    ) -> Connections:
        x = inputs[0]
        assert x
        along = (
            sum(-(-(i + 1) * n // m) - i * n // m for i in range(m))
            for n, m in zip(x.shape[2:], outputs[0].shape[2:], strict=True)
        )
        return Connections(x.shape[0] * x.shape[1] * math.prod(along))

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        extra = 8 * outputs[0].numel if self.reduction == "max" else 0
        return Saved(inputs=(0,), extra_bytes=extra)

    def describe(self) -> str:
        sizes = "x".join("all" if m is None else str(m) for m in self.output_size)
        return f"{self.reduction} into {sizes}"


def adaptive_window(n: int, m: int) -> Window:
    """Find the window that covers what each of m places reads of n pixels.

    Where m divides n the places tile the axis, and the window is exact.

    Example:
        >>> adaptive_window(6, 3), adaptive_window(7, 7)
        (Window(2, stride=2), Window(1))
    """
    if m and n % m == 0:
        return Window(n // m, stride=n // m)
    return covering(Fraction(n, m), [(i * n // m, -(-(i + 1) * n // m) - 1) for i in range(m)], n)


def covering(stride: Fraction, reads: list[tuple[int, int]], n: int) -> Window:
    """Make the smallest window of this stride whose output i covers reads[i], first to last.

    Args:
        stride: Input pixels from output to output.
        reads: First and last input position of each output.
        n: Length of the input's axis.
    """
    before = max(i * stride - first for i, (first, _) in enumerate(reads))
    end = max(last - i * stride for i, (_, last) in enumerate(reads))
    grid = math.lcm(stride.denominator, Fraction(before).denominator, Fraction(end).denominator)
    size = int((before + end) * grid) + 1
    extent = before + end + 1
    # Padding behind such that len(reads) outputs fit on n pixels.
    after = (len(reads) - 1) * stride + extent - n - before
    return Window(size, stride, Fraction(1, grid), (before, after))
