"""Convolution and transposed convolution, along one, two or three axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...errors import ShapeError
from ...window import Window
from .. import ops
from .._backward import Backward
from .._operation import Array, Connections, Operation, Saved, Type, register
from .._reach import Reach
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
)


@register
@dataclass(frozen=True)
class Conv(Operation):
    """y[n,o,i] = b[o] + sum over c, u of w[o,c,u] * x[n, c, i*stride - before + u*dilation]

    Args:
        windows: One for each axis behind the channels.
        groups: Number of separate convolutions the channels are split into.
        table: For each output map the input maps it reads, where it does not read all of its group
            (LeCun et al. 1998, Table I). The weight is then (pairs, *kernel), pair by pair.

    The reach names the channels read whole, also where groups or a table read some of them only;
    of a depthwise convolution it names each its own.
    """

    windows: tuple[Window, ...]
    groups: int = 1
    table: tuple[tuple[int, ...], ...] | None = None

    kind = "conv"
    slots = ("x", "weight", "bias")

    def infer(self, x: TensorType, weight: TensorType, bias: Type = None) -> tuple[TensorType]:
        check_maps(x, len(self.windows), self.kind)
        given = x.shape[1]
        if self.table is None:
            needed = weight.shape[1] * self.groups
        else:
            needed = max(given, 1 + max(map(max, self.table)))
        if given != needed:
            raise ShapeError(
                f"input {x} has {given} channels; weight {weight} needs {needed}.",
                subject=self.kind,
            )
        _check_kernel(self.windows, weight, self.kind)
        if self.table is None and weight.shape[0] % self.groups:
            raise ShapeError(
                f"weight {weight} makes {weight.shape[0]} channels; {self.groups} groups must "
                f"divide them.",
                subject=self.kind,
            )
        outputs = output_sizes(self.windows, x.shape[2:], self.kind)
        maps = len(self.table) if self.table else weight.shape[0]
        return (x.with_shape(x.shape[0], maps, *outputs),)

    def dense(self, weight: Array, in_channels: int) -> Array:
        """Put the filters of a table into a weight (O, I, *kernel), 0 where nothing is connected.

        Without a table, the weight is dense already.
        """
        if self.table is None:
            return weight
        return ops.DenseWeight(self.table, in_channels).evaluate(weight)[0]

    def evaluate(self, x: Array, weight: Array, bias: Array | None = None) -> tuple[Array]:
        (y,) = self.infer(TensorType(x.shape), TensorType(weight.shape))
        weight = self.dense(weight, x.shape[1])
        N, O, G = x.shape[0], weight.shape[0], self.groups  # noqa: E741
        pixels = math.prod(y.shape[2:])
        total = np.zeros((N, G, O // G, pixels), dtype=x.dtype)
        grouped = weight.reshape(G, O // G, *weight.shape[1:])
        for place, read in taps(x, self.windows, 0, y.shape[2:]):
            tap: Any = (..., *place)
            total += grouped[tap] @ read.reshape(N, G, x.shape[1] // G, pixels)
        total = total.reshape(y.shape)
        return (total if bias is None else total + _per_channel(bias, total),)

    def gradient(self, back: Backward, number: int) -> str | None:
        assert self.table is None  # `differentiate` makes the weight dense first
        if number == 2:
            return _bias_gradient(back)
        sizes = back.shape(back.read(0))[2:]
        windows = tuple(w.on(n) for w, n in zip(self.windows, sizes, strict=True))
        if number == 1:
            op = ops.ConvWeightGradient(windows, self.groups)
            return back.add(op, back.inputs[0], back.gy)
        # The pixels at the end that no window reads have a gradient of 0.
        more = tuple(int(w.leftover(n)) for w, n in zip(windows, sizes, strict=True))
        return back.add(ConvTranspose(windows, more, self.groups), back.gy, back.inputs[1])

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        x, weight = inputs[:2]
        assert x
        assert weight
        depthwise = self.groups > 1 and weight.shape[0] == x.shape[1] == self.groups
        return (sliding_reach(self.windows, x.shape[2:], channelwise=depthwise),)

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> int:
        """Output elements * in_channels / groups * kernel volume, padding included.

        A table's absent pairs count too: it is computed as a dense convolution.
        """
        x = inputs[0]
        assert x
        return (
            outputs[0].numel * x.shape[1] // self.groups * math.prod(w.size for w in self.windows)
        )

    def connections(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Connections:
        x, weight, bias = (*inputs, None)[:3]
        assert x
        assert weight
        maps = weight.shape[0] if self.table else weight.shape[0] * weight.shape[1]
        real, padding = (x.shape[0] * maps * n for n in connected(self.windows, x.shape[2:]))
        return Connections(real + (outputs[0].numel if bias else 0), padding)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        x, weight = inputs[:2]
        assert x
        assert weight
        return kept(x, self.windows, 1, extra_bytes=self._dense_bytes(x, weight))

    def scratch_bytes(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> int:
        x, weight = inputs[:2]
        assert x
        assert weight
        return padded_bytes(x, self.windows) + self._dense_bytes(x, weight)

    def _dense_bytes(self, x: TensorType, weight: TensorType) -> int:
        """Bytes of the weight that a table's filters are put into."""
        if self.table is None:
            return 0
        return weight.with_shape(len(self.table), x.shape[1], *weight.shape[1:]).nbytes

    def describe(self) -> str:
        return shown(self.windows) + (f", groups {self.groups}" if self.groups != 1 else "")


@register
@dataclass(frozen=True)
class ConvTranspose(Operation):
    """Turn a convolution around: each input pixel is spread over the outputs by the kernel.

    y[n, o, j*stride - before + u*dilation] += w[c,o,u] * x[n,c,j]; then + b[o]

    Args:
        windows: Those of the convolution that is turned around.
        output_padding: Outputs added at the end of each axis.
        groups: Number of separate convolutions the channels are split into.
    """

    windows: tuple[Window, ...]
    output_padding: tuple[int, ...]
    groups: int = 1

    kind = "conv_transpose"
    slots = ("x", "weight", "bias")

    @property
    def reading(self) -> tuple[Window, ...]:
        """The windows through which outputs read inputs, with fractional strides."""
        pairs = zip(self.windows, self.output_padding, strict=True)
        return tuple(window.transposed(more) for window, more in pairs)

    def infer(self, x: TensorType, weight: TensorType, bias: Type = None) -> tuple[TensorType]:
        check_maps(x, len(self.windows), self.kind)
        if x.shape[1] != weight.shape[0]:
            raise ShapeError(
                f"input {x} has {x.shape[1]} channels; weight {weight} needs {weight.shape[0]}.",
                subject=self.kind,
            )
        _check_kernel(self.windows, weight, self.kind)
        if x.shape[1] % self.groups:
            raise ShapeError(
                f"input {x} has {x.shape[1]} channels; {self.groups} groups must divide them.",
                subject=self.kind,
            )
        outputs = output_sizes(self.reading, x.shape[2:], self.kind)
        return (x.with_shape(x.shape[0], weight.shape[1] * self.groups, *outputs),)

    def evaluate(self, x: Array, weight: Array, bias: Array | None = None) -> tuple[Array]:
        (y,) = self.infer(TensorType(x.shape), TensorType(weight.shape))
        N, C, G = x.shape[0], x.shape[1], self.groups
        spatial = y.shape[2:]
        total = np.zeros(y.shape, dtype=x.dtype)
        grouped = weight.reshape(G, C // G, *weight.shape[1:])
        pixels = x.reshape(N, G, C // G, math.prod(x.shape[2:]))
        for place in np.ndindex(*weight.shape[2:]):
            tap: Any = (..., *place)
            spread = np.swapaxes(grouped[tap], 1, 2) @ pixels
            spread = spread.reshape(N, y.shape[1], *x.shape[2:])
            into, of = [slice(None)] * 2, [slice(None)] * 2
            for u, window, n, outputs in zip(
                place, self.windows, x.shape[2:], spatial, strict=True
            ):
                start, step = u * int(window.dilation) - int(window.before), int(window.stride)
                first = max(-(start // step), 0)
                stop = min((outputs - 1 - start) // step + 1, n)
                into.append(slice(start + first * step, start + (stop - 1) * step + 1, step))
                of.append(slice(first, stop))
            if all(o.stop > (o.start or 0) for o in of[2:]):
                total[tuple(into)] += spread[tuple(of)]
        return (total if bias is None else total + _per_channel(bias, total),)

    def gradient(self, back: Backward, number: int) -> str | None:
        if number == 2:
            return _bias_gradient(back)
        places, sizes = back.shape(back.read(0))[2:], back.shape(back.gy)[2:]
        windows = tuple(
            _taking(w.on(n), n, m) for w, n, m in zip(self.windows, sizes, places, strict=True)
        )
        if number == 1:
            op = ops.ConvWeightGradient(windows, self.groups)
            return back.add(op, back.gy, back.inputs[0])
        return back.add(Conv(windows, self.groups), back.gy, back.inputs[1])

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        x = inputs[0]
        assert x
        return (sliding_reach(self.reading, x.shape[2:], channelwise=False),)

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> int:
        """Input elements * out_channels / groups * kernel volume, cropped outputs included."""
        x, weight = inputs[:2]
        assert x
        assert weight
        return x.numel * math.prod(weight.shape[1:])

    def connections(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Connections:
        x, weight, bias = (*inputs, None)[:3]
        assert x
        assert weight
        maps = x.shape[0] * weight.shape[0] * weight.shape[1]
        real, padding = (maps * n for n in connected(self.reading, x.shape[2:]))
        return Connections(real + (outputs[0].numel if bias else 0), padding)

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved:
        return Saved(inputs=(0, 1))

    def describe(self) -> str:
        more = f", output padding {max(self.output_padding)}" if any(self.output_padding) else ""
        return shown(self.windows) + more + (f", groups {self.groups}" if self.groups != 1 else "")


def _check_kernel(windows: Sequence[Window], weight: TensorType, subject: str) -> None:
    sizes = tuple(window.size for window in windows)
    if weight.shape[-len(sizes) :] != sizes:
        raise ShapeError(
            f"weight {weight} must end in the sizes of the windows, {'x'.join(map(str, sizes))}.",
            subject=subject,
        )


def _per_channel(bias: Array, maps: Array) -> Array:
    return bias.reshape(-1, *[1] * (maps.ndim - 2))


def _bias_gradient(back: Backward) -> str:
    """Add up each channel's gradients, over the batch and all places."""
    axes = (0, *range(2, len(back.shape(back.gy))))
    return back.reshape(back.sum(back.gy, axes), back.shape(back.read(2)))


def _taking(window: Window, n: int, places: int) -> Window:
    """Let a window take no more than these places of an axis of n; it leaves the end unread."""
    more = window.output_size(n) - places
    return replace(window, padding=(window.before, window.after - more * window.stride))
