"""What a plan's file says besides the weights: the steps, and where everything lies."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

Place = tuple[Any, int, Any]
"""(space, index, offset in floats): spaces are those of csrc/engine/program.hpp; ("held", i, name)
is an array that islands hand on, input i or -1."""


@dataclass(frozen=True)
class Tensor:
    """An input or an output: name, shape and dtype."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"

    @property
    def numel(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class StepRecipe:
    """One step: which kernel reads and writes where, and what it stands for.

    Args:
        kind: Of the native step, or `island`: an operation that runs in NumPy.
        kernel: Its kernel.
        attributes: Its arguments.
        inputs, outputs, weights: Places.
        shared, scratch: Offsets of its scratch in the arena.
        nodes: The nodes of the network that it computes.
        notes: What was fused, in words.
        why: Why this kernel, in words.
        maps: What it reads and writes, in words.
        macs: Multiply-adds.
        read_bytes, written_bytes, weight_bytes: Bytes of maps and weights it touches at least.
        op: An island's operation.
        types: Shapes and dtypes of an island's inputs and outputs; None where one is absent.
    """

    kind: str
    kernel: str
    attributes: dict[str, Any]
    inputs: list[Place]
    outputs: list[Place]
    weights: list[Place]
    shared: int = 0
    scratch: int = 0
    nodes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    why: str = ""
    maps: str = ""
    macs: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    weight_bytes: int = 0
    op: dict[str, Any] | None = None
    types: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Recipe:
    """A plan without its weights.

    Args:
        name: Of the network.
        target: Instruction set the kernels were chosen for.
        lanes: Channels in a block: any target with as many runs the plan.
        threads: Threads it runs on.
        precision: `fast` or `exact`.
        arena_floats: Size of the arena.
        inputs, outputs: Their types, for one block of the batch.
        batched: Whether axis 0 of all of them is the batch, so that others can be cut or filled up.
        steps: In the order they run.
        constants: Arrays that islands read and that are not float32, by name: (dtype, shape, offset
            in the weights).
        changes: What the passes folded, in words.
    """

    name: str
    target: str
    lanes: int
    threads: int
    precision: str
    arena_floats: int
    inputs: list[Tensor]
    outputs: list[Tensor]
    steps: list[StepRecipe]
    batched: bool = False
    constants: dict[str, Any] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Tell it in plain dicts and lists."""
        return asdict(self)

    @staticmethod
    def from_json(told: dict[str, Any]) -> Recipe:
        """Make the recipe that `as_json` told.

        Raises:
            KeyError, TypeError, ValueError: It is none.
        """
        recipe = Recipe(
            name=_word(told["name"]),
            target=_word(told["target"]),
            lanes=_count(told["lanes"]),
            threads=_count(told["threads"]),
            precision=_word(told["precision"]),
            arena_floats=_count(told["arena_floats"]),
            inputs=[_tensor(t) for t in _list(told["inputs"])],
            outputs=[_tensor(t) for t in _list(told["outputs"])],
            steps=[_step(s) for s in _list(told["steps"])],
            batched=bool(told["batched"]),
            constants={_word(k): _constant(v) for k, v in told["constants"].items()},
            changes=[_word(change) for change in _list(told["changes"])],
        )
        sizes = {t.shape[:1] for t in (*recipe.inputs, *recipe.outputs)}
        if recipe.batched and (len(sizes) != 1 or min(sizes) < (1,)):
            raise ValueError("its inputs and outputs have no batch in common.")
        return recipe


def _step(told: dict[str, Any]) -> StepRecipe:
    counts = ("shared", "scratch", "macs", "read_bytes", "written_bytes", "weight_bytes")
    return StepRecipe(
        kind=_word(told["kind"]),
        kernel=_word(told["kernel"]),
        attributes=dict(told["attributes"]),
        inputs=[_place(place) for place in _list(told["inputs"])],
        outputs=[_place(place) for place in _list(told["outputs"])],
        weights=[_place(place) for place in _list(told["weights"])],
        nodes=[_word(node) for node in _list(told["nodes"])],
        notes=[_word(note) for note in _list(told["notes"])],
        op=None if told["op"] is None else dict(told["op"]),
        types=[None if t is None else _type(*t) for t in _list(told["types"])],
        **{name: _count(told[name]) for name in counts},
    )


def _tensor(told: dict[str, Any]) -> Tensor:
    shape, dtype = _type(told["shape"], told["dtype"])
    return Tensor(_word(told["name"]), shape, dtype)


def _place(told: Any) -> Place:
    space, index, offset = told
    if space == "held":
        return space, index, _word(offset)
    return _count(space), _count(index), _count(offset)


def _constant(told: Any) -> Any:
    dtype, shape, offset = told
    return *reversed(_type(shape, dtype)), _count(offset)


def _type(shape: Any, dtype: Any) -> tuple[tuple[int, ...], str]:
    kind = np.dtype(_word(dtype))
    if kind.kind not in "biufc":
        raise ValueError(f"{dtype!r} is no dtype of numbers.")
    return tuple(_count(n) for n in _list(shape)), kind.name


def _list(told: Any) -> list[Any]:
    if not isinstance(told, list):
        raise TypeError(f"{str(told)[:80]!r} is no list.")
    return told


def _count(told: Any) -> int:
    if type(told) is not int or not 0 <= told < 1 << 62:
        raise ValueError(f"{str(told)[:80]!r} is no number of 0 or more.")
    return told


def _word(told: Any) -> str:
    if not isinstance(told, str):
        raise TypeError(f"{str(told)[:80]!r} is no word.")
    return told
