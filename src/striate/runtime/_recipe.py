"""What a plan's file says besides the weights: the steps, and where everything lies."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

Type = tuple[tuple[int, ...], str]
"""A shape and a dtype."""

Constant = tuple[tuple[int, ...], str, int]
"""A shape, a dtype, and the offset in the weights."""

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
    types: list[Type | None] = field(default_factory=list)


@dataclass(frozen=True)
class Recipe:
    """A plan without its weights.

    Args:
        name: Of the network.
        target: Instruction set the kernels were chosen for.
        lanes: Channels in a block.
        threads: Threads it runs on.
        precision: `fast` or `exact`.
        arena_floats: Size of the arena.
        inputs, outputs: Their types, for one block of the batch.
        batched: Whether axis 0 of all of them is the batch, so that others can be cut or filled up.
        steps: In the order they run.
        constants: Arrays that islands read and that are not float32, by name.
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
    constants: dict[str, Constant] = field(default_factory=dict)
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
        recipe: Recipe = _read(Recipe, told)
        sizes = {t.shape[:1] for t in (*recipe.inputs, *recipe.outputs)}
        if recipe.batched and (len(sizes) != 1 or min(sizes) < (1,)):
            raise ValueError("its inputs and outputs have no batch in common.")
        return recipe


def _read(made: Any, told: dict[str, Any]) -> Any:
    """Make a dataclass; each field is checked by what its annotation says."""
    return made(**{f.name: _READERS[f.type](told[f.name]) for f in fields(made)})


def _tensor(told: Any) -> Tensor:
    shape, dtype = _type((told["shape"], told["dtype"]))
    return Tensor(_word(told["name"]), shape, dtype)


def _place(told: Any) -> Place:
    space, index, offset = told
    if space == "held":
        return space, index, _word(offset)
    return _count(space), _count(index), _count(offset)


def _constants(told: dict[str, Any]) -> dict[str, Constant]:
    return {
        _word(name): (*_type((shape, dtype)), _count(offset))
        for name, (shape, dtype, offset) in told.items()
    }


def _type(told: Any) -> Type:
    shape, dtype = told
    kind = np.dtype(_word(dtype))
    if kind.kind not in "biufc":
        raise ValueError(f"{dtype!r} is no dtype of numbers.")
    return tuple(_count(n) for n in _list(shape)), kind.name


def _optional(read: Any) -> Any:
    return lambda told: None if told is None else read(told)


def _listed(read: Any) -> Any:
    return lambda told: [read(one) for one in _list(told)]


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


def _flag(told: Any) -> bool:
    if not isinstance(told, bool):
        raise TypeError(f"{str(told)[:80]!r} is neither true nor false.")
    return told


_READERS: dict[Any, Any] = {
    "str": _word,
    "int": _count,
    "bool": _flag,
    "list[str]": _listed(_word),
    "list[Place]": _listed(_place),
    "list[Tensor]": _listed(_tensor),
    "list[Type | None]": _listed(_optional(_type)),
    "list[StepRecipe]": _listed(lambda told: _read(StepRecipe, told)),
    "dict[str, Any]": dict,
    "dict[str, Any] | None": _optional(dict),
    "dict[str, Constant]": _constants,
}
