"""The answers of one set of inputs, recorded for a page that has no server."""

from __future__ import annotations

import base64
import gzip
import math
from typing import Any

import numpy as np

from ...graph import Node
from .._subject import Activations
from ._answers import Answer, Ask, Json, Numbers, Picture, RequestError, plain
from ._filters import filters
from ._inputs import add_run, sample_thumbnail
from ._maps import given, histogram, maps, picture
from ._model import model_data
from ._session import Session
from ._unit import MOST_TERMS, SHOWN, unit

MOST_NUMBERS = 4_000_000
"""Numbers of maps and filters that are kept in single precision; of more, in half."""

UNIT_BYTES = 12_000_000
"""That the sums of units may take, as text; where not all fit, the strongest are kept."""

MOST_UNITS = 4096
"""Units of one layer that are all recorded."""

STRONGEST, CHANNELS = 1500, 16
"""Units that are recorded where not all are: of the file, and of one layer; one a channel."""

Table = dict[str, dict[str, Any]]


def record(session: Session) -> Table:
    """Ask all that the page may ask for, for every sample.

    Returns:
        By the address, relative to the page, what it is answered: `json`, or `shape`, `dtype` and
        `gzip` (base64 of the packed numbers), and for filters their `limit`.
    """
    table: Table = {"api/model": {"json": _model(session)}}
    half = _numbers(session) > MOST_NUMBERS
    for number in range(len(session.subject.graph)):
        _keep(table, f"api/filters/{number}?first=0&count=64", half, filters, session, layer=number)
    for number in range(len(session.samples)):
        told = add_run(session, Ask({}, body={"sample": number}))
        assert isinstance(told, Json)
        _of_run(table, session, number, told.data, half)
    return table


def _model(session: Session) -> dict[str, Any]:
    data = model_data(session)
    for sample in data["samples"]:
        sample["thumbnail"] = _url(sample_thumbnail(session, Ask({"sample": sample["id"]})))
    found: dict[str, Any] = plain(data)
    return found


def _of_run(table: Table, session: Session, sample: int, told: dict[str, Any], half: bool) -> None:
    """All answers about one input."""
    run = str(told["id"])
    if "picture" in told:
        told = {**told, "picture": _url(picture(session, Ask({"run": run})))}
    table[f"api/runs?sample={sample}"] = {"json": plain(told)}
    base = f"api/runs/{run}"
    _keep(table, f"{base}/input", False, given, session, run=run)
    found = session.run(run)
    for number, node in enumerate(session.subject.graph.nodes):
        if told["layers"][number] is None:
            continue
        at: dict[str, Any] = {"run": run, "layer": number}
        _keep(table, f"{base}/maps/{number}?first=0&count=64&side=64", half, maps, session, **at)
        _keep(table, f"{base}/histogram/{number}", half, histogram, session, **at)
        for index in recorded_units(session, found, node):
            query = {"channel": str(index[0]), "place": ",".join(map(str, index[1:]))}
            place = f"&place={query['place']}" if len(index) > 1 else ""
            url = f"{base}/unit/{number}?channel={index[0]}{place}"
            _keep(table, url, half, unit, session, query=query, **at)


def recorded_units(session: Session, run: Activations, node: Node) -> list[tuple[int, ...]]:
    """All units of a small layer; else the strongest of each of the most active channels."""
    value = run[node.name]
    if not value.size:
        return []
    share = UNIT_BYTES / len(session.samples) / max(len(session.subject.layers), 1)
    fitting = int(share / _unit_bytes(session, node))
    if value.size <= min(MOST_UNITS, fitting):
        return list(np.ndindex(*value.shape))
    flat = np.abs(np.nan_to_num(value.reshape(len(value), -1)))
    each = STRONGEST // (len(session.samples) * max(len(session.subject.layers), 1))
    kept = min(len(flat), CHANNELS, max(1, each))
    active = np.argsort(-flat.mean(1), kind="stable")[:kept]
    places = (np.unravel_index(int(flat[c].argmax()), value.shape[1:]) for c in active)
    return [(int(c), *map(int, place)) for c, place in zip(active, places, strict=True)]


def _unit_bytes(session: Session, node: Node) -> int:
    """About how long the text of a unit of a layer is."""
    from ._model import filter_shape

    shape = filter_shape(session.subject.graph, node)
    terms = (
        math.prod(shape[1:])
        if shape
        else math.prod(w.size for w in getattr(node.op, "windows", ()))
    )
    return 500 + 130 * (terms if terms <= MOST_TERMS else SHOWN)


def _numbers(session: Session) -> int:
    """About how many numbers of maps and filters are kept."""
    graph = session.subject.graph
    shapes = [graph.types[node.outputs[0]] for node in session.subject.layers]
    sizes = (kind.shape[1:] for kind in shapes if kind is not None)
    each = sum(math.prod((min(s[0], 64), *(min(n, 64) for n in s[1:]))) for s in sizes if s)
    weights = sum(min(w.type.numel, 1 << 20) for w in graph.weights.values())
    return each * len(session.samples) + weights


def _keep(
    table: Table, url: str, half: bool, ask: Any, session: Session, *,
    query: dict[str, str] | None = None, **path: Any,
) -> None:  # fmt: skip
    """Put one answer into the table; what is refused is left out."""
    try:
        table[url] = _entry(ask(session, Ask(path, query or {})), half)
    except RequestError:
        return


def _entry(answer: Answer, half: bool) -> dict[str, Any]:
    if isinstance(answer, Json):
        return {"json": _short(plain(answer.data))}
    assert isinstance(answer, Numbers)
    array = np.ascontiguousarray(answer.array, "<f4")
    narrow = half and float(np.abs(np.nan_to_num(array)).max(initial=0)) < 6e4
    packed = gzip.compress(array.astype("<f2").tobytes() if narrow else array.tobytes(), 6, mtime=0)
    entry = {
        "shape": array.shape,
        "dtype": "float16" if narrow else "float32",
        "gzip": base64.b64encode(packed).decode(),
    }
    limit = answer.headers.get("X-Limit")
    return entry if limit is None else {**entry, "limit": float(limit)}


def _short(value: Any) -> Any:
    """Keep 8 digits, more than single precision has."""
    if isinstance(value, float):
        return float(f"{value:.8g}")
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    return [_short(item) for item in value] if isinstance(value, list) else value


def _url(answer: Answer) -> str:
    assert isinstance(answer, Picture)
    return f"data:image/png;base64,{base64.b64encode(answer.content).decode()}"
