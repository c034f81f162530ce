"""y = scale * x + shift along one axis: what batch norms and arithmetic with constants are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...graph import Node, TensorType, ops
from ._editor import Array, Editor


@dataclass(frozen=True, eq=False)
class Affine:
    """y = scale * x + shift, with a number for each place along an axis, or one for all.

    Args:
        scale, shift: Both float64, both () or (length of the axis,).
        axis: The axis, counted from the front; None where the numbers are scalars.
    """

    scale: Array
    shift: Array
    axis: int | None

    @property
    def only_scales(self) -> bool:
        """Whether nothing is added, so that 0 stays 0."""
        return not self.shift.any()

    @property
    def finite(self) -> bool:
        """Whether all numbers are finite; others are left to run as they stand."""
        return bool(np.isfinite(self.scale).all() and np.isfinite(self.shift).all())

    def over(self, size: int) -> tuple[Array, Array]:
        """Scale and shift as vectors."""
        return np.broadcast_to(self.scale, (size,)), np.broadcast_to(self.shift, (size,))

    def then(self, after: Affine) -> Affine | None:
        """Compose: after(self(x)); None where the axes differ."""
        if None not in (self.axis, after.axis) and self.axis != after.axis:
            return None
        axis = self.axis if after.axis is None else after.axis
        scale = after.scale * self.scale
        shift = after.scale * self.shift + after.shift
        scale, shift = np.broadcast_arrays(scale, shift)
        return Affine(scale, shift, axis)

    def moved(self, axis: int | None) -> Affine:
        """The same numbers along another axis."""
        return replace(self, axis=None if self.axis is None else axis)


def affine_of(editor: Editor, node: Node) -> tuple[str, Affine] | None:
    """Read a node as an affine: the value it is applied to and its numbers; None if it is none.

    - batch norm at test time: scale = weight / sqrt(var + eps), shift = bias - mean * scale;
    - sums, differences, products and quotients with a number, a scalar, or a weight with one axis
      that is not 1 (not the batch's), which leave shape and dtype as they are;
    - a change of sign.
    """
    if len(node.outputs) != 1:
        return None
    if isinstance(node.op, ops.BatchNorm):
        found = _batch_norm(editor, node, node.op)
    elif isinstance(node.op, ops.Binary):
        found = _binary(editor, node, node.op)
    elif isinstance(node.op, ops.Activation) and node.op.function == "neg" and node.inputs[0]:
        found = node.inputs[0], Affine(np.array(-1.0), np.array(0.0), None)
    else:
        return None
    if found is None or editor.is_weight(found[0]) or not found[1].finite:
        return None
    x, y = editor.type(found[0]), editor.type(node.outputs[0])
    return found if x is not None and x == y and x.is_float else None


def _batch_norm(editor: Editor, node: Node, op: ops.BatchNorm) -> tuple[str, Affine] | None:
    x, weight, bias, mean, var = (*node.inputs, *[None] * 4)[:5]
    if op.training or x is None or mean is None or var is None:
        return None
    if not all(value is None or editor.is_weight(value) for value in node.inputs[1:]):
        return None
    means, variances = editor.numbers(mean), editor.numbers(var)
    assert means is not None
    assert variances is not None
    with np.errstate(all="ignore"):
        scale = 1 / np.sqrt(variances.reshape(-1) + op.eps)
        if weight is not None:
            scale = scale * editor.numbers(weight).reshape(-1)  # type: ignore[union-attr]
        shift = -means.reshape(-1) * scale
    if bias is not None:
        shift = shift + editor.numbers(bias).reshape(-1)  # type: ignore[union-attr]
    return x, Affine(scale, shift, 1)


def _binary(editor: Editor, node: Node, op: ops.Binary) -> tuple[str, Affine] | None:
    if op.function not in ("add", "sub", "mul", "div"):
        return None
    a, b = (*node.inputs, None)[:2]
    if a is None:
        return None
    if b is None:
        constant: tuple[Array, int | None] | None = np.array(float(op.number or 0)), None
        value, constant_is_a = a, False
    else:
        constant_is_a = editor.is_weight(a)
        value = b if constant_is_a else a
        constant = along_one_axis(editor, a if constant_is_a else b, editor.type(value))
    if constant is None:
        return None
    numbers, axis = constant
    # op.alpha multiplies the second operand, and then op.reverse exchanges the two.
    factor = 1.0
    if op.alpha != 1:
        numbers, factor = (numbers, op.alpha) if constant_is_a else (numbers * op.alpha, 1.0)
    constant_first = constant_is_a != op.reverse
    one, zero = np.ones_like(numbers), np.zeros_like(numbers)
    with np.errstate(all="ignore"):
        if op.function == "add":
            return value, Affine(one * factor, numbers, axis)
        if op.function == "sub":
            sign = -1 if constant_first else 1
            return value, Affine(one * factor * sign, numbers * -sign, axis)
        if op.function == "mul":
            return value, Affine(numbers * factor, zero, axis)
        if constant_first:
            return None  # a number divided by x
        return value, Affine(factor / numbers, zero, axis)


def along_one_axis(
    editor: Editor, value: str | None, beside: TensorType | None
) -> tuple[Array, int | None] | None:
    """Read a weight as numbers along one axis of the value that it is broadcast to.

    Returns:
        The numbers and the axis (None for a scalar); None where there is no weight, or more axes.
    """
    kind = editor.type(value)
    if kind is None or beside is None or kind.rank > beside.rank or not editor.is_weight(value):
        return None
    shift = beside.rank - kind.rank
    long = [axis + shift for axis, n in enumerate(kind.shape) if n != 1]
    # The batch's axis (0) changes from run to run, unless there is no other.
    if len(long) > 1 or (
        long and (kind.numel != beside.shape[long[0]] or long[0] < 1 < beside.rank)
    ):
        return None
    numbers = editor.numbers(value)
    assert numbers is not None
    return (numbers.reshape(-1), long[0]) if long else (numbers.reshape(()), None)
