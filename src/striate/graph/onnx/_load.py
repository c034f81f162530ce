"""Read an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def load_onnx(path: Path, input_shapes: Any = ()) -> Any:
    """Read an ONNX file as a graph."""
    raise NotImplementedError
