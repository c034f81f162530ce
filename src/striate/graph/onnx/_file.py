"""An ONNX file as a protobuf message, with what its sizes and names promise checked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..._extras import require
from ...errors import GraphError
from ._functions import inline

OLDEST_OPSET = 7
"""Before it, broadcasting was told by attributes."""

_MOST_BYTES = 2 << 30  # protobuf's own limit


@dataclass(frozen=True)
class File:
    """What a file holds.

    Args:
        path: Where it lies; external data lie in its folder or below.
        model: The `onnx.ModelProto`.
        opset: Version of ONNX's own operators.
    """

    path: Path
    model: Any
    opset: int

    @property
    def graph(self) -> Any:
        """The `onnx.GraphProto`."""
        return self.model.graph

    @property
    def ours(self) -> bool:
        """Whether `Graph.to_onnx` wrote it: what is a constant was one in the graph then."""
        return bool(self.model.producer_name == "striate")


def read_file(path: Path) -> File:
    """Read a file and check what can be told without looking at the operators.

    Raises:
        GraphError: It is no ONNX file, too large, damaged, or of an opset that is not known.
    """
    onnx = require("onnx", extra="onnx", purpose="reading ONNX files")
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise GraphError(
                f"{path} holds {size:,} bytes; an ONNX file holds at most {_MOST_BYTES:,}, and "
                f"larger networks keep their weights in a second file. Write it again with "
                f"external data."
            )
        content = path.read_bytes()
    except OSError as error:
        raise GraphError(f"{path} cannot be read: {error.strerror or error}.") from error
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception as error:  # google.protobuf's DecodeError
        raise GraphError(f"{path} is no ONNX file, or it is damaged ({error}).") from error
    del content
    if not model.HasField("graph") or not model.opset_import:
        raise GraphError(
            f"{path} is no ONNX file, or it is damaged: it has no "
            f"{'version of the operators' if model.HasField('graph') else 'graph'}."
        )
    opset = _opset(path, model, onnx.defs.onnx_opset_version())
    if model.functions:
        model = inline(path, model)
    _check_names(path, model.graph)
    return File(path, model, opset)


def _opset(path: Path, model: Any, newest: int) -> int:
    versions = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
    if len(versions) != 1:
        raise GraphError(f"{path} names {len(versions)} versions of ONNX's operators; one is due.")
    (version,) = versions
    if version < OLDEST_OPSET:
        raise GraphError(
            f"{path} has opset {version}; Striate reads opset {OLDEST_OPSET} and later. Convert it "
            f"with onnx.version_converter, or export the network again."
        )
    if version > newest:
        raise GraphError(
            f"{path} has opset {version}; the onnx that is installed knows up to {newest}. Upgrade "
            f"onnx, or export the network with an older opset."
        )
    return int(version)


def _check_names(path: Path, graph: Any) -> None:
    """Refuse names that are no text, and a value that two nodes make, or a node and a weight."""
    _check_text(path, graph)
    made = Counter(value for node in graph.node for value in node.output if value)
    stored = Counter(tensor.name for tensor in graph.initializer)
    stored.update(tensor.values.name for tensor in graph.sparse_initializer)
    inputs = Counter(value.name for value in graph.input)
    for name, count in (made + stored).items():
        if count > 1 or (name in made and name in inputs):
            raise GraphError(f"{path} is damaged: the value {name!r} is made twice.")
    for name, count in inputs.items():
        if count > 1 or not name:
            raise GraphError(f"{path} is damaged: the input {name!r} is named {count} times.")
    if not graph.output:
        raise GraphError(f"{path} is damaged: its graph has no outputs.")


def _check_text(path: Path, graph: Any) -> None:
    """Refuse names that are not UTF-8, which protobuf hands over as bytes."""
    names = [graph.name]
    for node in graph.node:
        names += (node.name, node.op_type, node.domain, *node.input, *node.output)
    for named in (*graph.initializer, *graph.input, *graph.output):
        names.append(named.name)
    for name in names:
        if not isinstance(name, str):
            raise GraphError(f"{path} is damaged: the name {name!r} is no text.")
