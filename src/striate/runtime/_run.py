"""A recipe with its weights, ready to run: native steps in one go, islands in between."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from .. import _core
from ..errors import PlanError
from ._island import ARENA, INPUT, OUTPUT, WEIGHTS, Island
from ._recipe import Array, Recipe


class Runner:
    """Runs a recipe. Several threads may call it at once: each gets memory of its own.

    Args:
        recipe: The steps.
        weights: What they read of it.
        cut: How many steps are the first part, where a recipe runs in two.
    Raises:
        PlanError: The recipe does not fit its weights, or this machine.
    """

    def __init__(self, recipe: Recipe, weights: Array, cut: int = 0) -> None:
        self.recipe = recipe
        self.weights = weights
        self._cut = cut
        target = find_target(recipe)
        inputs, outputs = (
            [t.numel if t.dtype == "float32" else 0 for t in tensors]
            for tensors in (recipe.inputs, recipe.outputs)
        )
        self._constants = {
            name: _constant(weights, *told) for name, told in recipe.constants.items()
        }
        try:
            self.program = _core.Program(
                target, recipe.threads, recipe.arena_floats, weights, inputs, outputs
            )
            self._segments = self._build(
                {ARENA: [recipe.arena_floats], WEIGHTS: [weights.size], INPUT: inputs,
                 OUTPUT: outputs}
            )  # fmt: skip
        except ValueError as error:
            raise PlanError(f"{recipe.name}: {error}") from None

    @cached_property
    def native(self) -> bool:
        """Whether all steps are native, and all inputs and outputs float32."""
        tensors = (*self.recipe.inputs, *self.recipe.outputs)
        return not any(isinstance(segment, Island) for segment in self._segments) and all(
            t.dtype == "float32" for t in tensors
        )

    def _build(self, room: dict[int, list[int]]) -> list[tuple[int, int] | Island]:
        """Add the native steps; give the runs of them and the islands, in order."""
        segments: list[tuple[int, int] | Island] = []
        count = 0
        known = {*self._constants, *(t.name for t in self.recipe.inputs)}
        for number, step in enumerate(self.recipe.steps):
            if number == self._cut:
                self._first_segments = len(segments)
            if step.kind == "island":
                segments.append(Island(step, room, known))
                continue
            self.program.add(
                step.kind, step.kernel, step.attributes, step.inputs, step.outputs, step.weights,
                step.shared, step.scratch,
            )  # fmt: skip
            last = segments[-1] if segments and number != self._cut else None
            if isinstance(last, tuple):
                segments[-1] = (last[0], count + 1)
            else:
                segments.append((count, count + 1))
            count += 1
        if self._cut == len(self.recipe.steps):
            self._first_segments = len(segments)
        self.program.settle()
        held = {t.name for t in self.recipe.outputs if t.dtype != "float32"}
        if held - known:
            raise PlanError(f"{self.recipe.name}: nothing makes {sorted(held - known)}.")
        return segments

    def __call__(self, inputs: list[Array], outputs: list[Array | None]) -> list[Array]:
        """Run once on whole blocks of the batch; float32 outputs are written where given."""
        return self._run(self.context(), inputs, outputs, None)

    def profile(self, inputs: list[Array], outputs: list[Array | None]) -> list[float]:
        """Run once, and give each step's seconds."""
        times: list[float] = []
        self._run(self.context(), inputs, outputs, times)
        return times

    def context(self) -> _core.Context:
        """Memory to run in.

        Raises:
            PlanError: There is none left.
        """
        try:
            return _core.Context(self.program)
        except MemoryError:
            raise PlanError(
                f"{self.recipe.name}: there is no memory for an arena of "
                f"{4 * self.recipe.arena_floats:,} bytes."
            ) from None

    def run_part(
        self,
        part: int,
        context: _core.Context,
        inputs: list[int],
        outputs: list[int],
        arrays: Callable[[], tuple[list[Array], list[Array]]],
        held: dict[str, Array],
    ) -> None:
        """Run part 0 or 1 of a recipe that was cut.

        Args:
            part: Which.
            context: The memory of both.
            inputs, outputs: Addresses; 0 of what this part does not touch.
            arrays: Gives them as arrays, if there are islands.
            held: What `hold` gave, for both parts.
        """
        cut = self._first_segments
        segments = self._segments[cut:] if part else self._segments[:cut]
        spaces: dict[int, list[Array]] | None = None
        for segment in segments:
            if isinstance(segment, Island):
                spaces = spaces or self._spaces(context, *arrays())
                segment.run(spaces, held)
            else:
                context.run_at(inputs, outputs, *segment)

    def run_slowly(
        self, context: _core.Context, inputs: list[Array], outputs: list[Array], after: Any
    ) -> None:
        """Run step by step, and call after(i) behind step i."""
        ins = [x if x.dtype == np.float32 else _EMPTY for x in inputs]
        held = self.hold(inputs)
        spaces = self._spaces(context, ins, outputs)
        steps = 0
        for segment in self._segments:
            if isinstance(segment, Island):
                segment.run(spaces, held)
                after(steps)
                steps += 1
                continue
            for native in range(*segment):
                context.run(ins, outputs, native, native + 1)
                after(steps)
                steps += 1

    def hold(self, inputs: list[Array]) -> dict[str, Array]:
        """Arrays that islands hand on, at the start: constants and inputs."""
        names = (t.name for t in self.recipe.inputs)
        return {**self._constants, **dict(zip(names, inputs, strict=True))}

    def _spaces(
        self, context: _core.Context, inputs: list[Array], outputs: list[Array]
    ) -> dict[int, list[Array]]:
        return {ARENA: [context.arena], WEIGHTS: [self.weights], INPUT: inputs, OUTPUT: outputs}

    def _run(
        self,
        context: _core.Context,
        inputs: list[Array],
        outputs: list[Array | None],
        times: list[float] | None,
    ) -> list[Array]:
        ins = [x if x.dtype == np.float32 else _EMPTY for x in inputs]
        outs = [_EMPTY if y is None else y for y in outputs]
        held = self.hold(inputs)
        spaces = self._spaces(context, ins, outs)
        for segment in self._segments:
            if isinstance(segment, Island):
                start = time.perf_counter()
                segment.run(spaces, held)
                if times is not None:
                    times.append(time.perf_counter() - start)
            elif times is None:
                context.run(ins, outs, *segment)
            else:
                times += context.profile(ins, outs, *segment)
        return [
            self._own(held[t.name], inputs) if y is None else y
            for t, y in zip(self.recipe.outputs, outputs, strict=True)
        ]

    def _own(self, array: Array, inputs: list[Array]) -> Array:
        """An output that is the caller's to change: neither a constant nor an input."""
        others = (*self._constants.values(), *inputs)
        return array.copy() if any(np.may_share_memory(array, x) for x in others) else array


_EMPTY = np.empty(0, np.float32)


def find_target(recipe: Recipe) -> str:
    """The plan's instruction set. Another one with as many lanes may pack weights otherwise.

    Raises:
        PlanError: This machine has none such.
    """
    here = dict(_core.targets())
    if here.get(recipe.target) != recipe.lanes:
        raise PlanError(
            f"{recipe.name}: the plan was compiled for {recipe.target}; this machine runs "
            f"{', '.join(here)}. Compile it for one of these: isa='portable8' runs everywhere."
        )
    return recipe.target


def _constant(weights: Array, shape: tuple[int, ...], dtype: str, offset: int) -> Array:
    kind = np.dtype(dtype)
    count = math.prod(shape)
    raw = weights.view(np.uint8)[4 * offset : 4 * offset + count * kind.itemsize]
    if raw.size != count * kind.itemsize:
        raise PlanError("a constant lies outside the plan's weights: the file is damaged.")
    array: Array = raw.view(kind).reshape(shape)
    array.flags.writeable = False
    return array
