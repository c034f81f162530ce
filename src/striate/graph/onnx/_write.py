"""Write an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def write_onnx(graph: Any, path: Path, *, opset: int) -> None:
    """Write a graph as an ONNX file."""
    raise NotImplementedError
