"""Figures of a network as files: what `striate look --save` writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import OptionError
from ._field import field
from ._fields import fields
from ._filters import filters
from ._maps import maps
from ._picture import FORMATS, Picture
from ._save_sight import SIGHT
from ._sliding import SlidingWindow
from ._sliding_layer import sliding_layer
from ._subject import Floats, Subject
from ._training import figures_of
from ._weights import first_with_filters, with_filters

if TYPE_CHECKING:
    from ..data import Data

IMAGES = 8
"""Images that figures are made of; of more, the first."""


@dataclass(frozen=True, eq=False)
class Wanted:
    """What figures are made of.

    Args:
        subject: The network.
        images: Names, and inputs as the network takes them, (1, C, ...).
        layers: Those named; empty where none was.
        data: A data set, where one was named.
        folder: Of the training run, where the network is one's.
    """

    subject: Subject
    images: tuple[tuple[str, Floats], ...] = ()
    layers: tuple[str, ...] = ()
    data: Data | None = None
    folder: Path | None = None

    @property
    def map_layers(self) -> tuple[str, ...]:
        """The layers named; else the last whose map has more than one place."""
        if self.layers:
            return self.layers
        kinds = [(n.name, self.subject.graph.types[n.outputs[0]]) for n in self.subject.layers]
        places = [name for name, kind in kinds if kind and max(kind.shape[2:], default=1) > 1]
        return tuple(places[-1:])


Figures = Iterator[tuple[str, Picture]]


def _filters(wanted: Wanted) -> Figures:
    drawable = {node.name for node in with_filters(wanted.subject)}
    asked = [n for n in _names(wanted, wanted.layers) if n in drawable]
    first = [first_with_filters(wanted.subject)] if drawable and not wanted.layers else []
    for layer in asked or first:
        yield f"filters-{layer}", filters(wanted.subject, layer, sort="norm")


def _maps(wanted: Wanted) -> Figures:
    for name, image in wanted.images:
        seen = wanted.subject.run(image)
        if not wanted.layers:
            yield f"maps-{name}", maps(wanted.subject, seen)
        for layer in wanted.layers:
            yield f"maps-{layer}-{name}", maps(wanted.subject, seen, layer)


def _field(wanted: Wanted) -> Figures:
    for layer in wanted.map_layers:
        for name, image in wanted.images:
            yield f"field-{layer}-{name}", field(wanted.subject, layer, image=image)


def _fields(wanted: Wanted) -> Figures:
    if len(wanted.subject.input_shape) < 2:
        return
    image = wanted.images[0][1] if wanted.images else None
    yield "fields", fields(wanted.subject, wanted.layers or None, image=image)


def _training(wanted: Wanted) -> Figures:
    if wanted.folder is not None and not wanted.layers:
        yield from figures_of(wanted.folder)


def _slide(wanted: Wanted) -> Figures:
    layers = wanted.layers or (first_with_filters(wanted.subject),)
    for layer in _names(wanted, layers):
        for name, image in wanted.images[:1]:
            yield f"slide-{layer}-{name}", sliding_layer(wanted.subject, image, layer, places=4)


KINDS: dict[str, Callable[[Wanted], Figures]] = {
    "filters": _filters,
    "maps": _maps,
    "field": _field,
    "fields": _fields,
    "slide": _slide,
    "training": _training,
    **SIGHT,
}
"""What can be asked for by name: each gives figures and their files' names."""

ON_DEMAND = ("slide", *SIGHT)
"""Kinds that are made only where they are named: they take long, or are of some layers alone."""

MOVING = ("gif", "html")
"""Formats of what moves."""


def save_figures(
    wanted: Wanted, folder: Path, *, kinds: Sequence[str] = (), format: str = "png"
) -> Iterator[Path]:
    """Write figures into a folder, one file each; a file appears whole or not at all.

    Args:
        wanted: What they are made of.
        folder: Where; it is made.
        kinds: Keys of `KINDS`; by default all that take little time.
        format: 'png', 'svg' or 'pdf'; of a sliding window also 'gif', which it gets for 'png'
            too, and 'html'.
    Returns:
        The files, as they are written.
    Raises:
        OptionError: An unknown kind or format, or a layer that is not there.
    """
    chosen = list(kinds) or [kind for kind in KINDS if kind not in ON_DEMAND]
    if unknown := [kind for kind in chosen if kind not in KINDS]:
        raise OptionError(f"look: there are no figures {unknown[0]!r}; use {', '.join(KINDS)}.")
    formats = (*FORMATS, *MOVING) if chosen == ["slide"] else FORMATS
    if format not in formats:
        raise OptionError(f"look: --format {format} is not known; use {', '.join(formats)}.")
    _names(wanted, wanted.layers)  # what is not there is told before the first file
    taken: set[str] = set()
    for kind in chosen:
        for name, picture in KINDS[kind](wanted):
            # What moves is not frozen unless it is asked for.
            moves = isinstance(picture, SlidingWindow) and format == "png"
            yield picture.save(folder / f"{_unique(name, taken)}.{'gif' if moves else format}")


def _names(wanted: Wanted, layers: Sequence[str]) -> list[str]:
    return [wanted.subject.graph[layer].name for layer in layers]


def _unique(name: str, taken: set[str]) -> str:
    """A name that any file system takes, and that no other figure has."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "figure"
    found, number = plain, 1
    while found.lower() in taken:
        number += 1
        found = f"{plain}-{number}"
    taken.add(found.lower())
    return found
