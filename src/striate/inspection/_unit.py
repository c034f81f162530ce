"""One unit: the box of the input that it sees, where that box's centre is, and what is padding."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..errors import OptionError
from ..graph import Along, Graph, Node
from ..window import Window
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
    front: list[Places] = [range(1), *(range(n) for n in kind.shape[1:2])]
    unit = [*front, *(range(i, i + 1) for i in at)][: kind.rank]
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


Places = range | frozenset[int]
"""Positions along an axis that are read: a run of them, or with gaps."""


def _reads(
    graph: Graph, last: Node, unit: list[Places], source: str, *, clip: bool
) -> list[Places]:
    """Follow positions backward, from one unit to the source.

    With `clip` only real pixels are followed at every map on the way, each by itself; else runs of
    positions, over the borders.
    """
    needed: dict[str, list[Places]] = {last.outputs[0]: unit}
    for node in reversed(graph.nodes[: graph.nodes.index(last) + 1]):
        wanted = next((needed[value] for value in node.outputs if value in needed), None)
        if wanted is None or source in node.outputs:
            continue
        kinds, made = graph.input_types(node), graph.output_types(node)
        reaches = graph.op(node).reach(kinds, tuple(t for t in made if t is not None))
        mode = getattr(graph.op(node), "mode", "constant") if node.kind == "pad" else "constant"
        for value, kind, reach in zip(node.inputs, kinds, reaches, strict=False):
            if value is None or value in graph.weights or kind is None:
                continue
            reads = [
                _read(how.window, wanted[how.axis], n if clip else None, mode)
                if isinstance(how, Along)
                else range(n)
                for how, n in zip(reach, kind.shape, strict=True)
            ]
            known = needed.get(value)
            needed[value] = reads if known is None else list(map(_both, known, reads))
    return needed[source]


def _read(window: Window, wanted: Places, n: int | None, mode: str) -> Places:
    """The positions that some outputs read; with n, the real ones of an axis of n pixels."""
    if n is None:
        return window.input_interval(_run(wanted))
    gapless = window.dilation.numerator == 1 and window.stride <= window.extent
    if mode == "constant" and isinstance(wanted, range) and (gapless or not wanted):
        return window.input_interval(wanted, n)
    period = max(2 * (n - 1), 1)
    repeats: dict[str, Callable[[int], int]] = {
        "constant": lambda p: p,
        "reflect": lambda p: n - 1 - abs(n - 1 - p % period),
        "replicate": lambda p: min(max(p, 0), n - 1),
        "circular": lambda p: p % n,
    }
    pixels = {repeats[mode](p) for i in wanted for p in window.taps(i)}
    return _places(p for p in pixels if 0 <= p < n)


def _both(a: Places, b: Places) -> Places:
    return a if a == b else _places({*a, *b})


def _places(pixels: Iterable[int]) -> Places:
    """A run where there is no gap."""
    found = frozenset(pixels)
    run = _run(found)
    return run if len(run) == len(found) else found


def _run(places: Places) -> range:
    """From the first position to the last."""
    if isinstance(places, range):
        return places
    return range(min(places), max(places) + 1) if places else range(0)


def _pair(places: Places) -> tuple[int, int]:
    run = _run(places)
    return (run.start, run.stop) if run else (0, 0)
