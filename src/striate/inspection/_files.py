"""Write a text into a file, whole or not at all."""

from __future__ import annotations

from pathlib import Path

from .._files import writing
from ..errors import OptionError


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8.

    Raises:
        OptionError: The file cannot be written; what stood there stands there still.
    """
    with writing(path, OptionError) as file:
        file.write(text.encode())
