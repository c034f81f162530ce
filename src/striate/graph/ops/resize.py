"""Images made larger or smaller: interpolation, pixel shuffle, channel shuffle."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Literal

import numpy as np

from ...errors import ShapeError
from ...window import Window
from .. import ops
from .._backward import Backward
from .._operation import Array, Operation, Type, register
from .._reach import SOMEWHERE, WHOLE, Along, Everywhere, Reach
from .._sizes import Size
from .._types import TensorType
from ._axes import whole_sizes
from .pool import covering

Mode = Literal["nearest", "linear", "cubic"]
Coordinates = Literal[
    "half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel", "half_pixel_symmetric"
]


@register
@dataclass(frozen=True)
class Resize(Operation):
    """Interpolate along the axes behind the channels.

    Args:
        size: Output pixels along each axis; None where `scale` tells.
        scale: Factor along each axis: floor(n * scale) pixels.
        mode: `nearest`, `linear` (bilinear on two axes) or `cubic` (with a = `cubic_a`).
        coordinates: Where output pixel i stands in the input, in ONNX's names. `asymmetric` is
            i / scale; `half_pixel` is (i + 0.5) / scale - 0.5; `align_corners` is
            i * (n - 1) / (m - 1).
        rounding: How `nearest` rounds: `floor`, `ceil`, `round_prefer_floor`, `round_prefer_ceil`.
        use_scale: Compute coordinates with the given scale instead of m / n.
        cubic_a: The cubic's number, -0.75 in torch and ONNX.

    Source: the ONNX operator Resize; torch.nn.functional.interpolate.
    """

    size: tuple[int | Size, ...] | None
    scale: tuple[float, ...] | None = None
    mode: Mode = "nearest"
    coordinates: Coordinates = "asymmetric"
    rounding: str = "floor"
    use_scale: bool = False
    cubic_a: float = -0.75

    kind = "resize"
    slots = ("x",)

    def infer(self, x: TensorType) -> tuple[TensorType]:
        axes = len(self.size or self.scale or ())
        if axes != x.rank - 2:
            raise ShapeError(
                f"input {x} has {x.rank - 2} axes behind the channels; sizes for {axes} were "
                f"given.",
                subject=self.kind,
            )
        if self.size is not None:
            sizes = whole_sizes(self.size)
        else:
            assert self.scale
            sizes = tuple(math.floor(n * s) for n, s in zip(x.shape[2:], self.scale, strict=True))
        if min(sizes, default=1) < 1 or 0 in x.shape[2:]:
            raise ShapeError(
                f"input {x} would become {'x'.join(map(str, sizes))} pixels; there must be one or "
                f"more along every axis, before and after.",
                subject=self.kind,
            )
        return (x.with_shape(*x.shape[:2], *sizes),)

    def evaluate(self, x: Array) -> tuple[Array]:
        y = self.infer(TensorType(x.shape))[0]
        for axis, matrix in enumerate(self.matrices(x.shape[2:], y.shape[2:]), start=2):
            if len(set(matrix.shape)) > 1 or self.use_scale:
                x = np.moveaxis(np.moveaxis(x, axis, -1) @ matrix.T.astype(x.dtype), -1, axis)
        return (x,)

    def gradient(self, back: Backward, number: int) -> str | None:
        sizes, places = back.shape(back.read(0))[2:], back.shape(back.gy)[2:]
        axes = range(2, 2 + len(sizes))
        if all(map(self._repeats, axes, sizes, places)):  # each pixel sums its copies up
            factors = (m // n for n, m in zip(sizes, places, strict=True))
            windows = tuple(Window(factor, stride=factor) for factor in factors)
            return back.add(ops.AvgPool(windows, divisor=1), back.gy)
        same = {field.name: getattr(self, field.name) for field in fields(self)}
        return back.add(ops.ResizeGradient(sizes, **same), back.gy)

    def _repeats(self, axis: int, n: int, m: int) -> bool:
        """Whether each of n pixels becomes m / n equal ones, side by side."""
        if self.mode != "nearest" or m % n:
            return False
        reads = (self._pixels(position)[0] for position in self.positions(axis, n, m))
        return all(pixel == i // (m // n) for i, pixel in enumerate(reads))

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        x = inputs[0]
        assert x
        spatial = tuple(
            self._along(axis, n, m)
            for axis, (n, m) in enumerate(zip(x.shape[2:], outputs[0].shape[2:], strict=True), 2)
        )
        return ((Along(0), Along(1), *spatial),)

    def positions(self, axis: int, n: int, m: int) -> list[Fraction]:
        """Where each of m output pixels stands on an axis of n input pixels."""
        scale = Fraction(m, n)
        if self.use_scale and self.scale is not None:
            scale = Fraction(self.scale[axis - 2]).limit_denominator(1 << 20)
        if self.coordinates == "align_corners":
            step = Fraction(n - 1, m - 1) if m > 1 else Fraction(0)
            return [i * step for i in range(m)]
        if self.coordinates == "asymmetric":
            return [i / scale for i in range(m)]
        if self.coordinates == "pytorch_half_pixel" and m == 1:
            return [Fraction(0)]
        half = Fraction(1, 2)
        shift = Fraction(0)
        if self.coordinates == "half_pixel_symmetric":
            shift = Fraction(n, 2) * (1 - Fraction(m) / (n * scale))
        return [shift + (i + half) / scale - half for i in range(m)]

    def _pixels(self, position: Fraction) -> range:
        """The pixels that an output at this position reads, also those past the borders."""
        low = math.floor(position)
        if self.mode == "nearest":
            half = Fraction(1, 2)
            choices = {
                "floor": low,
                "ceil": math.ceil(position),
                "round_prefer_floor": math.ceil(position - half),
                "round_prefer_ceil": math.floor(position + half),
            }
            return range(choices[self.rounding], choices[self.rounding] + 1)
        if position == low:
            return range(low, low + 1)
        return range(low, low + 2) if self.mode == "linear" else range(low - 1, low + 3)

    def _factor(self, distance: float) -> float:
        """What a pixel this far from the output's position counts."""
        if self.mode == "nearest":
            return 1.0
        if self.mode == "linear":
            return 1 - distance
        a, t = self.cubic_a, distance
        if t <= 1:
            return ((a + 2) * t - (a + 3)) * t * t + 1
        return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a

    def matrices(self, sizes: tuple[int, ...], made: tuple[int, ...]) -> list[Array]:
        """Along each spatial axis, `matrix`; the identity where it stays as it is."""
        return [
            self.matrix(axis, n, m) if n != m or self.use_scale else np.eye(n)
            for axis, (n, m) in enumerate(zip(sizes, made, strict=True), start=2)
        ]

    def matrix(self, axis: int, n: int, m: int) -> Array:
        """Factors of the n input pixels in each of the m outputs; borders are repeated."""
        matrix = np.zeros((m, n))
        for i, position in enumerate(self.positions(axis, n, m)):
            for pixel in self._pixels(position):
                factor = self._factor(float(abs(position - pixel)))
                matrix[i, min(max(pixel, 0), n - 1)] += factor
        return matrix

    def _along(self, axis: int, n: int, m: int) -> Along | Everywhere:
        """The window that covers what every output reads, as if no border repeated pixels."""
        if n == 1:
            return Along(axis) if m == 1 else WHOLE
        positions = self.positions(axis, n, m)
        reads = [self._pixels(position) for position in positions]
        step = positions[1] - positions[0] if m > 1 else Fraction(n)
        return Along(axis, covering(step, reads, n))

    def describe(self) -> str:
        target = "x".join(map(str, self.size or ())) or f"scale {self.scale}"
        return f"{self.mode} to {target}" if self.size else f"{self.mode}, {target}"


@register
@dataclass(frozen=True)
class PixelShuffle(Operation):
    """Turn r*r channels into r x r pixels: y[c, h*r + i, w*r + j] = x[c*r*r + i*r + j, h, w]

    Args:
        factor: r.
        blocks_first: ONNX's DCR order: x[(i*r + j)*C + c, h, w].

    Source: Shi et al. 2016, arXiv:1609.05158.
    """

    factor: int
    blocks_first: bool = False

    kind = "pixel_shuffle"
    slots = ("x",)

    def infer(self, x: TensorType) -> tuple[TensorType]:
        r = self.factor
        if x.rank != 4 or r < 1 or x.shape[1] % (r * r):
            raise ShapeError(
                f"input {x} needs 4 axes and channels in multiples of {r * r}.", subject=self.kind
            )
        N, C, H, W = x.shape
        return (x.with_shape(N, C // (r * r), H * r, W * r),)

    def evaluate(self, x: Array) -> tuple[Array]:
        (N, C, H, W), r = x.shape, self.factor
        if self.blocks_first:
            parts = x.reshape(N, r, r, C // (r * r), H, W).transpose(0, 3, 4, 1, 5, 2)
        else:
            parts = x.reshape(N, C // (r * r), r, r, H, W).transpose(0, 1, 4, 2, 5, 3)
        return (parts.reshape(N, C // (r * r), H * r, W * r),)

    def gradient(self, back: Backward, number: int) -> str | None:
        return back.add(PixelUnshuffle(self.factor, self.blocks_first), back.gy)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        window = Window(self.factor, stride=self.factor).transposed()
        return ((Along(0), SOMEWHERE, Along(2, window), Along(3, window)),)

    def describe(self) -> str:
        return f"by {self.factor}"


@register
@dataclass(frozen=True)
class PixelUnshuffle(Operation):
    """Turn r x r pixels into r*r channels: y[c*r*r + i*r + j, h, w] = x[c, h*r + i, w*r + j]

    Args:
        factor: r.
        blocks_first: ONNX's SpaceToDepth order: y[(i*r + j)*C + c, h, w].
    """

    factor: int
    blocks_first: bool = False

    kind = "pixel_unshuffle"
    slots = ("x",)

    def infer(self, x: TensorType) -> tuple[TensorType]:
        r = self.factor
        if x.rank != 4 or r < 1 or x.shape[2] % r or x.shape[3] % r:
            raise ShapeError(
                f"input {x} needs 4 axes, height and width in multiples of {r}.", subject=self.kind
            )
        N, C, H, W = x.shape
        return (x.with_shape(N, C * r * r, H // r, W // r),)

    def evaluate(self, x: Array) -> tuple[Array]:
        (N, C, H, W), r = x.shape, self.factor
        parts = x.reshape(N, C, H // r, r, W // r, r)
        order = (0, 3, 5, 1, 2, 4) if self.blocks_first else (0, 1, 3, 5, 2, 4)
        return (parts.transpose(order).reshape(N, C * r * r, H // r, W // r),)

    def gradient(self, back: Backward, number: int) -> str | None:
        return back.add(PixelShuffle(self.factor, self.blocks_first), back.gy)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        window = Window(self.factor, stride=self.factor)
        return ((Along(0), SOMEWHERE, Along(2, window), Along(3, window)),)

    def describe(self) -> str:
        return f"by {self.factor}"


@register
@dataclass(frozen=True)
class ChannelShuffle(Operation):
    """Deal the channels of `groups` piles out in turn: y[j*groups + g] = x[g*C/groups + j]

    Source: Zhang et al. 2017, arXiv:1707.01083.
    """

    groups: int

    kind = "channel_shuffle"
    slots = ("x",)

    def infer(self, x: TensorType) -> tuple[TensorType]:
        if x.rank < 3 or x.shape[1] % self.groups:
            raise ShapeError(
                f"input {x} needs 3 axes or more, and channels in multiples of {self.groups}.",
                subject=self.kind,
            )
        return (x,)

    def evaluate(self, x: Array) -> tuple[Array]:
        N, C, *rest = x.shape
        parts = x.reshape(N, self.groups, C // self.groups, *rest)
        return (np.swapaxes(parts, 1, 2).reshape(x.shape),)

    def gradient(self, back: Backward, number: int) -> str | None:
        return back.add(ChannelShuffle(back.shape(back.gy)[1] // self.groups), back.gy)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        rank = outputs[0].rank
        return ((Along(0), SOMEWHERE, *(Along(axis) for axis in range(2, rank))),)
