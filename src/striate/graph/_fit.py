"""Which input sizes a network takes, and which of them lose no pixel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import OptionError, ShapeError
from ._graph import Graph, Node
from ._infer import FitError
from ._reach import Along

CUTS = frozenset({"slice", "select", "split", "pad"})
"""Kinds of operations whose purpose it is to leave pixels out."""


@dataclass(frozen=True)
class Sizes:
    """The sizes found, of the axes that vary together; other axes are as in the graph.

    Args:
        axes: Axes of the first input that vary, all with the same length.
        smallest: The shortest length that the network takes; None if none was found.
        legal: All lengths up to `largest` that it takes.
        lossless: Those at which every pixel of every map is read by some layer.
        largest: How far was searched.
    """

    axes: tuple[int, ...]
    smallest: int | None
    legal: tuple[int, ...]
    lossless: tuple[int, ...]
    largest: int

    def to_text(self) -> str:
        """Write the sizes in three lines, runs of them as progressions."""
        if self.smallest is None:
            return f"No size of 1 .. {self.largest} fits."
        by = "x".join(["n"] * len(self.axes))
        return "\n".join(
            [
                f"smallest  {by}, n = {self.smallest}",
                f"legal     n = {progressions(self.legal, self.largest)}",
                f"lossless  n = {progressions(self.lossless, self.largest)}",
            ]
        )

    __str__ = to_text


def find_sizes(graph: Graph, largest: int = 512) -> Sizes:
    """Try every size of the input, by arithmetic alone.

    The axes of the first input that are as long as its last one vary together.

    Args:
        graph: The network.
        largest: The longest axis tried.
    Raises:
        OptionError: No input has axes behind the channels.
    Example:
        >>> import striate
        >>> graph = striate.capture(striate.zoo.create("lenet5"), (1, 1, 32, 32))
        >>> find_sizes(graph).legal
        (32, 33, 34, 35)
    """
    axes = varying_axes(graph)
    legal, lossless = [], []
    for size in range(1, largest + 1):
        found = sized(graph, size)
        if found is not None:
            legal.append(size)
            if reads_every_pixel(found):
                lossless.append(size)
    first = legal[0] if legal else None
    return Sizes(axes, first, tuple(legal), tuple(lossless), largest)


def fitted(graph: Graph, shapes: Sequence[Sequence[int]]) -> Graph:
    """Work a graph out for other shapes; where they do not fit, say which sizes would.

    Raises:
        FitError: With the layer, the sizes that led there, and the nearest sizes that work.
    """
    try:
        return graph.at(*shapes)
    except FitError as error:
        remedy = _remedy(graph, shapes)
        raise FitError(
            f"{error.message} {remedy}", subject=error.subject, node=error.node
        ) from None


def sized(graph: Graph, size: int) -> Graph | None:
    """Work a graph out for another size; None if it does not fit."""
    axes = varying_axes(graph)
    kinds = list(graph.inputs.values())
    length = next(kind for kind in kinds if kind.rank >= 3).shape[axes[0]]
    shapes = [
        tuple(size if axis >= 2 and n == length else n for axis, n in enumerate(kind.shape))
        if kind.rank >= 3
        else kind.shape
        for kind in kinds
    ]
    try:
        return graph.at(*shapes)
    except ShapeError:
        return None


def varying_axes(graph: Graph) -> tuple[int, ...]:
    """The axes of the first input that `find_sizes` varies."""
    kind = next((kind for kind in graph.inputs.values() if kind.rank >= 3), None)
    if kind is None:
        raise OptionError(f"{graph.name}: no input has axes behind the channels whose size varies.")
    return tuple(axis for axis in range(2, kind.rank) if kind.shape[axis] == kind.shape[-1])


def reads_every_pixel(graph: Graph) -> bool:
    """Whether each row and column of each map is read by some operation."""
    for value, readers in graph.readers.items():
        kind = graph.types[value]
        if value in graph.weights or kind is None or kind.rank < 3:
            continue
        for axis in range(2, kind.rank):
            unread: set[int] | None = None
            for node in readers:
                left = _unread(graph, node, value, axis, kind.shape[axis])
                unread = left if unread is None else unread & left
                if not unread:
                    break
            if unread:
                return False
    return True


def _unread(graph: Graph, node: Node, value: str, axis: int, n: int) -> set[int]:
    outputs = tuple(kind for kind in graph.output_types(node) if kind is not None)
    if node.kind == "opaque" or node.kind in CUTS or not outputs:
        return set()
    reach = graph.op(node).reach(graph.input_types(node), outputs)
    position = node.inputs.index(value)
    how = reach[position][axis] if position < len(reach) else None
    if not isinstance(how, Along) or how.window.stride.denominator != 1 or how.window.stride == 1:
        return set()
    return set(how.window.unread(n))


def _remedy(graph: Graph, shapes: Sequence[Sequence[int]]) -> str:
    """Say which sizes near the wanted one work."""
    wanted = next((shape for shape in shapes if len(shape) >= 3), None)
    kind = next((kind for kind in graph.inputs.values() if kind.rank >= 3), None)
    if wanted is None or kind is None:
        given = ", ".join("x".join(map(str, t.shape)) for t in graph.inputs.values())
        return f"An input of {given} fits."
    if wanted[1] != kind.shape[1]:
        return f"Give an input with {kind.shape[1]} channels, or build the network for {wanted[1]}."
    size = wanted[-1]
    smallest = next((s for s in range(1, 1025) if sized(graph, s)), None)
    if smallest is None:
        return f"An input of {'x'.join(map(str, kind.shape))} fits."
    below = next((s for s in range(size - 1, smallest - 1, -1) if sized(graph, s)), None)
    above = next((s for s in range(size + 1, size + 257) if sized(graph, s)), None)
    by = len(varying_axes(graph))

    def shown(length: int | None) -> str:
        return "x".join([str(length)] * by)

    near = [shown(s) for s in (below, above) if s is not None]
    text = f"The smallest input that fits is {shown(smallest)}"
    if near and near != [shown(smallest)]:
        text += f"; the nearest to {shown(size)} {'are' if len(near) > 1 else 'is'} "
        text += " and ".join(near)
    return f"{text}."


def progressions(numbers: Iterable[int], largest: int) -> str:
    """Write increasing numbers as runs: `32, 64, .. 512 (every 32)`.

    Example:
        >>> progressions([5, 6, 7, 8, 20, 40, 60], 60)
        '5 .. 8, 20, 40 and every 20 more'
    """
    rest, words = list(numbers), []
    if not rest:
        return f"none up to {largest}"
    while rest:
        length = len(rest) if len(rest) < 3 else _run(rest)
        if length < 3:
            words.append(str(rest[0]))
            rest = rest[1:]
            continue
        step, end = rest[1] - rest[0], rest[length - 1]
        endless = end + step > largest
        if step == 1:
            words.append(f"{rest[0]} and more" if endless else f"{rest[0]} .. {end}")
        elif endless:
            words.append(f"{rest[0]}, {rest[1]} and every {step} more")
        else:
            words.append(f"{rest[0]}, {rest[1]} .. {end} (every {step})")
        rest = rest[length:]
        if len(words) == 12 and rest:
            return ", ".join([*words, f"... {len(rest)} more"])
    return ", ".join(words)


def _run(numbers: list[int]) -> int:
    """How many of the first numbers are equally spaced."""
    step = numbers[1] - numbers[0]
    length = 2
    while length < len(numbers) and numbers[length] - numbers[length - 1] == step:
        length += 1
    return length
