"""Writing files that are whole or not there at all."""

from __future__ import annotations

import os
from pathlib import Path

from .._files import whole_file
from ..errors import RunError


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file under another name, make sure it is on the disk, and rename it.

    Raises:
        RunError: It cannot be written; what stood there before stands there still.
    """
    try:
        with whole_file(path) as file:
            file.write(content)
    except OSError as error:
        kept = "The earlier one is intact" if path.exists() else "Nothing was left behind"
        raise RunError(
            f"{path} could not be written: {error.strerror or error}. {kept}. Make room or choose "
            f"another folder with --out, and go on with --resume."
        ) from None


def append_line(path: Path, line: str) -> None:
    """Add a line to a file, and make sure it is on the disk.

    Raises:
        RunError: It cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise RunError(
            f"{path} could not be written: {error.strerror or error}. The last checkpoint is "
            f"intact. Make room, and go on with --resume."
        ) from None
