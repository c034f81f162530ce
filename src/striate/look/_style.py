"""How figures look: sizes for paper, colours, scales with units, inputs.

matplotlib is used without pyplot: nothing global is touched, and no window opens.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._colours import NEGATIVE as NEGATIVE
from .._colours import POSITIVE as POSITIVE
from .._extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

Floats = NDArray[Any]

COLUMN, PAGE = 3.4, 7.0
"""Inches: the width of a column of a paper, and of its page."""

DPI = 200
"""Pixels an inch of a saved PNG."""

INK, GREY, FAINT = "#222222", "#767676", "#c8c8c8"
"""Text, what stands back, and frames."""

_TEXT = {
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "figure.titlesize": 10,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.2,
    "hatch.linewidth": 0.5,
    "savefig.facecolor": "white",
    "savefig.pad_inches": 0.05,
    # Letters stay letters, so that a paper's search finds them; and files can be compared.
    "svg.fonttype": "none",
    "svg.hashsalt": "striate",
    "pdf.fonttype": 42,
}


def style() -> AbstractContextManager[None]:
    """Set matplotlib's text sizes, lines and files while a figure is drawn or saved."""
    matplotlib = require("matplotlib", extra="look", purpose="Drawing figures")
    context: AbstractContextManager[None] = matplotlib.rc_context(_TEXT)
    return context


def new_figure(
    width: float = PAGE, height: float = 4.0, title: str = "", *, placed: bool = False
) -> Figure:
    """Make an empty figure.

    Args:
        width, height: In inches.
        title: Above all; at the left, as a paper's.
        placed: Whether the caller puts everything at its place; else matplotlib lays out.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout=None if placed else "constrained")
    if title:
        figure.suptitle(title, x=0.01, ha="left")
    return figure


def diverging() -> Colormap:
    """Blue below 0, white at 0, orange above: the colours of all signed values."""
    from matplotlib.colors import LinearSegmentedColormap

    stops = [tuple(c / 255 for c in colour) for colour in (NEGATIVE, (255, 255, 255), POSITIVE)]
    return LinearSegmentedColormap.from_list("striate", stops)


def rising() -> Colormap:
    """White to orange: magnitudes, which have no sign."""
    from matplotlib.colors import LinearSegmentedColormap

    stops = [(1.0, 1.0, 1.0), tuple(c / 255 for c in POSITIVE)]
    return LinearSegmentedColormap.from_list("striate_rising", stops)


BAR = 1.4
"""Inches that the legend of the colours is long, where there is room."""


def scale(where: Any, limit: float, label: str, *, signed: bool = True) -> None:
    """Add the legend of the colours: what full colour means.

    Args:
        where: The axes it belongs to, or several.
        limit: The magnitude in full colour.
        label: The quantity and its unit.
        signed: From -limit; else from 0.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    limit = limit or 1.0
    colours = diverging() if signed else rising()
    shades = ScalarMappable(Normalize(-limit if signed else 0.0, limit), colours)
    several = list(np.ravel(where))
    figure = several[0].figure
    room = figure.bbox.height / figure.dpi
    bar = figure.colorbar(
        shades,
        ax=several,
        location="right",
        shrink=min(0.85, BAR / room),
        aspect=14 if room > 1 else 7,
        pad=0.02,
        anchor=(0.0, 1.0),
        panchor=False,
    )
    bar.outline.set_visible(False)
    ends = [-limit, limit] if signed else [0.0, limit]
    bar.set_ticks([-limit, 0.0, limit] if signed and room > 1 else ends)
    bar.set_ticklabels([number(tick) for tick in bar.get_ticks()])
    bar.set_label(label)


def number(value: float) -> str:
    """Write a number in three digits.

    Example:
        >>> number(0.12345), number(-1234567.0), number(0.0)
        ('0.123', '-1.23e+06', '0')
    """
    return f"{value:.3g}"


def largest(values: Floats) -> float:
    """The largest magnitude that is a number: the limit of a layer's colours.

    Example:
        >>> largest(np.array([1.0, -3.0, np.nan]))
        3.0
    """
    values = np.asarray(values)
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max(initial=0.0))


def colour(rgb: tuple[int, int, int]) -> tuple[float, float, float]:
    """A colour as matplotlib takes it."""
    return (rgb[0] / 255, rgb[1] / 255, rgb[2] / 255)


def shades(weights: Floats, limit: float) -> Floats:
    """Turn signed weights into colours from 0 to 1: 0 becomes grey.

    Example:
        >>> shades(np.array([-2.0, 0.0, 2.0]), limit=2.0).tolist()
        [0.0, 0.5, 1.0]
    """
    found: Floats = 0.5 + weights / (2 * (limit or 1.0))
    return found


# Inputs, and what lies over them ------------------------------------------------------------------


def pixels(picture: Floats, mean: Sequence[float] = (), std: Sequence[float] = ()) -> Floats:
    """Turn an input (1 or 3, H, W) into colours (H, W, 3) from 0 to 1.

    Args:
        picture: As a network takes it.
        mean, std: What it was normalised with, to undo that; without them, and where the result
            would not lie in 0 .. 1, the picture's own range becomes 0 .. 1.
    Example:
        >>> pixels(np.array([[[-1.0, 1.0]]]), mean=[0.5], std=[0.5])[0].tolist()
        [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    """
    picture = np.nan_to_num(np.asarray(picture, np.float64))
    if len(mean) == len(std) == len(picture):
        picture = picture * np.reshape(std, (-1, 1, 1)) + np.reshape(mean, (-1, 1, 1))
    low, high = float(picture.min(initial=0.0)), float(picture.max(initial=0.0))
    if low < -1e-3 or high > 1 + 1e-3:
        low = float(picture.min())
        picture = (picture - low) / ((high - low) or 1.0)
    shown = np.moveaxis(np.clip(picture, 0, 1), 0, -1)
    return np.repeat(shown, 3, axis=2) if shown.shape[2] == 1 else shown[:, :, :3]


def show(axes: Axes, picture: Floats, title: str = "", *, fade: float = 0.0) -> None:
    """Draw colours (H, W, 3) without ticks; pixel (y, x) has its middle at (x, y).

    Args:
        axes: Where.
        picture: From 0 to 1.
        title: Above it.
        fade: How far towards white, 0 to 1, so that what lies over it stands out.
    """
    faded = picture + fade * (1 - picture)
    axes.imshow(np.clip(faded, 0, 1), interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    if title:
        axes.set_title(title, loc="left")


def veil(axes: Axes, values: Floats, limit: float) -> None:
    """Lay values (H, W) over a picture: orange above 0, blue below, see-through at 0."""
    from .._colours import signed

    axes.imshow(signed(values, limit), interpolation="nearest")


def outline(
    axes: Axes, box: Sequence[tuple[int, int]], shade: Any = None, *, label: str = "", **line: Any
) -> None:
    """Draw the frame of a box ((y0, y1), (x0, x1)): first pixel, last + 1."""
    from matplotlib.patches import Rectangle

    (y0, y1), (x0, x1) = box
    shade = colour(NEGATIVE) if shade is None else shade
    settings = {"fill": False, "edgecolor": shade, "linewidth": 1.4, "label": label, **line}
    axes.add_patch(Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, **settings))
