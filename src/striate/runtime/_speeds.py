"""How fast this machine computes and reads: measured once, and kept."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from .. import _core
from .._files import cache_dir, whole_file

_MIB = 1 << 20


@dataclass(frozen=True)
class Speeds:
    """What one thread reaches.

    Args:
        gflops: 10^9 operations a second, a multiply-add being two, all in registers.
        l2, l3, memory: Gigabytes (10^9) a second, read from there.
    """

    gflops: float
    l2: float
    l3: float
    memory: float

    def read_s(self, size: int, *, cold: bool, among: int = 0, threads: int = 1) -> float:
        """Seconds to read so many bytes.

        Args:
            size: Bytes.
            cold: Whether they come from memory; else from the cache they fit into.
            among: Bytes that are read before they are again, themselves included.
            threads: Threads that share the work. More than two read no faster from memory.
        """
        caches = _core.cpu_caches()
        if cold or size > caches.l3_bytes > 0:
            return size / (1e9 * self.memory * min(threads, 2))
        rate = self.l2 if max(size, among) <= caches.l2_bytes // 2 else self.l3
        return size / (1e9 * rate * threads)


@lru_cache
def speeds(target: str) -> Speeds:
    """Give the speeds of this machine with an instruction set.

    The first time, it measures for about half a second and writes the numbers into the cache
    ($STRIATE_CACHE, or ~/.cache/striate); from then on they are read. Delete speeds.json there to
    have them measured anew.
    """
    path = cache_dir() / "speeds.json"
    key = f"{_core.cpu_brand()} {target}"
    kept = _read(path)
    found = _speeds(kept.get(key))
    if found is None:
        found = measure(target)
        with suppress(OSError), whole_file(path) as file:  # without it, they are measured again
            file.write(json.dumps({**kept, key: asdict(found)}, indent=1).encode())
    return found


def leave_cache(weight_bytes: int) -> bool:
    """Whether so many weights are gone from the caches when a plan runs again."""
    return weight_bytes > (_core.cpu_caches().l3_bytes or 16 * _MIB) // 2


def measure(target: str) -> Speeds:
    """Measure the speeds of one thread now."""
    caches = _core.cpu_caches()
    l2, l3 = caches.l2_bytes or _MIB // 2, caches.l3_bytes or 16 * _MIB
    return Speeds(
        gflops=_core.peak_gflops(target),
        l2=_core.bandwidth(target, l2 // 2),
        l3=_core.bandwidth(target, max(l2, l3 // 4)),
        memory=_core.bandwidth(target, min(max(2 * l3, 64 * _MIB), 256 * _MIB)),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _speeds(told: Any) -> Speeds | None:
    """The speeds that a file tells, if they can be."""
    try:
        found = Speeds(**{name: float(value) for name, value in told.items()})
    except (AttributeError, TypeError, ValueError):
        return None
    return found if all(0 < rate < 1e9 for rate in asdict(found).values()) else None
