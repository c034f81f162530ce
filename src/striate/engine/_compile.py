"""`striate.compile`: a network becomes a plan."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, get_args, overload

import numpy as np

from .. import _core
from .._threads import checked_threads, get_num_threads
from ..errors import GraphError, OptionError, ShapeError
from ..graph import Graph
from ..inspection._resolve import resolve
from ..runtime import Plan
from ._build import build, lay_out
from ._verify import LayerError
from .lower import lower

if TYPE_CHECKING:
    from torch import nn

    from .train import CompiledModule
    from .train._checkpoint import Checkpoint

Precision = Literal["fast", "exact"]
Prefer = Literal["speed", "memory"]


class CompiledPlan(Plan):
    """A plan that still knows its network: other input sizes make, and keep, a plan of their own.

    Args:
        graph: The network.
        options: What `compile` was asked for.
    """

    def __init__(self, graph: Graph, options: dict[str, Any]) -> None:
        self.graph = graph
        self._options = options
        self._others: dict[tuple[tuple[int, ...], ...], CompiledPlan] = {}
        self._optimized, self._steps, recipe, weights = _made(graph, **options)
        super().__init__(recipe, weights)

    def _call(self, inputs: tuple[Any, ...]) -> Any:
        shapes = tuple(x.shape if type(x) is np.ndarray else tuple(np.shape(x)) for x in inputs)
        if shapes != self.input_shapes and not self._in_blocks_of(shapes):
            return self.at(*shapes)(*inputs)
        return super()._call(inputs)

    def _in_blocks_of(self, shapes: tuple[tuple[int, ...], ...]) -> bool:
        return self._recipe.batched and [s[1:] for s in shapes] == [
            s[1:] for s in self.input_shapes
        ]

    def at(self, *shapes: Sequence[int]) -> CompiledPlan:
        """The plan of the same network for other input shapes; made once, and kept.

        Raises:
            ShapeError: The network does not fit them.
        """
        key = tuple(tuple(map(int, shape)) for shape in shapes)
        if key == self.input_shapes:
            return self
        if key not in self._others:
            self._others[key] = CompiledPlan(self.graph.at(*key), self._options)
        return self._others[key]

    def verify(self, *inputs: Any) -> list[LayerError]:
        """Compare every step's result with the network's, computed in float64 by the reference.

        Slow: the reference is plain NumPy.

        Args:
            inputs: Arrays or tensors of the plan's shapes; random ones where none are given.
        Returns:
            For each step that ends a layer: the largest difference, and its share of the layer's
            largest magnitude.
        Example:
            >>> import striate
            >>> plan = striate.compile(striate.zoo.create("lenet5"), (1, 1, 32, 32))
            >>> max(error.share for error in plan.verify()) < 1e-5
            True
        """
        from ..graph._run import example_inputs
        from ._verify import verify

        arrays = self._arrays(inputs or example_inputs(self.graph))
        if tuple(a.shape for a in arrays) != self.input_shapes:
            raise ShapeError(f"{self.name}: verify takes whole blocks: {self.input_shapes}.")
        return verify(self._optimized, self._recipe, self._steps, self._runner.weights, arrays)


@overload
def compile(
    model: Any,
    example: Any = None,
    *,
    threads: int | None = None,
    batch: int | None = None,
    precision: Precision = "fast",
    isa: str | None = None,
    tune: bool = False,
    prefer: Prefer = "speed",
    train: Literal[False] = False,
) -> CompiledPlan: ...


@overload
def compile(
    model: nn.Module,
    example: Any,
    *,
    threads: int | None = None,
    precision: Precision = "fast",
    isa: str | None = None,
    tune: bool = False,
    prefer: Prefer = "speed",
    train: Literal[True],
    checkpoint: Checkpoint = None,
) -> CompiledModule: ...


def compile(
    model: Any,
    example: Any = None,
    *,
    threads: int | None = None,
    batch: int | None = None,
    precision: Precision = "fast",
    isa: str | None = None,
    tune: bool = False,
    prefer: Prefer = "speed",
    train: bool = False,
    checkpoint: Checkpoint = None,
) -> CompiledPlan | CompiledModule:
    """Make a plan of a network: folded, fused, on Striate's own kernels.

    Args:
        model: A module in eval mode, a graph, an ONNX file, or a name of the zoo.
        example: The input's shape with its batch, or an example tensor; a list of several.
        threads: Threads to run on; None takes `striate.get_num_threads()`. A plan too small to gain
            by others runs on its caller's thread. Results do not depend on it, but with `tune`,
            which may choose other kernels.
        batch: Images that run together; None takes the example's. Larger batches run in blocks of
            so many.
        precision: `fast` is within 1e-4 of the largest output; `exact` does without Winograd's
            algorithm and AMX's tiles: within 5e-6.
        isa: Instruction set: `avx512`, `avx2`, `portable8` or `portable16`; None takes STRIATE_ISA,
            or the best of this machine.
        tune: Choose kernels by timing them here, which takes seconds, instead of by an estimate.
        prefer: `memory` takes kernels with fewer packed weights where they cost up to 1.6 times a
            step's time: Winograd's algorithm needs 16/9 or 4 times a 3x3 filter's numbers, if they
            are not transformed in each call.
        train: Make a module instead, with the model's own parameters, that computes its outputs and
            its gradients natively; `model` must be a torch.nn.Module. See `CompiledModule`.
        checkpoint: With `train`, maps that the backward pass computes again instead of keeping
            them: `auto` those that cost few percent of a step's time, where that saves a tenth of
            the memory; a number of bytes, the fewest for which `peak_bytes` is within it.
    Returns:
        A `CompiledPlan`; with `train` a `CompiledModule`.
    Raises:
        GraphError: The network cannot be captured, or holds an operation that is not known.
        ShapeError: It does not fit the example.
        OptionError: An option is none.
    Example:
        >>> import striate
        >>> plan = striate.compile(striate.zoo.create("lenet5"), (1, 1, 32, 32), threads=1)
        >>> plan(torch.zeros(1, 1, 32, 32)).shape
        torch.Size([1, 10])
    """
    if precision not in get_args(Precision):
        raise OptionError(f"precision={precision!r} must be 'fast' or 'exact'.")
    if prefer not in ("speed", "memory"):
        raise OptionError(f"prefer={prefer!r} must be 'speed' or 'memory'.")
    if batch is not None and batch < 1:
        raise OptionError(f"batch={batch} must be 1 image or more.")
    if threads is not None and not 1 <= threads <= _core.MAX_THREADS:
        raise OptionError(f"threads={threads} must be from 1 to {_core.MAX_THREADS}.")
    options: dict[str, Any] = {
        "threads": get_num_threads() if threads is None else checked_threads(threads),
        "precision": precision,
        "isa": isa,
        "tune": tune,
        "prefer": prefer,
    }
    if train:
        from .train._checkpoint import check_checkpoint

        check_checkpoint(checkpoint)
        options["checkpoint"] = checkpoint
        return _module(model, example, batch, options)
    if checkpoint is not None:
        raise OptionError("checkpoint is about training: give train=True with it, or leave it out.")
    graph = _captured(model, example)
    if batch is not None:
        graph = graph.at(*((batch, *t.shape[1:]) for t in graph.inputs.values()))
    _check(graph)
    return CompiledPlan(graph, options)


def _module(model: Any, example: Any, batch: int | None, options: dict[str, Any]) -> CompiledModule:
    """The model as a module on native kernels.

    Raises:
        OptionError: It is no module, there is no example, or a block of the batch is asked for.
    """
    if batch is not None:
        raise OptionError("train=True runs each batch as a whole: leave batch out.")
    if not hasattr(model, "parameters"):
        raise OptionError(
            f"train=True needs a torch.nn.Module, whose parameters are trained; "
            f"{type(model).__name__} is none."
        )
    if example is None:
        raise OptionError("the input's shape is missing: compile(model, (64, 3, 32, 32), ...).")
    from .train import CompiledModule

    several = isinstance(example, list)
    return CompiledModule(model, example if several else [example], options)


def _check(graph: Graph) -> None:
    """Refuse what a plan cannot hold.

    Raises:
        OptionError: The network is in training mode, where that makes a difference.
        GraphError: It takes or gives bfloat16 numbers.
    """
    for node in graph if graph.training else ():
        if getattr(node.op, "training", False):
            raise OptionError(
                f"{graph.name} is in training mode, in which {node.name} is random or takes the "
                f"statistics of the batch. Call model.eval() first."
            )
    for name in (*graph.inputs, *graph.outputs):
        type_ = graph.types[name]
        if type_ is not None and type_.dtype == "bfloat16":
            raise GraphError(
                f"{graph.name}: {name} holds bfloat16 numbers, which NumPy lacks. Compile "
                f"model.float()."
            )


def _captured(model: Any, example: Any) -> Graph:
    if isinstance(example, (int, float, str)):
        raise OptionError(f"example={example!r} must be a shape, like (1, 3, 224, 224).")
    return resolve(model, example)


def _made(graph: Graph, *, isa: str | None, **options: Any) -> Any:
    target, lanes = find_target(isa)
    optimized, changes = _optimized(graph)
    lowered = lower(optimized, target, lanes)
    recipe, weights = build(lowered, name=graph.name, target=target, lanes=lanes, **options)
    for step in lowered.steps:
        step.weight, step.weights = None, []  # they are packed
    recipe = replace(recipe, batched=is_batched(graph), changes=changes)
    return optimized, lowered.steps, recipe, weights


def planned_bytes(graph: Graph, *, threads: int = 1) -> int:
    """Predict `Plan.peak_bytes` of a network, without packing its weights.

    Raises:
        GraphError: It holds an operation that is not known.
    """
    target, lanes = find_target()
    lowered = lower(_optimized(graph)[0], target, lanes)
    placement, _ = lay_out(lowered.steps, target=target, threads=threads)
    return 4 * placement.floats


def _optimized(graph: Graph) -> tuple[Graph, list[str]]:
    from .passes import fold_constants_here, optimize, remove_identities_here, round_weights

    optimized, changes = optimize(graph)
    for one in (fold_constants_here, remove_identities_here):
        optimized, more = one(optimized)
        changes += more
    return round_weights(optimized), [str(change) for change in changes]


def find_target(isa: str | None = None) -> tuple[str, int]:
    """The instruction set to compile for, and its lanes.

    Raises:
        OptionError: This machine does not run it.
    """
    here = dict(_core.targets())
    name = isa or os.environ.get("STRIATE_ISA", "") or next(iter(here))
    if name not in here:
        raise OptionError(f"isa={name!r} does not run on this machine; {', '.join(here)} do.")
    return name, here[name]


def is_batched(graph: Graph) -> bool:
    """Whether axis 0 of all inputs and outputs is the batch: found by trying one image more."""
    from ..errors import StriateError

    shapes = [t.shape for t in graph.inputs.values()]
    if not shapes or any(not s for s in shapes) or len({s[0] for s in shapes}) > 1:
        return False
    size = shapes[0][0]
    try:
        larger = graph.at(*((size + 1, *s[1:]) for s in shapes))
    except StriateError:
        return False
    pairs = [(graph.types[v], larger.types[v]) for v in graph.outputs]
    return all(
        a and b and a.shape and a.shape[0] == size and b.shape == (size + 1, *a.shape[1:])
        for a, b in pairs
    )
