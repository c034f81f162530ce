"""The table of endpoints: what is asked under which address, and who answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import _filters, _gradient, _inputs, _live, _maps, _model, _top, _unit, _whatif
from ._answers import Answer, Ask
from ._session import Session


@dataclass(frozen=True)
class Endpoint:
    """One address of the API.

    Args:
        path: With variable parts in braces, as starlette has it.
        answer: Computes it; called in a thread of its own.
        method: GET or POST.
        patient: Whether others go first: such answers are computed one at a time.
    """

    path: str
    answer: Callable[[Session, Ask], Answer]
    method: str = "GET"
    patient: bool = False


ENDPOINTS = (
    Endpoint("/api/model", _model.model),
    Endpoint("/api/samples/{sample:int}/thumbnail", _inputs.sample_thumbnail, patient=True),
    Endpoint("/api/runs", _inputs.add_run, "POST"),
    Endpoint("/api/runs/{run}", _inputs.get_run),
    Endpoint("/api/runs/{run}/picture", _maps.picture),
    Endpoint("/api/runs/{run}/input", _maps.given),
    Endpoint("/api/runs/{run}/maps/{layer:int}", _maps.maps),
    Endpoint("/api/runs/{run}/histogram/{layer:int}", _maps.histogram),
    Endpoint("/api/runs/{run}/unit/{layer:int}", _unit.unit),
    Endpoint("/api/whatif", _whatif.whatif, "POST"),
    Endpoint("/api/runs/{run}/gradient/{layer:int}", _gradient.gradient),
    Endpoint("/api/top/{layer:int}", _top.top, patient=True),
    Endpoint("/api/live", _live.live),
    Endpoint("/api/filters/{layer:int}", _filters.filters),
)
"""All of them; an export records the answers of some."""
