"""The gradient of a convolution for its filters; for its input it is a transposed convolution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ShapeError
from ...window import Window
from .._backward import Backward
from .._operation import Array, Operation, Type, register
from .._types import TensorType
from ._slide import check_maps, shown, taps


@register
@dataclass(frozen=True)
class ConvWeightGradient(Operation):
    """gw[o,c,u] = sum over n, i of gy[n,o,i] * x[n, c, i*stride - before + u*dilation]

    Of a transposed convolution, `x` is the gradient of its output and `gy` its input.

    Args:
        windows: The convolution's, one for each axis behind the channels.
        groups: Number of separate convolutions the channels are split into.
    Shape:
        x (N, C, *), gy (N, O, *): gw (O, C / groups, *kernel).
    """

    windows: tuple[Window, ...]
    groups: int = 1

    kind = "conv_weight_gradient"
    slots = ("x", "gy")

    def infer(self, x: TensorType, gy: TensorType) -> tuple[TensorType]:
        check_maps(x, len(self.windows), self.kind)
        check_maps(gy, len(self.windows), self.kind)
        outputs = tuple(w.output_size(n) for w, n in zip(self.windows, x.shape[2:], strict=True))
        if gy.shape[2:] != outputs or gy.shape[0] != x.shape[0]:
            raise ShapeError(
                f"the gradient {gy} must have {x.shape[0]} images of "
                f"{'x'.join(map(str, outputs))} places, as the convolution of {x} gives.",
                subject=self.kind,
            )
        if x.shape[1] % self.groups or gy.shape[1] % self.groups:
            raise ShapeError(
                f"{self.groups} groups must divide the channels of {x} and of {gy}.",
                subject=self.kind,
            )
        kernel = (w.size for w in self.windows)
        return (x.with_shape(gy.shape[1], x.shape[1] // self.groups, *kernel),)

    def evaluate(self, x: Array, gy: Array) -> tuple[Array]:
        (gw,) = self.infer(TensorType(x.shape), TensorType(gy.shape))
        N, C, O, G = x.shape[0], x.shape[1], gy.shape[1], self.groups  # noqa: E741
        pixels = math.prod(gy.shape[2:])
        result = np.zeros((G, O // G, C // G, *gw.shape[2:]), x.dtype)
        turned = gy.reshape(N, G, O // G, pixels)
        for place, read in taps(x, self.windows, 0, gy.shape[2:]):
            tap: Any = (..., *place)
            lines = np.swapaxes(read.reshape(N, G, C // G, pixels), 2, 3)
            result[tap] = (turned @ lines).sum(0)
        return (result.reshape(gw.shape),)

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> int:
        """As many as the convolution has."""
        gy = inputs[1]
        assert gy
        return gy.numel * math.prod(outputs[0].shape[1:])

    def describe(self) -> str:
        return shown(self.windows) + (f", groups {self.groups}" if self.groups != 1 else "")


@register
@dataclass(frozen=True)
class DenseWeight(Operation):
    """Put the filters of a table into a weight with all pairs, 0 where nothing is connected.

    Args:
        table: For each output map the input maps it reads.
        in_channels: How many input maps there are.
    Shape:
        weight (pairs, *kernel), pair by pair: (O, in_channels, *kernel).
    """

    table: tuple[tuple[int, ...], ...]
    in_channels: int

    kind = "dense_weight"
    slots = ("weight",)

    def infer(self, weight: TensorType) -> tuple[TensorType]:
        return (weight.with_shape(len(self.table), self.in_channels, *weight.shape[1:]),)

    def evaluate(self, weight: Array) -> tuple[Array]:
        full = np.zeros((len(self.table), self.in_channels, *weight.shape[1:]), weight.dtype)
        full[_places(self.table)] = weight
        return (full,)

    def gradient(self, back: Backward, number: int) -> str | None:
        return back.add(DenseWeightGradient(self.table), back.gy)


@register
@dataclass(frozen=True)
class DenseWeightGradient(Operation):
    """Take the pairs that are connected out of the gradient of a dense weight.

    Args:
        table: For each output map the input maps it reads.
    Shape:
        gradient (O, in_channels, *kernel): (pairs, *kernel), pair by pair.
    """

    table: tuple[tuple[int, ...], ...]

    kind = "dense_weight_gradient"
    slots = ("gradient",)

    def infer(self, gradient: TensorType) -> tuple[TensorType]:
        return (gradient.with_shape(sum(map(len, self.table)), *gradient.shape[2:]),)

    def evaluate(self, gradient: Array) -> tuple[Array]:
        return (gradient[_places(self.table)],)


def _places(table: tuple[tuple[int, ...], ...]) -> tuple[Array, Array]:
    """The output map and the input map of each pair."""
    pairs = np.array([(o, c) for o, row in enumerate(table) for c in row])
    return pairs[:, 0], pairs[:, 1]
