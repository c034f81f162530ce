"""Paths and names of nodes: `/layer1/layer1.0/conv1/Conv` is `layer1.0.conv1`."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

PARAMETRIC = frozenset(
    {"Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "LayerNormalization",
     "InstanceNormalization", "GroupNormalization", "PRelu", "RMSNormalization"}
)  # fmt: skip
"""Operators after which a module is named when it has several nodes."""

_SILENT = frozenset({"Constant", "Shape", "Identity"})


class Names:
    """Finds the path of every node beforehand, and gives names that no other thing has.

    Args:
        nodes: The file's nodes.
        taken: Names of inputs and weights.
    """

    def __init__(self, nodes: list[Any], taken: set[str]) -> None:
        self._taken = set(taken)
        self._paths = [_path(node) for node in nodes]
        told = [
            path for node, path in zip(nodes, self._paths, strict=True)
            if path and node.op_type not in _SILENT
        ]  # fmt: skip
        self._count = Counter(told)
        self._inner = {path[:end] for path in told for end in _dots(path)}

    def of(self, index: int, node: Any) -> tuple[str, str]:
        """Find path and name of a node; the name is yet to be made unique."""
        kind = node.op_type.lower() or "node"
        path = self._paths[index]
        if path is None:
            named = _plain(node.name)
            return (named, named) if named else ("", kind)
        alone = self._count[path] == 1 or node.op_type in PARAMETRIC
        if path and alone and path not in self._inner:
            return path, path
        return path, f"{path}.{kind}".lstrip(".")

    def unique(self, name: str) -> str:
        """Take a name; the second node of a name gets `:2`."""
        found, count = name, 1
        while found in self._taken:
            count += 1
            found = f"{name}:{count}"
        self._taken.add(found)
        return found


def _path(node: Any) -> str | None:
    """Read the module's path off a name as torch's exporter makes them; None for others."""
    if not node.name.startswith("/"):
        return _from_weight(node)
    *modules, last = node.name.strip("/").split("/")
    if not re.fullmatch(rf"{re.escape(node.op_type)}(_\d+)?", last):
        return None
    parts: list[str] = []
    for module in modules:
        # Containers repeat their own name: /layer1/layer1.0/conv1
        if parts and module.startswith(f"{parts[-1]}."):
            parts[-1] = module
        elif module:
            parts.append(module)
    return ".".join(parts)


def _from_weight(node: Any) -> str | None:
    """Name a node without a name of its own after its weight: `features.0.weight`."""
    if node.name and not re.fullmatch(rf"{re.escape(node.op_type)}_\d+", node.name):
        return None
    for value in node.input:
        path, _, last = value.rpartition(".")
        if path and last == "weight" and node.op_type in PARAMETRIC:
            return str(path)
    return None


def _plain(name: str) -> str:
    return name.strip("/").replace("/", ".")


def _dots(path: str) -> list[int]:
    return [place for place, letter in enumerate(path) if letter == "."]
