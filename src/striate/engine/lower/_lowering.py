"""From a graph to steps: what the functions of this folder share.

`Lowering` keeps where each value lies, in one layout or both, and makes the steps that reorder it
when an operation asks for the other. Operations that know blocked maps ask for those, so a network
of convolutions is reordered at its edges only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ... import _core
from ...errors import GraphError
from ...graph import Graph, Node
from ...graph.ops import Cast
from .._fuse import Group
from .._values import Array, Map, Step, Storage, Weights
from ._view import View, copy_attributes, parted_view, view

Span = tuple[float, float]
_MOST_WHOLE = 1 << 24  # up to here float32 holds all whole numbers

LOWERINGS: dict[str, Callable[[Lowering, Group], None]] = {}
"""By kind of operation, what makes its steps. It raises `NotNative` where it cannot."""


class NotNative(Exception):  # noqa: N818 - it says why, and is caught
    """No kernel computes this; the text says what is missing."""


def lowers(*kinds: str) -> Callable[[Any], Any]:
    """Put a function into the table for these kinds."""

    def put(function: Any) -> Any:
        LOWERINGS.update(dict.fromkeys(kinds, function))
        return function

    return put


class Lowering:
    """The steps so far, and where the values lie.

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
        self.graph = graph
        self.target = target
        self.lanes = lanes
        self.slots = slots
        self.images = images
        self.steps: list[Step] = []
        self.plain_maps: dict[str, Map] = {}
        self.blocked_maps: dict[str, Map] = {}
        self.vectors: dict[str, Map] = {}
        self.bytes: dict[str, tuple[Map, Map]] = {}
        """What holds bytes, and the map it tells of, whose numbers lie in the same order."""
        self.held_maps: dict[str, Map] = {}
        self.spans: dict[str, Span] = {}
        """Of truths and whole numbers that native steps make, as floats: the least and the most."""
        self.views: dict[str, str] = {}
        """What is another shape of a blocked map: made plain if somebody asks for it."""
        self.kinds = frozenset(_core.step_kinds())

    # --- reading ---------------------------------------------------------------------------------

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a value.

        Raises:
            NotNative: It isn't known.
        """
        type_ = self.graph.types[name]
        if type_ is None:
            raise NotNative("its shape is not known")
        return type_.shape

    def is_float(self, name: str) -> bool:
        """Whether a value holds float32 numbers, the only ones native steps know."""
        return self._dtype(name) == "float32"

    def is_native(self, name: str) -> bool:
        """Whether float32 holds a value's numbers exactly: they are that, truths, or small ones."""
        return self.is_float(name) or self.span(name) is not None

    def span(self, name: str) -> Span | None:
        """From where to where a value's whole numbers go; None where they may not be exact."""
        if name not in self.spans and self._dtype(name) == "bool":
            return 0, 1
        if name in self.graph.weights and name not in self.spans:
            array = self.graph.weights[name].numpy()
            if array.dtype.kind in "iu" and array.size:
                self.mark(name, int(array.min()), int(array.max()))
        return self.spans.get(name)

    def mark(self, name: str, least: float, most: float) -> None:
        """Tell that a value's whole numbers lie between these, if floats hold all such exactly."""
        if max(abs(least), abs(most)) <= _MOST_WHOLE:
            self.spans[name] = least, most

    def _dtype(self, name: str) -> str | None:
        type_ = self.graph.types[name]
        return None if type_ is None else type_.dtype

    def check_floats(self, *names: str | None, filled: bool = False) -> None:
        """Refuse values that no native step knows.

        Args:
            names: Values that must hold float32 numbers, or such as float32 holds exactly.
            filled: Whether each must hold one at least.
        Raises:
            NotNative: One is of another dtype, absent or empty.
        """
        if not all(name is not None and self.is_native(name) for name in names):
            raise NotNative("it reads or makes other numbers than float32")
        if filled and any(0 in self.shape(name) for name in names if name is not None):
            raise NotNative("it is empty")

    def weight(self, name: str | None) -> Array | None:
        """The numbers of a weight in float32; None for None.

        Raises:
            NotNative: It is no weight, but computed.
        """
        if name is None:
            return None
        if name not in self.graph.weights:
            raise NotNative(f"its weight {name} is computed while the network runs")
        return np.asarray(self.graph.weights[name].numpy(), np.float32, order="C")

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

    def blocked(self, name: str) -> Map:
        """The value as a blocked map, reordered if it is plain only.

        Raises:
            NotNative: It has no channels, or holds no float32 numbers.
        """
        if name in self.blocked_maps:
            return self.blocked_maps[name]
        shape = self.shape(name)
        if not 2 <= len(shape) <= 5 or math.prod(shape) == 0:
            raise NotNative(f"a map of shape {shape} has no batch and channels")
        plain = self.plain(name)
        axes = tuple(range(len(shape)))
        if len(shape) == 2 and shape[1] % self.lanes == 0 and plain.offset % 16 == 0:
            found = Map(plain.storage, shape, axes, self.lanes, plain.offset, shape[1])
            if plain.storage.space != "input":  # which need not be aligned
                self.blocked_maps[name] = found
                return found
        found = self._new_blocked(name, shape, axes)
        self._reorder(plain, found, to_blocked=True)
        self.blocked_maps[name] = found
        return found

    def standard(self, name: str) -> Map:
        """The value as a blocked map whose axes are batch, channels and the spatial ones in order.

        Raises:
            NotNative: It is none, or cannot be reordered.
        """
        found = self.blocked(name)
        if found.image_lanes:
            plain, found = self.plain(name), self._new_blocked(name, found.shape, (0, 1, 2, 3))
            self._reorder(plain, found, to_blocked=True)
        if not found.standard:
            plain = self.plain(name)
            found = self._new_blocked(name, plain.shape, tuple(range(len(plain.shape))))
            self._reorder(plain, found, to_blocked=True)
            self.blocked_maps[name] = found
        return found

    def imaged(self, name: str) -> Map:
        """The value, of four axes, as a map with images as lanes."""
        found = self.blocked_maps.get(name)
        if found is None or not found.image_lanes:
            plain, found = self.plain(name), self._new_blocked(name, self.shape(name), (1, 0, 2, 3))
            self._reorder(plain, found, to_blocked=True)
            self.blocked_maps.setdefault(name, found)
        return found

    def imaged_or_standard(self, name: str) -> Map:
        """The value with images as lanes where it is so, else as a blocked map in order."""
        found = self.blocked_maps.get(name)
        return found if found is not None and found.image_lanes else self.standard(name)

    def blocked_like(self, name: str, like: Map) -> Map:
        """The value as a blocked map whose axes lie as another's do.

        Raises:
            NotNative: It has to be reordered, and its channels do not fill the blocks.
        """
        found = self.blocked_maps.get(name)
        if found is not None and found.axes == like.axes:
            return found
        if like.standard:
            return self.blocked(name)
        if like.image_lanes:
            return self.imaged(name)
        assert like.axes is not None
        if like.channels % self.lanes:
            raise NotNative("its operands' axes are in different orders")
        plain, found = self.plain(name), self._new_blocked(name, like.shape, like.axes)
        source = view(plain).parted(like.axes[1], self.lanes)
        self.copy(source, parted_view(found), notes=["channels into blocks"])
        self.blocked_maps.setdefault(name, found)
        return found

    def is_read(self, name: str) -> bool:
        """Whether anybody wants a value."""
        return name in self.graph.readers or name in self.graph.outputs

    def plain(self, name: str) -> Map:
        """The value as a plain map, reordered if it is blocked only.

        Raises:
            NotNative: It holds no float32 numbers.
        """
        if name in self.plain_maps:
            return self.plain_maps[name]
        if name in self.graph.weights:
            array = self.weight(name)
            assert array is not None
            storage = Storage(name, array.size, "weights", array=array)
            self.plain_maps[name] = Map(storage, array.shape)
            return self.plain_maps[name]
        if name in self.held_maps and name not in self.blocked_maps:
            return self._floats_of(name, self.held_maps[name])
        if name not in self.blocked_maps:
            self.plain_maps[name] = replace(self.plain(self.views[name]), shape=self.shape(name))
            return self.plain_maps[name]
        blocked = self.blocked_maps[name]
        if blocked.dense and blocked.pixels == 1:
            order = [axis for axis in blocked.axes or () if blocked.shape[axis] > 1]
            if order == sorted(order):
                self.plain_maps[name] = Map(blocked.storage, blocked.shape, offset=blocked.offset)
                return self.plain_maps[name]
        if not blocked.standard and not blocked.image_lanes:
            return self._permuted_plain(name, blocked)
        found = self.room(name, blocked.shape)
        self._reorder(blocked, found, to_blocked=False)
        self.plain_maps[name] = found
        return found

    def _floats_of(self, name: str, held: Map) -> Map:
        if held.storage.dtype != "bool" or 0 in held.shape:
            raise NotNative(f"{name} holds {held.storage.dtype} numbers")
        made = self.make_plain(name)
        why = "truths that a kernel reads"
        self.steps.append(Step("island", {}, [held], [made], notes=[why], op=Cast("float32")))
        return made

    def constant(self, array: Array) -> Map:
        """An array of the plan's own as a plain map."""
        return Map(Storage("constant", array.size, "weights", array=array), array.shape)

    def any(self, name: str) -> Map:
        """The value in the layout it has; blocked where it has both."""
        return self.blocked_maps[name] if name in self.blocked_maps else self.plain(name)

    def _permuted_plain(self, name: str, blocked: Map) -> Map:
        """Whole blocks in one copy, the lanes of the last block in another."""
        assert blocked.axes is not None
        found = self.room(name, blocked.shape)
        channels, lanes = blocked.axes[1], self.lanes
        source, whole = parted_view(blocked), blocked.channels // lanes
        if whole:
            result = view(found).at(channels, 0, whole * lanes).parted(channels, lanes)
            self.copy(source.at(channels, 0, whole), result, notes=["channels out of blocks"])
        if rest := blocked.channels % lanes:
            lines = source.pick(channels, whole).at(channels, 0, rest)
            result = view(found).at(channels, whole * lanes, rest)
            self.copy(lines, result, notes=["channels out of blocks"])
        self.plain_maps[name] = found
        return found

    def copy(
        self, source: View, result: View, group: Group | None = None, notes: list[str] | None = None
    ) -> None:
        """Copy numbers from view to view.

        Raises:
            NotNative: There are too many axes.
        """
        attributes = copy_attributes(source, result)
        if attributes is None:
            raise NotNative(f"a copy along {len(source.sizes)} axes has no kernel")
        nodes = [] if group is None else [node.name for node in group.nodes]
        self.steps.append(
            Step("copy", attributes, [source.map], [result.map], nodes=nodes, notes=notes or [])
        )

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

    def _reorder(self, source: Map, result: Map, *, to_blocked: bool) -> None:
        blocked = result if to_blocked else source
        attributes = {
            "batch": blocked.batch,
            "channels": blocked.channels,
            "pixels": blocked.pixels,
            "batch_stride": blocked.batch_stride,
            "to_blocked": to_blocked,
        }
        if blocked.image_lanes:
            attributes["swapped"] = True
        what = "images" if blocked.image_lanes else "channels"
        note = f"{what} into blocks" if to_blocked else f"{what} out of blocks"
        self.steps.append(Step("layout", attributes, [source], [result], notes=[note]))

    # --- making ----------------------------------------------------------------------------------

    def room(self, name: str, shape: tuple[int, ...]) -> Map:
        """Room for a plain map."""
        return Map(Storage(name, math.prod(shape)), shape)

    def _new_blocked(self, name: str, shape: tuple[int, ...], axes: tuple[int, ...]) -> Map:
        pixels = math.prod(shape[axis] for axis in axes[2:])
        image = -(-shape[axes[1]] // self.lanes) * self.lanes * pixels
        return Map(Storage(name, shape[axes[0]] * image), shape, axes, self.lanes, 0, image)

    def make_plain(self, name: str) -> Map:
        """Room for an output as a plain map."""
        self.plain_maps[name] = self.room(name, self.shape(name))
        return self.plain_maps[name]

    def make_blocked(self, name: str, like: Map | None = None) -> Map:
        """Room for an output as a blocked map: in a concatenation, where it has a place there.

        Args:
            like: A map whose axes it shares; None is batch, channels, spatial axes.
        """
        shape = self.shape(name)
        axes = tuple(range(len(shape))) if like is None else like.axes
        assert axes is not None
        slot = self.slots.get(name)
        if slot is not None and slot.axes == axes:
            self.blocked_maps[name] = slot
        else:
            self.blocked_maps[name] = self._new_blocked(name, shape, axes)
        return self.blocked_maps[name]

    def make_pooled(self, name: str, like: Map, pooled: tuple[int, ...]) -> Map:
        """Room for one pixel of each channel of a blocked map, whether axes of 1 stay or go."""
        assert like.axes is not None
        shape = self.shape(name)
        if len(shape) == len(like.shape):
            return self.make_blocked(name, like)
        left = [axis for axis in range(len(like.shape)) if axis not in pooled]
        axes = tuple(left.index(axis) for axis in like.axes[:2])
        self.blocked_maps[name] = self._new_blocked(name, shape, axes)
        return self.blocked_maps[name]

    def make_like(self, name: str, like: Map) -> Map:
        """Room for an output in the layout of another map."""
        return self.make_blocked(name, like) if like.blocked else self.make_plain(name)

    def alias(self, name: str, map_: Map) -> None:
        """Let a value lie where another does."""
        (self.blocked_maps if map_.blocked else self.plain_maps)[name] = map_

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
