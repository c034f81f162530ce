"""Line charts."""

from __future__ import annotations

from dataclasses import dataclass

from ._axis import Axis
from ._svg import Markup, drawing, element, join, points

WIDTH, HEIGHT = 400.0, 260.0
RIGHT, TOP, BOTTOM = 88.0, 28.0, 40.0
_LINE, _LETTER = 15.0, 7.5


@dataclass(frozen=True)
class Curve:
    """A line of a chart.

    Attributes:
        name: Written at its end.
        class_: Its class in the style sheet.
        values: (x, y) in order.
        dots: Whether each value gets a dot that tells it.
    """

    name: str
    class_: str
    values: list[tuple[float, float]]
    dots: bool = True


def line_chart(
    alt: str, x: Axis, y: Axis, curves: list[Curve], mark: float | None = None
) -> Markup:
    """Draw curves over a common x.

    Args:
        alt: What a reader who does not see it is told.
        x, y: The axes.
        curves: Of finite values, at least one each.
        mark: An x to point out.
    """
    plane = _Plane(x, y)
    parts = [_horizontal(plane), _vertical(plane)]
    if mark is not None:
        at = plane.across(mark)
        parts.append(element("line", x1=at, x2=at, y1=TOP, y2=HEIGHT - BOTTOM, class_="mark"))
    parts += [_curve(curve, plane) for curve in curves]
    parts.append(_names(curves, plane))
    return drawing(WIDTH, HEIGHT, alt, *parts, class_="chart")


@dataclass(frozen=True)
class _Plane:
    """Where values lie in the drawing; the margin at the left holds the longest label."""

    x: Axis
    y: Axis

    @property
    def left(self) -> float:
        return 10 + _LETTER * max(len(label) for _, label in self.y.ticks)

    def across(self, value: float) -> float:
        return self.left + self.x.place(value) * (WIDTH - self.left - RIGHT)

    def up(self, value: float) -> float:
        return HEIGHT - BOTTOM - self.y.place(value) * (HEIGHT - TOP - BOTTOM)


def _horizontal(plane: _Plane) -> Markup:
    """The y axis: its title above it, a line across at each tick."""
    left = plane.left
    parts = [element("text", plane.y.title, x=0.0, y=11.0, class_="title")]
    for value, label in plane.y.ticks:
        at = plane.up(value)
        parts.append(element("line", x1=left, x2=WIDTH - RIGHT, y1=at, y2=at, class_="grid"))
        parts.append(element("text", label, x=left - 8, y=at + 4, text_anchor="end"))
    return element("g", *parts)


def _vertical(plane: _Plane) -> Markup:
    """The x axis: its title below it, a number at each tick."""
    middle = (plane.left + WIDTH - RIGHT) / 2
    parts = [
        element("text", label, x=plane.across(value), y=HEIGHT - 23, text_anchor="middle")
        for value, label in plane.x.ticks
    ]
    title = plane.x.title
    return element(
        "g",
        *parts,
        element("text", title, x=middle, y=HEIGHT - 4, text_anchor="middle", class_="title"),
    )


def _curve(curve: Curve, plane: _Plane) -> Markup:
    places = [(plane.across(a), plane.up(b)) for a, b in curve.values]
    parts = [element("polyline", points=points(places), class_="line")]
    if curve.dots:
        radius = 3.0 if len(places) <= 12 else 2.0 if len(places) <= 40 else 1.0
        parts += [
            element(
                "circle",
                element("title", f"{curve.name}, {plane.x.title} {a:g}: {b:.4g}"),
                cx=left,
                cy=top,
                r=radius,
            )
            for (a, b), (left, top) in zip(curve.values, places, strict=True)
        ]
    return element("g", *parts, class_=curve.class_)


def _names(curves: list[Curve], plane: _Plane) -> Markup:
    """Write each curve's name at its end, pushed apart where they meet."""
    ends = sorted(((plane.up(c.values[-1][1]), c) for c in curves), key=lambda end: end[0])
    rows = [at for at, _ in ends]
    for i in range(1, len(rows)):
        rows[i] = max(rows[i], rows[i - 1] + _LINE)
    over = rows[-1] - (HEIGHT - BOTTOM) if rows else 0
    rows = [row - max(0.0, over) for row in rows]
    return join(
        [
            element(
                "text",
                curve.name,
                x=plane.across(curve.values[-1][0]) + 8,
                y=row + 4,
                class_=f"{curve.class_} name",
            )
            for row, (_, curve) in zip(rows, ends, strict=True)
        ]
    )
