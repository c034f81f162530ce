"""A module that runs on native kernels, forward and backward, with the model's own parameters."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ...errors import OptionError, ShapeError
from ...graph import Graph
from ._room import Room
from ._statistics import Statistics
from ._step import apply
from ._weights import Weights

if TYPE_CHECKING:
    from ._program import Program

_SHARED = ("_parameters", "_buffers", "_non_persistent_buffers_set", "_modules")


class CompiledModule(nn.Module):
    """A model on native kernels: `striate.compile(model, example, train=True)` makes it.

    It *is* the model: the same parameters and buffers under the same names, so that optimizers,
    `state_dict`, freezing by `requires_grad`, weight sharing, moving averages and DDP go on as
    before. A call is one autograd node. The first call with a shape, a mode or another choice of
    what is frozen makes a program for it, and keeps it.

    Args:
        model: The model; calls of it and of this module may be mixed.
        examples: Example tensors or shapes of its inputs.
        options: What `striate.compile` was asked for.
    """

    def __init__(self, model: nn.Module, examples: list[Any], options: dict[str, Any]) -> None:
        super().__init__()
        for name in _SHARED:
            self.__dict__[name] = model.__dict__[name]
        object.__setattr__(self, "model", model)
        self.training = model.training
        self._examples = examples
        self._options = options
        self._graphs: dict[Any, tuple[Graph, Weights, Statistics]] = {}
        self._programs: dict[Any, Program] = {}
        self._latest: Any = None
        self._room = Room()
        self._captured(self.training)  # what cannot be captured is told now

    def train(self, mode: bool = True) -> CompiledModule:
        """Set the mode of this module and of the model."""
        self.model.train(mode)
        self.training = mode
        return self

    def forward(self, *inputs: Tensor) -> Any:
        """Compute the model's outputs: a tensor, or a tuple of several.

        Raises:
            ShapeError: The network does not fit the inputs' shapes.
            OptionError: They are no float32 tensors on the CPU.
        """
        graph, weights, statistics = self._captured(self.training)
        given = [_checked(x, name, graph) for x, name in zip(inputs, graph.inputs, strict=False)]
        if len(inputs) != len(graph.inputs):
            raise OptionError(
                f"{graph.name}: {len(inputs)} inputs were given for {len(graph.inputs)}: "
                f"{', '.join(graph.inputs)}."
            )
        if any(x.numel() == 0 for x in given):
            return self.model(*inputs)  # nothing to compute, but shapes and zeros
        current = weights.current()
        wanted: tuple[str, ...] = ()
        if torch.is_grad_enabled():
            named = [*zip(graph.inputs, given, strict=True), *current.items()]
            wanted = tuple(name for name, x in named if x.requires_grad)
        program = self._program(graph, tuple(x.shape for x in given), wanted)
        outputs, moments = apply(program, given, current, wanted)
        if moments:
            statistics.update(program.training.moments, moments)
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def prepare(self, *shapes: Sequence[int], gradients: bool = True) -> Program:
        """Make now what the first call with inputs of these shapes would make.

        Args:
            shapes: One for each input.
            gradients: With the backward pass for all that is not frozen.
        Returns:
            The program.
        Raises:
            ShapeError: The network does not fit the shapes.
            GraphError: It cannot be trained on native kernels.
        """
        graph, weights, _ = self._captured(self.training)
        known = weights.current().items() if gradients else ()
        wanted = tuple(name for name, x in known if x.requires_grad)
        return self._program(graph, tuple(torch.Size(shape) for shape in shapes), wanted)

    def _captured(self, training: bool) -> tuple[Graph, Weights, Statistics]:
        """The network as it is in a mode."""
        if training not in self._graphs:
            from ...graph import capture  # here, since an import costs each call microseconds

            graph = capture(self.model, *self._examples)
            weights = Weights(self.model, graph)
            self._graphs[training] = graph, weights, Statistics(self.model, graph)
        return self._graphs[training]

    def _program(self, graph: Graph, shapes: Any, wanted: tuple[str, ...]) -> Program:
        key = (self.training, shapes, wanted)
        if key not in self._programs:
            from ...graph.gradient import differentiate
            from ._program import Program

            training = differentiate(graph.at(*shapes), wanted)
            self._programs[key] = Program(training, len(shapes), self._room, **self._options)
        program = self._latest = self._programs[key]
        return program

    @property
    def peak_bytes(self) -> int:
        """Bytes of the memory that the latest call's forward and backward pass share.

        Raises:
            OptionError: There was no call.
        """
        return 4 * int(self._last().recipe.arena_floats)

    def explain(self, *, profile: bool = False, repeats: int = 20) -> str:
        """Write what the latest call's program does, step by step, forward and backward.

        Args:
            profile: Run it on random inputs and add what each step takes (milliseconds, GFLOP/s
                and the share of this machine's measured peak, whether arithmetic or memory binds
                it), and which kinds of steps take how much of each pass. Gradients and running
                statistics stay as they are.
            repeats: Passes there and back of which the medians are told.
        Raises:
            OptionError: There was no call, or `repeats` is no count.
        """
        program = self._last()
        if not profile:
            return str(program.explain())
        if repeats < 1:
            raise OptionError(f"repeats={repeats} must be 1 or more.")
        _, weights, _ = self._captured(self.training)
        return str(program.explain(program.profile(weights.current(), repeats), repeats))

    def _last(self) -> Any:
        if self._latest is None:
            raise OptionError("the module was not called yet, so it has no program. Call it once.")
        return self._latest

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if "model" not in self.__dict__:
                raise
            return getattr(self.__dict__["model"], name)

    def __deepcopy__(self, memo: dict[int, Any]) -> CompiledModule:
        return CompiledModule(copy.deepcopy(self.model, memo), self._examples, self._options)

    def __reduce__(self) -> Any:
        return CompiledModule, (self.model, self._examples, self._options)

    def extra_repr(self) -> str:
        """What is written of it besides its layers."""
        return f"on native kernels, {self._options['threads']} threads"


def _checked(x: Any, name: str, graph: Graph) -> Tensor:
    type_ = graph.inputs[name]
    if not isinstance(x, Tensor):
        raise OptionError(f"{graph.name}: input {name} is {type(x).__name__}; a tensor is needed.")
    if not x.is_cpu or (type_.is_float and x.dtype != torch.float32):
        raise OptionError(
            f"{graph.name}: input {name} is {x.dtype} on {x.device}; {type_.dtype} on the CPU is "
            f"needed. Convert it: x.float().cpu()."
        )
    if x.dim() != type_.rank:
        raise ShapeError(
            f"{graph.name}: input {name} {tuple(x.shape)} must have {type_.rank} axes like "
            f"{type_.shape}."
        )
    return x
