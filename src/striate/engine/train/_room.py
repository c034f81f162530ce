"""Memory for gradients, which is used again once nobody holds them."""

from __future__ import annotations

import math
import sys
from collections.abc import Hashable
from typing import Any

import numpy as np
import torch
from torch import Tensor

Array = np.ndarray[Any, Any]


def _free() -> int:
    array = np.empty(0)
    return sys.getrefcount(array)


_FREE = _free()
"""References to an array that only `take` knows, as this Python counts them."""


class Room:
    """Hands out memory for tensors that are made in each step.

    What `zero_grad` lets go of, the system takes back, and gives anew page by page, each filled
    with zeros first: for 100 MB some 20 ms a step. NumPy's arrays say how many references they
    have, a tensor's among them.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, Array] = {}

    def take(self, key: Hashable, shape: tuple[int, ...]) -> Tensor:
        """Memory for a tensor: that of the last one with this key, if it is gone.

        Args:
            key: What the tensor is.
            shape: Of the tensor; part of the key.
        """
        array = self._kept.pop((key, shape), None)
        if array is None or sys.getrefcount(array) > _FREE:
            array = _aligned(shape)
        self._kept[key, shape] = array
        return torch.from_numpy(array)


def _aligned(shape: tuple[int, ...]) -> Array:
    """At the start of a cache line, in huge pages if it is large (as NumPy has it)."""
    count, line = math.prod(shape), 16
    array = np.empty(count + line, np.float32)
    start = -array.ctypes.data // 4 % line
    return array[start : start + count].reshape(shape)
