"""The engine: from a graph to a plan of native steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._compile import CompiledPlan as CompiledPlan
from ._compile import compile as compile
from ._compile import planned_bytes as planned_bytes

if TYPE_CHECKING:
    from .train import TrainStep as TrainStep


def __getattr__(name: str) -> Any:
    if name == "TrainStep":  # with torch, which plans do without
        from .train import TrainStep

        return TrainStep
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
