"""From a graph to steps: what the functions of this folder share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import _core
from ...errors import GraphError
from ...graph import Graph, Node
from ...graph.ops import Cast
from .._fuse import Group
from .._values import Array, Map, Step, Storage, Weights
from ._layouts import Layouts
from ._numbers import MOST_WHOLE as MOST_WHOLE
from ._numbers import NotNative as NotNative
from ._numbers import Span as Span

LOWERINGS: dict[str, Callable[[Lowering, Group], None]] = {}
"""By kind of operation, what makes its steps. It raises `NotNative` where it cannot."""


def lowers(*kinds: str) -> Callable[[Any], Any]:
    """Put a function into the table for these kinds."""

    def put(function: Any) -> Any:
        LOWERINGS.update(dict.fromkeys(kinds, function))
        return function

    return put


class Lowering(Layouts):
    """Makes the steps: native ones, and islands in NumPy.

    Args:
        graph: The network, worked out for its shapes.
        target: The instruction set, for `_core`.
        lanes: Channels in a block.
        slots: Maps that outputs must be written to: their places in concatenations.
        images: Convolutions that are computed with images as lanes.
    """

    def __init__(
        self,
        graph: Graph,
        target: str,
        lanes: int,
        slots: dict[str, Map],
        images: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(graph, lanes, slots)
        self.target = target
        self.images = images
        self.vectors: dict[str, Map] = {}
        self.bytes: dict[str, tuple[Map, Map]] = {}
        """What holds bytes, and the map it tells of, whose numbers lie in the same order."""
        self.kinds = frozenset(_core.step_kinds())

    def filters(self, name: str | None) -> Weights:
        """A weight to be packed: the numbers, or where they will lie while the plan runs."""
        assert name is not None
        array = self.weight(name) if name in self.graph.weights else None
        return self.plain(name) if array is None else array

    def vector(self, name: str | None) -> Weights | None:
        """A number a channel, zeros behind it to fill whole blocks; None for None."""
        if name is None or name in self.graph.weights:
            constant: Weights | None = blocks_of(self.weight(name), self.lanes)
            return constant
        if name not in self.vectors:
            self.vectors[name] = self.vector_of(self.plain(name))
        return self.vectors[name]

    def vector_of(self, line: Map) -> Map:
        """A plain map of a number a channel in blocks."""
        found = self._new_blocked(line.storage.name, (1, line.floats), (0, 1))
        self._reorder(line.reshape(1, line.floats), found, to_blocked=True)
        return found

    def copy_channels(self, group: Group, x: Map, y: Map, settings: dict[str, Any]) -> None:
        """Copy whole channels from one blocked map to places in another.

        Args:
            settings: `mode` and its arguments (csrc/copy/shape.hpp).
        Raises:
            NotNative: There is no kernel for it.
        """
        attributes = {
            "batch": x.batch,
            "x_channels": x.channels,
            "y_channels": y.channels,
            "in": list(x.sizes),
            "x_batch_stride": x.batch_stride,
            "y_batch_stride": y.batch_stride,
            **settings,
        }
        self.emit(group, "copy", attributes, [x], [y])

    def emit(
        self,
        group: Group,
        kind: str,
        attributes: dict[str, Any],
        inputs: list[Map | None],
        outputs: Sequence[Map | None],
        *,
        weight: Weights | None = None,
        weights: list[Weights | None] | None = None,
        filters: dict[str, Any] | None = None,
        notes: list[str] | None = None,
    ) -> Step:
        """Add a native step.

        Args:
            filters: How the numbers of `weight`, a map, lie; None: one behind the other.
        Raises:
            NotNative: There is no kernel for it.
        """
        if kind not in self.kinds:
            raise NotNative(f"there are no kernels for {kind}")
        step = Step(
            kind, attributes, inputs, list(outputs), weight, weights or [],
            [node.name for node in group.nodes], [*(notes or []), *fused_notes(group)],
            macs=sum(macs(self.graph, node) for node in group.nodes), filters=filters or {},
        )  # fmt: skip
        if not _core.candidates(self.target, kind, attributes):
            raise NotNative(f"no {kind} kernel takes these sizes")
        self.steps.append(step)
        return step

    def island(self, node: Node, why: str) -> None:
        """Run a node by its reference, in NumPy, on plain arrays."""
        inputs = [None if v is None else self.held(v) for v in node.inputs]
        outputs: list[Map | None] = []
        for value in node.outputs:
            type_ = self.graph.types[value]
            if type_ is not None and type_.dtype == "float32" and type_.numel:
                outputs.append(self.make_plain(value))
            else:
                if type_ is None:
                    raise GraphError(
                        f"{self.graph.name}: the shape of {value} is not known, so that the "
                        f"network cannot be compiled."
                    )
                storage = Storage(value, 0, "held", dtype=type_.dtype)
                self.held_maps[value] = Map(storage, type_.shape)
                outputs.append(self.held_maps[value])
        self.steps.append(
            Step(
                "island", {}, inputs, outputs, nodes=[node.name], notes=[why],
                macs=macs(self.graph, node), op=self.graph.op(node),
            )
        )  # fmt: skip

    def held(self, name: str) -> Map:
        """The value as a plain map, or as an array in NumPy where it holds no float32 numbers."""
        if name not in self.held_maps and name in self.graph.weights:
            array = np.asarray(self.graph.weights[name].numpy(), order="C")
            if array.dtype != np.float32 or array.size == 0:
                storage = Storage(name, 0, "held", array=array, dtype=str(array.dtype))
                self.held_maps[name] = Map(storage, array.shape)
        if name in self.held_maps:
            return self.held_maps[name]
        return self.plain(name) if self.is_float(name) else self._held_of(name)

    def _held_of(self, name: str) -> Map:
        """What a kernel made as floats, in its dtype."""
        dtype, made = self._dtype(name), self.plain(name)
        assert dtype is not None
        self.held_maps[name] = held = Map(Storage(name, 0, "held", dtype=dtype), made.shape)
        why = f"{dtype} numbers that a kernel made as floats"
        self.steps.append(Step("island", {}, [made], [held], notes=[why], op=Cast(dtype)))
        return held


def macs(graph: Graph, node: Node) -> int:
    """Multiply-adds of a node; 0 where not known."""
    outputs = graph.output_types(node)
    if any(t is None for t in outputs):
        return 0
    return graph.op(node).macs(graph.input_types(node), outputs) or 0  # type: ignore[arg-type]


def fused_notes(group: Group) -> list[str]:
    """What a group's step does besides its operation."""
    notes = []
    if group.sums:
        notes.append("sums of the gradient, for the bias")
    if group.scaled:
        notes.append(f"factors of {group.scaled.name}")
    if group.residual:
        notes.append(f"adds {group.residual}")
    if group.activation:
        notes.append(group.activation.function)
    return notes


def activation_of(group: Group) -> dict[str, Any]:
    """The attributes of the activation a group ends with; none for none."""
    from .._activations import native_activation

    return (native_activation(group.activation) or {}) if group.activation else {}


def blocks_of(vector: Array | None, lanes: int) -> Any:
    """A number a channel, with zeros behind it to fill whole blocks; None for None."""
    if vector is None:
        return None
    padded = np.zeros(-(-vector.size // lanes) * lanes, np.float32)
    padded[: vector.size] = vector.ravel()
    return padded
