"""The sliding window itself: a kernel moving over an input, with the sum at each place."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._extras import require
from .._files import writing
from ..errors import OptionError, ShapeError
from ..graph.ops.conv import Conv
from ..window import Padding, Window
from ._picture import Picture
from ._style import style
from ._subject import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_PLACES = 144
"""Frames of an animation."""

MOST_CELLS = 40
"""Pixels along an axis of an input that is drawn with its window."""


@dataclass(frozen=True, eq=False)
class SlidingWindow(Picture):
    """A kernel, the input it moves over, and what it gives at each place.

    output[i, j] = bias + rest[i, j] + sum over u, v of
                   kernel[u, v] * input[i*s - p + u*d, j*s - p + v*d]

    Args:
        input: (H, W); a signal is one row.
        kernel: (K_h, K_w), as it is laid on the input: not flipped.
        windows: Down and across, with their padding worked out.
        output: (H_out, W_out).
        bias: Added at every place.
        rest: (H_out, W_out) what other channels and slices add; None where there are none.
        title: Above the drawing.
        first: Where the input's first pixel lies in the picture it was cut from.
    """

    input: Floats
    kernel: Floats
    windows: tuple[Window, Window]
    output: Floats
    bias: float = 0.0
    rest: Floats | None = None
    title: str = ""
    first: tuple[int, int] = (0, 0)

    @cached_property
    def places(self) -> tuple[tuple[int, int], ...]:
        """All places of the window, row by row."""
        return tuple((i, j) for i in range(len(self.output)) for j in range(self.output.shape[1]))

    def reads(self, place: tuple[int, int]) -> tuple[list[int], list[int]]:
        """Rows and columns of the input that the taps stand on, also those on padding."""
        down, across = (w.taps(i) for w, i in zip(self.windows, place, strict=True))
        return list(down), list(across)

    def values(self, place: tuple[int, int]) -> Floats:
        """What the taps read, (K_h, K_w): 0 on padding."""
        return _gather(self.input, *self.reads(place))

    def terms(self, place: tuple[int, int]) -> Floats:
        """The products, (K_h, K_w)."""
        return self.values(place) * self.kernel

    def running(self, place: tuple[int, int]) -> Floats:
        """The sum after each tap, row by row, without bias and rest."""
        return np.cumsum(self.terms(place).ravel())

    def _draw(self) -> Figure:
        from ._sliding_draw import draw

        return draw(self, self.places[len(self.places) // 2])

    def figure_at(self, place: tuple[int, int]) -> Figure:
        """Draw the window at one place, with the output up to there."""
        from ._sliding_draw import draw

        with style():
            return draw(self, place)

    def save(self, path: str | PathLike[str], *, dpi: int | None = None, ms: int = 600) -> Path:
        """Save as GIF or HTML that move, or as PNG, SVG or PDF of the place in the middle.

        Args:
            path: Where; the suffix tells which.
            dpi: Pixels an inch; by default 100 of a GIF.
            ms: Milliseconds that each place is shown.
        Raises:
            OptionError: Another suffix, too many places to move over, or it cannot be written.
        """
        path = Path(path)
        kind = path.suffix.lower()
        if kind not in (".gif", ".html"):
            return super().save(path) if dpi is None else super().save(path, dpi=dpi)
        if len(self.places) > MOST_PLACES:
            raise OptionError(
                f"{path}: the window takes {len(self.places)} places; {MOST_PLACES} can be shown "
                f"one by one. Use a smaller input, or a larger stride."
            )
        if kind == ".gif":
            content = self._gif(dpi or 100, ms)
        else:
            from ._sliding_page import page

            content = page(self, ms).encode()
        with writing(path, OptionError) as file:
            file.write(content)
        return path

    def _gif(self, dpi: int, ms: int) -> bytes:
        image = require("PIL.Image", extra="look", purpose="Animations")
        frames = []
        for place in self.places:
            buffer = io.BytesIO()
            with style():
                figure = self.figure_at(place)
                # Once, and not again before and after it is drawn.
                if layout := figure.get_layout_engine():
                    layout.execute(figure)
                figure.set_layout_engine(None)
                figure.savefig(buffer, format="png", dpi=dpi)
            frames.append(image.open(buffer).convert("RGB").quantize(64, dither=0))
        out = io.BytesIO()
        frames[0].save(
            out, "GIF", save_all=True, append_images=frames[1:], duration=ms, loop=0, optimize=False
        )
        return out.getvalue()


def sliding_window(
    input: Any,
    kernel: Any,
    *,
    stride: int = 1,
    padding: Padding = 0,
    dilation: int = 1,
    bias: float = 0.0,
    title: str = "",
) -> SlidingWindow:
    """Show a kernel moving over an input, with the sum at each place written out.

    `.save("slide.gif")` and `.save("slide.html")` move; the page can be stopped and stepped.

    Args:
        input: (H, W) of an image, or (L,) of a signal; up to 40 pixels long.
        kernel: With as many axes; not flipped.
        stride, padding, dilation: As `Window` takes them, the same for both axes.
        bias: Added at every place.
        title: Above the drawing.
    Raises:
        ShapeError: The kernel does not fit the input, or either is of another shape.
        OptionError: The input is too large to read.
    Example:
        >>> window = sliding_window([[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[1, 0], [0, -1]])
        >>> window.output.tolist()
        [[-4.0, -4.0], [-4.0, -4.0]]
        >>> window.running((0, 0)).tolist()
        [1.0, 1.0, 1.0, -4.0]

    Source: Dumoulin and Visin 2016, arXiv:1603.07285, whose animations these follow.
    """
    x, k = np.asarray(input, np.float64), np.asarray(kernel, np.float64)
    if x.ndim != k.ndim or x.ndim not in (1, 2) or not x.size or not k.size:
        raise ShapeError(
            f"sliding_window: the input is {x.shape} and the kernel {k.shape}; both must be (H, W) "
            f"or both (L,), and not empty."
        )
    if max(x.shape) > MOST_CELLS:
        raise OptionError(
            f"sliding_window: the input is {x.shape}; up to {MOST_CELLS} pixels along an axis can "
            f"be read. Cut a part out."
        )
    flat = x.ndim == 1
    x, k = np.atleast_2d(x), np.atleast_2d(k)
    across = Window(k.shape[1], stride, dilation, padding).on(x.shape[1])
    down = Window(1) if flat else Window(k.shape[0], stride, dilation, padding).on(x.shape[0])
    if not (down.output_size(x.shape[0]) and across.output_size(x.shape[1])):
        raise ShapeError(
            f"sliding_window: a kernel of {'x'.join(map(str, k.shape))} does not fit an input of "
            f"{'x'.join(map(str, x.shape))} with padding {padding}. Use more padding."
        )
    output = correlate_channels(x[None], k[None], (down, across))[0] + bias
    return SlidingWindow(x, k, (down, across), output, float(bias), title=title)


def correlate_channels(x: Floats, kernels: Floats, windows: tuple[Window, Window]) -> Floats:
    """Slide a kernel over each channel of x."""
    (y,) = Conv(windows, groups=len(x)).evaluate(x[None], kernels[:, None])
    return np.asarray(y[0])


def _gather(x: Floats, rows: list[int], columns: list[int]) -> Floats:
    """Read x at rows and columns, 0 outside."""
    y, z = np.array(rows)[:, None], np.array(columns)[None]
    inside = (y >= 0) & (y < x.shape[0]) & (z >= 0) & (z < x.shape[1])
    found: Floats = np.where(inside, x[y.clip(0, x.shape[0] - 1), z.clip(0, x.shape[1] - 1)], 0.0)
    return found
