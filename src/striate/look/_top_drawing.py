"""How the parts that excite a unit are drawn: cut out, and where they stand in their inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._style import FAINT, GREY, PAGE, new_figure, number, outline, pixels, show
from ._target import Box

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ._top import Patch, TopPatches


def draw(top: TopPatches) -> Figure:
    """Draw one channel with its inputs, or several channels a row each."""
    columns = max((len(patches) for patches in top.patches), default=1)
    several = len(top.channels) > 1
    rows = len(top.channels) if several else 2
    high = min(9.0, 0.35 + rows * ((PAGE - 0.5) / max(columns, 4) + 0.22))
    which = f"{len(top.channels)} channels" if several else f"channel {top.channels[0]}"
    title = f"{top.layer}, {which}: strongest in {top.seen:,} inputs"
    figure = new_figure(PAGE, high, title)
    axes = figure.subplots(rows, columns, squeeze=False)
    for each in axes.ravel():
        each.set_axis_off()
    for row, (channel, patches) in enumerate(zip(top.channels, top.patches, strict=True)):
        for column, patch in enumerate(patches):
            cut, whole = axes[row, column], None if several else axes[1, column]
            _patch(cut, top, patch)
            if whole is not None:
                _whole(whole, top, patch)
        if several:
            axes[row, 0].text(
                -0.08, 0.5, str(channel), transform=axes[row, 0].transAxes, ha="right", va="center"
            )
    return figure


def _patch(axes: Axes, top: TopPatches, patch: Patch) -> None:
    cut = patch.pixels
    if cut.ndim < 3:
        _line(axes, cut, patch.box[0][0] if patch.box else 0)
    else:
        picture, box, visible = _plane(cut, patch)
        picture = _colours(top, np.nan_to_num(picture), patch)
        show(axes, picture)
        _hatch(axes, box, visible)
    axes.set_axis_on()
    axes.set_title(number(patch.value), loc="left", fontsize=7, pad=2)


def _whole(axes: Axes, top: TopPatches, patch: Patch) -> None:
    if patch.input.ndim < 3:
        _line(axes, patch.input, 0)
        for start, stop in patch.visible:
            axes.axvspan(start - 0.5, stop - 0.5, color="#2e74be", alpha=0.2, linewidth=0)
    else:
        picture, _, visible = _plane(patch.input, patch)
        show(axes, _colours(top, picture, patch))
        outline(axes, visible)
    axes.set_axis_on()
    axes.set_title(_short(patch.name), loc="left", fontsize=6, pad=2, color=GREY)


def _plane(picture: Any, patch: Patch) -> tuple[Any, Box, Box]:
    """The picture itself; of a volume the slice in the middle of the field."""
    if picture.ndim == 3:
        return picture, patch.box, patch.visible
    (start, stop), first = patch.box[0], 0 if picture is patch.input else patch.box[0][0]
    middle = min(max((start + stop) // 2 - first, 0), picture.shape[1] - 1)
    return picture[:, middle], patch.box[1:], patch.visible[1:]


def _colours(top: TopPatches, picture: Any, patch: Patch) -> Any:
    """Shades with the same black and white for a patch and for its input."""
    prepared = top.subject.preprocess
    whole = patch.input
    units = np.reshape(prepared.std, (-1, 1, 1)), np.reshape(prepared.mean, (-1, 1, 1))
    flat = whole.reshape(len(whole), 1, -1) * units[0] + units[1]
    low, high = min(float(flat.min()), 0.0), max(float(flat.max()), 1.0)
    return pixels(((picture * units[0] + units[1]) - low) / (high - low))


def _hatch(axes: Axes, box: Box, visible: Box) -> None:
    """Mark what of a box is padding."""
    from matplotlib.patches import Rectangle

    (y0, y1), (x0, x1) = box
    (a0, a1), (b0, b1) = visible
    if visible == box:
        return
    strips = (
        (y0, a0, x0, x1),
        (a1, y1, x0, x1),
        (a0, a1, x0, b0),
        (a0, a1, b1, x1),
    )
    for top, bottom, left, right in strips:
        if bottom > top and right > left:
            axes.add_patch(
                Rectangle(
                    (left - x0 - 0.5, top - y0 - 0.5),
                    right - left,
                    bottom - top,
                    facecolor="white",
                    edgecolor=FAINT,
                    hatch="////",
                    linewidth=0,
                )
            )


def _line(axes: Axes, signal: Any, start: int) -> None:
    values = signal.reshape(len(signal), -1) if signal.ndim > 1 else signal[None]
    for line in values:
        axes.plot(np.arange(len(line)) + start, line, linewidth=0.6, color="#444444")
    axes.margins(x=0)
    axes.set_xticks([])
    axes.set_yticks([])


def _short(name: str) -> str:
    return name if len(name) <= 14 else "..." + name[-12:]
