"""The memory of a plan: one arena, in which every map lives from its writer to its last reader."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .. import _core
from ._values import Array, Map, Step, Storage

ALIGNED_FLOATS = 16  # 64 bytes: a cache line

SPACES = {"none": 0, "arena": 1, "weights": 2, "input": 3, "output": 4}
"""Numbers of the memory spaces (csrc/engine/program.hpp)."""


_OVERWRITES = {
    "elementwise": 1,
    "activation_gradient": 3,
    "prelu_gradient": 2,
    "softmax_gradient": 2,
    "batch_norm": 1,
    "norm_gradient": 2,
    "cross_entropy": 1,
}
"""Kinds of steps whose output may lie where one of their first so many inputs does."""


@dataclass
class Placement:
    """Where everything lies in the arena, in floats.

    Args:
        floats: Size of the arena: the most that is in use at one time.
        offsets: Of each storage.
        shared, scratch: Of each step's scratch.
        in_place: Storages that lie where another does.
    """

    floats: int = 0
    offsets: dict[Storage, int] = field(default_factory=dict)
    shared: list[int] = field(default_factory=list)
    scratch: list[int] = field(default_factory=list)


def place(steps: list[Step], needs: list[_core.Needs | None], threads: int) -> Placement:
    """Lay the arena out.

    The largest pieces come first, each at the lowest place where nothing that lives at the same
    time is (Pisarchyk and Lee 2020, arXiv:2001.03288, greedy by size).
    """
    same = _in_place(steps)
    spans = _spans(steps, same)
    pieces: list[_Piece] = [
        _Piece(storage, storage.floats, *span) for storage, span in spans.items()
    ]
    shared, scratch = [], []
    for i, need in enumerate(needs):
        shared.append(_Piece(None, need.shared_floats if need else 0, i, i))
        scratch.append(_Piece(None, need.thread_floats * threads if need else 0, i, i))
    pieces += [piece for piece in shared + scratch if piece.floats]
    total = _lay_out(pieces)
    offsets = {p.storage: p.offset for p in pieces if p.storage is not None}
    for storage, other in same.items():
        offsets[storage] = offsets[_root(same, other)]
    return Placement(total, offsets, [p.offset for p in shared], [p.offset for p in scratch])


@dataclass
class _Piece:
    storage: Storage | None
    floats: int
    first: int
    last: int
    offset: int = 0


def _lay_out(pieces: list[_Piece]) -> int:
    placed: list[_Piece] = []
    total = 0
    for piece in sorted(pieces, key=lambda p: (-p.floats, p.first)):
        size = rounded(piece.floats)
        offset = 0
        for other in placed:  # kept in the order of their offsets
            if other.first > piece.last or other.last < piece.first:
                continue
            if other.offset - offset >= size:
                break
            end = other.offset + rounded(other.floats)
            offset = max(offset, end)
        piece.offset = offset
        placed.append(piece)
        placed.sort(key=lambda p: p.offset)
        total = max(total, offset + size)
    return total


def _spans(steps: list[Step], same: dict[Storage, Storage]) -> dict[Storage, tuple[int, int]]:
    """First and last step that touches each storage of the arena."""
    spans: dict[Storage, tuple[int, int]] = {}
    for i, step in enumerate(steps):
        for map_ in step.maps:
            if map_.storage.space == "arena":
                storage = _root(same, map_.storage)
                spans[storage] = (spans.get(storage, (i, i))[0], i)
    return spans


def _in_place(steps: list[Step]) -> dict[Storage, Storage]:
    """Let what works number by number write where it reads, if nobody reads that again."""
    last: dict[Storage, int] = {}
    for i, step in enumerate(steps):
        for map_ in step.maps:
            last[map_.storage] = i
    same: dict[Storage, Storage] = {}
    for i, step in enumerate(steps):
        y = _over(step)
        for x in step.inputs[: _OVERWRITES.get(step.kind, 0)]:
            if x is None or y is None or not (_whole(x) and _whole(y)) or last[x.storage] != i:
                continue
            if _first_touch(steps, y.storage) == i and x.storage.floats == y.storage.floats:
                same[y.storage] = x.storage
                root = _root(same, x.storage)
                last[root] = max(last.get(root, i), last[y.storage])
                break
    return same


def _over(step: Step) -> Map | None:
    """The output that may lie where an input does: of a norm's gradients the one written first."""
    masked = step.outputs[3] if len(step.outputs) > 3 else None
    return masked or step.outputs[0]


def _first_touch(steps: list[Step], storage: Storage) -> int:
    return next(i for i, step in enumerate(steps) if any(m.storage is storage for m in step.maps))


def _whole(map_: Map) -> bool:
    return map_.storage.space == "arena" and map_.offset == 0 and map_.storage.floats == map_.floats


def _root(same: dict[Storage, Storage], storage: Storage) -> Storage:
    while storage in same:
        storage = same[storage]
    return storage


def rounded(floats: int) -> int:
    """So many, filled up to whole cache lines."""
    return -(-floats // ALIGNED_FLOATS) * ALIGNED_FLOATS


def aligned(floats: int) -> Array:
    """Zeros that start at a multiple of 64 bytes."""
    memory = np.zeros(floats + ALIGNED_FLOATS, np.float32)
    start = -(memory.ctypes.data // 4) % ALIGNED_FLOATS
    return memory[start : start + floats]
