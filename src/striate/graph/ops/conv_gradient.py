"""The gradient of a convolution for its filters; for its input it is a transposed convolution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ShapeError
from ...window import Window
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
