"""From steps to a recipe and its weights: kernels chosen, weights packed, memory laid out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from ..graph._file import operation_as_json
from ..runtime._recipe import Recipe, StepRecipe, Tensor
from ._choose import Chooser
from ._joined import join_steps
from ._place import ALIGNED_FLOATS, SPACES, Placement, aligned, place, rounded
from ._values import Array, Map, Step, Storage
from .lower import Lowered


def build(
    lowered: Lowered,
    *,
    name: str,
    target: str,
    lanes: int,
    threads: int,
    precision: str,
    tune: bool,
    prefer: str,
) -> tuple[Recipe, Array]:
    """Make the recipe of a plan, and the block of weights that it reads."""
    placement, needs = lay_out(
        lowered.steps,
        target=target,
        threads=threads,
        precision=precision,
        tune=tune,
        prefer=prefer,
    )
    block = _Weights(target)
    recipes = [_recipe(step, i, needs[i], placement, block) for i, step in enumerate(lowered.steps)]
    for map_ in lowered.outputs:
        if map_.storage.space == "held":
            block.held(map_.storage)
    recipe = Recipe(
        name=name,
        target=target,
        lanes=lanes,
        threads=threads,
        precision=precision,
        arena_floats=placement.floats,
        inputs=[_tensor(map_) for map_ in lowered.inputs],
        outputs=[_tensor(map_) for map_ in lowered.outputs],
        steps=recipes,
        constants=block.constants,
    )
    return recipe, block.filled()


def lay_out(
    steps: list[Step],
    *,
    target: str,
    threads: int,
    precision: str = "fast",
    tune: bool = False,
    prefer: str = "speed",
) -> tuple[Placement, list[_core.Needs | None]]:
    """Choose each step's kernel, and place all maps and scratch in the arena.

    Poolings and norms' gradients become parts of the steps beside them where these can do both. In
    front of a step whose weight is made while the plan runs comes one that packs it.
    """
    choose = Chooser(
        steps, target=target, threads=threads, precision=precision, tune=tune, prefer=prefer
    )
    for step in steps:
        if step.kind != "island":
            choice = choose(step)
            step.kernel, step.why = choice.kernel, choice.why
    join_steps(steps, target)
    all_steps: list[Step] = []
    needs: list[_core.Needs | None] = []
    for step in steps:
        need = None
        if step.kind != "island":
            need = _core.needs(target, step.kind, step.kernel, step.attributes, threads)
        if isinstance(step.weight, Map) and _packs_itself(step, target):
            _give_plain(step, step.weight)
            need = _core.needs(target, step.kind, step.kernel, step.attributes, threads)
        if need and isinstance(step.weight, Map):
            packing = _packing(step, step.weight, need.weight_floats)
            all_steps.append(packing)
            needs.append(
                _core.needs(target, packing.kind, packing.kernel, packing.attributes, threads)
            )
        all_steps.append(step)
        needs.append(need)
    steps[:] = all_steps
    return place(steps, needs, threads), needs


_OWN_FLOATS, _OWN_PIXELS = 1 << 16, 256
"""From so many weights on, and for so many pixels at most, a convolution packs them itself."""


def _packs_itself(step: Step, target: str) -> bool:
    """Whether each task packs the weights that it multiplies with: few pixels are one task's.

    Packed ahead, they would go to memory and back, which takes half as long as such a product.
    """
    told = step.attributes
    if step.kind != "conv":
        return False
    pixels = told["batch"] * math.prod(told["in"])
    plain = told.get("groups", 1) == 1 and not told.get("scale") and not told.get("plain_input")
    pointwise = all(told[name] == [1, 1, 1] for name in ("kernel", "stride"))
    whole = told["in"] == told["out"] == told.get("out_full", told["out"])
    floats = told["in_channels"] * told["out_channels"]
    few = pixels <= _OWN_PIXELS and floats >= _OWN_FLOATS
    if not (plain and pointwise and whole and few):
        return False
    return step.kernel in _core.candidates(target, "conv", _with_plain_weight(step))


def _give_plain(step: Step, weight: Map) -> None:
    """Let a convolution read its weight where it lies."""
    inputs = [*step.inputs, None, None, None][:3]
    step.inputs = [*inputs, weight]
    step.attributes = _with_plain_weight(step)
    step.weight, step.weights = None, [None, *step.weights]
    step.notes = [*step.notes, "packs its weights as it goes"]


def _with_plain_weight(step: Step) -> dict[str, Any]:
    return {**step.attributes, **step.filters, "plain_weight": True}


def _packing(step: Step, weight: Map, floats: int) -> Step:
    """What packs a step's weight each time the plan runs."""
    packed = Map(Storage(f"{weight.storage.name}:packed", floats), (floats,))
    step.weight = packed
    attributes = {
        **step.attributes, **step.filters, "packs": step.kind, "packs_for": step.kernel,
    }  # fmt: skip
    return Step("pack", attributes, [weight], [packed], nodes=step.nodes, kernel="pack")


def _tensor(map_: Map) -> Tensor:
    return Tensor(map_.storage.name, map_.shape, map_.storage.dtype)


def _type(map_: Map | None) -> Any:
    return None if map_ is None else (map_.shape, map_.storage.dtype)


def _recipe(
    step: Step, index: int, needs: Any, placement: Placement, block: _Weights
) -> StepRecipe:
    island = step.kind == "island"
    weights = []
    if not island:
        if isinstance(step.weight, Map):
            weights.append(_place_of(step.weight, placement, block, island))
        elif step.weight is not None:
            weights.append((SPACES["weights"], 0, block.packed(step, needs.weight_floats)))
        weights += [
            (SPACES["weights"], 0, block.plain(vector))
            if isinstance(vector, np.ndarray)
            else _place_of(vector, placement, block, island)
            for vector in step.weights
        ]
    return StepRecipe(
        kind=step.kind,
        kernel=step.kernel,
        attributes=step.attributes,
        inputs=[_place_of(map_, placement, block, island) for map_ in step.inputs],
        outputs=[_place_of(map_, placement, block, island) for map_ in step.outputs],
        weights=weights,
        shared=0 if island else placement.shared[index],
        scratch=0 if island else placement.scratch[index],
        nodes=step.nodes,
        notes=step.notes,
        why=step.why,
        maps=_told(step),
        macs=step.macs,
        read_bytes=4 * sum(m.floats for m in step.inputs if m is not None),
        written_bytes=4 * sum(m.floats for m in step.outputs if m is not None),
        weight_bytes=0 if needs is None else 4 * needs.weight_floats,
        op=operation_as_json(step.op) if island else None,
        types=[_type(map_) for map_ in (*step.inputs, *step.outputs)] if island else [],
    )


def _told(step: Step) -> str:
    """The main input and the output of a step, with their layouts."""

    def told(map_: Map | None) -> str:
        if map_ is None:
            return ""
        return f"{'blocked' if map_.blocked else 'plain'} {'x'.join(map(str, map_.shape))}"

    return f"{told(next(iter(step.inputs), None))} -> {told(next(iter(step.outputs), None))}"


def _place_of(map_: Map | None, placement: Placement, block: _Weights, island: bool) -> Any:
    if map_ is None:
        return (SPACES["none"], 0, 0)
    storage = map_.storage
    if storage.space == "held":
        return ("held", storage.index if storage.array is None else -1, block.held(storage))
    if storage.space == "arena":
        return (SPACES["arena"], 0, placement.offsets[storage] + map_.offset)
    if storage.space == "weights":
        assert storage.array is not None
        return (SPACES["weights"], 0, block.plain(storage.array) + map_.offset)
    return (SPACES[storage.space], storage.index, map_.offset)


class _Weights:
    """The block of weights: each array once, at a multiple of 64 bytes.

    Places are given first, and filled when the block's size is known: nothing is copied.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._pieces: list[tuple[int, int, Callable[[Array], None]]] = []
        self._floats = 0
        self._known: dict[Any, int] = {}
        self._kept: list[Any] = []  # what ids are of must not go
        self.constants: dict[str, Any] = {}

    def packed(self, step: Step, floats: int) -> int:
        """Pack a step's weight as its kernel reads it."""
        assert isinstance(step.weight, np.ndarray)
        weight = np.ascontiguousarray(step.weight, np.float32)
        shape = {k: v for k, v in step.attributes.items() if k in _SHAPES_WEIGHTS}
        key = (
            (step.kind, step.kernel, weight.shape, str(shape), weight.tobytes())
            if (weight.size < 1 << 12)
            else (step.kind, step.kernel, str(shape), id(step.weight))
        )
        if key in self._known:
            return self._known[key]
        self._kept.append(step.weight)
        kind, kernel, attributes = step.kind, step.kernel, step.attributes
        return self._put(
            key,
            floats,
            lambda piece: _core.pack(self._target, kind, kernel, attributes, weight, piece),
        )

    def plain(self, array: Array) -> int:
        """Put an array in as it is."""
        key = ("plain", id(array))
        if key in self._known:
            return self._known[key]
        self._kept.append(array)
        return self._put_array(key, array)

    def held(self, storage: Storage) -> str:
        """Put in what an island reads that is not float32, if it is a weight; give its name."""
        if storage.array is not None and storage.name not in self.constants:
            raw = storage.array.tobytes()
            floats = np.frombuffer(raw + bytes(-len(raw) % 4), np.float32)
            offset = self._put_array(("held", storage.name), floats)
            told = (storage.array.shape, str(storage.array.dtype), offset)
            self.constants[storage.name] = told
        return storage.name

    def _put_array(self, key: Any, array: Array) -> int:
        def copy(piece: Array) -> None:
            piece[:] = array.ravel()

        return self._put(key, array.size, copy)

    def _put(self, key: Any, floats: int, write: Callable[[Array], None]) -> int:
        offset = self._floats
        self._pieces.append((offset, floats, write))
        self._floats += rounded(floats)
        self._known[key] = offset
        return offset

    def filled(self) -> Array:
        """All of it, one behind the other."""
        whole = aligned(max(self._floats, ALIGNED_FLOATS))
        for offset, floats, write in self._pieces:
            write(whole[offset : offset + floats])
        return whole


_SHAPES_WEIGHTS = frozenset(
    {"in_channels", "out_channels", "groups", "kernel", "in_features", "out_features", "channels",
     "pixels", "in", "out", "plain_input", "stride", "dilation"}
)  # fmt: skip
