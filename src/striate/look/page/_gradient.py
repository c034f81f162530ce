"""How strongly each pixel of the input moves one unit."""

from __future__ import annotations

from ...graph.aten import Program
from .._gradient import input_gradient, magnitude
from .._subject import Subject
from ._answers import Answer, Ask, Numbers, RequestError
from ._session import Session


def has_gradients(subject: Subject) -> bool:
    """Whether the network came from a torch module."""
    return isinstance(subject.graph.source, Program)


def gradient(session: Session, ask: Ask) -> Answer:
    """The magnitude of a unit's gradient on the input, over channels, largest 1."""
    node, run = ask.node(session), session.run(ask.path["run"])
    if not has_gradients(run.subject):
        raise RequestError("This network came from a file without its torch module: no gradients.")
    channel, place = ask.number("channel", 0), ask.numbers("place")
    found = magnitude(input_gradient(run.subject, run.input, node.name, channel, place))
    largest = float(found.max()) if found.size else 0.0
    return Numbers(found / largest if largest > 0 else found)
