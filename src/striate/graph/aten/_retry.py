"""When a module cannot be traced: find out whether only the size is wrong, and say what fits."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from ...errors import GraphError, StriateError

SIZES = (224, 32, 64, 128, 256, 299, 28, 96, 384, 512, 16, 48, 8000, 16000)
"""Lengths of the axes behind the channels that networks are commonly built for."""


def candidates(
    model: nn.Module, shapes: Sequence[tuple[int, ...]]
) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Shapes like the wanted ones with which the module may work."""
    channels = _first_channels(model)
    for size in SIZES:
        tried = []
        for shape in shapes:
            if len(shape) < 3:
                tried.append(shape)
                continue
            front = (shape[0], channels or shape[1])
            tried.append((*front, *[min(size, 32) if len(shape) > 4 else size] * (len(shape) - 2)))
        if size < 2000 or all(len(shape) == 3 for shape in shapes):
            yield tuple(tried)


def _first_channels(model: nn.Module) -> int | None:
    for layer in model.modules():
        weight = getattr(layer, "weight", None)
        if isinstance(weight, torch.Tensor) and weight.dim() >= 3:
            found = getattr(layer, "in_channels", None)
            return int(found) if found is not None else None
    return None


def untraceable(model: nn.Module, error: Exception) -> GraphError:
    """Say what torch refused, and in which module of the user's."""
    if isinstance(error, StriateError):
        return GraphError(f"{type(model).__name__} cannot be captured: {error}")
    where = _path(model, error)
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    place = f" in '{where}'" if where else ""
    hint = (
        "If its forward branches on values of tensors, or uses code outside torch, wrap that part "
        "in a module of its own and capture the rest; `torch.export.export` tells more."
    )
    return GraphError(
        f"{type(model).__name__} cannot be captured: torch stopped{place} with "
        f"{type(error).__name__}: {first} {hint}"
    )


def _path(model: nn.Module, error: Exception) -> str:
    """The innermost module of the model whose forward was running."""
    paths = {id(module): path for path, module in model.named_modules()}
    found = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        owner: Any = frame.f_locals.get("self")
        if isinstance(owner, nn.Module) and paths.get(id(owner)):
            found = paths[id(owner)]
    return found
