"""Functions of one number, and arithmetic of two values."""

from __future__ import annotations

import math
from functools import reduce as fold
from typing import Any

from ...errors import GraphError
from .._sizes import Size
from ..ops import Activation, Binary, Cast, Flatten, PReLU, Reshape, Softmax, Where
from ._call import Call, as_float
from ._table import lowers
from ._tensors import DTYPES
from ._values import Constant, UnsupportedError, Value

_PLAIN = {
    "Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Softsign": "softsign",
    "HardSwish": "hardswish", "Mish": "mish", "Abs": "abs", "Neg": "neg", "Exp": "exp",
    "Log": "log", "Sqrt": "sqrt", "Reciprocal": "reciprocal", "Erf": "erf", "Sin": "sin",
    "Cos": "cos", "Sign": "sign", "Floor": "floor", "Ceil": "ceil", "Round": "round", "Not": "not",
}  # fmt: skip


@lowers(*_PLAIN)
def plain(call: Call) -> Value:
    """A function without numbers."""
    return call.add(Activation(_PLAIN[call.op_type]), call.data(0))


# operator: function, attributes with their defaults
_NUMBERED: dict[str, tuple[str, dict[str, float]]] = {
    "LeakyRelu": ("leaky_relu", {"alpha": 0.01}),
    "HardSigmoid": ("hardsigmoid", {"alpha": 0.2, "beta": 0.5}),
    "Elu": ("elu", {"alpha": 1.0}),
}


@lowers(*_NUMBERED)
def numbered(call: Call) -> Value:
    """A function whose numbers are attributes."""
    function, names = _NUMBERED[call.op_type]
    numbers = tuple(as_float(call.attr(name, default)) for name, default in names.items())
    rest = (1.0, 1.0) if function == "elu" else ()
    return call.add(Activation(function, (*numbers, *rest)), call.data(0))


@lowers("Selu")
def selu(call: Call) -> Value:
    """Scaled ELU."""
    alpha = call.attr("alpha", 1.6732632423543772)
    scale = call.attr("gamma", 1.0507009873554805)
    return call.add(Activation("elu", (alpha, scale, 1.0)), call.data(0))


@lowers("Celu")
def celu(call: Call) -> Value:
    """ELU with a smooth slope."""
    alpha = as_float(call.attr("alpha", 1.0))
    if alpha == 0:
        raise GraphError("alpha=0 divides by zero.")
    return call.add(Activation("elu", (alpha, 1.0, 1 / alpha)), call.data(0))


@lowers("Gelu")
def gelu(call: Call) -> Value:
    """The Gaussian's share, exact or by tanh."""
    tanh = call.attr("approximate", "none") == "tanh"
    return call.add(Activation("gelu", (1.0,) if tanh else None), call.data(0))


@lowers("Softplus")
def softplus(call: Call) -> Value:
    """log(1 + exp(x)), never cut off."""
    return call.add(Activation("softplus", (1.0, 20.0)), call.data(0))


@lowers("ThresholdedRelu")
def thresholded_relu(call: Call) -> Value:
    """0 up to a threshold."""
    return call.add(Activation("threshold", (as_float(call.attr("alpha", 1.0)), 0.0)), call.data(0))


@lowers("Swish")
def swish(call: Call) -> Value:
    """X * sigmoid(alpha * x)."""
    alpha, x = as_float(call.attr("alpha", 1.0)), call.data(0)
    if alpha == 1:
        return call.add(Activation("silu"), x)
    scaled = call.add(Binary("mul", alpha), x, part="scaled")
    return call.add(Binary("mul"), x, call.add(Activation("sigmoid"), scaled, part="sigmoid"))


@lowers("Clip")
def clip(call: Call) -> Value:
    """Bounds from attributes, numbers or (rarely) computed values."""
    bounds: list[Any] = []
    computed = False
    for index, (name, none) in enumerate((("min", -math.inf), ("max", math.inf)), start=1):
        if call.opset < 11:
            bounds.append(as_float(call.attr(name, none)))
        else:
            bounds.append(call.scalar(index) if call.given(index) else none)
            computed |= bounds[-1] is None
    x = call.data(0)
    if not computed:
        low, high = map(_decimal, bounds)
        return call.add(Activation("clip", (low, high)), x)
    for index, function in ((1, "max"), (2, "min")):
        if call.given(index):
            x = call.add(Binary(function), x, call.data(index), part=function)
    return x


def _decimal(number: float) -> float:
    return as_float(number) if math.isfinite(number) and abs(number) < 1e30 else float(number)


@lowers("PRelu")
def prelu(call: Call) -> Value:
    """One slope, or one a channel; other slopes are written out."""
    x, slope = call.type(0), call.type(1)
    channels = x.shape[1] if x.rank > 1 else 1
    padded = (1,) * (x.rank - slope.rank) + slope.shape
    constant = call.constant(1)
    if constant is not None and (slope.numel == 1 or padded == _column(channels, x.rank)):
        weight = constant.viewed(constant.array.reshape(-1))
        return call.add(PReLU(), call.data(0), call.named(weight, "parameter"))
    above = call.add(Activation("relu"), call.data(0), part="above")
    below = call.add(Binary("min", 0.0), call.data(0), part="below")
    below = call.add(Binary("mul"), below, call.data(1, "parameter"), part="slope")
    return call.add(Binary("add"), above, below)


def _column(channels: int, rank: int) -> tuple[int, ...]:
    return (1, channels, *(1,) * (rank - 2))


@lowers("Softmax", "LogSoftmax")
def softmax(call: Call) -> Value:
    """Softmax along an axis; before opset 13 over all axes from there on together."""
    log, x = call.op_type == "LogSoftmax", call.type(0)
    axis = call.attr("axis", 1 if call.opset < 13 else -1)
    if not -x.rank <= axis < max(x.rank, 1):
        raise GraphError(f"axis={axis} of input {x}.")
    axis = axis % x.rank if x.rank else 0
    if call.opset >= 13 or axis == x.rank - 1 or all(n == 1 for n in x.shape[axis + 1 :]):
        return call.add(Softmax(axis, log), call.data(0))
    data = call.data(0)
    y = call.add(Flatten(axis, -1), data, part="flat")
    y = call.add(Softmax(axis, log), y)
    return call.add(Reshape(tuple(Size.of(data, a) for a in range(x.rank))), y, part="shape")


@lowers("Cast", "CastLike")
def cast(call: Call) -> Value:
    """Another dtype; the same one is no node."""
    if call.op_type == "CastLike":
        dtype = call.type(1).dtype
    elif call.attr("to") in DTYPES:
        dtype = DTYPES[call.attr("to")][0]
    else:
        raise UnsupportedError(f"it makes numbers of ONNX's type {call.attr('to')}")
    value = call.value(0)
    assert value is not None
    return value if call.type(0).dtype == dtype else call.add(Cast(dtype), call.data(0))


# Two values -------------------------------------------------------------------------------------

_BINARY = {
    "Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Pow": "pow",
    "And": "and", "Or": "or", "Xor": "xor", "Equal": "equal", "Greater": "greater",
    "GreaterOrEqual": "greater_equal", "Less": "less", "LessOrEqual": "less_equal",
}  # fmt: skip


@lowers(*_BINARY)
def binary(call: Call) -> Value:
    """Arithmetic with broadcasting; a bias behind a matrix product becomes part of it."""
    function = _BINARY[call.op_type]
    if call.op_type == "Add":
        folded = _bias_of_linear(call)
        if folded is not None:
            return folded
    if function == "div" and "int" in call.type(0).dtype:
        function = "floor_div"
    return _two(call, function, call.value(0), call.value(1))


@lowers("Mod")
def mod(call: Call) -> Value:
    """The remainder with the divisor's sign."""
    if call.attr("fmod", 0):
        raise UnsupportedError("its remainder has the dividend's sign")
    return _two(call, "mod", call.value(0), call.value(1))


@lowers("Sum", "Max", "Min")
def several(call: Call) -> Value:
    """The same arithmetic over any number of values."""
    function = {"Max": "max", "Min": "min"}.get(call.op_type, "add")
    if not call.inputs or None in call.inputs:
        raise GraphError("it needs an input.")
    return fold(lambda a, b: _two(call, function, a, b), call.inputs)  # type: ignore[return-value]


@lowers("Mean")
def mean(call: Call) -> Value:
    """The mean of any number of values."""
    total = several(call)
    assert not isinstance(total, list)
    return call.add(Binary("div", float(len(call))), call.named(total), part="mean")


def _two(call: Call, function: str, a: Value | None, b: Value | None) -> Value:
    if a is None or b is None:
        raise GraphError("it needs two inputs.")
    first, second = _number(call, a, b), _number(call, b, a)
    if second is not None:
        return call.add(Binary(function, second), call.named(a))
    if first is not None:
        return call.add(Binary(function, first, reverse=True), call.named(b))
    return call.add(Binary(function), call.named(a), call.named(b))


def _number(call: Call, value: Value, other: Value) -> Any:
    """A value that is one number of the file, and that does not add axes to the other."""
    if not isinstance(value, Constant) or value.array.size != 1 or isinstance(other, Constant):
        return None
    if value.array.dtype.kind not in "iuf" or value.array.ndim > call.type_of(other).rank:
        return None
    number = value.array.reshape(-1)[0].item()
    return _decimal(number) if isinstance(number, float) and math.isfinite(number) else number


def _bias_of_linear(call: Call) -> str | None:
    for data, bias in ((call.value(0), call.value(1)), (call.value(1), call.value(0))):
        if isinstance(data, str) and isinstance(bias, Constant) and bias.stored:
            known = call.builder.types[data]
            row = known is not None and known.rank >= 1 and bias.array.shape == known.shape[-1:]
            alone = call.builder.reads[data] == 1
            if row and alone and call.builder.give_bias(data, bias):
                return data
    return None


@lowers("Where")
def where(call: Call) -> Value:
    """A choice element by element."""
    condition, a, b = call.value(0), call.value(1), call.value(2)
    if condition is None or a is None or b is None:
        raise GraphError("it needs three inputs.")
    numbers = [_choice(call, value, condition) for value in (a, b)]
    if all(number is not None for number in numbers):
        numbers[1] = None  # one operand keeps the dtype
    names = [
        None if number is not None else call.named(value)
        for number, value in zip(numbers, (a, b), strict=True)
    ]
    return call.add(Where(*numbers), call.named(condition), *names)


def _choice(call: Call, value: Value, condition: Value) -> float | None:
    if not isinstance(value, Constant) or value.array.size != 1:
        return None
    if value.array.dtype.kind not in "iuf" or value.array.ndim > call.type_of(condition).rank:
        return None
    return value.array.reshape(-1)[0].item()  # type: ignore[no-any-return]
