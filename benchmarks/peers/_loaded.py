"""What a driver gives to its worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


class UnsupportedError(Exception):
    """The engine cannot run this network; the text says why, in a line."""


@dataclass(frozen=True)
class Loaded:
    """A network that is ready to run on its input.

    Args:
        run: Runs it once and gives the output, in the engine's own type: this is what is timed.
        read: Makes a NumPy array of that.
    """

    run: Callable[[], Any]
    read: Callable[[Any], Any] = np.asarray
