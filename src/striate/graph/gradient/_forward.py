"""The forward pass as it is trained: randomness as inputs, a batch's statistics as values.

    dropout, switched on     ->  times a mask, which is an input
    batch norm by the batch  ->  its moments, then a norm by them
    convolution by a table   ->  the weight made dense, then a convolution of all pairs
    LeNet-5's subsampling    ->  sums, then a convolution of each map with its one weight
    max pooling of a clamp   ->  the clamp of the maxima: the same, and the larger map is not kept
    maxima of windows        ->  the same, and which pixel won each window, in bytes

Everything else stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ...window import Window
from .. import ops
from .._graph import Graph, Node
from .._operation import Operation
from .._types import TensorType
from ..ops.pool import MOST_PLACES
from ._training import Mask, Moments


@dataclass(frozen=True)
class Passed:
    """A node of the forward pass, and what says its gradient.

    Args:
        node: As it runs.
        op: Whose `gradient` it is. Of a batch norm it knows that the moments depend on x.
    """

    node: Node
    op: Operation


@dataclass
class Forward:
    """The forward pass, node by node.

    Args:
        graph: The network.
        fresh: Makes a name that is not taken.
    """

    graph: Graph
    fresh: Callable[[str], str]
    passed: list[Passed] = field(default_factory=list)
    masks: dict[str, TensorType] = field(default_factory=dict)
    mask_list: list[Mask] = field(default_factory=list)
    moments: list[Moments] = field(default_factory=list)

    def __post_init__(self) -> None:
        for node in self._exchanged():
            op = node.op
            if isinstance(op, ops.Dropout) and op.training and op.p > 0:
                self._dropout(node, op)
            elif isinstance(op, ops.BatchNorm) and _of_batch(node, op):
                self._batch_norm(node, op)
            elif isinstance(op, ops.Conv) and op.table is not None:
                self._table(node, op, op.table)
            elif isinstance(op, ops.Subsample):
                self._subsample(node, op)
            elif isinstance(op, ops.MaxPool):
                self._max_pool(node, op)
            else:
                self._put(node)

    def _exchanged(self) -> list[Node]:
        """The nodes, clamps behind the max poolings that alone read them.

        Both orders give the same numbers, and gradients: where several pixels are equal only as
        the clamp makes them so, its slope is 0.
        """
        nodes: list[Node] = []
        clamps: dict[str, Node] = {}
        for node in self.graph.nodes:
            node = replace(node, op=self.graph.op(node))
            clamp = clamps.get(node.inputs[0] or "") if node.inputs else None
            if self._is_pooled_clamp(node):
                clamps[node.outputs[0]] = node
            elif clamp is None:
                nodes.append(node)
            else:
                largest = self.fresh(f"{node.name}.largest")
                nodes.append(replace(node, inputs=clamp.inputs, outputs=(largest,)))
                nodes.append(replace(clamp, inputs=(largest,), outputs=node.outputs, inplace=False))
        return nodes

    def _is_pooled_clamp(self, node: Node) -> bool:
        readers = self.graph.readers.get(node.outputs[0], [])
        if len(readers) != 1 or node.outputs[0] in self.graph.outputs:
            return False
        pool = self.graph.op(readers[0])
        if not isinstance(pool, ops.MaxPool) or pool.indices:
            return False
        filled = all(w.dilation == 1 and max(_padding(w)) < w.size for w in pool.windows)
        return filled and getattr(node.op, "function", "") in ("relu", "clip")

    def _put(self, node: Node, op: Operation | None = None) -> None:
        self.passed.append(Passed(node, op or node.op))

    def _type(self, value: str | None) -> TensorType:
        known = None if value is None else self.graph.types[value]
        assert known is not None
        return known

    def _dropout(self, node: Node, op: ops.Dropout) -> None:
        x = self._type(node.inputs[0])
        kept = {"element": x.rank, "channel": 2, "sample": 1}[op.per]
        mask = self.fresh(f"mask.{node.name}")
        self.masks[mask] = x.with_shape(*x.shape[:kept], *[1] * (x.rank - kept))
        self.mask_list.append(Mask(mask, node.name, op.p))
        product = ops.Binary("mul")
        self._put(replace(node, op=product, inputs=(node.inputs[0], mask), inplace=False))

    def _batch_norm(self, node: Node, op: ops.BatchNorm) -> None:
        x = self._type(node.inputs[0])
        weight, bias, running_mean, running_var = (*node.inputs[1:], None, None, None, None)[:4]
        name = self.fresh(f"{node.name}.moments")
        mean, variance = self.fresh(f"{node.name}.mean"), self.fresh(f"{node.name}.variance")
        self._put(
            replace(
                node, name=name, op=ops.BatchMoments(), inputs=node.inputs[:1],
                outputs=(mean, variance), inplace=False,
            )
        )  # fmt: skip
        count = x.numel // max(x.shape[1], 1)
        self.moments.append(Moments(mean, variance, count, node.name, running_mean, running_var))
        inputs = (node.inputs[0], weight, bias, mean, variance)
        given = replace(node, op=ops.BatchNorm(op.eps), inputs=inputs, inplace=False)
        self._put(given, ops.BatchNorm(op.eps, training=True))

    def _table(self, node: Node, op: ops.Conv, table: tuple[tuple[int, ...], ...]) -> None:
        x, weight, *bias = node.inputs
        dense = self.fresh(f"{node.name}.dense")
        full = ops.DenseWeight(table, self._type(x).shape[1])
        self._put(replace(node, name=dense, op=full, inputs=(weight,), outputs=(dense,)))
        self._put(replace(node, op=replace(op, table=None), inputs=(x, dense, *bias)))

    def _subsample(self, node: Node, op: ops.Subsample) -> None:
        x, weight, bias = node.inputs
        axes, channels = len(op.windows), self._type(x).shape[1]
        sums, filters = self.fresh(f"{node.name}.sums"), self.fresh(f"{node.name}.filters")
        total = ops.AvgPool(op.windows, divisor=1)
        self._put(replace(node, name=sums, op=total, inputs=(x,), outputs=(sums,)))
        column = ops.Reshape((channels, 1, *[1] * axes))
        self._put(replace(node, name=filters, op=column, inputs=(weight,), outputs=(filters,)))
        one = ops.Conv((Window(1),) * axes, groups=channels)
        self._put(replace(node, op=one, inputs=(sums, filters, bias)))

    def _max_pool(self, node: Node, op: ops.MaxPool) -> None:
        count = math.prod(window.size for window in op.windows)
        if not op.indices and count <= MOST_PLACES:
            outputs = (*node.outputs, self.fresh(f"{node.name}.places"))
            node = replace(node, op=replace(op, places=True), outputs=outputs)
        self._put(node)


def _padding(window: Window) -> tuple[int, ...]:
    """Pixels before and behind; 'same' is less than the window."""
    return (0,) if isinstance(window.padding, str) else (int(window.before), int(window.after))


def _of_batch(node: Node, op: ops.BatchNorm) -> bool:
    """Whether a norm takes the statistics of the batch: told to, or for want of others."""
    return op.training or len(node.inputs) < 5 or None in node.inputs[3:5]
