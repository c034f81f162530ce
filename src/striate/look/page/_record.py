"""The answers of one set of inputs, recorded for a page that has no server."""

from __future__ import annotations

import base64
from typing import Any

from ._answers import Answer, Ask, Json, Numbers, Picture, RequestError, plain
from ._filters import filters
from ._inputs import add_run, sample_thumbnail
from ._maps import given, histogram, maps, picture
from ._model import filter_shape, model_data
from ._pack import EXACT, Width, fitting_width, packed, short
from ._record_units import units, wanted_units
from ._session import Session

SLICE = 64
"""Channels of maps, and filters, that the page asks for at once."""

Table = dict[str, dict[str, Any]]


def record(session: Session) -> Table:
    """Ask all that the page may ask for, for every sample.

    Returns:
        By the address, relative to the page, what it is answered: `json`, or an array as `packed`
        gives it. The units of a layer stand together under `api/runs/RUN/units/LAYER`.
    """
    width = fitting_width(session)
    table: Table = {"api/model": {"json": _model(session, width)}}
    for number, node in enumerate(session.subject.graph):
        shape = filter_shape(session.subject.graph, node) or (0,)
        for first in range(0, shape[0], SLICE):
            url = f"api/filters/{number}?first={first}&count={SLICE}"
            query = {"first": str(first)}
            _keep(table, url, width, filters, session, query=query, layer=number)
    for number in range(len(session.samples)):
        told = add_run(session, Ask({}, body={"sample": number}))
        assert isinstance(told, Json)
        _of_run(table, session, number, told.data, width)
    return table


def _model(session: Session, width: Width) -> dict[str, Any]:
    data = {**model_data(session), "kept": {"side": width.side, "dtype": width.dtype}}
    for sample in data["samples"]:
        sample["thumbnail"] = _url(sample_thumbnail(session, Ask({"sample": sample["id"]})))
    found: dict[str, Any] = plain(data)
    return found


def _of_run(
    table: Table, session: Session, sample: int, told: dict[str, Any], width: Width
) -> None:
    """All answers about one input."""
    run = str(told["id"])
    if "picture" in told:
        told = {**told, "picture": _url(picture(session, Ask({"run": run})))}
    table[f"api/runs?sample={sample}"] = {"json": plain(told)}
    base = f"api/runs/{run}"
    _keep(table, f"{base}/input", EXACT, given, session, run=run)
    wanted = wanted_units(session)
    for number, node in enumerate(session.subject.graph.nodes):
        if told["layers"][number] is None:
            continue
        at: dict[str, Any] = {"run": run, "layer": number}
        value = session.run(run)[node.name]
        for first in range(0, len(value) if value.ndim > 1 else 1, SLICE):
            url = f"{base}/maps/{number}?first={first}&count={SLICE}&side=64"
            query = {"first": str(first), "side": str(width.side)}
            _keep(table, url, width, maps, session, query=query, **at)
        _keep(table, f"{base}/histogram/{number}", width, histogram, session, **at)
        table[f"{base}/units/{number}"] = units(session, at, value, wanted[node.name])


def _keep(
    table: Table, url: str, width: Width, ask: Any, session: Session, *,
    query: dict[str, str] | None = None, **path: Any,
) -> None:  # fmt: skip
    """Put one answer into the table; what is refused is left out."""
    try:
        answer = ask(session, Ask(path, query or {}))
    except RequestError:
        return
    if isinstance(answer, Json):
        table[url] = {"json": short(plain(answer.data))}
        return
    assert isinstance(answer, Numbers)
    limit = answer.headers.get("X-Limit")
    entry = packed(answer.array, width.dtype)
    table[url] = entry if limit is None else {**entry, "limit": float(limit)}


def _url(answer: Answer) -> str:
    assert isinstance(answer, Picture)
    return f"data:image/png;base64,{base64.b64encode(answer.content).decode()}"
