"""What one server looks at: the network, its samples, the inputs that were run, a run to watch."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .._subject import Activations, Subject
from ._runs import Runs
from ._samples import Sample

if TYPE_CHECKING:
    from ...data import Data
    from ._live import Watched


class Session:
    """A network that is looked at, by one reader or several tabs.

    Args:
        subject: The network.
        samples: Inputs to choose from.
        data: A data set, to find what excites a unit.
        watched: A training run, whose weights are read again when they change.
        exported: Whether answers are recorded for a file, which asks for nothing later.
    """

    def __init__(
        self,
        subject: Subject,
        *,
        samples: Sequence[Sample] = (),
        data: Data | None = None,
        watched: Watched | None = None,
        exported: bool = False,
    ) -> None:
        self.subject = subject
        self.samples = tuple(samples)
        self.data = data
        self.watched = watched
        self.exported = exported
        self.runs = Runs()
        self.engine = threading.Lock()  # one plan has one memory for its maps
        self.cache: dict[Any, Any] = {}
        self._lock = threading.Lock()

    def replace(self, subject: Subject) -> None:
        """Look at the same network with other weights: all that was computed is out of date."""
        with self._lock:
            self.subject = subject
            self.cache = {}

    def run(self, number: str) -> Activations:
        """Give the maps of an input that was run, by its number.

        Raises:
            RequestError: It is gone.
        """
        with self.engine:
            return self.runs.of(number, self.subject)

    def add(self, source: Any) -> str:
        """Run an input, and give its number.

        Args:
            source: A file's bytes, or an array that is prepared.
        """
        subject = self.subject
        given = subject.prepare(source)
        with self.engine:
            return self.runs.add(given, subject)

    def once(self, key: Any, make: Any) -> Any:
        """Compute something about the network once, until its weights change."""
        with self._lock:
            cache = self.cache
        if key not in cache:
            cache[key] = make()
        return cache[key]

    def prepare(self) -> None:
        """Compute what the first look needs, before it is asked for."""
        import numpy as np

        from ._model import model_data

        model_data(self)
        if self.samples:
            self.add(self.samples[0].prepare(self.subject))
        else:
            self.add(np.zeros(self.subject.input_shape, np.float32))

    @cached_property
    def layer_numbers(self) -> dict[str, int]:
        """The number of each layer by name."""
        return {node.name: number for number, node in enumerate(self.subject.graph.nodes)}
