"""A compiled network, to be called like the network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import OptionError, PlanError, ShapeError
from ._quick import quick_call
from ._recipe import Array, Recipe, Tensor
from ._run import Runner


class Plan:
    """A network as a list of native steps with packed weights and one arena.

    Called like the network it was made from, it takes and gives torch tensors or NumPy arrays. It
    may be called from several threads at once.

    Example:
        >>> import striate
        >>> plan = striate.compile(striate.zoo.create("lenet5"), (1, 1, 32, 32))
        >>> plan(np.zeros((1, 1, 32, 32), np.float32)).shape
        (1, 10)
    """

    def __init__(self, recipe: Recipe, weights: Array) -> None:
        self._recipe = recipe
        self._runner = Runner(recipe, weights)
        self._quick = quick_call(self._runner)
        self._on_arrays = self._quick.on_arrays if self._quick else _never
        # torch.Tensor and how one is run, once one was seen: a plan runs without torch.
        self._tensor: Any = None
        self._on_tensor = _never

    # --- what it is -------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the network."""
        return self._recipe.name

    @property
    def threads(self) -> int:
        """Threads it runs on."""
        return self._recipe.threads

    @property
    def target(self) -> str:
        """Instruction set its kernels were chosen for."""
        return self._recipe.target

    @property
    def input_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the inputs, for one block of the batch."""
        return tuple(t.shape for t in self._recipe.inputs)

    @property
    def output_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the outputs, for one block of the batch."""
        return tuple(t.shape for t in self._recipe.outputs)

    @property
    def weight_bytes(self) -> int:
        """Bytes of the packed weights."""
        return self._runner.weights.nbytes

    @property
    def peak_bytes(self) -> int:
        """Bytes of the arena that a call allocates: every map and all scratch, at its fullest."""
        return 4 * self._recipe.arena_floats

    # --- running ----------------------------------------------------------------------------------

    def __call__(self, *inputs: Any) -> Any:
        """Run the network.

        Args:
            inputs: torch tensors or NumPy arrays, as the network takes them. The batch (axis 0) may
                be any: it is run in blocks of the size the plan was made for.
        Returns:
            What the network gives, one value or a tuple: tensors if the first input is one.
        Raises:
            ShapeError: An input has another shape than the plan was made for.
        """
        if (result := self._on_arrays(*inputs)) is not None:
            return result
        if (
            self._tensor is not None
            and len(inputs) == 1
            and type(inputs[0]) is self._tensor
            and (result := self._on_tensor(inputs[0])) is not None
        ):
            return result
        return self._call(inputs)

    def _call(self, inputs: tuple[Any, ...]) -> Any:
        """Run on whatever can be converted."""
        results: list[Any] = list(self._in_blocks(self._arrays(inputs)))
        if inputs and hasattr(inputs[0], "detach"):
            import torch

            if self._quick is not None:
                self._tensor, self._on_tensor = torch.Tensor, self._quick.on_tensors(torch)
            results = [torch.from_numpy(np.asarray(y, order="C")) for y in results]
        return results[0] if len(results) == 1 else tuple(results)

    def run_into(self, *outputs: Any, inputs: Sequence[Any]) -> None:
        """Run the network and write its outputs where they are wanted, without a copy.

        Args:
            outputs: float32 arrays or CPU tensors, contiguous, of the plan's output shapes.
            inputs: As `__call__` takes them, of the shapes the plan was made for.
        Raises:
            ShapeError, OptionError: An input or an output is not what it should be.
        """
        if self._quick is not None and self._quick.into_arrays(tuple(inputs), outputs):
            return
        arrays = self._arrays(inputs)
        if len(outputs) != len(self._recipe.outputs):
            raise OptionError(
                f"{self.name}: {len(outputs)} outputs were given for {len(self._recipe.outputs)}."
            )
        rooms = tuple(y.detach().numpy() if hasattr(y, "detach") else y for y in outputs)
        if self._quick is not None and self._quick.into_arrays(tuple(arrays), rooms):
            return
        targets: list[Array] = []
        for array, told in zip(rooms, self._recipe.outputs, strict=True):
            if array.shape != told.shape or str(array.dtype) != told.dtype:
                raise ShapeError(
                    f"{self.name}: output {told.name} is {told.dtype} {told.shape}; room for "
                    f"{array.dtype} {array.shape} was given."
                )
            if not array.flags.c_contiguous or not array.flags.writeable:
                raise OptionError(
                    f"{self.name}: output {told.name} must be contiguous and writable."
                )
            if any(np.may_share_memory(array, x) for x in (*arrays, *targets)):
                raise OptionError(
                    f"{self.name}: output {told.name} lies in the memory of an input or of another "
                    f"output."
                )
            targets.append(array)
        if [a.shape for a in arrays] != [t.shape for t in self._recipe.inputs]:
            raise ShapeError(f"{self.name}: run_into takes whole blocks: {self.input_shapes}.")
        native = [y if y.dtype == np.float32 else None for y in targets]
        for y, result in zip(targets, self._runner(arrays, native), strict=True):
            if y is not result:
                y[...] = result

    def _arrays(self, inputs: Sequence[Any]) -> list[Array]:
        if len(inputs) != len(self._recipe.inputs):
            names = ", ".join(t.name for t in self._recipe.inputs)
            raise OptionError(
                f"{self.name}: {len(inputs)} inputs were given for {len(self._recipe.inputs)}: "
                f"{names}."
            )
        arrays = [_array(x, t) for x, t in zip(inputs, self._recipe.inputs, strict=True)]
        for array, told in zip(arrays, self._recipe.inputs, strict=True):
            fits = array.shape == told.shape or (
                self._recipe.batched and array.shape[1:] == told.shape[1:] and array.ndim > 0
            )
            if not fits:
                raise ShapeError(
                    f"{self.name}: input {told.name} is {array.shape}; the plan was made for "
                    f"{told.shape}. Compile the network for that shape."
                )
        if self._recipe.batched and len({a.shape[0] for a in arrays}) > 1:
            raise ShapeError(
                f"{self.name}: the inputs' batches differ: {[a.shape[0] for a in arrays]}."
            )
        return arrays

    def _in_blocks(self, arrays: list[Array]) -> list[Array]:
        """Run block by block of the batch; the last is filled up with zeros."""
        told = self._recipe.inputs
        if not self._recipe.batched or arrays[0].shape[0] == told[0].shape[0]:
            return self._runner(arrays, self._room())
        size, count = told[0].shape[0], arrays[0].shape[0]
        results = [np.empty((count, *t.shape[1:]), t.dtype) for t in self._recipe.outputs]
        for start in range(0, count, size):
            stop = min(start + size, count)
            parts = [_filled(a[start:stop], size) for a in arrays]
            for whole, part in zip(results, self._runner(parts, self._room()), strict=True):
                whole[start:stop] = part[: stop - start]
        return results

    def _room(self) -> list[Array | None]:
        try:
            return [
                np.empty(t.shape, np.float32) if t.dtype == "float32" else None
                for t in self._recipe.outputs
            ]
        except MemoryError:
            raise PlanError(
                f"{self.name}: there is no memory for outputs of {self.output_shapes}."
            ) from None

    # --- saving -----------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write the plan into one file that runs where only NumPy is.

        Args:
            path: By custom `*.striate`; it appears whole or not at all. `striate.runtime.load`
                reads it, on any processor that has the plan's instruction set.
        Raises:
            PlanError: It cannot be written.
        """
        from ._file import save

        save(Path(path), self._recipe, self._runner.weights)

    def explain(self, *, profile: bool = False, repeats: int = 20) -> str:
        """Tell, step by step, what runs, how and why.

        Args:
            profile: Run it on zeros and add what each step takes: milliseconds, GFLOP/s and the
                share of this machine's measured peak, and whether arithmetic or memory binds it.
            repeats: Runs of which the median is told.
        """
        from ._explain import explain

        return explain(self, profile=profile, repeats=repeats)

    def profile(self, repeats: int = 20) -> list[float]:
        """Measure each step on zeros: the median of `repeats` runs, in seconds."""
        if repeats < 1:
            raise OptionError(f"repeats={repeats} must be 1 or more.")
        arrays = [np.zeros(t.shape, t.dtype) for t in self._recipe.inputs]
        runs = [self._runner.profile(arrays, self._room()) for _ in range(repeats + 1)]
        return [float(time) for time in np.median(runs[1:], axis=0)]

    def __repr__(self) -> str:
        shapes = ", ".join("x".join(map(str, shape)) for shape in self.input_shapes)
        return (
            f"<Plan {self.name} for {shapes}: {len(self._recipe.steps)} steps, {self.target}, "
            f"{self.threads} threads>"
        )


def _never(*_: Any) -> None:
    """Not a quick call."""


def _array(x: Any, told: Tensor) -> Array:
    """An input as the plan reads it: itself where its dtype and its layout allow."""
    if hasattr(x, "detach"):
        x = _of_tensor(x, told)
    array = np.asarray(x)
    kind, wanted = array.dtype.kind, np.dtype(told.dtype).kind
    if kind != wanted and {kind, wanted} != {"i", "u"}:
        raise OptionError(
            f"input {told.name} is {array.dtype}; {told.dtype} is needed. Convert it, as by "
            f"x.astype({told.dtype!r}); pictures of bytes are divided by 255, too."
        )
    array = np.asarray(array, told.dtype, order="C")
    return array if array.flags.aligned else array.copy()


def _of_tensor(x: Any, told: Tensor) -> Array:
    import torch

    if x.requires_grad and torch.is_grad_enabled():
        raise OptionError(
            f"input {told.name} wants a gradient, and a plan has none: it is for inference. Call "
            f"it under torch.no_grad(), or with x.detach()."
        )
    x = x.detach()
    x = x.float() if x.dtype == torch.bfloat16 else x  # which NumPy lacks
    array: Array = x.cpu().resolve_conj().resolve_neg().numpy()
    return array


def _filled(part: Array, size: int) -> Array:
    if len(part) == size:
        return part
    whole = np.zeros((size, *part.shape[1:]), part.dtype)
    whole[: len(part)] = part
    return whole
