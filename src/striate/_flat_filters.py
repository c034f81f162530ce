"""Filters as what a picture can show of them: a line, a sheet of numbers, or colours."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]
Kind = Literal["lines", "colour", "signed"]


def kind_of(shape: tuple[int, ...]) -> Kind:
    """Tell how a filter (C, *kernel) is drawn: three channels of two or three axes are colours."""
    return "lines" if len(shape) == 2 else "colour" if shape[0] == 3 else "signed"


def flat_filters(states: list[Floats]) -> list[Floats]:
    """Leave of each filter what a picture can show: a middle slice, and colours or one channel.

    The channel is the one with the largest weights in the first state, and the same in the others.

    Shape:
        states (O, C, *kernel); output (O, K), (O, H, W), or of colours (O, 3, H, W).
    Example:
        >>> weight = np.zeros((1, 2, 1, 3))
        >>> weight[0, 1] = [1, 0, -1]
        >>> flat_filters([weight])[0].tolist()
        [[[1.0, 0.0, -1.0]]]
    """
    kind = kind_of(states[0].shape[1:])
    if states[0].ndim == 5:
        states = [state[:, :, state.shape[2] // 2] for state in states]
    if kind == "colour":
        return states
    filters, channels = states[0].shape[:2]
    strength = np.abs(states[0]).reshape(filters, channels, -1).sum(2)
    chosen = np.arange(filters), strength.argmax(1)
    return [state[chosen] for state in states]
