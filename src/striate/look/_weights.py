"""A layer's filters as they are drawn: one for each output, whatever the layer's kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import OptionError
from ..graph import Node
from ..graph.ops.conv import Conv, ConvTranspose
from ._subject import Floats, Subject

_KINDS = ("conv", "conv_transpose", "linear")


def with_filters(subject: Subject) -> tuple[Node, ...]:
    """The layers whose filters can be drawn."""
    return tuple(
        n for n in subject.layers if n.kind in _KINDS and subject.weight(n.name) is not None
    )


def first_with_filters(subject: Subject) -> str:
    """The first convolution, or else the first layer that has filters.

    Raises:
        OptionError: There is none.
    """
    found = with_filters(subject)
    if not found:
        raise OptionError(f"{subject.name} has no convolution or linear layer: no filters to draw.")
    return next((n.name for n in found if n.kind != "linear"), found[0].name)


def filters_of(subject: Subject, layer: str) -> Floats:
    """Give a layer's filters, (out, in / groups, *kernel), or (out, in) of a linear layer.

    Filters that read some input maps only by a table get zeros for the others.

    Raises:
        OptionError: There is no such layer, or it has no filters.
    """
    node, weight = subject.graph[layer], subject.weight(layer)
    if weight is None or node.kind not in _KINDS:
        near = ", ".join(n.name for n in with_filters(subject)[:6]) or "none"
        raise OptionError(
            f"{layer} ({node.kind}) has no filters; convolutions and linear layers have: {near}."
        )
    op: Any = subject.graph.op(node)
    if isinstance(op, ConvTranspose):
        # torch's layout is (in, out / groups, *kernel).
        group = weight.reshape(op.groups, -1, *weight.shape[1:]).swapaxes(1, 2)
        return np.ascontiguousarray(group).reshape(-1, *group.shape[2:])
    if isinstance(op, Conv):
        kind = subject.graph.input_types(node)[0]
        assert kind is not None
        return np.asarray(op.dense(weight, kind.shape[1]))
    return weight
