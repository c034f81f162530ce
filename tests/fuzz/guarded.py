"""Run one step on memory that ends, or starts, where the process may not read or write."""

from __future__ import annotations

import ctypes
import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from striate import _core

from .problem import Array, Operand, Problem

_PAGE = mmap.PAGESIZE
_NOTHING = 0  # PROT_NONE
_FLOATS = 1 << 24  # of a region; problems are smaller
_GAP = 64  # floats of NaN between what lies in one memory


class Region:
    """Memory with a page on either side that nobody may touch: who does ends with SIGSEGV."""

    def __init__(self) -> None:
        size = 4 * _FLOATS
        self._memory = mmap.mmap(-1, size + 2 * _PAGE)
        whole = np.frombuffer(self._memory, np.uint8)
        libc = ctypes.CDLL(None, use_errno=True)
        for start in (0, _PAGE + size):
            address = ctypes.c_void_p(whole.ctypes.data + start)
            if libc.mprotect(address, ctypes.c_size_t(_PAGE), _NOTHING):
                raise OSError(ctypes.get_errno(), "mprotect")
        self.floats = whole[_PAGE : _PAGE + size].view(np.float32)

    def at_end(self, floats: int) -> Array:
        """So many floats, behind which is nothing."""
        return self._checked(floats)[_FLOATS - floats :]

    def at_start(self, floats: int) -> Array:
        """So many floats, before which is nothing."""
        return self._checked(floats)[:floats]

    def _checked(self, floats: int) -> Array:
        assert floats <= _FLOATS, f"a map of {floats} floats is larger than a region"
        return self.floats


@cache
def region(index: int) -> Region:
    """Regions are kept, and used again and again."""
    return Region()


def lay_out(operand: Operand, lanes: int, memory: Array) -> None:
    """Write an operand's images where they lie in `memory`; NaN lies between them."""
    memory[:] = math.nan
    images = operand.images(lanes)
    stride = operand.stride(lanes)
    for i, image in enumerate(images):
        memory[i * stride : i * stride + image.size] = image


@dataclass
class Pieces:
    """Arrays that lie one behind the other, at multiples of 64 bytes, with NaN between them."""

    floats: int = 0
    held: list[tuple[int, Array]] = field(default_factory=list)

    def put(self, array: Array) -> int:
        """Where the array will lie."""
        start = self.floats
        self.held.append((start, array))
        self.floats += -(-array.size // 16) * 16 + _GAP
        return start

    def joined(self, place: Any) -> Array:
        """All of them in guarded memory."""
        memory = place(region(0), max(self.floats - _GAP, 16))
        memory[:] = math.nan
        for start, array in self.held:
            memory[start : start + array.size] = array
        return np.asarray(memory)


def run(
    problem: Problem,
    target: str,
    kernel: str,
    threads: int,
    *,
    at_end: bool = True,
    turn: int = 0,
    in_place: tuple[int, int] | None = None,
) -> list[Array]:
    """Compute a problem by a kernel: (N, C, *sizes), or as the operand is; what is none is empty.

    Plain operands end (or start) where memory does. So do weights and blocked inputs, which a
    program wants aligned: the one whose turn it is; NaN lies between the others. Blocked outputs
    and scratch lie in the arena, among NaN, and there an output written over an input: `in_place`.

    Raises:
        AssertionError: The kernel wrote where it should not, or left out what it should write.
    """
    lanes = dict(_core.targets())[target]
    attributes = problem.attributes_for(lanes)
    needs = _core.needs(target, problem.kind, kernel, attributes, threads)
    told = _core.extents(target, problem.kind, kernel, attributes)
    place = Region.at_end if at_end else Region.at_start
    free = iter(range(1, 16))

    aligned = dict(_weights(problem, target, kernel, attributes, told[2], needs))
    weights = len(problem.weights) + (problem.weight is not None)
    plain: list[Array] = []
    input_places = []
    for i, operand in enumerate(problem.inputs):
        input_places.append((0, 0, 0) if operand is None else (3, len(plain), 0))
        if operand is None:
            continue
        memory = np.empty(told[0][i], np.float32)
        if in_place and i == in_place[1]:
            lay_out(operand, lanes, memory)
            kept = memory
            continue
        if not operand.blocked:
            memory = place(region(next(free)), told[0][i])
            plain.append(memory)
        lay_out(operand, lanes, memory)
        if operand.blocked:
            aligned[weights + i] = memory
    pieces = Pieces()
    keys = sorted(aligned, key=lambda i: (i + turn) % (weights + len(problem.inputs)))
    starts = {i: pieces.put(aligned[i]) for i in keys}
    for i in range(len(problem.inputs)):
        if weights + i in starts:
            input_places[i] = (2, 0, starts[weights + i])
    weight_places = [(2, 0, starts[i]) if i in starts else (0, 0, 0) for i in range(weights)]

    size = _GAP
    spans = []

    def in_arena(floats: int) -> int:
        nonlocal size
        spans.append((size, floats))
        size += -(-floats // 16) * 16 + _GAP
        return spans[-1][0]

    outputs: list[Array] = []
    output_places = []
    for i, (operand, floats) in enumerate(zip(problem.outputs, told[1], strict=True)):
        if operand is None:
            output_places.append((0, 0, 0))
        elif operand.blocked or operand.aligned or (in_place and i == in_place[0]):
            output_places.append((1, 0, in_arena(floats)))
        else:
            output_places.append((4, len(outputs), 0))
            outputs.append(place(region(next(free)), floats))
            outputs[-1][:] = math.nan
    if in_place:
        input_places[in_place[1]] = output_places[in_place[0]]
    shared, scratch = in_arena(needs.shared_floats), in_arena(needs.thread_floats * threads)
    memory = pieces.joined(place)
    program = _core.Program(
        target, threads, size, memory, [len(x) for x in plain], [len(y) for y in outputs]
    )
    program.add(
        problem.kind, kernel, attributes, input_places, output_places, weight_places, shared,
        scratch,
    )  # fmt: skip
    context = _core.Context(program)
    arena = context.arena
    arena[:] = math.nan
    if in_place:
        start = output_places[in_place[0]][2]
        arena[start : start + kept.size] = kept
    before = [x.copy() for x in (memory, *plain)]
    context.run(plain, outputs, 0, 1)
    used = np.zeros(size, bool)
    for start, floats in spans:
        used[start : start + floats] = True
    assert np.isnan(arena[~used]).all(), "it wrote outside its memory"
    for x, old in zip((memory, *plain), before, strict=True):
        assert np.array_equal(x, old, equal_nan=True), "it wrote into what it reads"
    return [
        np.empty(0)
        if operand is None
        else operand.read(
            outputs[where] if space == 4 else arena[start : start + floats].copy(), lanes
        )
        for operand, floats, (space, where, start) in zip(
            problem.outputs, told[1], output_places, strict=True
        )
    ]


def _weights(
    problem: Problem,
    target: str,
    kernel: str,
    attributes: dict[str, Any],
    told: list[int],
    needs: _core.Needs,
) -> Iterator[tuple[int, Array]]:
    """Each weight as the kernel reads it, with its index."""
    first = 0
    if problem.weight is not None:
        memory = region(0).at_end(-(-needs.weight_floats // 16) * 16)[: needs.weight_floats]
        memory[:] = math.nan
        _core.pack(target, problem.kind, kernel, attributes, problem.weight, memory)
        yield 0, memory.copy()
        first = 1
    for i, given in enumerate(problem.weights, first):
        if given is not None:
            padded = np.zeros(told[i], np.float32)
            padded[: given.size] = given.ravel()
            yield i, padded
