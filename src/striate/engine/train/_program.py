"""A forward and a backward pass as one native program, for one shape of the inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import GraphError
from ...graph import Graph, TensorType
from ...graph.gradient import Training, differentiate
from ...runtime._explain import how, shares_table, steps_table
from ...runtime._run import Runner
from .._build import build, lay_out
from .._compile import find_target
from ..lower import lower_training
from ._checkpoint import Checkpoint, checkpointed
from ._room import Room

Array = np.ndarray[Any, Any]


@dataclass
class Call:
    """What the backward pass needs of a forward pass.

    Args:
        context: The memory that both share.
        held: The arrays of islands.
    """

    context: Any
    held: dict[str, Array]


class Program:
    """Both passes of a training graph.

    Args:
        training: The graph.
        inputs: How many inputs the network itself has.
        room: Where gradients are written.
        checkpoint: What the arena may hold: see `_checkpoint`.
        options: Of `build`: threads, precision, tune, prefer; and the instruction set `isa`.
    Attributes:
        outputs: How many the network itself has.
        places: Of its inputs and weights among what the passes read.
    """

    def __init__(
        self,
        training: Training,
        inputs: int,
        room: Room | None = None,
        *,
        isa: str | None,
        checkpoint: Checkpoint = None,
        **options: Any,
    ) -> None:
        target, lanes = find_target(isa)
        training = checkpointed(
            training, checkpoint, lambda t: arena_bytes(t, target, lanes, **options)
        )
        self.training = training
        self._room = room or Room()
        graph = training.graph
        self._types = [_checked(graph, name) for name in graph.outputs]
        for name, given in graph.inputs.items():
            if given.is_float:
                _checked(graph, name)
        made = lower_training(training, target, lanes)
        recipe, weights = build(
            made.lowered, name=graph.name, target=target, lanes=lanes, **options
        )
        steps = made.lowered.steps
        self.forward_steps = len(steps) if made.first is None else steps.index(made.first)
        self.runner = Runner(recipe, weights, self.forward_steps)
        self._others = len(graph.inputs) - inputs
        gradients = sum(g is not None for g in training.gradients)
        self._made = len(graph.outputs) - gradients  # by the forward pass
        self.outputs = self._made - 2 * len(training.moments)
        names = (*[*graph.inputs][:inputs], *training.weights)
        self.places = {name: i for i, name in enumerate(names)}
        self._given = len(graph.inputs) - sum(g is not None for g in training.output_gradients)

    @property
    def recipe(self) -> Any:
        """The steps."""
        return self.runner.recipe

    def explain(self, times: list[float] | None = None, repeats: int = 0) -> str:
        """Write the steps of both passes, and what runs in NumPy for want of a kernel.

        Args:
            times: What `profile` gave; the time of each step and of each kind is told then.
            repeats: Of `profile`.
        """
        recipe = self.recipe
        shapes = ", ".join(
            "x".join(map(str, t.shape)) for t in recipe.inputs[: len(recipe.inputs) - self._others]
        )
        islands = [step for step in recipe.steps if step.kind == "island"]
        slow = Counter(step.op["kind"] for step in islands)
        told = ", ".join(f"{kind} ({count})" for kind, count in sorted(slow.items()))
        titles = {0: "forward", self.forward_steps: "backward"}
        lines = [
            f"{recipe.name} for {shapes}: {self.forward_steps} steps forward, "
            f"{len(recipe.steps) - self.forward_steps} backward, {how(recipe)}",
            f"memory of both passes {4 * recipe.arena_floats / 2**20:.1f} MiB",
            f"in NumPy, without a kernel: {told or 'nothing'}",
            *steps_table(recipe, self._weight_bytes(), times or [], repeats, titles),
        ]
        if times:
            cut = self.forward_steps
            lines += ["", "forward", *shares_table(recipe.steps[:cut], times[:cut])]
            lines += ["", "backward", *shares_table(recipe.steps[cut:], times[cut:])]
        return "\n".join(lines)

    def profile(self, weights: dict[str, Tensor], repeats: int) -> list[float]:
        """Measure each step on random inputs and gradients.

        Args:
            weights: By name.
            repeats: Passes there and back.
        Returns:
            Each step's median, in seconds.
        """
        draw = np.random.default_rng(0)
        masks = {mask.value for mask in self.training.masks}
        arrays = [
            _array(weights[told.name].contiguous())
            if told.name in weights
            else np.ones(told.shape, told.dtype)
            if told.name in masks or told.dtype != "float32"
            else draw.standard_normal(told.shape, np.float32)
            for told in self.recipe.inputs
        ]
        outputs: list[Array | None] = [np.empty(t.shape, np.float32) for t in self._types]
        runs = [self.runner.profile(arrays, outputs) for _ in range(repeats + 1)]
        return [float(time) for time in np.median(runs[1:], axis=0)]

    def _weight_bytes(self) -> int:
        read = self.training.weights
        given = sum(4 * int(t.numel) for t in self.recipe.inputs if t.name in read)
        return self.runner.weights.nbytes + given

    def run(
        self,
        inputs: list[int],
        outputs: list[int],
        arrays: Callable[[], tuple[list[Array], list[Array]]],
    ) -> None:
        """Run both passes.

        Args:
            inputs, outputs: Addresses of all of them.
            arrays: Gives them as arrays, for islands.
        """
        context = self._room.enter(self.runner)
        if self.runner.native:
            context.run_at(inputs, outputs, 0, self.runner.program.steps)
        else:
            held = self.runner.hold(arrays()[0])
            for part in (0, 1):
                self.runner.run_part(part, context, inputs, outputs, arrays, held)
        self._room.leave(self.runner, context)

    def forward(self, inputs: Sequence[Tensor]) -> tuple[list[Tensor], Call]:
        """Compute the outputs, and the moments of batch norms behind them.

        Args:
            inputs: The network's, then the weights and masks: contiguous, on the CPU.
        Returns:
            The outputs, and what `backward` or `end` takes, once.
        """
        arrays = [x.detach().numpy() for x in inputs] if not self.runner.native else []
        held = self.runner.hold(self._all_inputs(arrays)) if arrays else {}
        call = Call(self._room.enter(self.runner), held)
        outputs = [torch.empty(t.shape) for t in self._types[: self._made]]
        gradients = [None] * (len(self._types) - self._made)
        missing = [None] * (len(self.training.graph.inputs) - self._given)
        self._run(0, call, [*inputs, *missing], [*outputs, *gradients])
        return outputs, call

    def backward(
        self, call: Call, inputs: Sequence[Tensor], output_gradients: list[Tensor]
    ) -> list[Tensor]:
        """Compute the gradients wanted, in order.

        Args:
            call: Of the forward pass, which ends with it: the backward pass writes over what it
                reads.
            inputs: As `forward` took them.
            output_gradients: Of the outputs that have one, contiguous.
        """
        named = zip(self.training.graph.outputs, self._types, strict=True)
        made = [self._room.take(name, t.shape) for name, t in [*named][self._made :]]
        outputs = [None] * self._made
        self._run(1, call, [*inputs, *output_gradients], [*outputs, *made])
        self.end(call)
        return made

    def end(self, call: Call) -> None:
        """Let go of what a forward pass kept."""
        self._room.leave(self.runner, call.context)

    def _all_inputs(self, arrays: list[Array]) -> list[Array]:
        return [*arrays, *[_EMPTY] * (len(self.training.graph.inputs) - len(arrays))]

    def _run(
        self, part: int, call: Call, inputs: list[Tensor | None], outputs: list[Tensor | None]
    ) -> None:
        def arrays() -> tuple[list[Array], list[Array]]:
            return [_array(x) for x in inputs], [_array(y) for y in outputs]

        ins, outs = ([0 if t is None else t.data_ptr() for t in ts] for ts in (inputs, outputs))
        self.runner.run_part(part, call.context, ins, outs, arrays, call.held)


def _checked(graph: Graph, name: str) -> TensorType:
    """The type of an input or an output.

    Raises:
        GraphError: It is not float32.
    """
    type_ = graph.types[name]
    if type_ is None or type_.dtype != "float32":
        raise GraphError(
            f"{graph.name}: {name} holds {type_.dtype if type_ else 'unknown'} numbers; a network "
            f"that is trained on native kernels gives float32. Convert the model: model.float()."
        )
    return type_


def arena_bytes(training: Training, target: str, lanes: int, **options: Any) -> int:
    """What both passes share, without packing weights."""
    steps = lower_training(training, target, lanes).lowered.steps
    placement, _ = lay_out(steps, target=target, **options)
    return 4 * placement.floats


def planned_training_bytes(graph: Graph, *, threads: int = 1, checkpoint: Checkpoint = None) -> int:
    """Predict `CompiledModule.peak_bytes` of a step for all that is trained.

    Raises:
        GraphError: It holds an operation whose gradient is not known.
    """
    wanted = [name for name, w in graph.weights.items() if w.role == "parameter" and w.trainable]
    target, lanes = find_target()

    def told(training: Training) -> int:
        return arena_bytes(training, target, lanes, threads=threads)

    return told(checkpointed(differentiate(graph, wanted), checkpoint, told))


_EMPTY = np.empty(0, np.float32)


def _array(tensor: Tensor | None) -> Array:
    return _EMPTY if tensor is None else tensor.detach().numpy()
