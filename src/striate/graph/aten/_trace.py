"""Have torch trace a module, on shapes alone, with every size open that the module leaves open."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.export import Dim, ExportedProgram, export
from torch.fx.experimental.symbolic_shapes import ShapeEnv


def trace(model: nn.Module, examples: Sequence[torch.Tensor | tuple[int, ...]],
          dtype: torch.dtype | None) -> ExportedProgram:  # fmt: skip
    """Trace a module, first with open sizes, and if it does not allow that, with fixed ones.

    A batch of one is traced as two: torch takes a 1 for a constant.

    Raises:
        Exception: Whatever the module raises for these shapes.
    """
    opened = [_open_batch(example) for example in examples]
    attempts: tuple[tuple[list[Any], Callable[[int], dict[int, Any]]], ...] = (
        (opened, lambda rank: {axis: Dim.AUTO for axis in range(rank) if axis != 1}),
        (opened, lambda rank: {0: Dim.AUTO} if rank else {}),
        (list(examples), lambda rank: {}),
    )
    failure: Exception | None = None
    for given, open_axes in attempts:
        fakes = _fakes(model, given, dtype)
        spec = tuple(open_axes(x.dim()) or None for x in fakes)
        try:
            with _quiet(), torch.no_grad():
                return export(model, tuple(fakes), dynamic_shapes=spec, strict=False)
        except Exception as error:
            failure = error
    assert failure is not None
    raise failure


def _open_batch(example: Any) -> Any:
    shape = tuple(example.shape) if isinstance(example, torch.Tensor) else example
    return (2, *shape[1:]) if len(shape) > 1 and shape[0] == 1 else example


def _fakes(
    model: nn.Module, examples: Sequence[Any], dtype: torch.dtype | None
) -> list[torch.Tensor]:
    """Tensors with a shape and no memory, on the device of the model."""
    weights = [*model.parameters(), *model.buffers()]
    device = weights[0].device if weights else torch.device("cpu")
    kinds = [w.dtype for w in weights if w.dtype.is_floating_point]
    kind = dtype or (kinds[0] if kinds else torch.get_default_dtype())
    mode = FakeTensorMode(shape_env=ShapeEnv(), allow_non_fake_inputs=True)
    with mode:
        return [
            torch.empty(x.shape, dtype=x.dtype, device=x.device)
            if isinstance(x, torch.Tensor)
            else torch.empty(tuple(x), dtype=kind, device=device)
            for x in examples
        ]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the tracer's warnings to itself: they speak of torch's inside."""
    loggers = [logging.getLogger(name) for name in ("torch.export", "torch.fx", "torch._dynamo")]
    levels = [logger.level for logger in loggers]
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # it hides the products of attention
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
