"""Memory that steps use again: of gradients nobody holds any more, and of passes."""

from __future__ import annotations

import math
import sys
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from ... import _core
    from ...runtime._run import Runner

Array = np.ndarray[Any, Any]


def _free() -> int:
    array = np.empty(0)
    return sys.getrefcount(array)


_FREE = _free()
"""References to an array that only `take` knows, as this Python counts them."""


class Room:
    """Hands out memory for tensors that are made in each step, and for passes.

    What `zero_grad` or a pass lets go of, the system takes back, and gives anew page by page, each
    filled with zeros first: for 100 MB some 20 ms a step. NumPy's arrays say how many references
    they have, a tensor's among them. Passes tell when they end.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, Array] = {}
        self._left: dict[Runner, _core.Context] = {}

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

    def enter(self, runner: Runner) -> _core.Context:
        """Memory for a program to run in: what was left, if it was the same program's."""
        context = self._left.pop(runner, None)
        if context is None:
            self._left.clear()  # before there is other memory
            context = runner.context()
        return context

    def leave(self, runner: Runner, context: _core.Context) -> None:
        """Give memory back for the next to enter; what others left goes."""
        self._left.clear()
        self._left[runner] = context


def _aligned(shape: tuple[int, ...]) -> Array:
    """At the start of a cache line, in huge pages if it is large (as NumPy has it)."""
    count, line = math.prod(shape), 16
    array = np.empty(count + line, np.float32)
    start = -array.ctypes.data // 4 % line
    return array[start : start + count].reshape(shape)
