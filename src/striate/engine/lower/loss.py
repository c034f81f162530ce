"""The loss of a classifier, and its gradient."""

from __future__ import annotations

from ...graph.ops import CrossEntropy, CrossEntropyGradient
from .._fuse import Group
from ._lowering import Lowering, lowers


@lowers("cross_entropy", "cross_entropy_gradient")
def lower_cross_entropy(low: Lowering, group: Group) -> None:
    """On plain logits; the labels are float32 numbers, the only ones that native steps know."""
    op = low.graph.op(group.node)
    assert isinstance(op, CrossEntropy | CrossEntropyGradient)
    names = [name for name in group.node.inputs if name is not None]
    low.check_floats(*names, filled=True)
    batch, classes = low.shape(names[0])
    attributes = {
        "batch": batch,
        "classes": classes,
        "label_smoothing": float(op.label_smoothing),
        "gradient": isinstance(op, CrossEntropyGradient),
    }
    inputs = [low.plain(name) for name in names]
    low.emit(group, "cross_entropy", attributes, [*inputs], [low.make_plain(group.output)])
