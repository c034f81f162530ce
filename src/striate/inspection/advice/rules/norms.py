"""Batch norms: biases that they undo, and statistics of too few numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ....graph import Graph, Node
from ....graph.ops.norm import BatchNorm, GroupNorm
from ..._report import Report
from .._advice import Finding, rule
from .._walk import first_input, map_size, next_after, type_of
from .._words import by, plural

_SHIFTS_PASS = frozenset({"max_pool", "adaptive_pool"})
"""A number added to a whole channel comes out of these as the same number added."""

FEW = 16
"""The mean of fewer values than this is off by a quarter of a deviation or more: 1 / sqrt(16)."""


@rule("bias-before-norm")
def bias_before_norm(report: Report) -> Iterator[Finding]:
    """The norm takes the mean of each channel off, and the bias with it.

    Source: Ioffe and Szegedy 2015, arXiv:1502.03167, section 3.2.
    """
    for node in report.graph.nodes:
        bias = report.graph.weights.get(_bias(node))
        norm, _ = next_after(report.graph, node, _SHIFTS_PASS)
        if bias is None or norm is None or not _takes_channel_means(report.graph, norm):
            continue
        made = type_of(report.graph, node.outputs[0])
        if node.kind == "linear" and (made is None or made.rank != 2):
            continue  # its features are not the channels of the norm
        if bias.role != "parameter" or len(report.graph.readers[bias.name]) > 1:
            continue
        yield Finding(
            node.name,
            f"Its {plural(bias.type.numel, 'bias')} are subtracted again by the {norm.kind} "
            f"{norm.name!r} behind it.".replace("1 bias are", "1 bias is"),
            "A norm takes the mean of each channel off, and a bias is part of that mean: it is "
            "stored, updated and added without any effect in training.",
            "Build the layer with bias=False: the norm has a bias of its own.",
            pattern=norm.kind,
            amount=bias.type.numel,
            unit="parameter",
        )


@rule("batch-norm-of-few")
def batch_norm_of_few(report: Report) -> Iterator[Finding]:
    """In training the statistics come from so few values that they are noise, or do not exist.

    Source: Wu and He 2018, arXiv:1803.08494, section 1.
    """
    for node in report.graph.nodes:
        op, x = report.graph.op(node), type_of(report.graph, first_input(node))
        if not isinstance(op, BatchNorm) or x is None or x.rank < 2:
            continue
        values = x.numel // max(x.shape[1], 1)
        size = by(map_size(report.graph, first_input(node)) or ()) or "vector"
        shape = f"map of {size}" if size != "vector" else size
        remedy = (
            "Train with a larger batch or a larger input, or use a norm of each image on its own "
            "(GroupNorm)."
        )
        if values == 1 and (op.training or x.rank > 2):
            when = "Training stops" if op.training else "In training mode this batch stops"
            yield Finding(
                node.name,
                f"Batch size {x.shape[0]} and a {shape} leave one value a channel.",
                f"The variance of one value is 0, and all outputs are the same. {when} with "
                f"torch's 'Expected more than 1 value per channel when training'.",
                remedy,
                "warning" if op.training else "hint",
                pattern=1,
            )
        elif op.training and x.shape[0] == 1 and values < FEW:
            yield Finding(
                node.name,
                f"Batch size 1 and a {shape} leave {values} values a channel: their mean is off "
                f"by {1 / math.sqrt(values):.2f} standard deviations.",
                "What an image comes out as depends on the noise of its own statistics, and the "
                "running statistics used at test time differ from them.",
                remedy,
                pattern=2,
            )


def _bias(node: Node) -> str:
    """Name of the bias of a layer that has one, else nothing."""
    if node.kind not in ("conv", "conv_transpose", "linear") or len(node.inputs) < 3:
        return ""
    return node.inputs[2] or ""


def _takes_channel_means(graph: Graph, norm: Node) -> bool:
    """Whether a norm takes the mean of each single channel off."""
    op, x = graph.op(norm), type_of(graph, first_input(norm))
    if isinstance(op, BatchNorm):
        return True
    alone = isinstance(op, GroupNorm) and x is not None and op.groups in (None, x.shape[1])
    return alone and x is not None and x.rank > 2
