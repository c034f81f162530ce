"""A problem for a kernel: what goes in, what should come out, and how far off it may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..native.steps import block, image_lanes, unlane

Array = np.ndarray[Any, Any]


@dataclass
class Operand:
    """An array or a map that a step reads or writes.

    Args:
        array: (N, C, *sizes); where it is an output, what is expected in float64. NaN stands where
            a kernel must not write.
        blocked: In blocks of channels; else contiguous.
        aligned: Contiguous, and the step wants it at a multiple of 64 bytes.
        in_bytes: A blocked map of whole numbers, each a byte, and four of them a float of memory.
        stride: Name of the attribute that tells how far its images are apart; empty: none does.
        gap: Between images, in blocks of lanes (in floats where it is plain).
        unused: What the lanes behind the last channel hold, of an input.
    """

    array: Array
    blocked: bool = False
    stride_name: str = ""
    gap: int = 0
    unused: float = 3.0
    aligned: bool = False
    in_bytes: bool = False

    def images(self, lanes: int) -> Array:
        """An image a row, as they lie in memory."""
        if self.blocked:
            images = block(self.array, lanes, self.unused).reshape(len(self.array), -1)
            return images.astype(np.uint8).view(np.float32) if self.in_bytes else images
        return np.asarray(self.array, np.float32).reshape(len(self.array), -1)

    def _own(self, lanes: int) -> int:
        _, c, *sizes = (*self.array.shape, 1)
        channels = -(-c // lanes) * lanes if self.blocked else c
        return channels * int(np.prod(sizes)) // (4 if self.in_bytes else 1)

    def stride(self, lanes: int) -> int:
        """Floats from image to image."""
        return self._own(lanes) + self.gap * (lanes if self.blocked else 1)

    def read(self, memory: Array, lanes: int) -> Array:
        """What a kernel wrote: like `array`."""
        own, stride, (n, c, *sizes) = self._own(lanes), self.stride(lanes), self.array.shape
        for i in range(n - 1):
            gap = memory[i * stride + own : (i + 1) * stride]
            assert np.isnan(gap).all(), "it wrote between images"
        images = np.stack([memory[i * stride : i * stride + own] for i in range(n)])
        if self.in_bytes:
            images = images.view(np.uint8)
        if not self.blocked:
            return images.reshape(self.array.shape)
        whole = np.moveaxis(images.reshape(n, -1, *sizes, lanes), -1, 2)
        whole = whole.reshape(n, -1, *sizes)
        if np.isnan(self.array[:, -1]).all():
            return whole[:, :c]  # who writes the last channel also writes the lanes behind it
        written = ~np.isnan(np.asarray(self.array, np.float64)).all(axis=(0, 1))
        assert np.isfinite(whole[:, :, written][:, c:]).all(), "unused lanes must be finite"
        return whole[:, :c]


@dataclass
class ImageLanes(Operand):
    """A blocked map whose lanes are images (csrc/image_conv/shape.hpp)."""

    blocked: bool = True

    def images(self, lanes: int) -> Array:
        """A block of images a row, as they lie in memory."""
        rows = image_lanes(self.array, lanes, self.unused)
        rows = rows.reshape(len(rows), -1)
        return rows.astype(np.uint8).view(np.float32) if self.in_bytes else rows

    def _own(self, lanes: int) -> int:
        return lanes * int(np.prod(self.array.shape[1:])) // (4 if self.in_bytes else 1)

    def read(self, memory: Array, lanes: int) -> Array:
        """What a kernel wrote: like `array`."""
        own, stride, (n, *sizes) = self._own(lanes), self.stride(lanes), self.array.shape
        blocks = -(-n // lanes)
        for i in range(blocks - 1):
            gap = memory[i * stride + own : (i + 1) * stride]
            assert np.isnan(gap).all(), "it wrote between blocks of images"
        rows = [memory[i * stride : i * stride + own].reshape(*sizes, lanes) for i in range(blocks)]
        return unlane(np.stack(rows), n)


@dataclass
class Problem:
    """One step of the native core.

    Args:
        kind: Of the step.
        attributes: Its arguments, but for strides of batches.
        inputs, outputs: Its operands.
        bound: How far outputs may be off, by the kernel's name; a list where each has its own. A
            bound is a number, or an array of one for each number of the output.
        weight: To be packed as weight 0.
        weights: Those behind it, as they are.
        in_place: Pairs (output, input) of which the one may lie where the other does.
        target: The only one that it is for; empty: all.
    """

    kind: str
    attributes: dict[str, Any]
    inputs: list[Operand | None]
    outputs: list[Operand | None]
    bound: Callable[[str], Any]
    weight: Array | None = None
    weights: list[Array | None] = field(default_factory=list)
    in_place: tuple[tuple[int, int], ...] = ()
    target: str = ""

    def bounds(self, kernel: str) -> list[Any]:
        """How far each output may be off."""
        told = self.bound(kernel)
        return told if isinstance(told, list) else [told] * len(self.outputs)

    def places_to_share(self, lanes: int) -> list[tuple[int, int]]:
        """Those of `in_place` whose operands lie alike."""
        return [
            (i, j)
            for i, j in self.in_place
            if (y := self.outputs[i]) is not None
            and (x := self.inputs[j]) is not None
            and (y.blocked, y.array.size, y.stride(lanes))
            == (x.blocked, x.array.size, x.stride(lanes))
        ]

    def attributes_for(self, lanes: int) -> dict[str, Any]:
        """All arguments of the step."""
        strides = {
            operand.stride_name: operand.stride(lanes)
            for operand in (*self.inputs, *self.outputs)
            if operand is not None and operand.stride_name
        }
        return self.attributes | strides

    def __str__(self) -> str:
        operands = (*self.inputs, *self.outputs)
        shapes = [None if x is None else (x.array.shape, x.blocked, x.gap) for x in operands]
        return f"{self.kind} {self.attributes} {shapes}"
