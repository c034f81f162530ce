"""Randomness, constants, layers of LeNet-5 that are one operation, and what is not known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ...errors import GraphError, OptionError, ShapeError
from .. import ops
from .._backward import Backward
from .._operation import Array, Connections, Operation, Saved, Type, register
from .._reach import WHOLE, Along, Reach, pointwise
from .._sizes import Size
from .._types import TensorType
from ._axes import whole_sizes
from ._slide import window_sum
from .pool import _Pool


@register
@dataclass(frozen=True)
class Dropout(Operation):
    """While training, set numbers to 0 with probability p and scale the others by 1/(1-p).

    Args:
        p: The probability.
        per: What falls together: `element`, `channel` (dropout2d) or `sample` (stochastic depth).
        training: Whether it is switched on; else it is the identity.

    Source: Srivastava et al. 2014; Huang et al. 2016, arXiv:1603.09382 (stochastic depth).
    """

    p: float = 0.5
    per: str = "element"
    training: bool = False

    kind = "dropout"
    slots = ("x",)

    @property
    def view(self) -> bool:  # type: ignore[override]
        """Switched off, torch hands its input on."""
        return not self.training

    def infer(self, x: TensorType) -> tuple[TensorType]:
        return (x,)

    def evaluate(self, x: Array) -> tuple[Array]:
        if self.training and self.p > 0:
            raise OptionError(
                f"a dropout with p={self.p} is switched on, so the graph's result is random. "
                f"Capture the network after net.eval() to compare numbers.",
                subject=self.kind,
            )
        return (x,)

    def gradient(self, back: Backward, number: int) -> str | None:
        assert not self.training or self.p == 0  # else `differentiate` makes it a product
        return back.gy

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        return (pointwise(outputs[0].rank),)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        x = inputs[0]
        assert x
        if not self.training or self.p == 0:
            return Saved()
        if self.p == 1:  # nothing is drawn: all is multiplied by one 0
            return Saved(extra_bytes=x.with_shape().nbytes)
        drawn = {"element": x.numel, "channel": math.prod(x.shape[:2]), "sample": x.shape[0]}
        return Saved(extra_bytes=x.with_shape(drawn[self.per]).nbytes)


@register
@dataclass(frozen=True)
class Fill(Operation):
    """A value of one number everywhere, or of whole numbers counted up (`arange`).

    Args:
        shape: Its sizes.
        value: The number.
        dtype: Its dtype.
        step: What is added from one element to the next along the only axis.
    """

    shape: tuple[int | Size, ...]
    value: float | Size = 0.0
    dtype: str = "float32"
    step: float = 0

    kind = "fill"
    slots = ()

    def infer(self) -> tuple[TensorType]:
        return (TensorType(whole_sizes(self.shape), self.dtype),)

    def evaluate(self) -> tuple[Array]:
        (y,) = self.infer()
        values = np.full(y.shape, self.value)
        if self.step:
            values = cast("float", self.value) + self.step * np.arange(y.shape[0])
        dtype: Any = {"bfloat16": "float32"}.get(self.dtype, self.dtype)
        return (np.asarray(values, dtype=dtype),)


@register
@dataclass(frozen=True)
class Subsample(_Pool):
    """LeNet-5's S layers: y[n,c,i] = weight[c] * (sum over u of x[n, c, i*s + u]) + bias[c]

    Source: LeCun et al. 1998, section II.B.
    """

    kind = "subsample"
    slots = ("x", "weight", "bias")

    def infer(self, x: TensorType, weight: Type = None, bias: Type = None) -> tuple[TensorType]:
        if weight is not None and x.rank > 1 and weight.numel != x.shape[1]:
            raise ShapeError(
                f"input {x} has {x.shape[1]} channels; the layer was built for {weight.numel}.",
                subject=self.kind,
            )
        (y,) = super().infer(x)
        return (y,)

    def evaluate(self, x: Array, weight: Array, bias: Array) -> tuple[Array]:
        (y,) = self.infer(TensorType(x.shape))
        total = window_sum(x, self.windows, y.shape[2:])
        column = (-1, *[1] * len(self.windows))
        return (total * weight.reshape(column) + bias.reshape(column),)

    def connections(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Connections:
        pooled = super().connections(inputs, outputs)
        return Connections(pooled.real + outputs[0].numel, pooled.padding)  # and the biases

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        # Besides the pooling's own input, the mean and its factor for each other's gradient.
        y = outputs[0]
        return Saved(inputs=(0,), extra_bytes=y.nbytes + y.with_shape(y.shape[1]).nbytes)


@register
@dataclass(frozen=True)
class RBF(Operation):
    """y[n,o] = -sum over j of (x[n,j] - prototypes[o,j])^2, at each place of a map.

    Source: LeCun et al. 1998, equation 7.
    """

    kind = "rbf"
    slots = ("x", "prototypes")

    def infer(self, x: TensorType, prototypes: TensorType) -> tuple[TensorType]:
        if x.rank < 2 or x.shape[1] != prototypes.shape[1]:
            raise ShapeError(
                f"input {x} has {x.shape[1] if x.rank > 1 else 'no'} features or channels; "
                f"the prototypes have {prototypes.shape[1]}.",
                subject=self.kind,
            )
        return (x.with_shape(x.shape[0], prototypes.shape[0], *x.shape[2:]),)

    def evaluate(self, x: Array, prototypes: Array) -> tuple[Array]:
        flat = x.reshape(*x.shape[:2], math.prod(x.shape[2:]))
        difference = flat[:, None] - prototypes[None, :, :, None]
        y = -np.square(difference).sum(2)
        return (y.reshape(x.shape[0], len(prototypes), *x.shape[2:]),)

    def gradient(self, back: Backward, number: int) -> str | None:
        # With -(x - p)^2 = 2*x*p - x^2 - p^2: two products, and what each has alone.
        x, prototypes = back.read(0), back.read(1)
        rows = _channels_last(back, back.gy)
        if number == 0:
            product = back.add(ops.MatMul(), rows, prototypes)
            alone = back.add(ops.Reduce("sum", (1,), keepdim=True), rows)
            points = _channels_last(back, x)
        else:
            turned = back.turn(rows)
            product = back.add(ops.MatMul(), turned, _channels_last(back, x))
            alone = back.add(ops.Reduce("sum", (1,), keepdim=True), turned)
            points = prototypes
        own = back.binary("mul", points, alone)
        gradient = back.binary("mul", back.binary("sub", product, own), 2.0)
        return gradient if number else _channels_second(back, gradient, back.shape(x))

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        spatial = (Along(axis) for axis in range(2, outputs[0].rank))
        return ((Along(0), WHOLE, *spatial),)

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> int:
        """The product x.p, which torch computes."""
        x = inputs[0]
        assert x
        return outputs[0].numel * x.shape[1]

    def connections(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Connections:
        return Connections(self.macs(inputs, outputs))

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        return Saved(inputs=(0,))


@register
@dataclass(frozen=True)
class Opaque(Operation):
    """An operation that Striate does not know: its name, and its output types if they were told.

    Args:
        name: What the framework calls it.
        outputs: (shape, dtype) of each output; None where even these are not known.
        why: What about it is not known, where the name does not say it.
    """

    name: str
    outputs: tuple[tuple[tuple[int | Size, ...], str] | None, ...] = (None,)
    why: str = ""

    kind = "opaque"
    slots = ("x",)

    def infer(self, *inputs: Type) -> tuple[TensorType, ...]:
        types = (
            TensorType(cast("tuple[int, ...]", told[0]), told[1]) if told else None
            for told in self.outputs
        )
        return tuple(types)  # type: ignore[arg-type]

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        raise OptionError(
            f"{self.name} is not an operation that Striate knows, so the graph cannot be run."
        )

    def gradient(self, back: Backward, number: int) -> str | None:
        raise GraphError(f"{self.name} is not an operation that Striate knows.")

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> None:
        return None

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> None:
        return None

    def describe(self) -> str:
        return self.name


def _channels_last(back: Backward, value: str) -> str:
    """One row for each place of a map, with its channels; (N, C) is that already."""
    rank = len(back.shape(value))
    if rank == 2:
        return value
    return back.rows(back.add(ops.Permute((0, *range(2, rank), 1)), value))


def _channels_second(back: Backward, rows: str, shape: tuple[int, ...]) -> str:
    """Put the rows of `_channels_last` into the shape (N, C, *) again."""
    if len(shape) == 2:
        return rows
    last = back.reshape(rows, (shape[0], *shape[2:], shape[1]))
    return back.add(ops.Permute((0, len(shape) - 1, *range(1, len(shape) - 1))), last)
