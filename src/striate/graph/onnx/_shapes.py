"""Partial evaluation: shape arithmetic in an ONNX file is followed, and makes no nodes.

Shape -> Gather -> Mul -> Concat -> Reshape: small integer tensors are computed while the file is
read, with `Size`s for what depends on the input.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import GraphError
from .._operation import Array
from .._sizes import Size
from ._call import Call
from ._tensors import DTYPES
from ._values import (
    MOST_NUMBERS,
    Constant,
    Sizes,
    UnsupportedError,
    Value,
    as_objects,
    simplified,
)


def evaluate(call: Call) -> list[Value] | None:
    """Compute a node's outputs, if all it reads is known numbers; None where it is not."""
    if call.op_type in ("Shape", "Size"):
        return [_shape(call)]
    if call.op_type in _VIEWS and isinstance(call.value(0), Constant):
        return _view(call)
    function = _FUNCTIONS.get(call.op_type)
    if function is None or not all(map(_small, call.inputs)):
        return None
    mixed = any(isinstance(value, Sizes) for value in call.inputs)
    arrays = [None if v is None else as_objects(v, fractions=mixed) for v in call.inputs]  # type: ignore[arg-type]
    with np.errstate(all="ignore"):
        try:
            result = function(call, *arrays)
        except (ZeroDivisionError, TypeError, UnsupportedError):
            return None
    if result is None or result.size > MOST_NUMBERS:
        return None
    return [simplified(np.asarray(result, object), _dtype(call), call.value_name)]


def _small(value: Value | None) -> bool:
    if isinstance(value, Constant):
        whole = value.array.size <= MOST_NUMBERS and value.array.dtype.kind in "iubf"
        finite = value.array.dtype.kind != "f" or bool(np.isfinite(value.array).all())
        return whole and finite and not value.learned
    return value is None or isinstance(value, Sizes)


def _dtype(call: Call) -> str:
    if call.op_type == "Cast":
        return DTYPES[call.attr("to")][0]
    if call.op_type in ("Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Not"):
        return "bool"
    index = 1 if call.op_type == "Where" else 0
    if call.op_type == "ConstantOfShape":
        value = call.attr("value")
        return value.dtype if value is not None else "float32"
    return call.type(index).dtype


def _shape(call: Call) -> Value:
    value = call.value(0)
    type_ = call.type(0)
    start, end = call.attr("start", 0), call.attr("end")
    axes = range(type_.rank)[start:end]
    if not isinstance(value, str):
        sizes: list[Any] = list(type_.shape)
    else:
        sizes = [Size.of(value, axis) for axis in range(type_.rank)]
    if call.op_type == "Size":
        product = np.empty((), object)
        product[()] = math.prod(sizes)
        return simplified(product, "int64", call.value_name)
    return simplified(_objects([sizes[axis] for axis in axes]), "int64", call.value_name)


def _objects(values: list[Any]) -> Array:
    result = np.empty(len(values), object)
    result[:] = values
    return result


# Views of weights: no number is touched ---------------------------------------------------------

_VIEWS = frozenset({"Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten"})


def _view(call: Call) -> list[Value] | None:
    constant = call.constant(0)
    assert constant is not None
    array: Array | None = constant.array
    if call.op_type == "Transpose":
        array = array.transpose(call.attr("perm"))  # type: ignore[union-attr]
    elif call.op_type != "Identity":
        array = _reshaped(call, constant.array)
    if array is None or array.ndim > 32:
        return None
    return [constant.viewed(array)]


def _reshaped(call: Call, array: Array) -> Array | None:
    if call.op_type == "Flatten":
        axis = call.attr("axis", 1) % (array.ndim + 1)
        return array.reshape(math.prod(array.shape[:axis]), -1)
    numbers = call.sizes(1, "axes" if call.op_type != "Reshape" else "shape")
    if any(isinstance(number, Size) for number in numbers or ()):
        return None
    if call.op_type == "Squeeze":
        return array.squeeze(numbers)
    if numbers is None:
        raise GraphError("its second input is missing.")
    if call.op_type == "Unsqueeze":
        return np.expand_dims(array, numbers)
    copied = not call.attr("allowzero", 0)
    return array.reshape(
        [array.shape[k] if n == 0 and copied else n for k, n in enumerate(numbers)]
    )


# Arithmetic on small arrays ----------------------------------------------------------------------


def _each(function: Callable[..., Any]) -> Callable[..., Array]:
    lifted = np.frompyfunc(function, function.__code__.co_argcount, 1)
    return lambda call, *arrays: np.asarray(lifted(*arrays), object)


def _divide(call: Call, a: Array, b: Array) -> Array:
    if "int" not in call.type(0).dtype:
        return np.asarray(np.frompyfunc(lambda x, y: Size.apply("/", x, y), 2, 1)(a, b), object)

    def whole(x: Any, y: Any) -> Any:
        if isinstance(x, Size) or isinstance(y, Size):
            return Size.apply("//", x, y)
        return abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)  # rounds to zero, as in C

    return np.asarray(np.frompyfunc(whole, 2, 1)(a, b), object)


def _cast(call: Call, x: Array) -> Array | None:
    to = call.attr("to")
    if to not in DTYPES or DTYPES[to][0].startswith("complex"):
        return None
    dtype = DTYPES[to][0]

    def one(number: Any) -> Any:
        if dtype == "bool":
            return None if isinstance(number, Size) else bool(number)
        if "float" in dtype:
            return number
        return Size.apply("trunc", number) if call.type(0).is_float else int_(number)

    result = np.asarray(np.frompyfunc(one, 1, 1)(x), object)
    return None if any(n is None for n in result.reshape(-1)) else result


def int_(number: Any) -> Any:
    """Make an int of a bool; a `Size` is one already."""
    return number if isinstance(number, Size) else int(number)


def _compared(function: Callable[[Any, Any], bool]) -> Callable[..., Array]:
    def one(call: Call, a: Array, b: Array) -> Array:
        # A choice by size is made for the shapes at which the file is read.
        number = call.builder.number
        lifted = np.frompyfunc(lambda x, y: function(number(x), number(y)), 2, 1)
        return np.asarray(lifted(a, b), object)

    return one


def _computed(function: Callable[[float], float]) -> Callable[..., Array]:
    def one(call: Call, x: Array) -> Array:
        # A root of a size (attention's scale) is worked out for the shapes at hand.
        number = call.builder.number
        return np.asarray(np.frompyfunc(lambda n: function(number(n)), 1, 1)(x), object)

    return one


def _concat(call: Call, *arrays: Array) -> Array:
    return np.concatenate(arrays, call.attr("axis"))


def _gather(call: Call, x: Array, index: Array) -> Array:
    return np.asarray(np.take(x, index.astype(np.int64), call.attr("axis", 0)), object)


def _slice(call: Call, x: Array, *rest: Any) -> Array | None:
    starts, ends = call.sizes(1, "starts"), call.sizes(2, "ends")
    axes, steps = call.axes(3), call.sizes(4, "steps")
    if starts is None or ends is None:
        return None
    cuts = [slice(None)] * x.ndim
    for k, (start, end) in enumerate(zip(starts, ends, strict=True)):
        step = steps[k] if steps else 1
        if any(isinstance(n, Size) for n in (start, end, step)):
            return None
        cuts[axes[k] if axes else k] = slice(start, end if end >= -(1 << 62) else None, step)
    return x[tuple(cuts)]


def _reshape_small(call: Call, x: Array, *rest: Any) -> Array | None:
    return _reshaped(call, x)


def _expand(call: Call, x: Array, shape: Array) -> Array | None:
    sizes = shape.tolist()
    if any(isinstance(n, Size) for n in sizes) or math.prod(sizes) > MOST_NUMBERS:
        return None
    return np.asarray(x * np.ones(sizes, dtype=int).astype(object), object)


def _constant_of_shape(call: Call, shape: Array) -> Array | None:
    sizes = shape.tolist()
    if any(isinstance(n, Size) for n in sizes) or math.prod(sizes) > MOST_NUMBERS:
        return None
    value = call.attr("value")
    number = 0 if value is None else as_objects(value).reshape(-1)[0]
    result = np.empty(sizes, object)
    result[...] = number
    return result


def _range(call: Call, start: Array, limit: Array, delta: Array) -> Array | None:
    first, end, step = (array.reshape(-1)[0] for array in (start, limit, delta))
    if any(isinstance(n, Size) for n in (first, end, step)):
        return None
    count = max(math.ceil((end - first) / step), 0)
    return _objects([first + k * step for k in range(count)]) if count <= MOST_NUMBERS else None


def _where(call: Call, condition: Array, a: Array, b: Array) -> Array:
    return np.asarray(np.frompyfunc(lambda c, x, y: x if c else y, 3, 1)(condition, a, b), object)


def _reduce(function: Callable[..., Any]) -> Callable[..., Array]:
    def one(call: Call, x: Array, *rest: Any) -> Array:
        axes = call.axes(1)
        if not axes and call.attr("noop_with_empty_axes", 0):
            return x
        keep = bool(call.attr("keepdims", 1))
        return np.asarray(function(x, axis=axes or None, keepdims=keep), object)

    return one


def _pairs(operator: str) -> Callable[..., Array]:
    def one(call: Call, *arrays: Array) -> Array:
        result = arrays[0]
        for other in arrays[1:]:
            lifted = np.frompyfunc(lambda a, b: Size.apply(operator, a, b), 2, 1)
            result = np.asarray(lifted(result, other), object)
        return result

    return one


_FUNCTIONS: dict[str, Callable[..., Array | None]] = {
    "Add": _pairs("+"),
    "Sub": _pairs("-"),
    "Mul": _pairs("*"),
    "Div": _divide,
    "Mod": _pairs("%"),
    "Max": _pairs("max"),
    "Min": _pairs("min"),
    "Neg": _each(lambda x: Size.apply("*", x, -1)),
    "Floor": _each(lambda x: Size.apply("floor", x)),
    "Ceil": _each(lambda x: Size.apply("ceil", x)),
    "Sqrt": _computed(math.sqrt),
    "Cast": _cast,
    "Concat": _concat,
    "Gather": _gather,
    "Slice": _slice,
    "Reshape": _reshape_small,
    "Transpose": lambda call, x: x.transpose(call.attr("perm")),
    "Squeeze": _reshape_small,
    "Unsqueeze": _reshape_small,
    "Expand": _expand,
    "ConstantOfShape": _constant_of_shape,
    "Range": _range,
    "Where": _where,
    "Not": _each(lambda x: not x),
    "Equal": _compared(lambda x, y: x == y),
    "Less": _compared(lambda x, y: x < y),
    "LessOrEqual": _compared(lambda x, y: x <= y),
    "Greater": _compared(lambda x, y: x > y),
    "GreaterOrEqual": _compared(lambda x, y: x >= y),
    "ReduceProd": _reduce(np.prod),
    "ReduceSum": _reduce(np.sum),
}
