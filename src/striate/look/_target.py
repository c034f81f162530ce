"""The unit that is explained: by default the network's strongest class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import OptionError
from ..inspection import look_at_unit
from ._subject import Activations, Subject

Box = tuple[tuple[int, int], ...]
"""(first pixel, last + 1) along each axis behind the channels."""


@dataclass(frozen=True)
class Target:
    """One unit of a layer.

    Args:
        layer: Its name in the graph.
        channel: Its map, or its number in a vector.
        place: In that map; empty in a vector.
        value: What it is for the input that is looked at.
        name: For people: its class where it is one.
    """

    layer: str
    channel: int
    place: tuple[int, ...]
    value: float
    name: str

    @property
    def index(self) -> tuple[int, ...]:
        """Where it stands in the layer's output, without the batch."""
        return (self.channel, *self.place)


def find_target(
    run: Activations,
    layer: str | None = None,
    channel: int | None = None,
    place: Sequence[int] | None = None,
) -> Target:
    """Find the unit that is meant; what is not given is where the values are largest.

    Args:
        run: The values for one input.
        layer: By default that of the network's first output.
        channel: Or the class.
        place: In the channel's map.
    Raises:
        OptionError: There is no such layer or unit.
    """
    subject = run.subject
    node = subject.graph[layer or output_layer(subject)]
    values = np.atleast_1d(run[node.name])
    if channel is None:
        within = values
        if place is not None:
            at = _place(node.name, values, place)
            within = np.moveaxis(values, 0, -1)[at]
        best = int(np.argmax(np.nan_to_num(within, nan=-np.inf)))
        channel = best // math.prod(within.shape[1:])
    channel = check_channel(node.name, values, channel)
    of_channel = values[channel]
    if place is None:
        best = int(np.argmax(np.nan_to_num(of_channel, nan=-np.inf)))
        at = tuple(int(i) for i in np.unravel_index(best, of_channel.shape))
    else:
        at = _place(node.name, values, place)
    value = float(of_channel[at])
    is_class = node.outputs[0] == subject.graph.outputs[0] and not at
    spot = f" at {', '.join(map(str, at))}" if at else ""
    name = subject.class_name(channel) if is_class else f"{node.name}, channel {channel}{spot}"
    return Target(node.name, channel, at, value, name)


def output_layer(subject: Subject) -> str:
    """The layer that makes the network's first output."""
    value = subject.graph.outputs[0]
    if value not in subject.graph.producers:
        raise OptionError(f"{subject.name}: its output is its input; there is nothing to explain.")
    return subject.graph.producers[value].name


def check_channel(layer: str, values: Any, channel: int) -> int:
    """Count a channel from 0.

    Raises:
        OptionError: There is no such channel.
    """
    if not -len(values) <= channel < len(values):
        raise OptionError(
            f"{layer}: there is no channel {channel}; it has {len(values)}, counted from 0."
        )
    return channel % len(values)


def _place(layer: str, values: Any, place: Sequence[int]) -> tuple[int, ...]:
    sizes = values.shape[1:]
    fits = len(place) == len(sizes) and all(-n <= i < n for i, n in zip(place, sizes, strict=True))
    if not fits:
        shown = "x".join(map(str, sizes)) or "a single number a channel"
        raise OptionError(f"{layer}: there is no place {tuple(place)} in its map of {shown}.")
    return tuple(int(i) % n for i, n in zip(place, sizes, strict=True))


def boxes_of(subject: Subject, layer: str, place: Sequence[int]) -> tuple[Box, Box]:
    """Find the box of the input that a unit sees, over the border too, and its real pixels.

    An axis that the unit does not depend on is told as a whole.
    """
    sizes = subject.input_shape[1:]
    if not sizes:
        return (), ()
    unit = look_at_unit(subject.graph, layer, place)
    whole = [(0, n) for n in sizes]
    box = tuple(b or w for b, w in zip(unit.box, whole, strict=True))
    visible = tuple(b or w for b, w in zip(unit.visible, whole, strict=True))
    return box, visible


def crop(picture: Any, box: Box) -> Any:
    """Cut a box out of an input (C, ...); what is over the border is NaN."""
    cut = np.full((picture.shape[0], *(b - a for a, b in box)), np.nan, np.float32)
    sizes = picture.shape[1:]
    inside = [(max(a, 0), min(b, n)) for (a, b), n in zip(box, sizes, strict=True)]
    if all(a < b for a, b in inside):
        source = (slice(None), *(slice(a, b) for a, b in inside))
        place = [slice(a - o, b - o) for (a, b), (o, _) in zip(inside, box, strict=True)]
        cut[(slice(None), *place)] = picture[source]
    return cut
