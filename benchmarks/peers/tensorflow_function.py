"""TensorFlow: Striate's graph with channels last, which its convolutions on a CPU want."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from striate import Graph

from ._loaded import UnsupportedError

Order = tuple[int, ...]
"""Which of the network's axes lies at each place in memory."""


@dataclass(frozen=True)
class Value:
    """A tensor whose axes lie in an order of their own, so that few are ever moved."""

    tensor: Any
    order: Order

    def at(self, order: Order) -> Any:
        """The tensor with its axes in this order."""
        if order == self.order:
            return self.tensor
        return tf.transpose(self.tensor, [self.order.index(axis) for axis in order])

    def place(self, axis: int) -> int:
        """Where one of the network's axes lies."""
        return self.order.index(axis % len(self.order))


def plain(rank: int) -> Order:
    """The network's own order."""
    return tuple(range(rank))


def last(rank: int) -> Order:
    """Channels behind the places."""
    return (0, *range(2, rank), 1)


def filters(op: Any, rank: int) -> Order:
    """How TensorFlow keeps a convolution's filters: places, channels in, channels out."""
    return (*range(2, rank), *((0, 1) if op.groups > 1 else (1, 0)))


def evaluate(graph: Graph, x: Any, weights: dict[str, Value]) -> tuple[Any, dict[str, Any]]:
    """Run every node in order.

    Returns:
        The output, and what batch norms found of this batch, by the names of their statistics.
    """
    (name,) = graph.inputs
    values = weights | {name: Value(x, last(len(x.shape)))}
    statistics: dict[str, Any] = {}
    for node in graph:
        op = graph.op(node)
        inputs = [None if value is None else values[value] for value in node.inputs]
        if node.kind == "batch_norm":
            values[node.outputs[0]], found = _batch_norm(op, *inputs[:3])
            statistics |= dict(zip(node.inputs[3:], found, strict=True))
        elif node.kind in KINDS:
            values[node.outputs[0]] = KINDS[node.kind](op, *inputs)
        else:
            raise UnsupportedError(f"{node.kind} is not in the driver's table")
    output = values[graph.outputs[0]]
    return output.at(plain(len(output.order))), statistics


def _conv(op: Any, x: Value, weight: Value, bias: Value | None = None) -> Value:
    rank = len(x.order)
    maps, taps = x.at(last(rank)), weight.at(filters(op, rank))
    maps, padding = _padded(maps, op.windows)
    strides = [int(w.stride) for w in op.windows]
    if rank == 3:  # one row of pixels
        maps, taps, strides = maps[:, None], taps[None], [1, *strides]
        padding = padding if isinstance(padding, str) else [padding[0], [0, 0], *padding[1:]]
    steps = [1, *strides, 1]
    if any(w.dilation != 1 for w in op.windows):
        raise UnsupportedError("dilated convolutions are not in the driver")
    if op.groups == 1:
        run = tf.nn.conv3d if rank == 5 else tf.nn.conv2d
        y = run(maps, taps, steps, padding)
    elif rank == 4 and op.groups == x.tensor.shape[x.place(1)] and weight.tensor.shape[-1] == 1:
        y = tf.nn.depthwise_conv2d(maps, taps, steps, padding)
    else:
        raise UnsupportedError("grouped convolutions have no gradient on a CPU")
    y = y if rank != 3 else y[:, 0]
    return Value(y if bias is None else tf.nn.bias_add(y, bias.tensor), last(rank))


def _padded(maps: Any, windows: Any, fill: float = 0.0) -> tuple[Any, Any]:
    """The map and TensorFlow's word for the padding; in 3D it knows but two, so that we pad."""
    pads = [[int(w.before), int(w.after)] for w in windows]
    if not any(map(any, pads)):
        return maps, "VALID"
    half = [[w.size // 2] * 2 for w in windows]
    if pads == half and all(w.stride == 1 and w.size % 2 for w in windows):
        return maps, "SAME"
    pads = [[0, 0], *pads, [0, 0]]
    return (maps, pads) if len(windows) < 3 else (tf.pad(maps, pads, constant_values=fill), "VALID")


def _max_pool(op: Any, x: Value) -> Value:
    rank = len(x.order)
    maps, padding = _padded(x.at(last(rank)), op.windows, float("-inf"))
    sizes, strides = ([int(getattr(w, name)) for w in op.windows] for name in ("size", "stride"))
    if rank == 3:
        y = tf.nn.max_pool2d(maps[:, None], [1, *sizes], [1, *strides], padding)[:, 0]
    else:
        run = tf.nn.max_pool3d if rank == 5 else tf.nn.max_pool2d
        y = run(maps, sizes, strides, padding)
    return Value(y, last(rank))


def _mean(x: Value, axes: Any, *, keepdim: bool) -> Value:
    places = [x.place(axis) for axis in axes]
    y = tf.reduce_mean(x.tensor, places, keepdims=keepdim)
    if keepdim:
        return Value(y, x.order)
    kept = [axis for place, axis in enumerate(x.order) if place not in places]
    return Value(y, tuple(sorted(kept).index(axis) for axis in kept))


def _reduce(op: Any, x: Value) -> Value:
    if op.function != "mean":
        raise UnsupportedError(f"{op.function} over axes is not in the driver's table")
    return _mean(x, op.axes, keepdim=op.keepdim)


def _adaptive_pool(op: Any, x: Value) -> Value:
    if op.reduction != "mean" or any(n != 1 for n in op.output_size):
        raise UnsupportedError("adaptive pooling, but to one pixel, is not in the driver")
    return _mean(x, range(2, len(x.order)), keepdim=True)


def _batch_norm(op: Any, x: Value, weight: Value, bias: Value) -> tuple[Value, tuple[Any, Any]]:
    """With the kernel that is made for it; of one row of pixels where they are no image."""
    rank = len(x.order)
    maps = x.at(last(rank))
    rows = maps if rank == 4 else tf.reshape(maps, [maps.shape[0], 1, -1, maps.shape[-1]])
    y, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        rows, weight.tensor, bias.tensor, epsilon=op.eps, is_training=True
    )
    return Value(tf.reshape(y, maps.shape), last(rank)), (mean, variance)


def _layer_norm(op: Any, x: Value, weight: Value, bias: Value) -> Value:
    rank = len(x.order)
    order = x.order if op.axes == 1 and x.order[-1] == rank - 1 else plain(rank)
    maps = x.at(order)
    mean, variance = tf.nn.moments(maps, list(range(rank - op.axes, rank)), keepdims=True)
    return Value(
        tf.nn.batch_normalization(maps, mean, variance, bias.tensor, weight.tensor, op.eps), order
    )


def _linear(op: Any, x: Value, weight: Value, bias: Value | None = None) -> Value:
    rank = len(x.order)
    order = x.order if x.order[-1] == rank - 1 else plain(rank)
    maps = x.at(order)
    y = tf.matmul(tf.reshape(maps, [-1, maps.shape[-1]]), weight.at((0, 1)), transpose_b=True)
    y = y if bias is None else tf.nn.bias_add(y, bias.tensor)
    return Value(tf.reshape(y, [*maps.shape[:-1], y.shape[-1]]), order)


def _activation(op: Any, x: Value) -> Value:
    functions = {"relu": tf.nn.relu, "silu": tf.nn.silu, "gelu": tf.nn.gelu, "tanh": tf.tanh}
    if op.function == "clip" and op.numbers == (0.0, 6.0):
        return Value(tf.nn.relu6(x.tensor), x.order)
    if op.function not in functions:
        raise UnsupportedError(f"{op.function} is not in the driver's table")
    return Value(functions[op.function](x.tensor), x.order)


def _binary(op: Any, a: Value, b: Value) -> Value:
    if op.function not in ("add", "mul") or op.alpha != 1:
        raise UnsupportedError(f"{op.function} is not in the driver's table")
    order = max(a.order, b.order, key=len)
    a, b = _widened(a, len(order)), _widened(b, len(order))
    run = tf.add if op.function == "add" else tf.multiply
    return Value(run(a.at(order), b.at(order)), order)


def _widened(x: Value, rank: int) -> Value:
    more = rank - len(x.order)
    if not more:
        return x
    tensor = x.at(plain(len(x.order)))
    return Value(tf.reshape(tensor, [1] * more + tensor.shape), plain(rank))


def _slice(op: Any, x: Value) -> Value:
    index = [slice(None)] * len(x.order)
    index[x.place(op.axis)] = slice(op.start, op.end, op.step)
    return Value(x.tensor[tuple(index)], x.order)


def _pad(op: Any, x: Value) -> Value:
    return Value(tf.pad(x.tensor, [op.pads[axis] for axis in x.order]), x.order)


def _permute(op: Any, x: Value) -> Value:
    return Value(x.tensor, tuple(op.axes.index(axis) for axis in x.order))


def _flatten(op: Any, x: Value) -> Value:
    tensor = x.at(plain(len(x.order)))
    return Value(tf.reshape(tensor, [*tensor.shape[: op.start], -1]), plain(op.start + 1))


KINDS: dict[str, Callable[..., Value]] = {
    "conv": _conv,
    "max_pool": _max_pool,
    "adaptive_pool": _adaptive_pool,
    "reduce": _reduce,
    "layer_norm": _layer_norm,
    "linear": _linear,
    "activation": _activation,
    "binary": _binary,
    "slice": _slice,
    "pad": _pad,
    "permute": _permute,
    "flatten": _flatten,
    "dropout": lambda op, x: x,
}
"""What the networks of `training.py` are made of, besides batch norms."""
