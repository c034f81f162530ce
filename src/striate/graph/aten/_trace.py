"""Have torch trace a module, on shapes alone."""

from __future__ import annotations

import contextlib
import io
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from inspect import signature
from typing import Any, NamedTuple

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.export import Dim, ExportedProgram, export
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.module import register_module_forward_pre_hook

from ._no_grad import watched

SECONDS = 4.0
"""How long a trace with open heights and widths may take: a few networks make it explode."""


BATCH = 13
"""The batch that is traced: a length that no other axis is likely to have."""


class Example(NamedTuple):
    """An input to trace with: its shape, and its dtype if that is not the model's."""

    shape: tuple[int, ...]
    dtype: torch.dtype | None = None


def trace(model: nn.Module, examples: Sequence[Example]) -> ExportedProgram:
    """Trace a module with the batch size open.

    The batch is traced as `BATCH`: torch takes a 1 for a constant, and one symbol for two axes of
    the same length.

    Raises:
        Exception: Whatever the module raises for these shapes.
    """
    return _exported(model, _inputs(model, examples, batch=BATCH), lambda rank: [0])


def trace_fixed(model: nn.Module, examples: Sequence[Example]) -> ExportedProgram:
    """Trace a module with exactly these shapes, for those that do not allow others."""
    return _exported(model, _inputs(model, examples), lambda rank: [])


def trace_open(model: nn.Module, examples: Sequence[Example]) -> ExportedProgram | None:
    """Trace a module with height and width open too; None if it does not allow that."""
    stop = time.monotonic() + SECONDS

    def watch(module: nn.Module, given: Any) -> None:
        if time.monotonic() > stop:
            raise TimeoutError

    hook = register_module_forward_pre_hook(watch)
    try:
        inputs = _inputs(model, examples, batch=BATCH)
        return _exported(model, inputs, lambda rank: [axis for axis in range(rank) if axis != 1])
    except Exception:
        return None
    finally:
        hook.remove()


def _exported(
    model: nn.Module, inputs: list[torch.Tensor], open_axes: Callable[[int], list[int]]
) -> ExportedProgram:
    axes = [dict.fromkeys(open_axes(x.dim()), Dim.AUTO) or None for x in inputs]
    parameters = signature(model.forward).parameters.values()
    named = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    spec: tuple[Any, ...] = tuple(axes)
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        spec = (*axes[: len(named)], tuple(axes[len(named) :]))  # as torch groups *inputs
    with _quiet(), _momenta(model), torch.no_grad(), watched():
        return export(model, tuple(inputs), dynamic_shapes=spec, strict=False)


def exported(model: nn.Module, inputs: Sequence[torch.Tensor]) -> torch.fx.GraphModule:
    """Trace a module at exactly these inputs, and give the program as a module that runs."""
    with _quiet(), torch.no_grad():
        return export(model, tuple(inputs), strict=False).module()


def _inputs(
    model: nn.Module, examples: Sequence[Example], *, batch: int | None = None
) -> list[torch.Tensor]:
    """Inputs to trace with, on the device of the model: they have a shape and no memory."""
    weights = [*model.parameters(), *model.buffers()]
    device = weights[0].device if weights else torch.device("cpu")
    floats = [w.dtype for w in weights if w.dtype.is_floating_point]
    usual = floats[0] if floats else torch.get_default_dtype()
    shapes = [(batch, *x.shape[1:]) if batch and len(x.shape) > 1 else x.shape for x in examples]
    with FakeTensorMode(shape_env=ShapeEnv(), allow_non_fake_inputs=True):
        return [
            torch.empty(shape, dtype=x.dtype or usual, device=device)
            for shape, x in zip(shapes, examples, strict=True)
        ]


@contextlib.contextmanager
def _momenta(model: nn.Module) -> Iterator[None]:
    """Give batch norms that lack a momentum one: theirs would be a number of the batches so far."""
    norms = [m for m in model.modules() if isinstance(m, _NormBase) and m.momentum is None]
    for norm in norms:
        norm.momentum = 0.1
    try:
        yield
    finally:
        for norm in norms:
            norm.momentum = None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the tracer logs, warns and prints to itself: it speaks of torch's inside."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # it hides the products of attention
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    nowhere = io.StringIO()
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(nowhere),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        logging.disable(disabled)
