"""Which kernel computes a step."""

from __future__ import annotations

import os
from typing import Any

from .. import _core
from ._values import Step


def choose(target: str, step: Step, *, precision: str) -> str:
    """Name the kernel for a step.

    STRIATE_CONV, a kernel's name, wins wherever that kernel computes the shape.
    """
    names = _core.candidates(target, step.kind, step.attributes)
    forced = os.environ.get("STRIATE_CONV", "")
    if step.kind == "conv":
        if forced in names:
            return forced
        if precision == "exact":
            names = [name for name in names if not name.startswith("winograd")]
        return _conv(names, step.attributes)
    return names[0]


def _conv(names: list[str], attributes: dict[str, Any]) -> str:
    return names[0]
