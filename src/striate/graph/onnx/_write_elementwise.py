"""Functions of one number and arithmetic of two values, as ONNX nodes."""

from __future__ import annotations

import math
from collections.abc import Callable

from ...errors import GraphError
from ..ops import Activation, Binary, Cast, PReLU, Softmax, Where
from ..ops._axes import promoted
from ..ops.arithmetic import COMPARISONS
from ._tensors import NUMBERS
from ._writer import Job, writes

_PLAIN = {
    "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softsign": "Softsign", "abs": "Abs",
    "neg": "Neg", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "reciprocal": "Reciprocal",
    "erf": "Erf", "sin": "Sin", "cos": "Cos", "sign": "Sign", "floor": "Floor", "ceil": "Ceil",
    "round": "Round", "not": "Not", "identity": "Identity", "detach": "Identity",
}  # fmt: skip


@writes(Activation)
def activation(job: Job) -> None:
    """One node where ONNX has the function, else its formula."""
    function = job.op.function
    if function in _PLAIN:
        return job.end(_PLAIN[function], job.input(0))
    if function not in _FORMULAS:
        raise GraphError(f"ONNX has no {function}.")
    return _FORMULAS[function](job, job.input(0), *job.op.constants.values())


def _clip(job: Job, x: str, low: float, high: float) -> None:
    bounds = (job.number(n) if math.isfinite(n) else "" for n in (low, high))
    job.end("Clip", x, *bounds)


def _leaky_relu(job: Job, x: str, slope: float) -> None:
    job.end("LeakyRelu", x, alpha=slope)


def _elu(job: Job, x: str, alpha: float, scale: float, input_scale: float) -> None:
    if input_scale == 1:
        if scale == 1:
            return job.end("Elu", x, alpha=alpha)
        return job.end("Selu", x, alpha=alpha, gamma=scale)
    if scale == 1 and math.isclose(alpha * input_scale, 1):
        return job.end("Celu", x, alpha=alpha)
    below = job.emit("Mul", job.emit("Min", x, job.number(0.0)), job.number(input_scale))
    below = job.emit("Sub", job.emit("Exp", below), job.number(1.0))
    below = job.emit("Mul", below, job.number(alpha))
    both = job.emit("Add", job.emit("Relu", x), below)
    return job.end("Mul", both, job.number(scale))


def _gelu(job: Job, x: str, tanh: float) -> None:
    if job.opset >= 20:
        return job.end("Gelu", x, approximate="tanh" if tanh else "none")
    if tanh:
        cubed = job.emit("Mul", job.emit("Mul", job.emit("Mul", x, x), x), job.number(0.044715))
        inner = job.emit("Mul", job.emit("Add", x, cubed), job.number(math.sqrt(2 / math.pi)))
        share = job.emit("Tanh", inner)
    else:
        share = job.emit("Erf", job.emit("Mul", x, job.number(math.sqrt(0.5))))
    share = job.emit("Add", share, job.number(1.0))
    return job.end("Mul", job.emit("Mul", x, share), job.number(0.5))


def _silu(job: Job, x: str) -> None:
    job.end("Mul", x, job.emit("Sigmoid", x))


def _mish(job: Job, x: str) -> None:
    if job.opset >= 18:
        return job.end("Mish", x)
    return job.end("Mul", x, job.emit("Tanh", job.emit("Softplus", x)))


def _softplus(job: Job, x: str, beta: float, threshold: float) -> None:
    # Above its threshold torch gives x itself; at 20 that is 2e-9 off, less than float32 tells.
    if threshold < 15:
        raise GraphError(f"ONNX's softplus has no threshold; this one is {threshold:g}.")
    if beta == 1:
        return job.end("Softplus", x)
    y = job.emit("Softplus", job.emit("Mul", x, job.number(beta)))
    return job.end("Div", y, job.number(beta))


def _hardswish(job: Job, x: str) -> None:
    if job.opset >= 14:
        return job.end("HardSwish", x)
    return job.end("Mul", x, job.emit("HardSigmoid", x, alpha=1 / 6, beta=0.5))


def _hardsigmoid(job: Job, x: str, alpha: float, beta: float) -> None:
    job.end("HardSigmoid", x, alpha=alpha, beta=beta)


def _log_sigmoid(job: Job, x: str) -> None:
    job.end("Neg", job.emit("Softplus", job.emit("Neg", x)))


def _threshold(job: Job, x: str, threshold: float, value: float) -> None:
    if value == 0:
        return job.end("ThresholdedRelu", x, alpha=threshold)
    above = job.emit("Greater", x, job.number(threshold))
    return job.end("Where", above, x, job.number(value))


def _rsqrt(job: Job, x: str) -> None:
    job.end("Reciprocal", job.emit("Sqrt", x))


def _square(job: Job, x: str) -> None:
    job.end("Mul", x, x)


_FORMULAS: dict[str, Callable[..., None]] = {
    "clip": _clip, "leaky_relu": _leaky_relu, "elu": _elu, "gelu": _gelu, "silu": _silu,
    "mish": _mish, "softplus": _softplus, "hardswish": _hardswish, "hardsigmoid": _hardsigmoid,
    "log_sigmoid": _log_sigmoid, "threshold": _threshold, "rsqrt": _rsqrt, "square": _square,
}  # fmt: skip


@writes(PReLU)
def prelu(job: Job) -> None:
    """PRelu, whose slope stands before the axes behind the channels."""
    rank = job.x[0].rank
    slope = job.input(1)
    if rank > 2 and job.x[1].numel > 1:
        slope = job.emit("Unsqueeze", slope, job.ints(range(1, rank - 1)))
    job.end("PRelu", job.input(0), slope)


@writes(Softmax)
def softmax(job: Job) -> None:
    """Softmax or LogSoftmax."""
    job.end("LogSoftmax" if job.op.log else "Softmax", job.input(0), axis=job.op.axis)


@writes(Cast)
def cast(job: Job) -> None:
    """Cast."""
    job.end("Cast", job.input(0), to=NUMBERS[job.op.dtype])


_BINARY = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "pow": "Pow", "max": "Max",
    "min": "Min", "equal": "Equal", "less": "Less", "less_equal": "LessOrEqual",
    "greater": "Greater", "greater_equal": "GreaterOrEqual", "and": "And", "or": "Or",
    "xor": "Xor",
}  # fmt: skip


@writes(Binary)
def binary(job: Job) -> None:
    """Arithmetic of two values, both in the dtype of the result."""
    op: Binary = job.op
    dtype = job.y[0].dtype
    if op.function in ("and", "or", "xor"):
        dtype = "bool"
    elif op.function in COMPARISONS:
        dtype = promoted(*job.x)
        if op.number is not None and isinstance(op.number, float) and not job.x[0].is_float:
            dtype = "float32"
    elif dtype == "bool":
        raise GraphError(f"ONNX has no {op.function} of truth values.")
    a = job.cast(job.input(0), job.x[0].dtype, dtype)
    if job.given(1):
        b = job.cast(job.input(1), job.x[1].dtype, dtype)
    else:
        b = job.number(op.number, dtype)
    if op.alpha != 1:
        b = job.emit("Mul", b, job.number(op.alpha, dtype))
    a, b = (b, a) if op.reverse else (a, b)
    _arithmetic(job, op.function, a, b, dtype)


def _arithmetic(job: Job, function: str, a: str, b: str, dtype: str) -> None:
    if function in _BINARY:
        return job.end(_BINARY[function], a, b)
    if function == "not_equal":
        return job.end("Not", job.emit("Equal", a, b))
    if function == "floor_div":
        if "float" in dtype:
            return job.end("Floor", job.emit("Div", a, b))
        return job.end("Div", job.emit("Sub", a, job.emit("Mod", a, b)), b)
    if function == "mod":
        if "float" not in dtype:
            return job.end("Mod", a, b)
        whole = job.emit("Floor", job.emit("Div", a, b))
        return job.end("Sub", a, job.emit("Mul", whole, b))
    raise GraphError(f"ONNX has no {function}.")


@writes(Where)
def where(job: Job) -> None:
    """Where."""
    op: Where = job.op
    dtype = job.y[0].dtype
    names = []
    for index, number in ((1, op.a), (2, op.b)):
        if job.given(index):
            names.append(job.cast(job.input(index), job.x[index].dtype, dtype))
        else:
            names.append(job.number(number, dtype))
    job.end("Where", job.cast(job.input(0), job.x[0].dtype, "bool"), *names)
