"""Inputs that were run, and their maps: the last few, in bounded memory."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from .._subject import Activations, Floats, Subject
from ._answers import RequestError

KEPT_INPUTS = 16
"""Inputs that are kept; the one that was used longest ago goes."""

KEPT_BYTES = 512 << 20
"""Maps that are kept besides the last input's; others are computed again when asked for."""


class Runs:
    """The last inputs by number, and what the network made of them.

    An input's number follows from its values, so that two tabs with one picture share its maps.
    """

    def __init__(self) -> None:
        self._inputs: OrderedDict[str, Floats] = OrderedDict()
        self._maps: OrderedDict[str, Activations] = OrderedDict()

    def add(self, given: Floats, subject: Subject) -> str:
        """Run an input.

        Shape:
            given (1, C, ...).
        """
        number = hashlib.sha256(given.tobytes()).hexdigest()[:16]
        computed = self._computed(number, given, subject)  # first: it may be refused
        self._inputs[number] = computed.input
        self._inputs.move_to_end(number)
        while len(self._inputs) > KEPT_INPUTS:
            gone, _ = self._inputs.popitem(last=False)
            self._maps.pop(gone, None)
        return number

    def of(self, number: str, subject: Subject) -> Activations:
        """Give an input's maps, by the weights of now.

        Raises:
            RequestError: The input is gone, or never was.
        """
        if number not in self._inputs:
            raise RequestError(
                f"This input is no longer kept: the last {KEPT_INPUTS} are. Choose it again."
            )
        self._inputs.move_to_end(number)
        return self._computed(number, self._inputs[number], subject)

    def _computed(self, number: str, given: Floats, subject: Subject) -> Activations:
        known = self._maps.pop(number, None)
        if known is None or known.subject is not subject:
            known = subject.run(given)
        self._maps[number] = known
        while len(self._maps) > 1 and self._bytes() > KEPT_BYTES:
            self._maps.popitem(last=False)
        return known

    def _bytes(self) -> int:
        return sum(v.nbytes for maps in self._maps.values() for v in maps.values.values())
