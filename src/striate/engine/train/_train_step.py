"""A whole training step natively: forward, cross-entropy, backward, and the optimizer's update."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import GraphError, OptionError, ShapeError
from ...graph import Graph, Node, TensorType, ops
from ...graph.gradient import differentiate
from ...graph.ops.loss import CrossEntropy, check_labels
from .._compile import compile
from ._module import CompiledModule
from ._optimizer import Update, check_optimizer
from ._pass import Pass
from ._room import Room


class TrainStep:
    """Train a classifier in a few native calls a step: for nets so small that torch's overhead,
    some microseconds an operation, outweighs the arithmetic.

    A call of `step` does what these lines do, with the same numbers up to rounding:

        loss = cross_entropy(model(x), labels, label_smoothing=label_smoothing)
        optimizer.zero_grad(); loss.backward(); optimizer.step()

    The model's parameters and buffers and the optimizer's state are those of torch, and are
    updated in place, so that `state_dict`, checkpoints and learning-rate schedules go on as before.
    `.grad` is not written. The loss is not finite: then nothing is updated.

    Args:
        model: A network of one input and one output (N, K), or one that is compiled.
        example: The input's shape with its batch, or an example; other batch sizes do as well.
        optimizer: A torch.optim.SGD or torch.optim.AdamW of its parameters. Its options are read
            in each step. Parameters that it does not hold stay as they are.
        label_smoothing: Share of the target spread over all classes, as in
            torch.nn.functional.cross_entropy.
        options: Of `striate.compile`: threads, precision, isa, tune, prefer, checkpoint.
    Raises:
        GraphError: The network cannot be trained on native kernels.
        OptionError: The optimizer is of another kind, or holds none of the parameters.
    Example:
        >>> import striate
        >>> from striate.engine import TrainStep
        >>> model = striate.zoo.create("lenet5")
        >>> step = TrainStep(model, (8, 1, 32, 32), torch.optim.SGD(model.parameters(), 0.1))
        >>> x, labels = torch.zeros(8, 1, 32, 32), torch.arange(8)
        >>> step.step(x, labels) > step.step(x, labels)
        True
    """

    def __init__(
        self,
        model: nn.Module,
        example: Any,
        optimizer: torch.optim.Optimizer,
        *,
        label_smoothing: float = 0.0,
        **options: Any,
    ) -> None:
        check_optimizer(optimizer)
        if not 0 <= label_smoothing <= 1:
            raise OptionError(f"label_smoothing={label_smoothing} must be from 0 to 1.")
        if not isinstance(model, CompiledModule):
            model = compile(model, example, train=True, **options)
        elif options:
            raise OptionError(f"the model is compiled already: leave {', '.join(options)} out.")
        self.module = model
        self.optimizer = optimizer
        self.label_smoothing = label_smoothing
        self._room = Room()
        self._gradients: dict[Tensor, Tensor] = {}
        self._passes: dict[Any, Pass] = {}
        self._updates: dict[Any, Update] = {}
        self._latest: Pass | None = None
        self.prepare(example.shape if isinstance(example, Tensor) else tuple(example))

    def step(self, x: Tensor, labels: Tensor) -> float:
        """Train on a batch.

        Args:
            x: The network's input, float32.
            labels: The class of each image, whole numbers.
        Returns:
            The mean loss, from before the update.
        Raises:
            ShapeError: The network does not fit the input, or the labels are not one an image.
            OptionError: A label is no class, or the input is no float32 tensor on the CPU.
        """
        _check_batch(x, labels)
        made = self.prepare(x.shape)
        loss = made.run(x, labels)
        if not math.isfinite(loss):
            check_labels(labels.numpy(), made.logits.shape[1])
            return loss
        made.statistics.update(made.training.moments, made.moments)
        self._update(made)
        return loss

    @property
    def logits(self) -> Tensor:
        """The network's output in the latest step, (N, K); the next step writes over it.

        Raises:
            OptionError: There was no step.
        """
        return self._last().logits

    @property
    def peak_bytes(self) -> int:
        """Bytes of the memory that the latest step's forward and backward pass share."""
        return 4 * int(self._last().program.recipe.arena_floats)

    def explain(self) -> str:
        """Write what the latest step does, forward and backward."""
        return self._last().program.explain()

    def prepare(self, shape: Any) -> Pass:
        """Make what a step on a batch of this shape needs, unless it is there."""
        trained = [p for g in self.optimizer.param_groups for p in g["params"] if p.requires_grad]
        key = (self.module.training, tuple(shape), tuple(map(id, trained)))
        if key not in self._passes:
            self._passes[key] = self._made(shape, trained)
        self._latest = self._passes[key]
        return self._latest

    def _made(self, shape: Any, trained: list[Tensor]) -> Pass:
        graph, weights, statistics = self.module._captured(self.module.training)
        current = weights.current()
        known = {id(p) for p in trained}
        wanted = tuple(name for name, tensor in current.items() if id(tensor) in known)
        if not wanted:
            raise OptionError(
                f"TrainStep: the optimizer holds no parameter of {graph.name} that is trained. "
                f"Make it with model.parameters()."
            )
        for name in wanted:
            _check_parameter(name, current[name])
        whole = with_loss(graph, shape, self.label_smoothing)
        training = differentiate(whole, wanted, of=whole.outputs[:1])
        return Pass(
            training, current, wanted, statistics, self._gradients, self._room,
            self.module._options,
        )  # fmt: skip

    def _update(self, made: Pass) -> None:
        key = id(made)
        if key not in self._updates or not self._updates[key].holds():
            self._updates = {key: Update(self.optimizer, made.gradients)}
        self._updates[key]()

    def _last(self) -> Pass:
        assert self._latest is not None
        return self._latest


def with_loss(graph: Graph, shape: Any, label_smoothing: float) -> Graph:
    """A classifier with the labels as an input more, and the loss as an output in front.

    Raises:
        GraphError: It has several inputs or outputs, or an output that is not (N, K).
    """
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise GraphError(
            f"{graph.name} has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; "
            f"TrainStep trains networks with one of each."
        )
    graph = graph.at(tuple(shape))
    logits = graph.outputs[0]
    type_ = graph.types[logits]
    if type_ is None or type_.rank < 2 or type_.numel != math.prod(type_.shape[:2]):
        raise GraphError(f"{graph.name} gives {type_}; a classifier gives (N, K) logits.")
    nodes = list(graph.nodes)
    if type_.rank > 2:  # maps of 1x1
        nodes.append(Node("loss:logits", ops.Flatten(1, -1), (logits,), ("loss:logits",)))
        logits = "loss:logits"
    loss = CrossEntropy(label_smoothing)
    nodes.append(Node("loss:loss", loss, (logits, "loss:labels"), ("loss:loss",)))
    inputs = {**graph.inputs, "loss:labels": TensorType(type_.shape[:1], type_.dtype)}
    return Graph(
        graph.name, inputs, tuple(nodes), ("loss:loss", logits), graph.weights, graph.training
    )


def _check_batch(x: Any, labels: Any) -> None:
    if not isinstance(x, Tensor) or not x.is_cpu or x.dtype != torch.float32:
        given = f"{x.dtype} on {x.device}" if isinstance(x, Tensor) else type(x).__name__
        raise OptionError(f"TrainStep: the input is {given}; it must be float32 on the CPU.")
    if not isinstance(labels, Tensor) or labels.dtype.is_floating_point or labels.is_complex():
        given = str(labels.dtype) if isinstance(labels, Tensor) else type(labels).__name__
        raise OptionError(f"TrainStep: the labels are {given}; they must be whole numbers.")
    if labels.shape != x.shape[:1] or not len(labels):
        raise ShapeError(
            f"TrainStep: input {tuple(x.shape)} needs {len(x) if x.dim() else 1} labels, one or "
            f"more; {tuple(labels.shape)} were given."
        )


def _check_parameter(name: str, parameter: Tensor) -> None:
    if not parameter.is_contiguous():
        raise OptionError(
            f"TrainStep: {name} is not contiguous in memory. Convert the model: "
            f"model.to(memory_format=torch.contiguous_format)."
        )
    if parameter._backward_hooks or parameter._post_accumulate_grad_hooks:
        raise OptionError(
            f"TrainStep: {name} has a hook on its gradient, which would not run. Remove it, or "
            f"use striate.compile(model, example, train=True)."
        )
