"""Where values lie, in one layout or both, and the steps that reorder them.

Operations that know blocked maps ask for those, so a network of convolutions is reordered at its
edges only.
"""

from __future__ import annotations

import math
from dataclasses import replace

from ...graph import Graph
from ...graph.ops import Cast
from .._fuse import Group
from .._values import IMAGE_LANES, Array, Map, Step, Storage
from ._numbers import NotNative, Numbers
from ._view import View, copy_attributes, parted_view, view


class Layouts(Numbers):
    """The steps so far, and the maps that they read and write.

    Args:
        graph: The network, worked out for its shapes.
        lanes: Channels in a block.
        slots: Maps that outputs must be written to: their places in concatenations.
    """

    def __init__(self, graph: Graph, lanes: int, slots: dict[str, Map]) -> None:
        super().__init__(graph)
        self.lanes = lanes
        self.slots = slots
        self.steps: list[Step] = []
        self.plain_maps: dict[str, Map] = {}
        self.blocked_maps: dict[str, Map] = {}
        self.held_maps: dict[str, Map] = {}
        self.views: dict[str, str] = {}
        """What is another shape of a blocked map: made plain if somebody asks for it."""

    # --- reading ---------------------------------------------------------------------------------

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
            plain, found = self.plain(name), self._new_blocked(name, self.shape(name), IMAGE_LANES)
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

    def _reorder(self, source: Map, result: Map, *, to_blocked: bool) -> None:
        blocked = result if to_blocked else source
        images = blocked.image_lanes
        attributes = {
            "batch": blocked.shape[0] if images else blocked.batch,
            "channels": blocked.shape[1] if images else blocked.channels,
            "pixels": blocked.pixels,
            "batch_stride": blocked.batch_stride,
            "to_blocked": to_blocked,
            "images": images,
        }
        what = "images" if images else "channels"
        note = f"{what} into blocks" if to_blocked else f"{what} out of blocks"
        self.steps.append(Step("layout", attributes, [source], [result], notes=[note]))

    # --- making ----------------------------------------------------------------------------------

    def room(self, name: str, shape: tuple[int, ...]) -> Map:
        """Room for a plain map."""
        return Map(Storage(name, math.prod(shape)), shape)

    def _new_blocked(self, name: str, shape: tuple[int, ...], axes: tuple[int, ...]) -> Map:
        seen = Map(Storage(name, 0), shape, axes, self.lanes)
        image = seen.image_floats
        return replace(seen, storage=Storage(name, seen.batch * image), batch_stride=image)

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
