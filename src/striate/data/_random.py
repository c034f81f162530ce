"""Random numbers as a function of where they are used, with no state to save or to share.

Every number is a hash of (seed, epoch, what it is for, position in the epoch). So an epoch can be
entered at any step, or cut up between processes, and each sample still gets its own numbers. The
hash is the finaliser of SplitMix64 (Steele, Lea and Flood 2014), chained over the words.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_MASK = (1 << 64) - 1


def epoch_order(count: int, seed: int, epoch: int) -> Tensor:
    """Shuffle 0 .. count-1 for one epoch.

    Example:
        >>> epoch_order(6, seed=0, epoch=1).sort().values
        tensor([0, 1, 2, 3, 4, 5])
    """
    keys = _hash(seed, epoch, "order", np.arange(count, dtype=np.uint64))
    return torch.from_numpy(np.argsort(keys, kind="stable"))


@dataclass(frozen=True)
class Draws:
    """The random numbers of a batch: one a sample for each purpose.

    Args:
        seed, epoch: Of the run.
        positions: Where the samples stand in the epoch, int64.
    Example:
        >>> import torch
        >>> draws = Draws(seed=0, epoch=1, positions=torch.arange(100))
        >>> flips = draws.uniform("flip") < 0.5
        >>> later = Draws(seed=0, epoch=1, positions=torch.arange(50, 100))
        >>> torch.equal(later.uniform("flip"), draws.uniform("flip")[50:])
        True
    """

    seed: int
    epoch: int
    positions: Tensor

    def uniform(self, purpose: str) -> Tensor:
        """Draw from 0 <= u < 1, float64, one a sample."""
        values = _hash(self.seed, self.epoch, purpose, self.positions.numpy().astype(np.uint64))
        return torch.from_numpy((values >> np.uint64(11)).astype(np.float64) * 2.0**-53)

    def integers(self, purpose: str, low: int, high: int) -> Tensor:
        """Draw whole numbers from low .. high, both included."""
        return (self.uniform(purpose) * (high - low + 1)).floor().long() + low

    def between(self, purpose: str, low: float, high: float) -> Tensor:
        """Draw from low <= u < high, float64."""
        return self.uniform(purpose) * (high - low) + low


def _hash(seed: int, epoch: int, purpose: str, positions: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return _mix(_mix(positions) ^ _key(seed, epoch, purpose))


@lru_cache
def _key(seed: int, epoch: int, purpose: str) -> NDArray[np.uint64]:
    key = np.zeros(1, dtype=np.uint64)
    for word in (seed, epoch, zlib.crc32(purpose.encode())):
        key = _mix(key ^ np.array([word & _MASK], dtype=np.uint64))
    return key


def _mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
