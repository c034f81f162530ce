"""What every figure of `striate.look` can do: be drawn, saved, and shown in a notebook."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from .._files import writing
from ..errors import OptionError
from ._style import DPI, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
"""What a picture can be saved as, by the suffix of the file."""


class Picture(ABC):
    """Data of a figure, which can be drawn.

    A kind of figure is a frozen dataclass of its data that inherits from this and writes `_draw`.
    """

    @abstractmethod
    def _draw(self) -> Figure:
        """Make the figure; the style is set."""

    def figure(self) -> Figure:
        """Draw a matplotlib Figure; it belongs to the caller alone, and no window opens.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        with style():
            return self._draw()

    def save(self, path: str | PathLike[str], *, dpi: int = DPI) -> Path:
        """Save as PNG, SVG or PDF, by the suffix; the file appears whole or not at all.

        Args:
            path: Where; its folder is made.
            dpi: Pixels an inch of a PNG, and of the pictures inside the others.
        Raises:
            OptionError: Another suffix, or the file cannot be written.
        """
        path = Path(path)
        kind = path.suffix.lower().removeprefix(".")
        if kind not in FORMATS:
            wanted = ", ".join(f".{name}" for name in FORMATS)
            raise OptionError(f"{path}: a picture is saved as {wanted}; the suffix tells which.")
        content = self._bytes(kind, dpi)
        with writing(path, OptionError) as file:
            file.write(content)
        return path

    def _bytes(self, kind: str, dpi: int) -> bytes:
        buffer = io.BytesIO()
        # No date inside: the same data give the same file.
        dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
        with style():
            drawn = self._draw()
            # What was laid out has a margin to cut, and what was placed is as it should be.
            edge = "tight" if drawn.get_layout_engine() else None
            drawn.savefig(buffer, format=kind, dpi=dpi, bbox_inches=edge, metadata=dated.get(kind))
        return buffer.getvalue()

    def _repr_png_(self) -> bytes:
        return self._bytes("png", DPI // 2)
