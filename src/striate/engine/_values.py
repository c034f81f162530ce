"""What the engine's steps work on: maps, and the memory they lie in."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

Array = np.ndarray[Any, Any]
Space = Literal["arena", "weights", "input", "output", "held"]

IMAGE_LANES = (0, 1, 2, 3, 0)
"""Axes of a blocked map whose lanes are images, as they lie in memory."""


@dataclass(eq=False)
class Storage:
    """A piece of memory: of the arena, of the weights, or of the caller.

    Args:
        name: The value it was made for.
        floats: Its size.
        space: Where it lies. `held` are NumPy arrays that islands hand on, of any dtype.
        index: Which input or output it is.
        array: What it holds, of weights.
        dtype: Of what is held.
    """

    name: str
    floats: int
    space: Space = "arena"
    index: int = 0
    array: Array | None = field(default=None, repr=False)
    dtype: str = "float32"


@dataclass(frozen=True, eq=False)
class Map:
    """Where a value lies: a view of a storage.

    A plain map is contiguous, in the order of its axes. A blocked one has its channels in blocks of
    `lanes` (csrc/conv/shape.hpp draws it); its axes may have any order, so that a permutation is
    another view of the same memory.

    Args:
        shape: Of the value.
        axes: Of a blocked map: which axis of `shape` is the batch, the channels, and then the
            spatial axes in the order they lie in memory; or IMAGE_LANES. None: plain.
        offset: Floats from the start of the storage.
        batch_stride: Floats from image to image of a blocked map.
    """

    storage: Storage
    shape: tuple[int, ...]
    axes: tuple[int, ...] | None = None
    lanes: int = 1
    offset: int = 0
    batch_stride: int = 0

    @property
    def blocked(self) -> bool:
        """Whether the channels are in blocks."""
        return self.axes is not None

    @property
    def batch(self) -> int:
        """Images of a blocked map, or blocks of images."""
        assert self.axes is not None
        return -(-self.shape[0] // self.lanes) if self.image_lanes else self.shape[self.axes[0]]

    @property
    def channels(self) -> int:
        """Channels of a blocked map: as many times those of an image as images are lanes."""
        assert self.axes is not None
        return self.shape[self.axes[1]] * (self.lanes if self.image_lanes else 1)

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Depth, height and width of a blocked map: 1 where it has no such axis."""
        assert self.axes is not None
        depth, height, width = three([self.shape[axis] for axis in self.axes[2 : len(self.shape)]])
        return depth, height, width

    @property
    def pixels(self) -> int:
        """Pixels of one channel of a blocked map."""
        return math.prod(self.sizes)

    @property
    def blocks(self) -> int:
        """Blocks of channels."""
        return -(-self.channels // self.lanes)

    @property
    def image_floats(self) -> int:
        """Floats of one image of a blocked map, unused lanes included."""
        return self.blocks * self.pixels * self.lanes

    @property
    def floats(self) -> int:
        """Floats from the first to the last."""
        if not self.blocked:
            return math.prod(self.shape)
        return (self.batch - 1) * self.batch_stride + self.image_floats if self.batch else 0

    @property
    def standard(self) -> bool:
        """Whether a blocked map's axes are batch, channels, and the spatial ones in order."""
        return self.axes == tuple(range(len(self.shape)))

    @property
    def image_lanes(self) -> bool:
        """Whether it is blocked by images (csrc/image_conv/shape.hpp)."""
        return self.axes == IMAGE_LANES

    @property
    def dense(self) -> bool:
        """Whether the numbers of a blocked map lie one behind the other, without unused lanes."""
        return (
            not self.image_lanes
            and self.channels % self.lanes == 0
            and (self.batch == 1 or self.batch_stride == self.image_floats)
        )

    def reshape(self, *shape: int) -> Map:
        """A plain map's numbers in another shape."""
        assert self.axes is None
        return replace(self, shape=shape)

    def permuted(self, axes: tuple[int, ...]) -> Map:
        """The same memory seen with output axis k being axis axes[k]."""
        assert self.axes is not None
        shape = tuple(self.shape[axis] for axis in axes)
        return replace(self, shape=shape, axes=tuple(axes.index(axis) for axis in self.axes))


Weights = Array | Map
"""Numbers known when the plan is made, or made while it runs: of a network that is trained."""


def three(sizes: Any, fill: int = 1) -> Any:
    """Spatial numbers along (depth, height, width): `fill` in front where there are fewer."""
    return (fill,) * (3 - len(sizes)) + tuple(sizes)


@dataclass(eq=False)
class Step:
    """One thing the plan does: a native kernel, or an island that runs in NumPy.

    Args:
        kind: Kind of the native step (csrc/engine/step_kinds.cpp); `island` for the reference.
        attributes: Its arguments.
        inputs, outputs: The maps it reads and writes; None for one that it can do without.
        weight: What its kernel packs, in the network's layout; a map by a step of its own.
        weights: The vectors behind it, as the kernel reads them.
        nodes: Names of the graph's nodes it computes.
        notes: What was fused, folded or chosen, in words.
        macs: Multiply-adds, as `striate.inspect` counts them.
        op: The operation, of an island.
        kernel: The kernel that was chosen.
        why: Why it was, in words.
        filters: How the weight's numbers lie, for the step that packs them (csrc/engine/pack.cpp);
            empty: one behind the other.
    """

    kind: str
    attributes: dict[str, Any]
    inputs: list[Map | None]
    outputs: list[Map | None]
    weight: Weights | None = None
    weights: list[Weights | None] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    macs: int = 0
    op: Any = None
    kernel: str = ""
    why: str = ""
    filters: dict[str, Any] = field(default_factory=dict)

    @property
    def maps(self) -> list[Map]:
        """All maps that it touches."""
        touched = (*self.inputs, *self.outputs, self.weight, *self.weights)
        return [m for m in touched if isinstance(m, Map)]
