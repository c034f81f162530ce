"""How a layer names itself in an error: `Conv2d 'features.3'`, its path in the user's model."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from torch import nn

from ..errors import OptionError, ShapeError

Forward = TypeVar("Forward", bound=Callable[..., Any])


def located(forward: Forward) -> Forward:
    """Name the layer, and its path in the model that runs, in the errors `forward` raises.

    Args:
        forward: The forward method of a module.
    Returns:
        The same method; nothing is looked up unless an error is raised.
    Example:
        >>> from striate import nn
        >>> net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.Conv2d(3, 16, 5))
        >>> net(torch.zeros(1, 1, 32, 32))
        Traceback (most recent call last):
        ...
        striate.errors.ShapeError: Conv2d '1': input (1, 6, 28, 28) is NCHW with 6 channels; ...
    """

    @wraps(forward)
    def named(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        try:
            return forward(self, *args, **kwargs)
        except (ShapeError, OptionError) as error:
            raise error.of(describe(self)) from None

    return named  # type: ignore[return-value]


def describe(layer: nn.Module) -> str:
    """Name a layer by its type and, while a model runs it, by its path in that model."""
    path = _path_in_running_model(layer)
    return f"{type(layer).__name__} '{path}'" if path else type(layer).__name__


def _path_in_running_model(layer: nn.Module) -> str:
    """Climb the stack to the outermost module whose forward is running and that holds the layer."""
    path = ""
    frame = sys._getframe(1)
    while (frame := frame.f_back) is not None:  # type: ignore[assignment]
        owner = frame.f_locals.get("self")
        if isinstance(owner, nn.Module):
            names = (name for name, module in owner.named_modules() if module is layer)
            path = next(names, "") or path
    return path
