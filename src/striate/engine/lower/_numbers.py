"""What values are: their shapes, their numbers, and whether floats hold these."""

from __future__ import annotations

import numpy as np

from ...graph import Graph
from .._values import Array

Span = tuple[float, float]
MOST_WHOLE = 1 << 24
"""Up to here float32 holds all whole numbers."""


class NotNative(Exception):  # noqa: N818 - it says why, and is caught
    """No kernel computes this; the text says what is missing."""


class Numbers:
    """What is known of the values of a graph.

    Args:
        graph: The network, worked out for its shapes.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.spans: dict[str, Span] = {}
        """Of truths and whole numbers that native steps make, as floats: the least and the most."""

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a value.

        Raises:
            NotNative: It isn't known.
        """
        type_ = self.graph.types[name]
        if type_ is None:
            raise NotNative("its shape is not known")
        return type_.shape

    def is_float(self, name: str) -> bool:
        """Whether a value holds float32 numbers, the only ones native steps know."""
        return self._dtype(name) == "float32"

    def is_native(self, name: str) -> bool:
        """Whether float32 holds a value's numbers exactly: they are that, truths, or small ones."""
        return self.is_float(name) or self.span(name) is not None

    def span(self, name: str) -> Span | None:
        """From where to where a value's whole numbers go; None where they may not be exact."""
        if name not in self.spans and self._dtype(name) == "bool":
            return 0, 1
        if name in self.graph.weights and name not in self.spans:
            array = self.graph.weights[name].numpy()
            if array.dtype.kind in "iu" and array.size:
                self.mark(name, int(array.min()), int(array.max()))
        return self.spans.get(name)

    def mark(self, name: str, least: float, most: float) -> None:
        """Tell that a value's whole numbers lie between these, if floats hold all such exactly."""
        if max(abs(least), abs(most)) <= MOST_WHOLE:
            self.spans[name] = least, most

    def _dtype(self, name: str) -> str | None:
        type_ = self.graph.types[name]
        return None if type_ is None else type_.dtype

    def check_floats(self, *names: str | None, filled: bool = False) -> None:
        """Refuse values that no native step knows.

        Args:
            names: Values that must hold float32 numbers, or such as float32 holds exactly.
            filled: Whether each must hold one at least.
        Raises:
            NotNative: One is of another dtype, absent or empty.
        """
        if not all(name is not None and self.is_native(name) for name in names):
            raise NotNative("it reads or makes other numbers than float32")
        if filled and any(0 in self.shape(name) for name in names if name is not None):
            raise NotNative("it is empty")

    def is_read(self, name: str) -> bool:
        """Whether anybody wants a value."""
        return name in self.graph.readers or name in self.graph.outputs

    def weight(self, name: str | None) -> Array | None:
        """The numbers of a weight in float32; None for None.

        Raises:
            NotNative: It is no weight, but computed.
        """
        if name is None:
            return None
        if name not in self.graph.weights:
            raise NotNative(f"its weight {name} is computed while the network runs")
        return np.asarray(self.graph.weights[name].numpy(), np.float32, order="C")
