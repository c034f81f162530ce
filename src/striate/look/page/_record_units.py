"""Which units' sums an export holds, and how."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from ...graph import Node
from .._subject import Floats
from ._answers import Ask, Json
from ._model import filter_shape
from ._pack import zipped
from ._session import Session
from ._unit import MOST_TERMS, SHOWN, unit

MOST_UNITS = 15_000
"""Of one file, of layers whose units are all held: each takes about a millisecond to write."""

MOST_OF_LAYER = 5_000
"""Units of a layer that are all held."""

MOST_STRONGEST = 3_000
"""Of one file, of other layers: their units take several milliseconds."""

UNIT_BYTES = 120_000_000
"""Of one file, as text, which compresses to a tenth."""


def wanted_units(session: Session) -> dict[str, int | None]:
    """Tell how many channels' strongest units of each layer are held for a sample; None: all units.

    Small layers come first: all their units, while there is room.
    """
    samples, layers = max(len(session.samples), 1), list(session.subject.layers)
    room, text = MOST_UNITS / samples, UNIT_BYTES / samples
    sizes = {node.name: _size(session, node) for node in layers}
    few: list[Node] = []
    wanted: dict[str, int | None] = {}
    for node in sorted(layers, key=lambda one: sizes[one.name]):
        size, length = sizes[node.name], sizes[node.name] * _unit_bytes(session, node)
        if size <= min(room, MOST_OF_LAYER) and length <= text:
            wanted[node.name] = None
            room, text = room - size, text - length
        else:
            few.append(node)
    each = MOST_STRONGEST // (samples * max(len(few), 1))
    return wanted | {node.name: max(each, 1) for node in few}


def units(
    session: Session, at: dict[str, Any], value: Floats, wanted: int | None
) -> dict[str, Any]:
    """Answer for the units of a layer that are held, under "channel:place".

    Returns:
        The answers in `gzip`, as JSON; and where not all units are held, their `places`.
    """
    chosen = list(np.ndindex(*value.shape)) if wanted is None else strongest(value, wanted)
    answers: dict[str, str] = {}
    for channel, *place in chosen:
        where = ",".join(map(str, place))
        told = unit(session, Ask(at, {"channel": str(channel), "place": where}))
        assert isinstance(told, Json)
        answers[f"{channel}:{where}"] = LONG.sub(r"\1", told.text())
    text = ",".join(f'"{key}":{answer}' for key, answer in answers.items())
    entry: dict[str, Any] = {"gzip": zipped(f"{{{text}}}".encode())}
    return entry if wanted is None else {**entry, "places": dict(k.split(":") for k in answers)}


LONG = re.compile(r"(\.\d{10})\d+")
"""Digits behind the tenth: there are more of them than single precision has."""


def strongest(value: Floats, channels: int) -> list[tuple[int, ...]]:
    """Find the strongest unit of each of the most active channels."""
    if not value.size:
        return []
    flat = np.abs(np.nan_to_num(value.reshape(len(value), -1)))
    active = np.argsort(-flat.mean(1), kind="stable")[:channels]
    places = (np.unravel_index(int(flat[c].argmax()), value.shape[1:]) for c in active)
    return [(int(c), *map(int, place)) for c, place in zip(active, places, strict=True)]


def _size(session: Session, node: Node) -> int:
    kind = session.subject.graph.types[node.outputs[0]]
    assert kind is not None
    return math.prod(kind.shape[1:])


def _unit_bytes(session: Session, node: Node) -> int:
    """About how long the text of a unit of a layer is."""
    shape = filter_shape(session.subject.graph, node)
    sizes = shape[1:] if shape else (w.size for w in getattr(node.op, "windows", ()))
    terms = math.prod(sizes)
    return 500 + 130 * (terms if terms <= MOST_TERMS else SHOWN)
