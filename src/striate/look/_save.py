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
from ._subject import Floats, Subject
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
        images: Inputs as the network takes them, (1, C, ...), by name.
        layers: Those named; empty where none was.
        data: A data set, where one was named.
        folder: Of the training run, where the network is one's.
    """

    subject: Subject
    images: dict[str, Floats]
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
    for name, image in wanted.images.items():
        seen = wanted.subject.run(image)
        if not wanted.layers:
            yield f"maps-{name}", maps(wanted.subject, seen)
        for layer in wanted.layers:
            yield f"maps-{layer}-{name}", maps(wanted.subject, seen, layer)


def _field(wanted: Wanted) -> Figures:
    for layer in wanted.map_layers:
        for name, image in wanted.images.items():
            yield f"field-{layer}-{name}", field(wanted.subject, layer, image=image)


def _fields(wanted: Wanted) -> Figures:
    if len(wanted.subject.input_shape) < 2:
        return
    image = next(iter(wanted.images.values()), None)
    yield "fields", fields(wanted.subject, wanted.layers or None, image=image)


KINDS: dict[str, Callable[[Wanted], Figures]] = {
    "filters": _filters,
    "maps": _maps,
    "field": _field,
    "fields": _fields,
}
"""What can be asked for by name: each gives figures and their files' names."""

ON_DEMAND: tuple[str, ...] = ()
"""Kinds that are made only where they are named: they take long."""


def save_figures(
    wanted: Wanted, folder: Path, *, kinds: Sequence[str] = (), format: str = "png"
) -> Iterator[Path]:
    """Write figures into a folder, one file each; a file appears whole or not at all.

    Args:
        wanted: What they are made of.
        folder: Where; it is made.
        kinds: Keys of `KINDS`; by default all that take little time.
        format: 'png', 'svg' or 'pdf'.
    Returns:
        The files, as they are written.
    Raises:
        OptionError: An unknown kind or format, or a layer that is not there.
    """
    chosen = list(kinds) or [kind for kind in KINDS if kind not in ON_DEMAND]
    if unknown := [kind for kind in chosen if kind not in KINDS]:
        raise OptionError(f"look: there are no figures {unknown[0]!r}; use {', '.join(KINDS)}.")
    if format not in FORMATS:
        raise OptionError(f"look: --format {format} is not known; use {', '.join(FORMATS)}.")
    _names(wanted, wanted.layers)  # what is not there is told before the first file
    taken: set[str] = set()
    for kind in chosen:
        for name, picture in KINDS[kind](wanted):
            yield picture.save(folder / f"{_unique(name, taken)}.{format}")


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
