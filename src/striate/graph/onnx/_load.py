"""Read an ONNX file as a graph: node by node, in an order in which each finds its inputs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from ...errors import GraphError, OptionError, ShapeError, StriateError
from .._graph import Graph
from .._weight import Role
from ..ops import Opaque
from . import (  # noqa: F401  (each enters its operators into the table)
    _lower_combine,
    _lower_conv,
    _lower_elementwise,
    _lower_linear,
    _lower_norm,
    _lower_resize,
    _lower_shape,
)
from ._build import Builder
from ._call import Call
from ._file import File, read_file
from ._inputs import declared_type, input_types
from ._names import Names
from ._order import captured, in_order, reads_of
from ._shapes import evaluate
from ._source import source_of
from ._table import LOWERINGS
from ._tensors import known_dtype, read_tensor
from ._values import Constant, Unreadable, UnsupportedError, Value


def load_onnx(path: Path, input_shapes: Sequence[Sequence[int]] = ()) -> Graph:
    """Read an ONNX file as a graph.

    Raises:
        GraphError: The file is damaged, hostile, or of an opset that is not known.
        ShapeError: The shapes do not fit the network.
    """
    try:
        return _Loader(read_file(path), input_shapes).load()
    except ShapeError:
        raise
    except OptionError as error:
        raise GraphError(f"{path}: {error}") from error
    except GraphError as error:
        if str(error).startswith(str(path)):
            raise
        raise GraphError(f"{path}: {error}") from error
    except StriateError:
        raise
    except Exception as error:  # whatever a damaged file leads to, the user hears of the file
        raise GraphError(f"{path} is damaged ({type(error).__name__}: {error}).") from error


class _Loader:
    def __init__(self, file: File, input_shapes: Sequence[Sequence[int]]) -> None:
        self.file, self.folder = file, file.path.parent
        self.nodes = in_order(file)
        inputs = input_types(file, input_shapes)
        stored = {tensor.name for tensor in file.graph.initializer}
        names = Names(self.nodes, {*inputs, *stored})
        name = file.graph.name or file.path.stem
        self.builder = Builder(name, inputs, names, _roles(file))
        self.values: dict[str, Value] = {name: name for name in inputs}
        self.values.update((name, constant) for name, constant in self._initializers())
        self.reads = reads_of(file)
        self.declared = {v.name: v for v in (*file.graph.value_info, *file.graph.output)}

    def load(self) -> Graph:
        for index, node in enumerate(self.nodes):
            self._translate(index, node)
        outputs = [self._output(value.name) for value in self.file.graph.output]
        return self.builder.graph(outputs, source_of(self.file.path))

    def _initializers(self) -> Iterator[tuple[str, Value]]:
        graph = self.file.graph
        for tensor in graph.initializer:
            if known_dtype(tensor):
                array, dtype = read_tensor(tensor, self.folder)
                yield tensor.name, Constant(array, dtype, tensor.name, stored=True)
            else:
                yield (
                    tensor.name,
                    Unreadable(
                        f"it reads {tensor.name!r}, whose numbers are of ONNX's type "
                        f"{tensor.data_type}"
                    ),
                )
        for tensor in graph.sparse_initializer:
            name = tensor.values.name
            yield name, Unreadable(f"it reads {name!r}, which is sparse")

    def _output(self, name: str) -> str:
        value = self.values[name]
        if isinstance(value, str):
            return value
        if isinstance(value, Constant):
            return self.builder.weight(value)
        if isinstance(value, Unreadable):
            raise GraphError(f"the output {name!r} cannot be read: {value.reason}.")
        return self.builder.sizes_as_data(value, name)

    def _translate(self, index: int, node: Any) -> None:
        path, name = self.builder.names.of(index, node)
        inputs = [self.values[value] if value else None for value in node.input]
        while inputs and inputs[-1] is None:
            inputs.pop()
        call = Call(
            self.builder,
            node,
            inputs,
            opset=self.file.opset,
            path=path,
            name=name,
            reads=[self.reads[value] for value in node.output],
            folder=self.folder,
        )
        mark = len(self.builder.nodes)
        try:
            results = self._results(call)
        except UnsupportedError as error:
            self.builder.forget(mark)
            results = self._opaque(call, str(error))
        except ShapeError:
            raise
        except (OptionError, GraphError) as error:
            raise GraphError(f"node {name!r} ({node.op_type}): {error}") from error
        except StriateError:
            raise
        except Exception as error:
            raise GraphError(
                f"node {name!r} ({node.op_type}) is damaged ({type(error).__name__}: {error})."
            ) from error
        for output, value in zip(node.output, results, strict=False):
            self.values[output] = value
            if isinstance(value, str):
                self.builder.reads[value] += self.reads[output]
        for output in node.output[len(results) :]:
            if output and self.reads[output]:
                raise GraphError(
                    f"node {name!r} ({node.op_type}): its output {output!r} is read, and it "
                    f"makes only {len(results)}."
                )

    def _results(self, call: Call) -> Sequence[Value]:
        if call.node.domain not in ("", "ai.onnx"):
            raise UnsupportedError("")
        known = evaluate(call)
        if known is not None:
            return known
        if call.op_type not in LOWERINGS:
            raise UnsupportedError("")
        made = LOWERINGS[call.op_type](call)
        return made if isinstance(made, list) else [made]

    def _opaque(self, call: Call, why: str) -> Sequence[str]:
        """Keep a node by name; its types are taken from where the file tells them."""
        node = call.node
        told = [
            declared_type(self.declared.get(value), self.builder.types, call, k)
            for k, value in enumerate(node.output)
        ]
        kind = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        inner = [self.values.get(name) for name in sorted(captured(node))]
        values = [v for v in (*call.inputs, *inner) if isinstance(v, str | Constant)]
        op = Opaque(kind, tuple(told), why)
        names = [call.named(value) for value in values]
        return call.add_many(op, *dict.fromkeys(names), outputs=len(node.output))


def _roles(file: File) -> dict[str, Role] | None:
    """Roles of weights that are no parameters, in a file that Striate wrote."""
    if not file.ours:
        return None
    told = {entry.key: entry.value for entry in file.model.metadata_props}
    try:
        roles = json.loads(told.get("striate.roles", "{}"))
    except ValueError:
        return None
    if not isinstance(roles, dict) or not {*roles.values()} <= {"buffer", "constant"}:
        return None
    return cast("dict[str, Role]", roles)
