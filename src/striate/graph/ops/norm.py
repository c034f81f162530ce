"""Normalisations: y = (x - mean) / sqrt(variance + eps) * weight + bias, over different axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import ShapeError
from .._operation import Array, Operation, Saved, Type, register
from .._reach import WHOLE, Along, Reach, pointwise
from .._types import TensorType


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

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        # The statistics are taken as constants, as at test time: else every field were infinite.
        return (pointwise(outputs[0].rank),)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        x = inputs[0]
        assert x
        return Saved(inputs=(0, 1), extra_bytes=2 * x.shape[1] * 4)  # mean and 1/deviation

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
                f"input {x}; the layer normalises over its last axes, {weight}.", subject=self.kind
            )
        return (x,)

    def evaluate(
        self, x: Array, weight: Array | None = None, bias: Array | None = None
    ) -> tuple[Array]:
        axes = tuple(range(x.ndim - self.axes, x.ndim))
        centred = x if self.rms else x - x.mean(axes, keepdims=True)
        scale = np.sqrt(np.square(centred).mean(axes, keepdims=True) + self.eps)
        return (_scaled(centred / scale, weight, bias, x.shape[-self.axes :]),)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        rank = outputs[0].rank
        kept = tuple(Along(axis) for axis in range(rank - self.axes))
        return ((*kept, *(WHOLE,) * self.axes),)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        x = inputs[0]
        assert x
        means = x.numel // max(int(np.prod(x.shape[-self.axes :])), 1)
        return Saved(inputs=(0, 1, 2), extra_bytes=2 * means * 4)


@register
@dataclass(frozen=True)
class GroupNorm(Operation):
    """Normalise each image's channels in groups, over all places; one channel a group is instance
    normalisation.

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
            raise ShapeError(f"{self.groups} groups do not divide input {x}.", subject=self.kind)
        return (x,)

    def evaluate(
        self, x: Array, weight: Array | None = None, bias: Array | None = None
    ) -> tuple[Array]:
        groups = self.groups or x.shape[1]
        parts = x.reshape(x.shape[0], groups, -1)
        mean, var = parts.mean(2, keepdims=True), parts.var(2, keepdims=True)
        y = ((parts - mean) / np.sqrt(var + self.eps)).reshape(x.shape)
        return (_scaled(y, weight, bias, (1, -1, *[1] * (x.ndim - 2))),)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        rank = outputs[0].rank
        channels = Along(1) if self.groups is None else WHOLE
        return ((Along(0), channels, *(WHOLE,) * (rank - 2)),)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        x = inputs[0]
        assert x
        means = x.shape[0] * (self.groups or x.shape[1])
        return Saved(inputs=(0, 1), extra_bytes=2 * means * 4)


@register
@dataclass(frozen=True)
class LocalResponseNorm(Operation):
    """y[c] = x[c] / (k + alpha / size * sum of x^2 over `size` neighbouring channels) ** beta

    Source: Krizhevsky, Sutskever and Hinton 2012, section 3.3.
    """

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    kind = "local_response_norm"
    slots = ("x",)

    def infer(self, x: TensorType) -> tuple[TensorType]:
        return (x,)

    def evaluate(self, x: Array) -> tuple[Array]:
        squares = np.zeros_like(x)
        C = x.shape[1]
        for shift in range(-(self.size // 2), (self.size + 1) // 2):
            low, high = max(-shift, 0), min(C - shift, C)
            squares[:, low:high] += np.square(x[:, low + shift : high + shift])
        return (x / (self.k + self.alpha / self.size * squares) ** self.beta,)

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        spatial = (Along(axis) for axis in range(2, outputs[0].rank))
        return ((Along(0), WHOLE, *spatial),)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        # x*x, then its mean, the power of it and the quotient: torch builds it of these.
        x = inputs[0]
        assert x
        return Saved(inputs=(0,), extra_bytes=2 * x.nbytes)
