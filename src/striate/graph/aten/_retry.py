"""When a module cannot be traced: find out whether only the size is wrong, and say what fits."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from inspect import signature
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter

from ...errors import GraphError, OptionError, StriateError

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


def unwrapped(model: nn.Module) -> nn.Module:
    """The user's module behind torch.compile and the data-parallel wrappers."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            inner = model.module
        if not isinstance(inner, nn.Module):
            return model
        model = inner


def check_built(model: nn.Module) -> None:
    """Refuse a module whose lazy layers have not seen an input yet."""
    for name, weight in model.named_parameters():
        if isinstance(weight, UninitializedParameter):
            raise GraphError(
                f"{type(model).__name__}: the lazy layer '{name.rpartition('.')[0]}' does not know "
                f"its sizes yet. Run one batch through the module first."
            )


def check_arguments(model: nn.Module, count: int) -> None:
    """Refuse more or fewer inputs than forward takes."""
    try:
        told = signature(model.forward)
    except (TypeError, ValueError):
        raise GraphError(
            f"{type(model).__name__} has no forward in Python (a scripted module?). Capture the "
            f"module that it was made from."
        ) from None
    try:
        told.bind(*[None] * count)
    except TypeError:
        raise OptionError(
            f"{type(model).__name__}: forward{told} was given {count} "
            f"input{'s' if count != 1 else ''}, by position.",
            subject="capture",
        ) from None


def untraceable(model: nn.Module, error: Exception) -> GraphError:
    """Say what torch refused, and in which module of the user's."""
    if isinstance(error, StriateError):
        words = str(error).replace("_export_root.", "")  # torch's name for the model
        return GraphError(f"{type(model).__name__} cannot be captured: {words}")
    where = _path(model, error)
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    place = f" in '{where}'" if where else ""
    hint = "Run the module on such an input to see whether it works there."
    if "DataDependent" in type(error).__name__:
        hint = (
            "Its forward branches on values of tensors: wrap that part in a module of its own and "
            "capture the rest."
        )
    elif "Long" in first:
        hint = "Give whole numbers as a tensor of them, as in torch.zeros(1, 7, dtype=torch.long)."
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
