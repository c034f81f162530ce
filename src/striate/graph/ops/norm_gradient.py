"""Norms while training: a batch's moments, and gradients for input, weight and bias.

With n = (x - mean) / sqrt(variance + eps), g = gy * weight, and means over what was normalised
together: gx = (g - mean(g) - n * mean(g * n)) / sqrt(variance + eps); gw = sum of gy * n; gb = sum
of gy.

Source: Ioffe and Szegedy 2015, section 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .._operation import Array, Operation, Type, register
from .._types import TensorType
from .norm import BatchNorm, GroupNorm, LayerNorm, LocalResponseNorm


@register
@dataclass(frozen=True)
class BatchMoments(Operation):
    """Mean and variance (divided by the count) of each channel over the batch and all places.

    Shape:
        x (N, C, *): mean (C), variance (C).
    """

    kind = "batch_moments"
    slots = ("x",)

    def infer(self, x: TensorType) -> tuple[TensorType, TensorType]:
        one = x.with_shape(x.shape[1])
        return (one, one)

    def evaluate(self, x: Array) -> tuple[Array, Array]:
        axes = (0, *range(2, x.ndim))
        return (x.mean(axes), x.var(axes))


@dataclass(frozen=True)
class _NormGradient(Operation):
    """(gy, x, weight or None) -> (gx, gradients of weight and bias, as if there were both)."""

    slots: ClassVar[tuple[str, ...]] = ("gy", "x", "weight")

    def infer(self, gy: TensorType, x: TensorType, *others: Type) -> tuple[TensorType, ...]:
        one = x.with_shape(x.shape[1])
        return (x, one, one)


@register
@dataclass(frozen=True)
class BatchNormGradient(_NormGradient):
    """Gradients of a batch norm.

    Args:
        eps: The norm's.
        training: Whether mean and variance were those of the batch, and so depend on x.
    Shape:
        gy, x (N, C, *), weight, mean, variance (C): gx (N, C, *), gw (C), gb (C).
    """

    eps: float = 1e-5
    training: bool = False

    kind = "batch_norm_gradient"
    slots = ("gy", "x", "weight", "mean", "variance")

    def evaluate(
        self, gy: Array, x: Array, weight: Array | None, mean: Array, variance: Array
    ) -> tuple[Array, ...]:
        shape = (1, -1, *[1] * (x.ndim - 2))
        axes = (0, *range(2, x.ndim))
        (n,) = BatchNorm(self.eps).evaluate(x, None, None, mean, variance)
        g = gy if weight is None else gy * weight.reshape(shape)
        if self.training:
            g = g - g.mean(axes, keepdims=True) - n * (g * n).mean(axes, keepdims=True)
        gx = g / np.sqrt(variance.reshape(shape) + self.eps)
        return (gx, (gy * n).sum(axes), gy.sum(axes))


@register
@dataclass(frozen=True)
class LayerNormGradient(_NormGradient):
    """Gradients of a layer norm; its statistics are computed anew.

    Args:
        axes, eps, rms: The norm's.
    Shape:
        gy, x (*, *normalised), weight (*normalised): gx like x, gw and gb (*normalised).
    """

    axes: int = 1
    eps: float = 1e-5
    rms: bool = False

    kind = "layer_norm_gradient"

    def infer(self, gy: TensorType, x: TensorType, *others: Type) -> tuple[TensorType, ...]:
        one = x.with_shape(*x.shape[x.rank - self.axes :])
        return (x, one, one)

    def evaluate(self, gy: Array, x: Array, weight: Array | None = None) -> tuple[Array, ...]:
        axes = tuple(range(x.ndim - self.axes, x.ndim))
        (n,) = LayerNorm(self.axes, self.eps, self.rms).evaluate(x)
        centred = x if self.rms else x - x.mean(axes, keepdims=True)
        scale = np.sqrt(np.square(centred).mean(axes, keepdims=True) + self.eps)
        g = gy if weight is None else gy * weight
        gx = g - n * (g * n).mean(axes, keepdims=True)
        if not self.rms:
            gx = gx - g.mean(axes, keepdims=True)
        rows = tuple(range(x.ndim - self.axes))
        return (gx / scale, (gy * n).sum(rows), gy.sum(rows))


@register
@dataclass(frozen=True)
class GroupNormGradient(_NormGradient):
    """Gradients of a group (or instance) norm; its statistics are computed anew.

    Args:
        groups, eps: The norm's.
    Shape:
        gy, x (N, C, *), weight (C): gx (N, C, *), gw (C), gb (C).
    """

    groups: int | None = None
    eps: float = 1e-5

    kind = "group_norm_gradient"

    def evaluate(self, gy: Array, x: Array, weight: Array | None = None) -> tuple[Array, ...]:
        groups = self.groups or x.shape[1]
        parted = (x.shape[0], groups, math.prod(x.shape[1:]) // groups)
        (n,) = GroupNorm(self.groups, self.eps).evaluate(x)
        shape = (1, -1, *[1] * (x.ndim - 2))
        g = gy if weight is None else gy * weight.reshape(shape)
        parts, units = g.reshape(parted), n.reshape(parted)
        gx = parts - parts.mean(2, keepdims=True) - units * (parts * units).mean(2, keepdims=True)
        gx = gx / np.sqrt(x.reshape(parted).var(2, keepdims=True) + self.eps)
        axes = (0, *range(2, x.ndim))
        return (gx.reshape(x.shape), (gy * n).sum(axes), gy.sum(axes))


@register
@dataclass(frozen=True)
class LocalResponseNormGradient(Operation):
    """gx[c] = gy[c] * d[c]**-beta - 2*alpha*beta/size * x[c] * sum of gy*x * d**(-beta-1)

    d = k + alpha/size * (sum of squares over neighbours); the sum is over the channels that have c
    as a neighbour.

    Args:
        size, alpha, beta, k: The norm's.
    """

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    kind = "local_response_norm_gradient"
    slots = ("gy", "x")

    def infer(self, gy: TensorType, x: TensorType) -> tuple[TensorType]:
        return (x,)

    def evaluate(self, gy: Array, x: Array) -> tuple[Array]:
        window, C = LocalResponseNorm(self.size).window, x.shape[1]
        near = [window.input_interval(c, C) for c in range(C)]
        sums = [np.square(x[:, n.start : n.stop]).sum(1) for n in near]
        divisor = self.k + self.alpha / self.size * np.stack(sums, 1)
        shared = gy * x * divisor ** (-self.beta - 1)
        spread = np.zeros_like(x)
        for c, n in enumerate(near):
            spread[:, n.start : n.stop] += shared[:, c : c + 1]
        factor = 2 * self.alpha * self.beta / self.size
        return (gy * divisor**-self.beta - factor * x * spread,)
