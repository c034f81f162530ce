"""Matrix products."""

from __future__ import annotations

from ...errors import GraphError
from ..ops import Attention, Binary, Einsum, Linear, MatMul, Permute
from ._call import Call, as_float
from ._table import lowers
from ._values import UnsupportedError, Value


@lowers("Gemm")
def gemm(call: Call) -> Value:
    """Alpha * A @ B + beta * C: a linear layer where B is a weight and the factors are 1."""
    alpha, beta = as_float(call.attr("alpha", 1.0)), as_float(call.attr("beta", 1.0))
    if call.type(0).rank != 2 or call.type(1).rank != 2:
        raise GraphError(f"it multiplies matrices, not {call.type(0)} and {call.type(1)}.")
    a = call.data(0)
    if call.attr("transA", 0):
        a = call.add(Permute((1, 0)), a, part="transposed")
    weight, bias = call.constant(1), call.constant(2)
    turned = bool(call.attr("transB", 0))
    if weight is None:
        b = call.data(1)
        b = call.add(Permute((1, 0)), b, part="weight") if turned else b
        y = call.add(MatMul(), a, b)
    else:
        weight = weight if turned else weight.viewed(weight.array.T)
        outputs = weight.array.shape[0]
        rows = ((outputs,), (1, outputs))
        if bias is not None and bias.array.shape in rows and alpha == beta == 1:
            bias = bias.viewed(bias.array.reshape(-1))
            parts = call.named(weight, "parameter"), call.named(bias, "parameter")
            return call.add(Linear(), a, *parts)
        y = call.add(Linear(), a, call.named(weight, "parameter"))
    if alpha != 1:
        y = call.add(Binary("mul", alpha), y, part="alpha")
    if not call.given(2) or beta == 0:
        return y
    return call.add(Binary("add", alpha=beta), y, call.data(2, "parameter"), part="add")


@lowers("MatMul")
def matmul(call: Call) -> Value:
    """A product of matrices: a linear layer where the second one is a weight."""
    weight = call.constant(1)
    if weight is not None and weight.array.ndim == 2 and isinstance(call.value(0), str):
        turned = weight.viewed(weight.array.T)
        return call.add(Linear(), call.data(0), call.named(turned, "parameter"))
    return call.add(MatMul(), call.data(0), call.data(1))


@lowers("Einsum")
def einsum(call: Call) -> Value:
    """Sum of products of two values, one letter an axis."""
    equation = str(call.attr("equation", "")).replace(" ", "")
    operands, arrow, result = equation.partition("->")
    letters = operands.split(",")
    plain = all(part.isalpha() and len(set(part)) == len(part) for part in letters)
    if len(letters) != 2 or not arrow or not plain or not set(result) <= set(operands):
        raise UnsupportedError("its equation has a form that Striate does not know")
    return call.add(Einsum(equation), call.data(0), call.data(1))


@lowers("Attention")
def attention(call: Call) -> Value:
    """Attention over (batch, heads, tokens, features), without a cache."""
    query, key = call.type(0), call.type(1)
    beyond = any(call.given(k) for k in range(4, len(call))) or call.attr("softcap", 0.0)
    beyond = beyond or any(call.attr(f"{side}_window_size", -1) != -1 for side in ("left", "right"))
    if query.rank != 4 or query.shape[1] != key.shape[1] or beyond:
        raise UnsupportedError("it has a form that Striate does not know")
    call.only_first()
    scale = call.attr("scale")
    op = Attention(None if scale is None else as_float(scale), bool(call.attr("is_causal", 0)))
    return call.add(op, *(call.data(k) for k in range(3)), call.parameter(3))
