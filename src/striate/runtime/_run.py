"""A recipe with its weights, ready to run: native steps in one go, islands in between."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np

from .. import _core
from ..errors import PlanError
from ._recipe import Recipe, StepRecipe

Array = np.ndarray[Any, Any]
_ARENA, _WEIGHTS, _INPUT, _OUTPUT = 1, 2, 3, 4


class Runner:
    """Runs a recipe. Several threads may call it at once: each gets memory of its own.

    Raises:
        PlanError: The recipe does not fit its weights, or this machine.
    """

    def __init__(self, recipe: Recipe, weights: Array) -> None:
        self.recipe = recipe
        self.weights = weights
        target = find_target(recipe)
        sizes = [
            [t.numel if t.dtype == "float32" else 0 for t in tensors]
            for tensors in (recipe.inputs, recipe.outputs)
        ]
        try:
            self.program = _core.Program(
                target, recipe.threads, recipe.arena_floats, weights, *sizes
            )
            self._segments = self._build()
        except ValueError as error:
            raise PlanError(f"{recipe.name}: {error}") from None
        self._constants = {
            name: _constant(weights, *told) for name, told in recipe.constants.items()
        }
        self._idle: list[_core.Context] = []
        self._lock = threading.Lock()

    def _build(self) -> list[tuple[int, int] | _Island]:
        """Add the native steps; give the runs of them and the islands, in order."""
        segments: list[tuple[int, int] | _Island] = []
        count = 0
        for step in self.recipe.steps:
            if step.kind == "island":
                segments.append(_Island(step))
                continue
            self.program.add(
                step.kind, step.kernel, step.attributes, step.inputs, step.outputs, step.weights,
                step.shared, step.scratch,
            )  # fmt: skip
            if segments and isinstance(segments[-1], tuple):
                segments[-1] = (segments[-1][0], count + 1)
            else:
                segments.append((count, count + 1))
            count += 1
        return segments

    def __call__(self, inputs: list[Array], outputs: list[Array | None]) -> list[Array]:
        """Run once on whole blocks of the batch; float32 outputs are written where given."""
        return self._with_context(inputs, outputs, None)

    def profile(self, inputs: list[Array], outputs: list[Array | None]) -> list[float]:
        """Run once, and give each step's seconds."""
        times: list[float] = []
        self._with_context(inputs, outputs, times)
        return times

    def _with_context(
        self, inputs: list[Array], outputs: list[Array | None], times: list[float] | None
    ) -> list[Array]:
        with self._lock:
            context = self._idle.pop() if self._idle else None
        context = context or _core.Context(self.program)
        try:
            return self._run(context, inputs, outputs, times)
        finally:
            with self._lock:
                self._idle.append(context)

    def run_slowly(
        self, context: _core.Context, inputs: list[Array], outputs: list[Array], after: Any
    ) -> None:
        """Run step by step, and call after(i) behind step i."""
        held = dict(self._constants)
        held.update(zip((t.name for t in self.recipe.inputs), inputs, strict=True))
        ins = [x if x.dtype == np.float32 else _EMPTY for x in inputs]
        native = 0
        for i, step in enumerate(self.recipe.steps):
            if step.kind == "island":
                _Island(step).run(context.arena, self.weights, ins, outputs, held)
            else:
                context.run(ins, outputs, native, native + 1)
                native += 1
            after(i)

    def _run(
        self,
        context: _core.Context,
        inputs: list[Array],
        outputs: list[Array | None],
        times: list[float] | None,
    ) -> list[Array]:
        ins = [x if x.dtype == np.float32 else _EMPTY for x in inputs]
        outs = [_EMPTY if y is None else y for y in outputs]
        if times is None and len(self._segments) == 1 and isinstance(self._segments[0], tuple):
            context.run(ins, outs, *self._segments[0])
            return outs
        held = dict(self._constants)
        held.update(zip((t.name for t in self.recipe.inputs), inputs, strict=True))
        for segment in self._segments:
            if isinstance(segment, _Island):
                start = time.perf_counter()
                segment.run(context.arena, self.weights, ins, outs, held)
                if times is not None:
                    times.append(time.perf_counter() - start)
            elif times is None:
                context.run(ins, outs, *segment)
            else:
                times += context.profile(ins, outs, *segment)[slice(*segment)]
        return [
            held[t.name] if y is None else y
            for t, y in zip(self.recipe.outputs, outputs, strict=True)
        ]


class _Island:
    """An operation that runs by its reference, in NumPy."""

    def __init__(self, step: StepRecipe) -> None:
        from ..graph._file import operation_from_json

        assert step.op is not None
        self._op = operation_from_json(step.op)
        self._step = step
        count = len(step.inputs)
        self._inputs = list(zip(step.inputs, step.shapes[:count], strict=True))
        self._outputs = list(zip(step.outputs, step.shapes[count:], strict=True))

    def run(
        self,
        arena: Array,
        weights: Array,
        inputs: list[Array],
        outputs: list[Array],
        held: dict[str, Array],
    ) -> None:
        spaces: dict[int, Any] = {_INPUT: inputs, _OUTPUT: outputs}

        def view(place: Any, shape: Any) -> Array | None:
            space, index, offset = place
            if space == 0:
                return None
            if space == "held":
                return held[offset]
            whole = {_ARENA: arena, _WEIGHTS: weights}.get(space)
            if whole is None:
                whole = spaces[space][index].reshape(-1)
            size = int(np.prod(shape))
            if offset < 0 or offset + size > whole.size:
                raise PlanError("an island reads outside its memory: the plan is damaged.")
            return np.asarray(whole[offset : offset + size]).reshape(shape)

        with np.errstate(all="ignore"):
            results = self._op.evaluate(*(view(place, shape) for place, shape in self._inputs))
        for result, (place, shape) in zip(results, self._outputs, strict=False):
            if place[0] == "held":
                held[place[2]] = result
            else:
                target = view(place, shape)
                assert target is not None
                target[...] = result


_EMPTY = np.empty(0, np.float32)


def find_target(recipe: Recipe) -> str:
    """The best instruction set of this machine that reads the plan's weights.

    Raises:
        PlanError: There is none.
    """
    here = _core.targets()
    names = [name for name, lanes in here if lanes == recipe.lanes]
    if recipe.target in names:
        return recipe.target
    if not names:
        raise PlanError(
            f"{recipe.name}: the plan has blocks of {recipe.lanes} channels; here kernels have "
            f"{sorted({lanes for _, lanes in here})}. Compile it again on this machine."
        )
    return names[0]


def _constant(weights: Array, dtype: str, shape: list[int], offset: int) -> Array:
    kind = np.dtype(dtype)
    if kind.hasobject:
        raise PlanError(f"a constant of dtype {dtype} has no place in a plan.")
    count = int(np.prod(shape))
    raw = weights.view(np.uint8)[4 * offset : 4 * offset + count * kind.itemsize]
    if raw.size != count * kind.itemsize or offset < 0:
        raise PlanError("a constant lies outside the plan's weights: the file is damaged.")
    return raw.view(kind).reshape(shape)
