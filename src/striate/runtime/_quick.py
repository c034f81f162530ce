"""A call without detours, since a small network takes a few microseconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _core
from ._run import Runner

MOST = 8
"""Inputs, or outputs, that it takes."""


class QuickCall:
    """Runs a native plan on arrays, or on one CPU tensor, that are just what it takes.

    Args:
        runner: What it runs: all steps native, all inputs and outputs float32.
    """

    def __init__(self, runner: Runner) -> None:
        inputs, outputs = runner.recipe.inputs, runner.recipe.outputs
        call = _core.Call(runner.program, [t.shape for t in inputs], [t.shape for t in outputs])
        self.on_arrays = call.run
        self.into_arrays = call.run_into
        self._run_from = call.run_from
        self._in_shape = inputs[0].shape
        self._single = len(inputs) == len(outputs) == 1

    def on_tensors(self, torch: Any) -> Callable[[Any], Any]:
        """Like on_arrays, for one tensor."""
        from_numpy, run_from, float32 = torch.from_numpy, self._run_from, torch.float32
        single, shape = self._single, self._in_shape

        def on_tensor(x: Any) -> Any:
            fits = (
                single
                and x.dtype is float32
                and x.shape == shape
                and x.is_contiguous()
                and x.is_cpu
                and not x.is_neg()
                and not x.requires_grad
            )
            result = run_from(x.data_ptr()) if fits else None
            return None if result is None else from_numpy(result)

        return on_tensor


def quick_call(runner: Runner) -> QuickCall | None:
    """A quick call of a plan; None where it has islands, or takes other numbers."""
    inputs, outputs = runner.recipe.inputs, runner.recipe.outputs
    if not runner.native or not 1 <= len(inputs) <= MOST or not 1 <= len(outputs) <= MOST:
        return None
    return QuickCall(runner)
