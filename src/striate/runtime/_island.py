"""An operation in a plan that no kernel computes: it runs by its reference, in NumPy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import PlanError, StriateError
from ._recipe import Array, StepRecipe

ARENA, WEIGHTS, INPUT, OUTPUT = 1, 2, 3, 4


class Island:
    """One step, checked: it reads and writes inside its memory, and its sizes are the operation's.

    Args:
        step: What runs.
        room: Floats of each memory, by its space.
        known: Names of the arrays that are held before it runs; its own are added.
    Raises:
        PlanError: It does not fit.
    """

    def __init__(
        self, step: StepRecipe, room: Mapping[int, Sequence[int]], known: set[str]
    ) -> None:
        from ..graph._file import operation_from_json

        if step.op is None or len(step.types) != len(step.inputs) + len(step.outputs):
            raise PlanError(f"step {step.nodes} says too little of its operation.")
        self._op = operation_from_json(step.op)
        self._name = "+".join(step.nodes) or self._op.kind
        count = len(step.inputs)
        self._inputs = list(zip(step.inputs, step.types[:count], strict=True))
        self._outputs = list(zip(step.outputs, step.types[count:], strict=True))
        self._check_types()
        for place, type_ in self._inputs:
            self._check_place(place, type_, room, known, written=False)
        for place, type_ in self._outputs:
            self._check_place(place, type_, room, known, written=True)
        known.update(place[2] for place in step.outputs if place[0] == "held")

    def _check_types(self) -> None:
        """The operation makes of its inputs what the plan has room for."""
        from ..graph import TensorType

        inputs = [None if t is None else TensorType(*t) for _, t in self._inputs]
        found = self._op.infer(*inputs)
        if len(found) < len(self._outputs):
            raise self._damaged(f"makes {len(found)} of {len(self._outputs)} outputs")
        for output, (_, told) in zip(found, self._outputs, strict=False):
            if told is None or output.shape != told[0]:
                raise self._damaged(f"makes {output}, for which there is no room")

    def _check_place(
        self,
        place: Any,
        type_: Any,
        room: Mapping[int, Sequence[int]],
        known: set[str],
        *,
        written: bool,
    ) -> None:
        space, index, offset = place
        if space == 0 and type_ is None and not written:
            return
        if space == "held":
            if not written and offset not in known:
                raise self._damaged(f"reads {offset}, which nothing makes")
            return
        sizes = room.get(space, ())
        if (
            type_ is None
            or (written and space not in (ARENA, OUTPUT))
            or index >= len(sizes)
            or offset + math.prod(type_[0]) > sizes[index]
        ):
            raise self._damaged("does not lie in its memory")

    def _damaged(self, what: str) -> PlanError:
        return PlanError(f"{self._name} {what}: the plan is damaged.")

    def run(self, spaces: Mapping[int, Sequence[Array]], held: dict[str, Array]) -> None:
        """Read, compute, write.

        Args:
            spaces: Each memory, flat.
            held: The arrays that are not float32, by name.
        """

        def view(place: Any, type_: Any) -> Any:
            space, index, offset = place
            if type_ is None:
                return None
            if space == "held":
                return held[offset]
            shape = type_[0]
            flat = spaces[space][index].reshape(-1)
            return flat[offset : offset + math.prod(shape)].reshape(shape)

        try:
            with np.errstate(all="ignore"):
                results = self._op.evaluate(*(view(*given) for given in self._inputs))
                for result, (place, type_) in zip(results, self._outputs, strict=False):
                    assert type_ is not None  # checked with the types
                    shape, dtype = type_
                    if result.shape != shape:
                        raise self._damaged(f"made {result.shape} for {shape}")
                    if place[0] == "held":
                        held[place[2]] = np.asarray(result, dtype)
                    else:
                        view(place, type_)[...] = result
        except StriateError:
            raise
        except Exception as error:  # numbers that the operation cannot take, such as indices
            raise PlanError(f"{self._name}: {type(error).__name__}: {error}") from error
