"""What an endpoint gets and gives, apart from how it travels: HTTP, or a table in an export."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import OptionError, StriateError

if TYPE_CHECKING:
    from ...graph import Node
    from ._session import Session


class RequestError(StriateError):
    """Something asked for that is not there, or cannot be.

    Args:
        message: One sentence for the page.
        status: Of HTTP.
    """

    def __init__(self, message: str, status: int = 404) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Json:
    """An object that JSON can hold; numbers that it cannot hold become null."""

    data: dict[str, Any]

    def content(self) -> bytes:
        """The text as bytes."""
        return self.text().encode()

    def text(self) -> str:
        """The object as JSON writes it."""
        try:
            return json.dumps(self.data, allow_nan=False, separators=(",", ":"), default=plain)
        except ValueError:  # a number that JSON has no word for
            return json.dumps(plain(self.data), allow_nan=False, separators=(",", ":"))


@dataclass(frozen=True)
class Numbers:
    """An array, sent as little-endian float32 in C order, with its shape in a header."""

    array: NDArray[Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        """The numbers as bytes."""
        return np.ascontiguousarray(self.array, "<f4").tobytes()

    @property
    def shape(self) -> str:
        """The sizes with commas between."""
        return ",".join(map(str, self.array.shape))


@dataclass(frozen=True)
class Picture:
    """A PNG file."""

    content: bytes


Answer = Json | Numbers | Picture


@dataclass(frozen=True)
class Ask:
    """What is asked of an endpoint.

    Args:
        path: The variable parts of the path, by name.
        query: What stands behind the question mark.
        body: Of a POST, decoded.
    """

    path: Mapping[str, Any]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None

    def number(self, name: str, usual: int, least: int = 0) -> int:
        """Read a whole number of the query.

        Raises:
            OptionError: It is none, or less than `least`.
        """
        text = self.query.get(name, str(usual))
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= least):
            raise OptionError(f"{name}={text[:20]!r} must be a whole number of {least} or more.")
        return int(text)

    def numbers(self, name: str) -> tuple[int, ...]:
        """Read whole numbers with commas between; none where it is absent or empty."""
        text = self.query.get(name, "")
        parts = text.split(",") if text else []
        if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
            raise OptionError(f"{name}={text[:40]!r} must be whole numbers with commas between.")
        return tuple(map(int, parts))

    def node(self, session: Session) -> Node:
        """The layer that the path names by its number.

        Raises:
            RequestError: There is none.
        """
        number, nodes = int(self.path["layer"]), session.subject.graph.nodes
        if number >= len(nodes):
            raise RequestError(f"There is no layer {number}; there are {len(nodes)}, from 0.")
        return nodes[number]


def plain(value: Any) -> Any:
    """Put tuples and NumPy's numbers into what JSON has; NaN and infinity become None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
