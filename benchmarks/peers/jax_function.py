"""JAX: Striate's graph as a jitted function, NCHW, with the weights as arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from striate import Graph

from ._loaded import Loaded, UnsupportedError
from ._task import Task


def load(task: Task, threads: int) -> Loaded:
    """Compile; XLA takes as many threads as the process has cores, which are pinned already."""
    graph = open_graph(task)
    weights = {name: jnp.asarray(w.numpy()) for name, w in graph.weights.items()}
    function = jax.jit(lambda x, weights: evaluate(graph, x, weights)[graph.outputs[0]])
    x = jnp.asarray(task.input)
    compiled = function.lower(x, weights).compile()
    return Loaded(lambda: compiled(x, weights).block_until_ready(), np.asarray)


def open_graph(task: Task) -> Graph:
    """Read the network, if the table below has all of its operations."""
    graph = Graph.load(task.graph)
    for node in graph:
        if node.kind not in KINDS:
            raise UnsupportedError(f"{node.kind} is not in the driver's table")
    return graph


def evaluate(graph: Graph, x: Any, weights: dict[str, Any]) -> dict[str, Any]:
    """Run every node in order; all values by name."""
    (name,) = graph.inputs
    values = weights | {name: x}
    for node in graph:
        inputs = [None if value is None else values[value] for value in node.inputs]
        values[node.outputs[0]] = KINDS[node.kind](graph.op(node), *inputs)
    return values


def _conv(op: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    y = lax.conv_general_dilated(
        x,
        weight,
        [int(w.stride) for w in op.windows],
        [(int(w.before), int(w.after)) for w in op.windows],
        rhs_dilation=[int(w.dilation) for w in op.windows],
        feature_group_count=op.groups,
    )
    return y if bias is None else y + _per_channel(bias, y)


def _conv_transpose(op: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    """A convolution of the input spread out by the stride, with the kernel turned around."""
    if op.groups != 1:
        raise UnsupportedError("transposed convolutions with groups are not in the driver")
    axes = tuple(range(2, x.ndim))
    pads = [
        (
            int(w.dilation * (w.size - 1) - w.before),
            int(w.dilation * (w.size - 1) - w.after + more),
        )
        for w, more in zip(op.windows, op.output_padding, strict=True)
    ]
    y = lax.conv_general_dilated(
        x,
        jnp.flip(weight, axes).swapaxes(0, 1),
        [1] * len(axes),
        pads,
        lhs_dilation=[int(w.stride) for w in op.windows],
        rhs_dilation=[int(w.dilation) for w in op.windows],
    )
    return y if bias is None else y + _per_channel(bias, y)


def _pool(op: Any, x: Any, start: float, combine: Callable[..., Any]) -> Any:
    sizes, strides, dilations = (
        (1, 1, *(int(getattr(w, name)) for w in op.windows))
        for name in ("size", "stride", "dilation")
    )
    pads = [(0, 0), (0, 0)]
    for w, n in zip(op.windows, x.shape[2:], strict=True):
        reach = (w.output_size(n) - 1) * int(w.stride) + int(w.dilation) * (w.size - 1) + 1
        pads.append((int(w.before), max(reach - n - int(w.before), 0)))
    return lax.reduce_window(x, start, combine, sizes, strides, pads, window_dilation=dilations)


def _avg_pool(op: Any, x: Any) -> Any:
    total = _pool(op, x, 0.0, lax.add)
    if any(w.before or w.after for w in op.windows) and not op.count_include_pad:
        return total / _pool(op, jnp.ones_like(x), 0.0, lax.add)
    return total / (op.divisor or np.prod([w.size for w in op.windows]))


def _adaptive_pool(op: Any, x: Any) -> Any:
    if op.reduction != "mean" or any(n != 1 for n in op.output_size):
        raise UnsupportedError("adaptive pooling, but to one pixel, is not in the driver")
    return x.mean(tuple(range(2, x.ndim)), keepdims=True)


def _reduce(op: Any, x: Any) -> Any:
    functions = {"mean": jnp.mean, "sum": jnp.sum, "max": jnp.max}
    return functions[op.function](x, axis=op.axes, keepdims=op.keepdim)


def moments(x: Any) -> tuple[Any, Any]:
    """Mean and variance of each channel."""
    axes = (0, *range(2, x.ndim))
    return x.mean(axes), x.var(axes)


def _batch_norm(op: Any, x: Any, weight: Any, bias: Any, mean: Any, variance: Any) -> Any:
    mean, variance = moments(x) if op.training else (mean, variance)
    scale = lax.rsqrt(variance + op.eps) * (1 if weight is None else weight)
    shift = (0 if bias is None else bias) - mean * scale
    return x * _per_channel(scale, x) + _per_channel(shift, x)


def _layer_norm(op: Any, x: Any, weight: Any = None, bias: Any = None) -> Any:
    axes = tuple(range(x.ndim - op.axes, x.ndim))
    centred = x - x.mean(axes, keepdims=True)
    y = centred * lax.rsqrt((centred**2).mean(axes, keepdims=True) + op.eps)
    return (y if weight is None else y * weight) + (0 if bias is None else bias)


def _linear(op: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    return x @ weight.T + (0 if bias is None else bias)


def _activation(op: Any, x: Any) -> Any:
    functions = {
        "relu": jax.nn.relu,
        "silu": jax.nn.silu,
        "sigmoid": jax.nn.sigmoid,
        "tanh": jnp.tanh,
        "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    }
    if op.function == "clip":
        return jnp.clip(x, *op.numbers)
    if op.function not in functions:
        raise UnsupportedError(f"{op.function} is not in the driver's table")
    return functions[op.function](x)


def _binary(op: Any, a: Any, b: Any = None) -> Any:
    functions = {"add": jnp.add, "mul": jnp.multiply, "sub": jnp.subtract, "div": jnp.divide}
    b = op.number if b is None else b
    a, b = (b, a) if op.reverse else (a, b)
    return functions[op.function](a, b if op.alpha == 1 else op.alpha * b)


def _part(op: Any, x: Any) -> Any:
    index = [slice(None)] * x.ndim
    index[op.axis] = slice(op.start, op.end, op.step)
    return x[tuple(index)]


def _per_channel(values: Any, maps: Any) -> Any:
    return values.reshape(-1, *[1] * (maps.ndim - 2))


KINDS: dict[str, Callable[..., Any]] = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "max_pool": lambda op, x: _pool(op, x, -jnp.inf, lax.max),
    "avg_pool": _avg_pool,
    "adaptive_pool": _adaptive_pool,
    "reduce": _reduce,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "linear": _linear,
    "activation": _activation,
    "binary": _binary,
    "slice": _part,
    "pad": lambda op, x: jnp.pad(x, op.pads, constant_values=op.value),
    "concat": lambda op, *maps: jnp.concatenate(maps, op.axis),
    "permute": lambda op, x: x.transpose(op.axes),
    "flatten": lambda op, x: x.reshape(*x.shape[: op.start], -1),
    "dropout": lambda op, x: x,
}
"""What the networks of `inference.py` are made of."""
