"""What one server looks at: the network, its samples, the inputs that were run, a run to watch."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .._subject import Activations, Subject
from ._runs import Runs
from ._samples import Sample

if TYPE_CHECKING:
    from ...data import Data
    from ._live import Watched


KEPT_ANSWERS = 256
"""Of those that take long: thumbnails, patches."""


FIRST_SEEN = 24
"""Samples that are drawn before they are asked for."""


class Session:
    """A network that is looked at, by one reader or several tabs.

    Args:
        subject: The network.
        samples: Inputs to choose from.
        data: A data set, to find what excites a unit.
        watched: A training run, whose weights are read again when they change.
        trained: Whether its weights have learned anything.
        exported: Whether answers are recorded for a file, which asks for nothing later.
    """

    def __init__(
        self,
        subject: Subject,
        *,
        samples: Sequence[Sample] = (),
        data: Data | None = None,
        watched: Watched | None = None,
        trained: bool = True,
        exported: bool = False,
    ) -> None:
        self.subject = subject
        self.samples = tuple(samples)
        self.data = data
        self.watched = watched
        self.trained = trained
        self.exported = exported
        self.runs = Runs()
        self._running = threading.Lock()  # so that one picture in two tabs is run once
        self._cache: OrderedDict[Any, Any] = OrderedDict()
        self._lock = threading.Lock()

    def replace(self, subject: Subject) -> None:
        """Look at the same network with other weights: all that was computed is out of date."""
        with self._lock:
            self.subject = subject
            self._cache = OrderedDict()

    def run(self, number: str) -> Activations:
        """Give the maps of an input that was run, by its number.

        Raises:
            RequestError: It is gone.
        """
        with self._running:
            return self.runs.of(number, self.subject)

    def add(self, source: Any) -> str:
        """Run an input, and give its number.

        Args:
            source: A file's bytes, or an array that is prepared.
        """
        subject = self.subject
        given = subject.prepare(source)
        with self._running:
            return self.runs.add(given, subject)

    def once(self, key: Any, make: Any) -> Any:
        """Compute something about the network once, until its weights change.

        What was asked for longest ago is let go.
        """
        with self._lock:
            cache = self._cache
            if key in cache:
                cache.move_to_end(key)
                return cache[key]
        made = make()
        with self._lock:
            cache[key] = made
            while len(cache) > KEPT_ANSWERS:
                cache.popitem(last=False)
        return made

    def prepare(self) -> None:
        """Compute what the first look needs, before it is asked for."""
        from ._inputs import draw_sample
        from ._model import model_data

        model_data(self)
        for sample in self.samples[:1]:
            self.add(sample.prepare(self.subject))
        for number in range(min(len(self.samples), FIRST_SEEN)):
            draw_sample(self, number)

    @cached_property
    def layer_numbers(self) -> dict[str, int]:
        """The number of each layer by name."""
        return {node.name: number for number, node in enumerate(self.subject.graph.nodes)}
