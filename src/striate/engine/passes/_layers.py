"""The layers whose weights can take a scale and a shift: read their weights, write new ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...graph import Node, Operation, ops
from ._editor import Array, Editor
from ._scaled import Scaled

LINEAR = ("conv", "conv_transpose", "linear")
"""Kinds that multiply by a weight and add a bias."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution, transposed convolution or linear layer with its numbers.

    Args:
        node: The node.
        op: Its operation with all sizes put in.
        stored: The weight as it is held, in any dtype: (O, I / groups, *kernel), dense; of a
            transposed one (I, O / groups, *kernel).
        bias: (O,), float64; None where the layer has none.
    """

    node: Node
    op: Operation
    stored: Array | Scaled
    bias: Array | None

    @cached_property
    def weight(self) -> Array:
        """The weight in float64."""
        return np.asarray(self.stored, np.float64)

    def times(self, numbers: Array) -> Array | Scaled:
        """The weight times what `over_outputs` or `over_inputs` laid over it, in float64."""
        if isinstance(self.stored, Scaled):
            return self.stored.times(numbers)
        if self.stored.dtype == np.float64 or not np.isfinite(self.stored).all():
            return np.multiply(self.stored, numbers)
        return Scaled(self.stored, numbers)

    @property
    def groups(self) -> int:
        """Number of separate parts the channels are split into."""
        return int(getattr(self.op, "groups", 1))

    @property
    def transposed(self) -> bool:
        """Whether the weight's first axis is the input's channels."""
        return isinstance(self.op, ops.ConvTranspose)

    @property
    def out_channels(self) -> int:
        """Channels or features made."""
        made: int = self.stored.shape[0]
        return self.stored.shape[1] * self.groups if self.transposed else made

    @property
    def biases(self) -> Array:
        """The bias, zeros where there is none."""
        return np.zeros(self.out_channels) if self.bias is None else self.bias

    def over_outputs(self, numbers: Array) -> Array:
        """Lay numbers a channel made so that they multiply the weight."""
        column = [1] * (len(self.stored.shape) - 2)
        if not self.transposed:
            return numbers.reshape(-1, 1, *column)
        own = numbers.reshape(self.groups, 1, -1)  # (g, 1, O/g), for each input of group g
        return np.repeat(own, self.stored.shape[0] // self.groups, 1).reshape(
            self.stored.shape[0], -1, *column
        )

    def over_inputs(self, numbers: Array) -> Array:
        """Lay numbers a channel read so that they multiply the weight."""
        column = [1] * (len(self.stored.shape) - 2)
        if self.transposed:
            return numbers.reshape(-1, 1, *column)
        own = numbers.reshape(self.groups, 1, -1)  # (g, 1, I/g), for each output of group g
        return np.repeat(own, self.stored.shape[0] // self.groups, 1).reshape(
            self.stored.shape[0], -1, *column
        )


def layer_of(editor: Editor, node: Node) -> Layer | None:
    """Read a node as a layer; None if it is none, or its weights are computed or not float."""
    if node.kind not in LINEAR:
        return None
    x, weight, bias = (*node.inputs, None)[:3]
    kind, x_type = editor.type(weight), editor.type(x)
    if kind is None or x_type is None or not kind.is_float or not x_type.is_float:
        return None
    if not editor.is_weight(weight) or not (bias is None or editor.is_weight(bias)):
        return None
    assert weight is not None
    numbers = editor.held(weight)
    op = editor.op(node)
    if isinstance(op, ops.Conv) and op.table is not None:
        numbers = op.dense(np.asarray(numbers), x_type.shape[1])
        op = replace(op, table=None)
    biases = editor.numbers(bias)
    return Layer(node, op, numbers, None if biases is None else biases.reshape(-1))


def written(
    editor: Editor,
    layer: Layer,
    weight: Array | Scaled,
    bias: Array,
    *,
    source: str | None = None,
    output: str | None = None,
) -> Node | None:
    """Make the layer's node anew with other weights.

    Args:
        editor: Takes the new weights.
        layer: The layer that it was.
        weight: As `Layer.weight`; a table's layer becomes a dense one.
        bias: (O,); left out where it is all zeros and the layer had none.
        source, output: Names of what it reads and makes, if others than before.
    Returns:
        The node, for `Editor.put`; None where a number is not finite.
    """
    checked = weight.factor if isinstance(weight, Scaled) else weight
    if not np.isfinite(checked).all() or not np.isfinite(bias).all():
        return None
    node = layer.node
    dtype = held_dtype(editor, node.inputs[1])
    old_bias = node.inputs[2] if len(node.inputs) > 2 else None
    names: list[str | None] = [
        source or node.inputs[0],
        editor.weight(f"{node.name}.weight", weight, dtype),
        None,
    ]
    if old_bias is not None or bias.any():
        names[2] = editor.weight(f"{node.name}.bias", np.array(bias), dtype)
    op = layer.op if node.kind == "conv" else node.op
    return replace(
        node,
        op=op,
        inputs=tuple(names),
        outputs=(output or node.outputs[0],),
        inplace=False,
    )


def held_dtype(editor: Editor, weight: str | None) -> str:
    """Dtype of a weight made from another: float64 stays, coarser ones become float32."""
    kind = editor.type(weight)
    return "float64" if kind is not None and kind.dtype == "float64" else "float32"
