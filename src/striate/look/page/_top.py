"""The parts of the data that excite a channel most."""

from __future__ import annotations

import base64
from typing import Any

from .._samples import Samples, open_samples
from .._top import Patch, top_patches
from ._answers import Answer, Ask, Json, RequestError
from ._pictures import thumbnail
from ._session import Session

MOST_INPUTS = 1000
"""That are looked at; of larger sets as many, evenly spread."""

MOST_MACS = 3e11
"""That are spent, a few seconds; large networks look at fewer inputs, at least `FEWEST`."""

FEWEST = 64
PATCHES = 9


def top(session: Session, ask: Ask) -> Answer:
    """The strongest places for a channel, each cut out of its input."""
    if session.data is None:
        raise RequestError("There are no data to look through; give some with --data.")
    node, channel = ask.node(session), ask.number("channel", 0)
    key = ("top", node.name, channel)
    found: dict[str, Any] = session.once(key, lambda: _found(session, node.name, channel))
    return Json(found)


def _found(session: Session, layer: str, channel: int) -> dict[str, Any]:
    subject = session.subject
    every = open_samples(subject, session.data)
    affordable = int(MOST_MACS / max(subject.report.macs, 1))
    chosen, numbers = spread(every, max(FEWEST, min(MOST_INPUTS, affordable)))
    found = top_patches(subject, layer, chosen, channel, k=PATCHES)
    return {
        "seen": found.seen,
        "of": every.count,
        "patches": [
            {
                "sample": numbers[patch.sample],
                "name": patch.name,
                "value": patch.value,
                "place": patch.place,
                "box": patch.box,
                "picture": _picture(session, patch),
            }
            for patch in found.patches[0]
        ],
    }


def spread(samples: Samples, most: int) -> tuple[Samples, list[int]]:
    """Take at most so many, evenly spread, and their numbers."""
    count = min(most, samples.count)
    numbers = [i * samples.count // count for i in range(count)]
    return Samples(
        count,
        lambda some: samples.fetch([numbers[i] for i in some]),
        lambda i: samples.name_of(numbers[i]),
    ), numbers


def _picture(session: Session, patch: Patch) -> str:
    content = thumbnail(session.subject, patch.pixels[None])
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"
