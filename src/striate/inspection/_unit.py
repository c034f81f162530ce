"""One unit: the box of the input that it sees, where that box's centre is, and what is padding."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import OptionError
from ..graph import Along, Graph, Node
from ..graph._reach import Everywhere
from ._field import Fixed
from ._fields_of import sights_of


@dataclass(frozen=True)
class Unit:
    """What one unit sees.

    Args:
        layer: Whose unit it is.
        place: Its place in the layer's map, along the axes behind the channels.
        of: The input or the earlier layer that is looked at.
        input_size: Length of each of its axes behind the channels.
        box: (first pixel, last + 1) along each axis, over the border too; None for an axis that the
            unit does not depend on.
        visible: The same of the real pixels that it depends on.
        infinite_by: The layer that makes the unit see all of any input, where there is one.
    """

    layer: str
    place: tuple[int, ...]
    of: str
    input_size: tuple[int, ...]
    box: tuple[tuple[int, int] | None, ...]
    visible: tuple[tuple[int, int] | None, ...]
    infinite_by: str = ""

    @property
    def center(self) -> tuple[float | None, ...]:
        """Middle of the box, in pixels; that of pixel 0 is 0."""
        return tuple((b[0] + b[1] - 1) / 2 if b else None for b in self.box)

    @property
    def padding_share(self) -> float:
        """Share of the box that lies outside the input, 0 .. 1."""
        pairs = [(b, v) for b, v in zip(self.box, self.visible, strict=True) if b and v]
        whole = math.prod(b[1] - b[0] for b, _ in pairs)
        inside = math.prod(max(v[1] - v[0], 0) for _, v in pairs)
        return 1 - inside / whole if whole else 0.0


def look_at_unit(graph: Graph, layer: str, place: Sequence[int], of: str | None = None) -> Unit:
    """Find the box that a unit sees.

    Args:
        graph: The network, at the input's size.
        layer: Whose unit.
        place: Along the layer's axes behind the channels: `(3, 3)` in a 2D map. Negative ones count
            from the end. Empty for a unit of a vector.
        of: An earlier layer to look at instead of the input.
    Raises:
        OptionError: There is no such layer or unit.
    Example:
        >>> import striate
        >>> graph = striate.capture(striate.zoo.create("lenet5"), (1, 1, 32, 32))
        >>> look_at_unit(graph, "c3", (0, 1)).box
        ((0, 14), (2, 16))
    """
    source, sights = sights_of(graph, layer, of)
    node = graph[layer]
    kind, looked_at = graph.types[node.outputs[0]], graph.types[source]
    assert kind is not None
    assert looked_at is not None
    sizes = kind.shape[2:]
    if len(place) != len(sizes):
        if not sizes:
            raise OptionError(f"{layer}: its output is a vector, whose units have no place.")
        shown = "x".join(map(str, sizes))
        raise OptionError(
            f"{layer}: its map is {shown}; a unit of it has {len(sizes)} numbers, as in "
            f"{layer}:{','.join('0' * len(sizes))}; {len(place)} were given."
        )
    for index, n in zip(place, sizes, strict=True):
        if not -n <= index < n:
            raise OptionError(
                f"{layer}: there is no unit {tuple(place)}; its map is "
                f"{'x'.join(map(str, sizes))}, counted from 0."
            )
    at = tuple(index % n for index, n in zip(place, sizes, strict=True))
    front = [range(1), *(range(n) for n in kind.shape[1:2])]
    unit = [*front, *(range(index, index + 1) for index in at)][: kind.rank]
    box = _reads(graph, node, unit, source, clip=False)
    visible = _reads(graph, node, unit, source, clip=True)
    depends = [sight is not None for sight in sights[2:]]
    cause = next((s.cause for s in sights[2:] if isinstance(s, Fixed) and s.cause), "")
    return Unit(
        node.name,
        at,
        source,
        looked_at.shape[2:],
        tuple(_pair(r) if d else None for r, d in zip(box[2:], depends, strict=True)),
        tuple(_pair(r) if d else None for r, d in zip(visible[2:], depends, strict=True)),
        cause,
    )


def _reads(graph: Graph, last: Node, unit: list[range], source: str, *, clip: bool) -> list[range]:
    """Follow intervals backward, from one unit to the source: the hull of all that it reads.

    With `clip` padding is left out at every map on the way; else the intervals run over borders.
    """
    needed: dict[str, list[range]] = {last.outputs[0]: unit}
    for node in reversed(graph.nodes[: graph.nodes.index(last) + 1]):
        wanted = next((needed[value] for value in node.outputs if value in needed), None)
        if wanted is None or source in node.outputs:
            continue
        kinds, made = graph.input_types(node), graph.output_types(node)
        reaches = graph.op(node).reach(kinds, tuple(t for t in made if t is not None))
        for value, kind, reach in zip(node.inputs, kinds, reaches, strict=False):
            if value is None or value in graph.weights or kind is None:
                continue
            mode = getattr(graph.op(node), "mode", "") if node.kind == "pad" and clip else ""
            reads = [
                _read(how, wanted, n, clip=clip, mode=mode)
                for how, n in zip(reach, kind.shape, strict=True)
            ]
            known = needed.get(value)
            needed[value] = reads if known is None else list(map(_hull, known, reads))
    return needed[source]


def _read(how: Along | Everywhere, wanted: list[range], n: int, *, clip: bool, mode: str) -> range:
    """The interval of one input axis that an interval of outputs reads."""
    if not isinstance(how, Along):
        return range(n)
    if mode in ("", "constant"):
        return how.window.input_interval(wanted[how.axis], n if clip else None)
    # The padding repeats pixels: find those that it repeats.
    period = max(2 * (n - 1), 1)
    repeats: dict[str, Callable[[int], int]] = {
        "reflect": lambda p: n - 1 - abs(n - 1 - p % period),
        "replicate": lambda p: min(max(p, 0), n - 1),
        "circular": lambda p: p % n,
    }
    pixels = [repeats[mode](p) for p in how.window.input_interval(wanted[how.axis])]
    return range(min(pixels), max(pixels) + 1) if pixels else range(0)


def _hull(a: range, b: range) -> range:
    if not a or not b:
        return a or b
    return range(min(a.start, b.start), max(a.stop, b.stop))


def _pair(interval: range) -> tuple[int, int]:
    return (interval.start, interval.stop) if interval else (0, 0)
