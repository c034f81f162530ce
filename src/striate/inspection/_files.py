"""Write a text into a file, whole or not at all."""

from __future__ import annotations

from pathlib import Path

from .._files import whole_file
from ..errors import OptionError


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8.

    Raises:
        OptionError: The file cannot be written; what stood there stands there still.
    """
    try:
        with whole_file(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise OptionError(f"{path} cannot be written: {error.strerror or error}.") from error
