"""What a plan's file says besides the weights: the steps, and where everything lies."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any

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
        shapes: Of an island's inputs and outputs.
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
    shapes: list[Any] = field(default_factory=list)


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
        constants: Arrays that are not float32, by name: (dtype, shape, offset in the weights).
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
        rest = {f.name: told[f.name] for f in fields(Recipe)}
        rest["inputs"] = [_tensor(t) for t in rest["inputs"]]
        rest["outputs"] = [_tensor(t) for t in rest["outputs"]]
        rest["steps"] = [_step(s) for s in rest["steps"]]
        return Recipe(**rest)


def _tensor(told: dict[str, Any]) -> Tensor:
    return Tensor(str(told["name"]), tuple(int(n) for n in told["shape"]), str(told["dtype"]))


def _step(told: dict[str, Any]) -> StepRecipe:
    known = {f.name: told[f.name] for f in fields(StepRecipe)}
    for name in ("inputs", "outputs", "weights"):
        known[name] = [tuple(place) for place in known[name]]
    return StepRecipe(**known)
