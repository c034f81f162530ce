"""Built-in inputs, for a network that is looked at with nothing given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._subject import Floats, Subject
from ._samples import Sample

Draw = Callable[[Floats, Floats], Floats]

PATTERNS: dict[str, Draw] = {
    "rings": lambda y, x: np.cos(12 * np.hypot(y, x)) / 2 + 0.5,
    "disc": lambda y, x: (np.hypot(y, x) < 0.6).astype(np.float64),
    "bars": lambda y, x: np.sin(14 * (x + y / 2)) / 2 + 0.5,
    "cross": lambda y, x: ((np.abs(y - x) < 0.2) | (np.abs(y + x) < 0.2)).astype(np.float64),
}
"""Values from 0 to 1 by y and x, which go from -1 to 1."""


def example_samples(subject: Subject) -> list[Sample]:
    """Simple patterns in the input's shape: pictures, waves, volumes."""
    return [Sample(name, _reader(draw)) for name, draw in PATTERNS.items()]


def _reader(draw: Draw) -> Callable[[Subject], Floats]:
    def read(subject: Subject) -> Floats:
        channels, *sizes = subject.input_shape or (1,)
        axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in sizes or [1]), indexing="ij")
        y = axes[0] if len(axes) > 1 else np.zeros_like(axes[0])
        veil = np.prod([np.cos(a) for a in axes[1:-1]], axis=0)
        stretches = 1 + np.arange(channels) / (4 * channels)  # so that pictures have colours
        every = np.stack([draw(y / s, axes[-1] * s) * veil for s in stretches])
        column = (-1, *[1] * len(sizes))
        mean = np.reshape(subject.preprocess.mean, column)
        std = np.reshape(subject.preprocess.std, column)
        return np.asarray(((every - mean) / std)[None], np.float32)

    return read
