"""How strongly each pixel of the input moves one unit."""

from __future__ import annotations

from .._gradient import has_gradients, input_gradient, magnitude
from ._answers import Answer, Ask, Numbers, RequestError
from ._session import Session


def gradient(session: Session, ask: Ask) -> Answer:
    """The magnitude of a unit's gradient on the input, over channels, largest 1."""
    node, run = ask.node(session), session.run(ask.path["run"])
    if not has_gradients(run.subject):
        raise RequestError("This network came from a file without its torch module: no gradients.")
    channel, place = ask.number("channel", 0), ask.numbers("place")
    found = magnitude(input_gradient(run.subject, run.input, node.name, channel, place))
    largest = float(found.max()) if found.size else 0.0
    return Numbers(found / largest if largest > 0 else found)
