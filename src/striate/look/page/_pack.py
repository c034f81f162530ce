"""How exactly an export keeps its numbers, so that the file does not grow without end."""

from __future__ import annotations

import base64
import gzip
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._subject import Floats
from ._filters import MOST_IN
from ._model import filter_shape
from ._session import Session

MOST_BYTES = 18 << 20
"""Of all maps and filters, before they are compressed and written as text."""


@dataclass(frozen=True)
class Width:
    """How numbers of maps and filters are kept.

    Args:
        dtype: Of each number; int8 in steps of 1/127 of the largest of 64 maps.
        side: Pixels of a map's longer side; larger ones are averaged down.
    """

    dtype: str
    side: int


EXACT = Width("float32", 64)
WIDTHS = (EXACT, *(Width("float16", 64), Width("int8", 64), Width("int8", 32), Width("int8", 16)))
"""The first that fits is taken."""


def fitting_width(session: Session) -> Width:
    """Choose how exactly the maps of all samples, and the filters, can be kept."""
    for width in WIDTHS:
        if _numbers(session, width.side) * np.dtype(width.dtype).itemsize <= MOST_BYTES:
            return width
    return WIDTHS[-1]


def _numbers(session: Session, side: int) -> int:
    """Numbers of maps and filters that are kept."""
    graph = session.subject.graph
    filters = (filter_shape(graph, node) for node in graph)
    weights = sum(math.prod((s[0], min(s[1], MOST_IN), *s[2:])) for s in filters if s)
    kinds = (graph.types[node.outputs[0]] for node in session.subject.layers)
    shapes = (kind.shape[1:] for kind in kinds if kind is not None)
    maps = sum(math.prod((*s[:1], *(min(n, side) for n in s[1:]))) for s in shapes)
    return weights + maps * len(session.samples)


def packed(array: Floats, dtype: str) -> dict[str, Any]:
    """Compress an array.

    Returns:
        `shape`, `dtype`, `gzip` in base64, and of int8 the `scale`: a step in the array's unit.
    """
    numbers = np.ascontiguousarray(array, "<f4")
    largest = float(np.abs(numbers).max(initial=0))
    if not largest < 6e4:  # nor NaN: no halves
        dtype = "float32"
    entry: dict[str, Any] = {"shape": numbers.shape, "dtype": dtype}
    if dtype == "int8":
        scale = largest / 127 or 1.0
        numbers, entry["scale"] = np.rint(numbers / scale), scale
    content = numbers.astype(np.dtype(dtype).newbyteorder("<")).tobytes()
    return {**entry, "gzip": zipped(content)}


def zipped(content: bytes) -> str:
    """Compress bytes, as text."""
    return base64.b64encode(gzip.compress(content, 6, mtime=0)).decode()


def short(value: Any) -> Any:
    """Keep 8 digits, more than single precision has."""
    if isinstance(value, float):
        return float(f"{value:.8g}")
    if isinstance(value, dict):
        return {key: short(item) for key, item in value.items()}
    return [short(item) for item in value] if isinstance(value, list) else value
