"""What is looked at: a network, its graph, its classes, and the way from a file to its input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data import Preprocess
from ..errors import OptionError, ShapeError
from ..graph import Graph, Node, capture
from ..inspection._resolve import Shapes, is_file, module_of, resolve, shapes_of

if TYPE_CHECKING:
    from torch import nn

    from ..inspection import Report
    from ..runtime import Plan

Floats = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Activations:
    """All values of a network for one input, computed once.

    Args:
        subject: The network.
        input: As the network takes it, (1, C, ...).
        values: Every value by name, with the batch of 1 in front.
    """

    subject: Subject
    input: Floats
    values: Mapping[str, Floats]

    def __getitem__(self, layer: str) -> Floats:
        """Give a layer's output without the batch: (C, ...) of maps, (F,) of a vector.

        Raises:
            OptionError: There is no such layer, or its output is not float32.
        """
        node = self.subject.graph[layer]
        if node.outputs[0] not in self.values:
            raise OptionError(f"{layer}: its output is not of real numbers; there is no map of it.")
        return _first(self.values[node.outputs[0]])

    def read_by(self, layer: str) -> Floats:
        """Give what a layer reads as its first operand, without the batch."""
        value = self.subject.graph[layer].inputs[0]
        if value in self.subject.graph.inputs:
            return _first(self.input)
        if value is None or value not in self.values:
            raise OptionError(f"{layer}: what it reads is not a map of real numbers.")
        return _first(self.values[value])

    @cached_property
    def output(self) -> Floats:
        """The network's first output, without the batch."""
        return _first(self.values[self.subject.graph.outputs[0]])

    def best(self, top: int = 5) -> tuple[tuple[str, float], ...]:
        """Name the most probable classes, by softmax of the output; none if it is no vector.

        Returns:
            Pairs of a class and its probability.
        """
        if self.output.ndim != 1:
            return ()
        shifted = np.exp(self.output.astype(np.float64) - self.output.max())
        shares = shifted / shifted.sum()
        order = np.argsort(-shares, kind="stable")[:top]
        return tuple((self.subject.class_name(int(i)), float(shares[i])) for i in order)


@dataclass(frozen=True, eq=False)
class Subject:
    """A network opened for looking into it.

    Args:
        graph: For one input at a time.
        preprocess: From a file to an input.
        classes: Names of the outputs, in order; empty where they are not known.
        module: The torch module, where there is one: gradients need it.
    """

    graph: Graph
    preprocess: Preprocess
    classes: tuple[str, ...] = ()
    module: nn.Module | None = None
    _plans: dict[tuple[str, ...], Plan] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """What the network is called."""
        return self.graph.name

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one input, without the batch."""
        return next(iter(self.graph.inputs.values())).shape[1:]

    @cached_property
    def layers(self) -> tuple[Node, ...]:
        """The operations with an output of real numbers and a batch, in the order they run."""
        return tuple(n for n in self.graph if n.outputs and self._is_map(n.outputs[0]))

    @cached_property
    def report(self) -> Report:
        """What `striate.inspect` says of the network."""
        from ..inspection import inspect

        return inspect(self.graph)

    def class_name(self, index: int) -> str:
        """Name output `index`: its class, or its number."""
        return self.classes[index] if index < len(self.classes) else str(index)

    def weight(self, layer: str) -> Floats | None:
        """Give a layer's weights as torch lays them out, (out, in / groups, *kernel); None: none.

        Raises:
            OptionError: There is no such layer.
        """
        return self._slot(layer, 0)

    def bias(self, layer: str) -> Floats | None:
        """Give a layer's bias, (out,); None where it has none."""
        return self._slot(layer, 1)

    def _slot(self, layer: str, number: int) -> Floats | None:
        weights = self.graph.weights
        slots = [v for v in self.graph[layer].inputs[1:] if v is not None and v in weights]
        return weights[slots[number]].numpy().astype(np.float32) if number < len(slots) else None

    def prepare(self, source: Any) -> Floats:
        """Turn a file, its bytes, or an array into an input.

        Args:
            source: A path; `bytes` of a file; or a tensor or an array (C, ...) or (1, C, ...) that
                is taken as it is: prepared already.
        Shape:
            output (1, C, ...), float32.
        Raises:
            DataError: The file is absent, damaged, or of another kind.
            ShapeError: An array has another shape than the network takes.
        """
        if isinstance(source, str | Path):
            return np.asarray(self.preprocess.open(source).numpy()[None], np.float32)
        if isinstance(source, bytes | bytearray | memoryview):
            return np.asarray(self.preprocess.decode(bytes(source)).numpy()[None], np.float32)
        if hasattr(source, "detach"):
            source = source.detach().cpu().numpy()
        array = np.asarray(source, np.float32)
        array = array if array.ndim > len(self.input_shape) else array[None]
        if array.shape != (1, *self.input_shape):
            raise ShapeError(
                f"{self.name}: the input is {tuple(array.shape)}; one of {self.input_shape} is "
                f"needed, or with a batch of 1 in front."
            )
        return array

    def run(self, source: Any) -> Activations:
        """Compute every value for one input: the network's own numbers, in one run of the engine.

        Args:
            source: What `prepare` takes.
        Raises:
            DataError, ShapeError: As `prepare`.
            PlanError: The network holds an operation that is not known.
        """
        given = self.prepare(source)
        return Activations(self, given, self._values([n.outputs[0] for n in self.layers], given))

    def activations(self, layers: Sequence[str], sources: Floats) -> dict[str, Floats]:
        """Compute some layers' outputs for a batch of inputs.

        Shape:
            sources (N, C, ...); each output (N, C, ...).
        """
        names = {layer: self.graph[layer].outputs[0] for layer in layers}
        found = self._values(names.values(), np.ascontiguousarray(sources, np.float32))
        return {layer: found[value] for layer, value in names.items()}

    def _values(self, names: Iterable[str], inputs: Floats) -> dict[str, Floats]:
        wanted = tuple(dict.fromkeys(names))
        found = self._plan(wanted)(inputs)
        return dict(zip(wanted, found if isinstance(found, tuple) else (found,), strict=True))

    def _plan(self, outputs: tuple[str, ...]) -> Plan:
        if outputs not in self._plans:
            from .. import engine

            # Without Winograd's algorithm, so that sums shown beside a value give that value.
            graph = replace(self.graph, outputs=outputs)
            shapes = [kind.shape for kind in graph.inputs.values()]
            self._plans[outputs] = engine.compile(graph, shapes, precision="exact")
        return self._plans[outputs]

    def _is_map(self, value: str) -> bool:
        kind = self.graph.types[value]
        return kind is not None and kind.is_float and kind.rank > 0


def open_subject(
    model: Any,
    input_shape: Shapes = None,
    *,
    classes: Sequence[str] = (),
    preprocess: Preprocess | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    net: str | None = None,
) -> Subject:
    """Open a network for looking into it.

    Args:
        model: A `torch.nn.Module`, a `Graph`, an ONNX or graph file, the folder of a training run,
            a network of the zoo, package.module:function or file.py:function.
        input_shape: (N, C, *) or (C, *); needed for modules and functions.
        classes: Names of the outputs; a run knows its own.
        preprocess: From a file to an input; a run knows its own. By default pictures and signals
            are brought to the input's size, with values from 0 to 1.
        mean, std: Of each channel in these units, to normalise with.
        net: For a run of a network that is not the zoo's: the function that builds it, as
            package.module:function or file.py:function.
    Raises:
        OptionError: There is no such network, or its shape is missing, or it has several inputs.
        RunError, GraphError, ShapeError: The run is damaged; it cannot be captured; does not fit.
    Example:
        >>> import striate
        >>> lenet = striate.look.open_subject("lenet5")
        >>> lenet.input_shape, lenet.run(np.zeros((1, 32, 32)))["c1"].shape
        ((1, 32, 32), (6, 28, 28))
    """
    if isinstance(model, Subject):
        return model
    if isinstance(model, str | Path) and is_run(model):
        return _of_run(Path(model), net)
    if net is not None:
        raise OptionError(f"net={net!r} builds the network of a run; {model} is no run's folder.")
    module, graph = _captured(model, input_shape)
    if len(graph.inputs) != 1:
        raise OptionError(
            f"{graph.name} has {len(graph.inputs)} inputs, {', '.join(graph.inputs)}; a network "
            f"that takes one can be looked into."
        )
    (kind,) = graph.inputs.values()
    graph = graph if kind.shape[0] == 1 else graph.at((1, *kind.shape[1:]))
    prepared = preprocess or default_preprocess(kind.shape[1:], mean, std)
    return Subject(graph, prepared, tuple(classes), module)


def is_run(model: str | Path) -> bool:
    """Whether a folder is meant, and not a network of the zoo that one happens to be named like."""
    from ..zoo import list as names

    return Path(model).is_dir() and not (isinstance(model, str) and model in names())


def _captured(model: Any, input_shape: Shapes) -> tuple[Any, Graph]:
    """The module, where there is one, and the graph."""
    if isinstance(model, str) and not is_file(model):
        module, shapes = module_of(model, shapes_of(input_shape))
        return module, capture(module, *shapes, name=model)
    return (model if hasattr(model, "state_dict") else None), resolve(model, input_shape)


def _of_run(path: Path, net: str | None) -> Subject:
    """With the weights of now, also while the run goes on."""
    from ..train import Run

    run = Run.open(path)
    module = run.model(run.newest_weights(), net=net)
    graph = capture(module, (1, *run.preprocess.input_shape), name=run.name)
    return Subject(graph, run.preprocess, run.classes, module)


def _first(batch: Floats) -> Floats:
    one: Floats = batch[0]
    return one


def default_preprocess(
    shape: tuple[int, ...], mean: Sequence[float] | None, std: Sequence[float] | None
) -> Preprocess:
    """Bring files to the input's size, with values from 0 to 1, less `mean`, over `std`."""
    if len(shape) == 3 and shape[0] in (1, 3):
        kind, rate = "image", None
    elif len(shape) == 2 and shape[0] == 1:
        kind, rate = "signal", 16000
    else:
        kind, rate = "array", None
    channels = shape[0]
    return Preprocess(
        kind=kind,
        source_shape=shape,
        input_shape=shape,
        mean=_each(mean, channels, 0.0, "mean"),
        std=_each(std, channels, 1.0, "std"),
        sample_rate=rate,
    )


def _each(
    given: Sequence[float] | None, channels: int, usual: float, name: str
) -> tuple[float, ...]:
    values = tuple(map(float, given)) if given else (usual,)
    values = values * channels if len(values) == 1 else values
    if len(values) != channels:
        raise OptionError(f"{name}: {len(values)} numbers for {channels} channels; give 1 or all.")
    if name == "std" and min(values) <= 0:
        raise OptionError(f"std={values}: each must be above 0.")
    return values
