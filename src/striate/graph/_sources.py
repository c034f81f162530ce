"""Where graphs come from. Each front end is imported when it is used: ONNX files need no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._graph import Graph

if TYPE_CHECKING:
    from torch import nn


def capture(model: nn.Module, *examples: Any, dtype: Any = None, name: str | None = None) -> Graph:
    """Turn a torch module into a graph, in the mode (eval or train) that it is in.

    The module is traced by `torch.export` on shapes alone: nothing is computed, no weight is
    copied, and the size of the input costs nothing. Functional calls, shared modules, in-place
    operations and branches are followed; every node keeps the path of its module.

    Args:
        model: Any module that `torch.export` can trace.
        examples: One for each input of `forward`: a tensor, or a shape. A shape is that of the
            whole batch, (N, C, H, W).
        dtype: Of inputs given as shapes; by default that of the model's first weight.
        name: What to call the graph; by default the module's class.
    Returns:
        The graph, worked out for the shapes given; `Graph.at` works it out for others.
    Raises:
        GraphError: The module cannot be traced: the message tells where and why.
        ShapeError: The inputs do not fit the network; the message names the layer.
    Example:
        >>> import striate
        >>> print(striate.capture(torch.nn.Conv2d(3, 8, 3, padding=1), (1, 3, 32, 32)))
        Conv2d(input 1x3x32x32)
          conv = conv(input) 3x3, padding 1  1x8x32x32
          return conv
    """
    from .aten import capture

    return capture(model, examples, dtype=dtype, name=name)


def load_onnx(path: str | Path, *input_shapes: Sequence[int]) -> Graph:
    """Read an ONNX file (opset 7 to current, with external data) as a graph.

    Weights are views of the file's bytes, or maps of external files; none is copied. Nodes that
    Striate does not know are kept by name, as opaque ones.

    Args:
        path: The file. External data are read only from its folder and below.
        input_shapes: One for each input; may be left out where the file tells all sizes. A batch
            size that the file leaves open is 1 then.
    Raises:
        GraphError: The file is damaged, hostile, or of an opset that is not known.
        ShapeError: The shapes do not fit the network; the message names the node.
    """
    from .onnx import load_onnx

    return load_onnx(Path(path), input_shapes)
