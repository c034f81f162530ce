"""Normalisations: y = (x - mean) / sqrt(variance + eps) * weight + bias, over different axes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...errors import ShapeError
from ...window import Window
from .. import ops
from .._backward import Backward
from .._operation import Array, Operation, Saved, Type, register
from .._reach import WHOLE, Along, Reach, pointwise
from .._types import TensorType
from ._axes import accumulated


def _scaled(x: Array, weight: Array | None, bias: Array | None, shape: tuple[int, ...]) -> Array:
    y = x if weight is None else x * weight.reshape(shape)
    return y if bias is None else y + bias.reshape(shape)


def _check_channels(x: TensorType, subject: str, *weights: Type) -> None:
    for weight in weights:
        if weight is not None and (x.rank < 2 or weight.numel != x.shape[1]):
            raise ShapeError(
                f"input {x} has {x.shape[1] if x.rank > 1 else 'no'} channels; the layer was "
                f"built for {weight.numel}.",
                subject=subject,
            )


@register
@dataclass(frozen=True)
class BatchNorm(Operation):
    """Normalise each channel by its mean and variance over the batch and all places.

    Args:
        eps: Added to the variance.
        training: Use the batch's statistics; else the running ones.

    Source: Ioffe and Szegedy 2015, algorithm 1.
    """

    eps: float = 1e-5
    training: bool = False

    kind = "batch_norm"
    slots = ("x", "weight", "bias", "running_mean", "running_var")

    def infer(self, x: TensorType, *weights: Type) -> tuple[TensorType]:
        _check_channels(x, self.kind, *weights)
        return (x,)

    def evaluate(
        self,
        x: Array,
        weight: Array | None = None,
        bias: Array | None = None,
        running_mean: Array | None = None,
        running_var: Array | None = None,
    ) -> tuple[Array]:
        shape = (1, -1, *[1] * (x.ndim - 2))
        if self.training or running_mean is None or running_var is None:
            axes = (0, *range(2, x.ndim))
            mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
        else:
            mean, var = running_mean.reshape(shape), running_var.reshape(shape)
        return (_scaled((x - mean) / np.sqrt(var + self.eps), weight, bias, shape),)

    def gradient(self, back: Backward, number: int) -> str | None:
        if number > 2:
            return None  # torch takes statistics that are given as constants
        op = ops.BatchNormGradient(self.eps, self.training)
        x, weight, _, *moments = back.inputs
        return back.add_all(op, back.gy, x, weight, *moments)[number]

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        # The statistics are taken as constants, as at test time: else every field were infinite.
        return (pointwise(outputs[0].rank),)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        x = inputs[0]
        assert x
        drawn = self.training or (*inputs, None, None)[3] is None
        means = x.shape[1] if drawn else 0  # the batch's mean and 1/deviation; else it has them
        return Saved(inputs=(0, 1), extra_bytes=2 * x.with_shape(means).nbytes)

    def describe(self) -> str:
        return "statistics of the batch" if self.training else ""


@register
@dataclass(frozen=True)
class LayerNorm(Operation):
    """Normalise over the last axes together.

    Args:
        axes: How many axes at the end.
        eps: Added to the variance.
        rms: Divide by the root of the mean square, without taking the mean off.

    Source: Ba, Kiros and Hinton 2016, arXiv:1607.06450; Zhang and Sennrich 2019 (RMS).
    """

    axes: int = 1
    eps: float = 1e-5
    rms: bool = False

    kind = "layer_norm"
    slots = ("x", "weight", "bias")

    def infer(self, x: TensorType, weight: Type = None, bias: Type = None) -> tuple[TensorType]:
        if x.rank < self.axes or (weight and weight.shape != x.shape[-self.axes :]):
            raise ShapeError(
                f"input {x} must end in the {self.axes} axes that the layer normalises over"
                + (f", {'x'.join(map(str, weight.shape))}." if weight else "."),
                subject=self.kind,
            )
        return (x,)

    def evaluate(
        self, x: Array, weight: Array | None = None, bias: Array | None = None
    ) -> tuple[Array]:
        axes = tuple(range(x.ndim - self.axes, x.ndim))
        centred = x if self.rms else x - x.mean(axes, keepdims=True)
        scale = np.sqrt(np.square(centred).mean(axes, keepdims=True) + self.eps)
        return (_scaled(centred / scale, weight, bias, x.shape[-self.axes :]),)

    def gradient(self, back: Backward, number: int) -> str | None:
        op = ops.LayerNormGradient(self.axes, self.eps, self.rms)
        return back.add_all(op, back.gy, back.inputs[0], back.input(1))[number]

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        rank = outputs[0].rank
        kept = tuple(Along(axis) for axis in range(rank - self.axes))
        return ((*kept, *(WHOLE,) * self.axes),)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        x = inputs[0]
        assert x
        means = math.prod(x.shape[: -self.axes])
        if not self.rms:
            return Saved(inputs=(0, 1, 2), extra_bytes=2 * x.with_shape(means).nbytes)
        # torch builds it of a mean, its root and products, and keeps x / root for the weight.
        real = accumulated(x)
        weighted = len(inputs) > 1 and inputs[1] is not None
        extra = real.with_shape(means).nbytes + weighted * real.nbytes
        return (
            Saved((0, 1), extra_bytes=extra) if real == x else Saved((1,), (), extra + real.nbytes)
        )


@register
@dataclass(frozen=True)
class GroupNorm(Operation):
    """Normalise each image's channels in groups, over all places.

    One channel a group is instance normalisation.

    Args:
        groups: Number of groups; None makes every channel one.
        eps: Added to the variance.

    Source: Wu and He 2018, arXiv:1803.08494; Ulyanov et al. 2016, arXiv:1607.08022.
    """

    groups: int | None = None
    eps: float = 1e-5

    kind = "group_norm"
    slots = ("x", "weight", "bias")

    def infer(self, x: TensorType, weight: Type = None, bias: Type = None) -> tuple[TensorType]:
        _check_channels(x, self.kind, weight, bias)
        if x.rank < 2 or x.shape[1] % (self.groups or 1):
            raise ShapeError(
                f"input {x} has {x.shape[1] if x.rank > 1 else 'no'} channels; {self.groups} "
                f"groups must divide them.",
                subject=self.kind,
            )
        return (x,)

    def evaluate(
        self, x: Array, weight: Array | None = None, bias: Array | None = None
    ) -> tuple[Array]:
        groups = self.groups or x.shape[1]
        parts = x.reshape(x.shape[0], groups, math.prod(x.shape[1:]) // groups)
        mean, var = parts.mean(2, keepdims=True), parts.var(2, keepdims=True)
        y = ((parts - mean) / np.sqrt(var + self.eps)).reshape(x.shape)
        return (_scaled(y, weight, bias, (1, -1, *[1] * (x.ndim - 2))),)

    def gradient(self, back: Backward, number: int) -> str | None:
        op = ops.GroupNormGradient(self.groups, self.eps)
        return back.add_all(op, back.gy, back.inputs[0], back.input(1))[number]

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        rank = outputs[0].rank
        channels = Along(1) if self.groups is None else WHOLE
        return ((Along(0), channels, *(WHOLE,) * (rank - 2)),)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        x = inputs[0]
        assert x
        means = x.shape[0] * (self.groups or x.shape[1])
        extra = 2 * x.with_shape(means).nbytes
        if self.groups is None and len(inputs) > 1 and inputs[1]:
            # As batch normalisation of N*C maps in one image: the weight is repeated for each.
            extra += inputs[1].with_shape(means).nbytes
        return Saved(inputs=(0, 1), extra_bytes=extra)


@register
@dataclass(frozen=True)
class LocalResponseNorm(Operation):
    """y[c] = x[c] / (k + alpha / size * sum of x^2 over `size` neighbouring channels) ** beta

    The neighbours of channel c are c - size//2 .. c + (size-1)//2, as far as they exist.

    Source: Krizhevsky, Sutskever and Hinton 2012, section 3.3.
    """

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    kind = "local_response_norm"
    slots = ("x",)

    @property
    def window(self) -> Window:
        """The neighbours along the channels."""
        return Window(self.size, padding=(self.size // 2, (self.size - 1) // 2))

    def infer(self, x: TensorType) -> tuple[TensorType]:
        if x.rank < 3:
            raise ShapeError(
                f"input {x} has {x.rank} axes; it needs 3 or more: batch, channels, places.",
                subject=self.kind,
            )
        return (x,)

    def evaluate(self, x: Array) -> tuple[Array]:
        squares = np.zeros_like(x)
        C = x.shape[1]
        for c in range(C):
            near = self.window.input_interval(c, C)
            squares[:, c] = np.square(x[:, near.start : near.stop]).sum(1)
        return (x / (self.k + self.alpha / self.size * squares) ** self.beta,)

    def gradient(self, back: Backward, number: int) -> str | None:
        op = ops.LocalResponseNormGradient(self.size, self.alpha, self.beta, self.k)
        return back.add(op, back.gy, back.inputs[0])

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        spatial = (Along(axis) for axis in range(2, outputs[0].rank))
        return ((Along(0), Along(1, self.window), *spatial),)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        # torch builds it of squares (padded along the channels), their mean and a power.
        x = inputs[0]
        assert x
        padded = x.with_shape(x.shape[0], x.shape[1] + self.size - 1, *x.shape[2:])
        return Saved(inputs=(0,), extra_bytes=padded.nbytes + 2 * x.nbytes)
