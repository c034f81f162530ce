"""ATen's functions of single numbers, arithmetic and reductions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import ops
from .._sizes import Size
from ..ops.arithmetic import FUNCTIONS as ARITHMETIC
from ._translator import Call, dtype_name, translates

_SELU = (1.6732632423543772, 1.0507009873554805, 1.0)

# ATen's name (a trailing _ is the in-place one): our function, and its numbers from the call
_ACTIVATIONS: dict[str, tuple[str, Callable[[Call], tuple[float, ...] | None]]] = {
    "relu": ("relu", lambda c: None),
    "relu6": ("clip", lambda c: (0, 6)),
    "hardtanh": ("clip", lambda c: (c["min_val"], c["max_val"])),
    "leaky_relu": ("leaky_relu", lambda c: (c["negative_slope"],)),
    "rrelu": ("leaky_relu", lambda c: ((c["lower"] + c["upper"]) / 2,)),
    "elu": ("elu", lambda c: (c["alpha"], c["scale"], c["input_scale"])),
    "selu": ("elu", lambda c: _SELU),
    "celu": ("elu", lambda c: (c["alpha"], 1, 1 / c["alpha"])),
    "gelu": ("gelu", lambda c: (1,) if c["approximate"] == "tanh" else None),
    "silu": ("silu", lambda c: None),
    "mish": ("mish", lambda c: None),
    "softplus": ("softplus", lambda c: (c["beta"], c["threshold"])),
    "hardswish": ("hardswish", lambda c: None),
    "hardsigmoid": ("hardsigmoid", lambda c: None),
    "sigmoid": ("sigmoid", lambda c: None),
    "log_sigmoid": ("log_sigmoid", lambda c: None),
    "tanh": ("tanh", lambda c: None),
    "threshold": ("threshold", lambda c: (c["threshold"], c["value"])),
    "neg": ("neg", lambda c: None),
    "abs": ("abs", lambda c: None),
    "exp": ("exp", lambda c: None),
    "log": ("log", lambda c: None),
    "sqrt": ("sqrt", lambda c: None),
    "rsqrt": ("rsqrt", lambda c: None),
    "square": ("square", lambda c: None),
    "reciprocal": ("reciprocal", lambda c: None),
    "erf": ("erf", lambda c: None),
    "sin": ("sin", lambda c: None),
    "cos": ("cos", lambda c: None),
    "sign": ("sign", lambda c: None),
    "floor": ("floor", lambda c: None),
    "ceil": ("ceil", lambda c: None),
    "round": ("round", lambda c: None),
    "logical_not": ("not", lambda c: None),
    "bitwise_not": ("not", lambda c: None),
}


@translates(*(f"aten.{name}{end}" for name in _ACTIVATIONS for end in ("", "_")))
def _activation(call: Call) -> Any:
    if call.operator.startswith("aten.rrelu") and call.get("training"):
        return None  # its slopes are random
    if call.operator.startswith("aten.bitwise_not") and call.type_of("self").dtype != "bool":
        return None
    function, numbers = _ACTIVATIONS[call.operator.split(".")[1].removesuffix("_")]
    return call.emit(ops.Activation(function, numbers(call)), call["self"])


@translates("aten.clamp", "aten.clamp_", "aten.clip", "aten.clip_", "aten.clamp_min",
            "aten.clamp_min_", "aten.clamp_max", "aten.clamp_max_")  # fmt: skip
def _clamp(call: Call) -> Any:
    low, high = call.get("min"), call.get("max")
    if any(isinstance(bound, str | Size) for bound in (low, high)):
        return None
    numbers = (-math.inf if low is None else low, math.inf if high is None else high)
    return call.emit(ops.Activation("clip", numbers), call["self"])


@translates("aten.prelu")
def _prelu(call: Call) -> Any:
    return call.emit(ops.PReLU(), call["self"], call["weight"])


@translates("aten.softmax", "aten._softmax", "aten.log_softmax", "aten._log_softmax")
def _softmax(call: Call) -> Any:
    return call.emit(ops.Softmax(call["dim"], "log" in call.operator), call["self"])


@translates("aten.glu")
def _glu(call: Call) -> Any:
    halves = call.emit(ops.Split(call["dim"], pieces=2), call["self"], outputs=2, part="split")
    gate = call.emit(ops.Activation("sigmoid"), halves[1], part="sigmoid")
    return call.emit(ops.Binary("mul"), halves[0], gate, part="mul")


@translates("aten.to", "aten._to_copy", "aten.type_as", "aten.float", "aten.half", "aten.double")
def _to(call: Call) -> Any:
    target = dtype_name(call.node.meta["val"].dtype)
    if target == call.type_of("self").dtype:
        return call["self"]
    return call.emit(ops.Cast(target), call["self"])


_BINARY = {
    "add": "add", "sub": "sub", "mul": "mul", "div": "div", "pow": "pow", "maximum": "max",
    "minimum": "min", "remainder": "mod", "floor_divide": "floor_div", "eq": "equal",
    "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal",
    "logical_and": "and", "logical_or": "or", "logical_xor": "xor", "bitwise_and": "and",
    "bitwise_or": "or", "bitwise_xor": "xor", "rsub": "sub", "multiply": "mul",
    "true_divide": "div", "subtract": "sub",
}  # fmt: skip
_OVERLOADS = {"Tensor", "Scalar", "Tensor_Scalar", "Tensor_Tensor", "Scalar_Tensor", "default"}
assert set(_BINARY.values()) <= set(ARITHMETIC)


_SIGNS = {f"__{name}__": f"bitwise_{name}" for name in ("and", "or", "xor")}


@translates(*(f"aten.{name}{end}" for name in _BINARY for end in ("", "_")))
@translates(*(f"aten.{name}" for name in _SIGNS))
def _binary(call: Call) -> Any:
    _, name, overload = call.operator.split(".")
    name = _SIGNS.get(name) or name.removesuffix("_")
    floored = call.get("rounding_mode") == "floor"
    if overload not in _OVERLOADS and not floored:
        return None
    if name.startswith("bitwise") and call.type_of("self").dtype != "bool":
        return None
    first = call["self"]
    second = call["exponent"] if name == "pow" else call["other"]
    reverse, alpha = name == "rsub", float(call.get("alpha", 1))
    function = "floor_div" if floored else _BINARY[name]
    numbers = [v for v in (first, second) if not isinstance(v, str)]
    if any(isinstance(number, Size) for number in numbers):
        return None  # a value times a size: rare, and kept as not known
    if isinstance(first, str) and isinstance(second, str):
        values = (second, first) if reverse else (first, second)
        return call.emit(ops.Binary(function, alpha=alpha), *values)
    if isinstance(first, str):
        op = ops.Binary(function, number=_number(second), reverse=reverse, alpha=alpha)
        return call.emit(op, first)
    op = ops.Binary(function, number=_number(first), reverse=not reverse, alpha=alpha)
    return call.emit(op, second)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, float) else int(value)


@translates(
    "aten.where.self", "aten.where.ScalarOther", "aten.where.ScalarSelf", "aten.where.Scalar"
)
def _where(call: Call) -> Any:
    first, second = call["self"], call["other"]
    op = ops.Where(*(None if isinstance(v, str) else _number(v) for v in (first, second)))
    values = (v if isinstance(v, str) else None for v in (first, second))
    return call.emit(op, call["condition"], *values)


@translates("aten.addcmul")
def _addcmul(call: Call) -> Any:
    product = call.emit(ops.Binary("mul"), call["tensor1"], call["tensor2"])
    return call.emit(ops.Binary("add", alpha=float(call["value"])), call["self"], product)


@translates("aten.masked_fill", "aten.masked_fill_")
def _masked_fill(call: Call) -> Any:
    if isinstance(call["value"], str):
        return call.emit(ops.Where(), call["mask"], call["value"], call["self"])
    return call.emit(ops.Where(a=_number(call["value"])), call["mask"], None, call["self"])


_REDUCTIONS = {"mean": "mean", "sum": "sum", "amax": "max", "amin": "min", "prod": "prod",
               "logsumexp": "log_sum_exp", "any": "any", "all": "all"}  # fmt: skip


@translates(*(f"aten.{name}" for name in _REDUCTIONS))
def _reduce(call: Call) -> Any:
    function = _REDUCTIONS[call.operator.split(".")[1]]
    op = ops.Reduce(function, _axes(call.get("dim")), bool(call.get("keepdim", False)))
    return call.emit(op, call["self"])


@translates("aten.max.default", "aten.min.default")
def _extreme(call: Call) -> Any:
    return call.emit(ops.Reduce(call.operator.split(".")[1]), call["self"])


@translates("aten.max.dim", "aten.min.dim")
def _extreme_along(call: Call) -> Any:
    function = call.operator.split(".")[1]
    axes, keepdim = _axes(call["dim"]), call["keepdim"]
    best = call.emit(ops.Reduce(function, axes, keepdim, first=True), call["self"], part=function)
    where = ops.ArgReduce(function, call["dim"], keepdim)
    return best, call.emit(where, call["self"], part=f"arg{function}")


@translates("aten.argmax", "aten.argmin")
def _arg_reduce(call: Call) -> Any:
    function = call.operator.split(".")[1].removeprefix("arg")
    return call.emit(ops.ArgReduce(function, call["dim"], call["keepdim"]), call["self"])


@translates("aten.var", "aten.std")
def _variance(call: Call) -> Any:
    correction = call.get("correction", 1)
    if "unbiased" in call.arguments:
        correction = 1 if call["unbiased"] else 0
    correction = 1 if correction is None else correction
    if correction not in (0, 1):
        return None
    function = call.operator.split(".")[1] + ("_unbiased" if correction else "")
    op = ops.Reduce(function, _axes(call.get("dim")), bool(call.get("keepdim", False)))
    return call.emit(op, call["self"])


@translates("aten.linalg_vector_norm", "aten.norm.ScalarOpt_dim", "aten.norm.Scalar")
def _norm(call: Call) -> Any:
    order = call.get("ord", call.get("p", 2))
    if order not in (1, 2):
        return None
    axes, keepdim = _axes(call.get("dim")), bool(call.get("keepdim", False))
    return call.emit(ops.Reduce(f"l{int(order)}", axes, keepdim), call["self"])


@translates("aten.cumsum")
def _cumsum(call: Call) -> Any:
    return call.emit(ops.CumSum(call["dim"]), call["self"])


def _axes(dim: Any) -> tuple[int, ...] | None:
    if dim is None or dim == ():
        return None
    return (dim,) if isinstance(dim, int) else tuple(dim)
