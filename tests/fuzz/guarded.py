"""Run one step on memory that ends, or starts, where the process may not read or write."""

from __future__ import annotations

import ctypes
import math
import mmap
from functools import cache
from typing import Any

import numpy as np

from striate import _core

from .problem import Array, Operand, Problem

_PAGE = mmap.PAGESIZE
_NOTHING = 0  # PROT_NONE
_FLOATS = 1 << 22  # of a region; problems are smaller
_GAP = 16  # floats of NaN between what lies in one region


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
        return self.floats[_FLOATS - floats :]

    def at_start(self, floats: int) -> Array:
        """So many floats, before which is nothing."""
        return self.floats[:floats]


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


def run(
    problem: Problem, target: str, kernel: str, threads: int, *, at_end: bool = True
) -> list[Array]:
    """Compute a problem by a kernel: (N, C, *sizes), or as the operand is.

    Raises:
        AssertionError: The kernel wrote where it should not, or left out what it should write.
    """
    lanes = dict(_core.targets())[target]
    attributes = problem.attributes_for(lanes)
    needs = _core.needs(target, problem.kind, kernel, attributes, threads)
    told = _core.extents(target, problem.kind, kernel, attributes)
    place = Region.at_end if at_end else Region.at_start
    free = iter(range(1, 16))

    inputs, input_places = [], []
    for i, operand in enumerate(problem.inputs):
        if operand is None:
            input_places.append((0, 0, 0))
            continue
        memory = place(region(next(free)), told[0][i])
        lay_out(operand, lanes, memory)
        input_places.append((3, len(inputs), 0))
        inputs.append(memory)
    outputs = []
    for floats in told[1]:
        outputs.append(place(region(next(free)), floats))
        outputs[-1][:] = math.nan
    weights, weight_places = _weights(problem, target, kernel, attributes, told[2], needs, place)

    shared = _GAP
    scratch = shared + -(-needs.shared_floats // 16) * 16 + _GAP
    size = scratch + needs.thread_floats * threads + _GAP
    program = _core.Program(
        target, threads, size, weights, [len(x) for x in inputs], [len(y) for y in outputs]
    )
    program.add(
        problem.kind, kernel, attributes, input_places,
        [(4, i, 0) for i in range(len(outputs))], weight_places, shared, scratch,
    )  # fmt: skip
    context = _core.Context(program)
    arena = context.arena
    arena[:] = math.nan
    before = [x.copy() for x in inputs]
    context.run(inputs, outputs, 0, 1)
    used = np.zeros(size, bool)
    used[shared : shared + needs.shared_floats] = True
    used[scratch : scratch + needs.thread_floats * threads] = True
    assert np.isnan(arena[~used]).all(), "it wrote outside its scratch"
    for x, kept in zip(inputs, before, strict=True):
        assert np.array_equal(x, kept, equal_nan=True), "it wrote into its input"
    return [
        operand.read(memory, lanes)
        for operand, memory in zip(problem.outputs, outputs, strict=True)
    ]


def _weights(
    problem: Problem,
    target: str,
    kernel: str,
    attributes: dict[str, Any],
    told: list[int],
    needs: _core.Needs,
    place: Any,
) -> tuple[Array, list[tuple[int, int, int]]]:
    """All weights in one region; the one that is packed at its guarded end."""
    pieces: list[Array | None] = []
    if problem.weight is not None:
        memory = region(0).at_end(-(-needs.weight_floats // 16) * 16)[: needs.weight_floats]
        memory[:] = math.nan
        _core.pack(target, problem.kind, kernel, attributes, problem.weight, memory)
        pieces.append(memory.copy())
    for given, floats in zip(problem.weights, told[len(pieces) :], strict=False):
        if given is None:
            pieces.append(None)
            continue
        padded = np.zeros(floats, np.float32)
        padded[: given.size] = given.ravel()
        pieces.append(padded)
    order = list(range(len(pieces)))
    if place is Region.at_end:
        order.reverse()
    starts, size = {}, 0
    for i in order:
        piece = pieces[i]
        if piece is not None:
            starts[i] = size
            size += -(-piece.size // 16) * 16 + _GAP
    size = max(size - _GAP, 16)
    memory = place(region(0), size)
    memory[:] = math.nan
    for i, start in starts.items():
        piece = pieces[i]
        assert piece is not None
        memory[start : start + piece.size] = piece
    return memory, [(2, 0, starts[i]) if i in starts else (0, 0, 0) for i in range(len(pieces))]
