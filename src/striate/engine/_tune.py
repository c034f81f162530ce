"""Measure kernels on one shape, as they would run in the plan."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from ._place import ALIGNED_FLOATS, SPACES, aligned, rounded

_COPIES_BYTES = 96 << 20  # of the weights, that each run finds in memory, not in cache
_ROUNDS = 5
_ROUND_S = 0.01


def measure_kernels(
    target: str,
    kind: str,
    attributes: dict[str, Any],
    kernels: list[str],
    *,
    threads: int,
    cold: bool,
) -> dict[str, float]:
    """Time each kernel on an empty map: the least of a few rounds, in which all take turns.

    Args:
        cold: Whether a call finds its weights in memory, as in a plan with many. Then a run goes
            through copies of the weights, one behind the other.
    Returns:
        Seconds of one run, by kernel.
    """
    trials = {
        name: _Trial(target, kind, name, attributes, threads=threads, cold=cold) for name in kernels
    }
    times = dict.fromkeys(kernels, float("inf"))
    for _ in range(_ROUNDS):
        for name, trial in trials.items():
            times[name] = min(times[name], trial.seconds())
    return times


class _Trial:
    """A program of one step, or of as many as there are copies of its weights."""

    def __init__(
        self,
        target: str,
        kind: str,
        kernel: str,
        attributes: dict[str, Any],
        *,
        threads: int,
        cold: bool,
    ) -> None:
        needs = _core.needs(target, kind, kernel, attributes, threads)
        extents = _core.extents(target, kind, kernel, attributes)
        ins, outs, weights = ([rounded(n) for n in sizes] for sizes in extents)
        copy = sum(weights)
        self._copies = _COPIES_BYTES // (4 * copy) + 1 if cold and 4 * copy > 1 << 18 else 1
        block = aligned(max(self._copies * copy, ALIGNED_FLOATS))
        block[:] = 1  # else all pages are the same one of zeros, in cache
        offsets = np.cumsum([0, *ins, *outs, rounded(needs.shared_floats)])
        arena = int(offsets[-1]) + needs.thread_floats * threads
        program = _core.Program(target, threads, arena, block, [], [])
        starts = np.cumsum([0, *weights])[:-1]
        arena_space, weight_space = SPACES["arena"], SPACES["weights"]
        for i in range(self._copies):
            program.add(
                kind, kernel, attributes,
                [(arena_space, 0, int(o)) for o in offsets[: len(ins)]],
                [(arena_space, 0, int(o)) for o in offsets[len(ins) : len(ins) + len(outs)]],
                [(weight_space, 0, i * copy + int(start)) for start in starts],
                int(offsets[len(ins) + len(outs)]), int(offsets[-1]),
            )  # fmt: skip
        self._context = _core.Context(program)
        self._context.arena[:] = 0
        once = self._run(1)
        self._repeats = max(1, int(_ROUND_S / max(once, 1e-6)))

    def _run(self, repeats: int) -> float:
        return min(self._context.time([], [], 0, self._copies, repeats))

    def seconds(self) -> float:
        """Time of one step, now."""
        return self._run(self._repeats) / self._copies
