"""Turn a torch module into a graph."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx, nn
from torch.export.graph_signature import InputKind

from ... import _torch as _torch
from ...errors import OptionError
from .._fit import fitted
from .._graph import Graph, Node
from .._types import TensorType
from .._weight import Weight
from ..ops import BatchNorm
from . import _elementwise, _layers, _shapes  # noqa: F401  they fill the table of operators
from ._modules import WHOLES, whole_of
from ._names import Names
from ._program import Program
from ._retry import candidates, check_arguments, check_built, untraceable, unwrapped
from ._sizes import Symbols, has_fixed_sizes
from ._trace import Example, trace, trace_fixed, trace_open
from ._translator import Call, Translator, dtype_name, tensor_type


def capture(
    model: nn.Module, examples: Sequence[Any], *, dtype: Any = None, name: str | None = None
) -> Graph:
    """Trace a module and translate the calls; the public text stands in `graph._sources`."""
    if not isinstance(model, nn.Module):
        raise OptionError(
            f"{type(model).__name__} is no torch.nn.Module. Give a module, and an example or the "
            f"shape of each of its inputs.",
            subject="capture",
        )
    model = unwrapped(model)
    check_built(model)
    if not examples:
        raise OptionError(
            "the input's shape is missing: capture(model, (1, 3, 224, 224)).", subject="capture"
        )
    given = [_example(example, dtype) for example in examples]
    check_arguments(model, len(given))
    shapes = [example.shape for example in given]
    title = name or type(model).__name__
    try:
        graph = _captured(model, given, title)
        return graph if [t.shape for t in graph.inputs.values()] == shapes else graph.at(*shapes)
    except Exception:
        try:  # some networks allow one size alone
            return _graph(model, trace_fixed(model, given), title)
        except Exception as error:
            return _refitted(model, given, title, error)


def _captured(model: nn.Module, examples: list[Example], title: str) -> Graph:
    """Capture a module with all sizes open that it leaves open."""
    graph = _graph(model, trace(model, examples), title)
    if has_fixed_sizes(graph) and (opened := trace_open(model, examples)) is not None:
        return _graph(model, opened, title)
    return graph


def _refitted(model: nn.Module, wanted: list[Example], title: str, error: Exception) -> Graph:
    """Capture the module at a size that it takes; the graph then tells why the wanted one fails.

    Raises:
        FitError: Only the size is wrong.
        GraphError: The module cannot be captured at any size.
    """
    shapes = [example.shape for example in wanted]
    depends_on_data = "DataDependent" in type(error).__name__
    for tried in () if depends_on_data else candidates(model, shapes):
        examples = [Example(s, w.dtype) for s, w in zip(tried, wanted, strict=True)]
        try:
            graph = _captured(model, examples, title)
        except Exception:  # noqa: S112  this size does not fit either
            continue
        fitted(graph, shapes)
        break
    raise untraceable(model, error) from error


def _example(example: Any, dtype: Any) -> Example:
    if isinstance(example, torch.Tensor):
        return Example(tuple(example.shape), example.dtype)
    try:
        lengths = () if isinstance(example, str | dict) else tuple(example)
        shape = tuple(0 if isinstance(n, bool) else operator.index(n) for n in lengths)
    except (TypeError, RuntimeError):
        shape = ()
    if not shape or min(shape) < 1:
        shown = repr(example) if isinstance(example, str | tuple | int) else type(example).__name__
        raise OptionError(
            f"{shown[:80]} is neither a tensor nor a shape like (1, 3, 224, 224). Each input of "
            f"forward needs one of them, by position; wrap a module that takes lists or keywords.",
            subject="capture",
        )
    return Example(shape, dtype)


def _graph(model: nn.Module, program: Any, name: str) -> Graph:
    """Read the program from its first call to its last."""
    traced: fx.Graph = program.graph
    names = Names(traced, {path for path, module in model.named_modules() if [*module.children()]})
    symbols = Symbols()
    weights, inputs, values = _placeholders(model, program, symbols, names)
    tensors = {n: weights[v].source for n, v in values.items() if v in weights}
    places = [n for n, v in values.items() if v in inputs]
    translator = Translator(weights, symbols, names)
    translator.values.update(values)
    translator.made.update(inputs)
    calls = [node for node in traced.nodes if node.op == "call_function"]
    position = 0
    while position < len(calls):
        place = whole_of(calls[position])
        if place is None:
            translator.call(calls[position])
            position += 1
            continue
        end = position
        while end < len(calls) and (here := whole_of(calls[end])) and here.key == place.key:
            end += 1
        if end == position + 1 or not _whole(model, translator, place, calls[position:end]):
            for call in calls[position:end]:
                translator.call(call)
        position = end
    signature = program.graph_signature
    (output,) = (node for node in traced.nodes if node.op == "output")
    mutations = len(signature.buffers_to_mutate) + len(
        getattr(signature, "user_inputs_to_mutate", ())
    )
    results = [
        translator.values[value]
        for value in output.args[0][mutations:]
        if isinstance(value, fx.Node)
    ]
    outputs = tuple(r for r in results if isinstance(r, str))
    return Graph(
        name,
        inputs,
        _needed(translator.nodes, outputs),
        outputs,
        weights,
        training=model.training,
        source=Program(model, traced, tensors, places, translator.calls),
    )


def _placeholders(
    model: nn.Module, program: Any, symbols: Symbols, names: Names
) -> tuple[dict[str, Weight], dict[str, TensorType], dict[fx.Node, str]]:
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    weights: dict[str, Weight] = {}
    inputs: dict[str, TensorType] = {}
    values: dict[fx.Node, str] = {}
    first_name: dict[int, str] = {}
    roles: dict[Any, Any] = {InputKind.PARAMETER: "parameter", InputKind.BUFFER: "buffer"}
    for spec in program.graph_signature.input_specs:
        node = nodes[spec.arg.name]
        example = node.meta.get("val")
        if spec.kind == InputKind.USER_INPUT:
            if not isinstance(example, torch.Tensor):
                continue
            name = names.reserve(node.name)
            symbols.learn(name, example)
            inputs[name] = tensor_type(example)
            values[node] = name
            continue
        if not isinstance(example, torch.Tensor):
            continue
        tensor = _tensor(model, program, spec.target)
        # A weight that two modules share has two names; the first stands for both.
        name = first_name.setdefault(id(tensor), spec.target)
        values[node] = name
        kind = TensorType(tuple(tensor.shape), dtype_name(tensor.dtype))
        trainable = isinstance(tensor, nn.Parameter) and tensor.requires_grad
        role = roles.get(spec.kind, "constant")
        weights.setdefault(name, Weight(name, kind, tensor, role, trainable))
    return weights, inputs, values


def _tensor(model: nn.Module, program: Any, target: str) -> torch.Tensor:
    """The model's own tensor, which the program may hold under another object."""
    owner, _, leaf = target.rpartition(".")
    try:
        found = getattr(model.get_submodule(owner), leaf)
    except AttributeError:
        found = None
    if isinstance(found, torch.Tensor):
        return found
    kept = program.constants.get(target)
    return kept if kept is not None else program.state_dict[target]  # type: ignore[no-any-return]


def _whole(model: nn.Module, translator: Translator, place: Any, calls: list[fx.Node]) -> bool:
    """Make one node of all calls of a module that is one operation; False if it is more."""
    whole = WHOLES[place.qualified](model.get_submodule(place.path))
    if whole is None:
        return False
    inside = set(calls)
    data = next(
        value
        for call in calls
        for value in call.all_input_nodes
        if value not in inside and translator.values.get(value) not in translator.weights
    )
    weights = [f"{place.path}.{name}".lstrip(".") for name in whole.weights]
    call = Call(translator, calls[-1], read=False)
    translator.values[calls[-1]] = made = call.emit(
        whole.op, translator.values[data], *weights, whole=True
    )
    translator.calls[made] = calls[-1]
    return True


def _needed(nodes: list[Node], outputs: Sequence[str]) -> tuple[Node, ...]:
    """Leave out what no output needs: counters of batches, sizes.

    A batch norm that measures the batch stays: its running statistics are an output as well.
    """
    wanted = set(outputs)
    kept = []
    for node in reversed(nodes):
        measures = isinstance(node.op, BatchNorm) and node.op.training
        if measures or wanted.intersection(node.outputs):
            wanted.update(value for value in node.inputs if value is not None)
            kept.append(node)
    return tuple(reversed(kept))
