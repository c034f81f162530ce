"""From what a user names to a graph: a module, a graph, a file, a network of the zoo."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import GraphError, OptionError, ShapeError
from ..graph import FitError, Graph, capture, fitted, load_onnx

Shapes = Sequence[int] | Sequence[Sequence[int]] | None


def resolve(model: Any, input_shape: Shapes = None) -> Graph:
    """Find the graph of a model, worked out for the shapes given.

    Raises:
        OptionError: Neither a module, a graph, a file nor a name; or a shape is missing.
        GraphError, ShapeError: It cannot be captured, or does not fit.
    """
    if tensors := _tensors(input_shape):
        input_shape = [tuple(x.shape) for x in tensors]
        if not isinstance(model, Graph | Path | str):
            return capture(model, *tensors)
    shapes = shapes_of(input_shape)
    if isinstance(model, Graph):
        return _at(model, shapes)
    if isinstance(model, Path) or (isinstance(model, str) and is_file(model)):
        return _from_file(Path(model), shapes)
    if isinstance(model, str):
        return _from_name(model, shapes)
    if not shapes:
        raise OptionError("the input's shape is missing: striate.inspect(model, (1, 3, 224, 224)).")
    rank = expected_rank(model)
    return capture(model, *(_batched(shape, rank) for shape in shapes))


def _tensors(given: Any) -> list[Any]:
    """Example tensors given instead of shapes."""
    several = list(given) if isinstance(given, list | tuple) else [given]
    return several if several and all(hasattr(x, "untyped_storage") for x in several) else []


def shapes_of(given: Shapes) -> list[tuple[int, ...]]:
    """Take one shape or several for a list of them.

    Raises:
        OptionError: They are none.
    """
    if given is None:
        return []
    try:
        several: list[Any] = [given] if hasattr(given[0], "__index__") else list(given)
        shapes = [
            tuple(0 if isinstance(n, bool) else operator.index(n) for n in shape)
            for shape in several
        ]
    except (TypeError, ValueError, IndexError):
        raise OptionError(
            f"input_shape={str(given)[:80]!r} is no shape: give (1, 3, 224, 224), or a list of "
            f"shapes."
        ) from None
    for shape in shapes:
        if not shape or min(shape) < 1:
            raise OptionError(f"input shape {shape} must hold sizes of 1 or more.")
    return shapes


def parse_shape(text: str, command: str, option: str) -> tuple[int, ...]:
    """Read 1x3x224x224.

    Raises:
        OptionError: It is no shape.
    """
    sizes = text.lower().split("x")
    if not all(size.isdecimal() and int(size) for size in sizes):
        raise OptionError(
            f"{command}: {option} {text} is no shape: 1x3x224x224 is batch, channels, height, "
            f"width."
        )
    return tuple(map(int, sizes))


def is_file(name: str) -> bool:
    """Whether a name is meant as a file's, and not as a network's."""
    return name.endswith((".onnx", ".striate")) or ("/" in name and ":" not in name)


def _from_file(path: Path, shapes: list[tuple[int, ...]]) -> Graph:
    if path.suffix == ".striate":
        return _at(Graph.load(path), shapes)
    if path.suffix != ".onnx":
        raise OptionError(
            f"{path} is neither an ONNX file (*.onnx) nor a graph file (*.striate). For weights "
            f"alone (*.pt) give the module that they belong to."
        )
    try:
        return load_onnx(path, *shapes)
    except FitError:
        if not shapes:
            raise
        return _at(load_onnx(path), shapes)  # at the file's own sizes; this tells what would fit
    except ShapeError:
        try:  # the batch may have been left out
            return load_onnx(path, *((1, *shape) for shape in shapes))
        except ShapeError:
            pass
        raise


def _from_name(name: str, shapes: list[tuple[int, ...]]) -> Graph:
    net, shapes = module_of(name, shapes)
    return capture(net, *shapes, name=name)


def module_of(name: str, shapes: Sequence[Sequence[int]] = ()) -> tuple[Any, list[tuple[int, ...]]]:
    """Build the network that a name stands for, in eval mode.

    Args:
        name: A network of the zoo, package.module:function or file.py:function.
        shapes: Of the inputs; those of the zoo have one of their own.
    Returns:
        The module, and the shapes with a batch in front.
    Raises:
        OptionError: There is no such network, or a shape is missing.
    """
    from .._nets import build_net, published_shape
    from ..zoo import info

    net = build_net(name, {}, 0 if ":" in name else info(name).num_classes)
    shape = published_shape(name, {})
    wanted = [tuple(one) for one in shapes] or ([shape] if shape else [])
    if not wanted:
        raise OptionError(f"{name}: the input's shape is missing: --input 1x3x224x224.")
    rank = expected_rank(net)
    return net.eval(), [_batched(one, rank) for one in wanted]


def _at(graph: Graph, shapes: list[tuple[int, ...]]) -> Graph:
    if not shapes:
        return graph
    ranks = [kind.rank for kind in graph.inputs.values()]
    if len(shapes) != len(ranks):
        raise GraphError(f"{graph.name} has {len(ranks)} inputs; {len(shapes)} shapes were given.")
    wanted = [_batched(shape, rank) for shape, rank in zip(shapes, ranks, strict=True)]
    return graph if wanted == [t.shape for t in graph.inputs.values()] else fitted(graph, wanted)


def _batched(shape: tuple[int, ...], rank: int | None) -> tuple[int, ...]:
    """Put a batch of one in front where the network takes one axis more."""
    return (1, *shape) if rank is not None and len(shape) == rank - 1 else shape


def expected_rank(model: Any) -> int | None:
    """How many axes the first layer takes, batch and channels counted; None if it is not told."""
    from torch import nn

    for layer in model.modules():
        name = type(layer).__name__
        for axes in (1, 2, 3):
            if name.endswith(f"{axes}d") and isinstance(layer, nn.Module) and name[0].isupper():
                return axes + 2
        if isinstance(layer, nn.Linear):
            return None
    return None
