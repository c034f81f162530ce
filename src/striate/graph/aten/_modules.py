"""Modules that are one operation, though torch sees several calls in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import fx, nn

from ...functional._axes import windows as windows_of
from .. import ops
from .._operation import Operation
from ._names import Place, stack


@dataclass(frozen=True)
class Whole:
    """What a module becomes: one operation, which reads the module's input and these weights."""

    op: Operation
    weights: tuple[str, ...]


def _subsample(layer: Any) -> Whole:
    axes = windows_of("Subsample2d", 2, layer.kernel_size, layer.stride, layer.padding)
    return Whole(ops.Subsample(tuple(axes)), ("weight", "bias"))


def _table_conv(layer: Any) -> Whole:
    axes = windows_of(
        "TableConv2d", 2, layer.kernel_size, layer.stride, layer.padding, layer.dilation
    )
    weights = ("weight", "bias") if layer.bias is not None else ("weight",)
    return Whole(ops.Conv(tuple(axes), table=layer.table), weights)


def _rbf(layer: Any) -> Whole:
    return Whole(ops.RBF(), ("prototypes",))


WHOLES: dict[str, Callable[[nn.Module], Whole]] = {
    "striate.nn._lenet.Subsample2d": _subsample,
    "striate.nn._lenet.TableConv2d": _table_conv,
    "striate.nn._lenet.RBF": _rbf,
}
"""By the class's full name."""


def whole_of(node: fx.Node) -> Place | None:
    """The call of such a module that a traced call belongs to, if it does."""
    return next((place for place in stack(node) if place.qualified in WHOLES), None)
