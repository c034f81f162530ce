"""Files that appear whole or not at all, and say their names where they are damaged."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .errors import StriateError


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing under another name; it gets its own when all is on the disk.

    Whatever goes wrong before, what stood there stands there still, and nothing is left behind.

    Args:
        path: The file; its folder is made where there is none.
    Raises:
        OSError: It cannot be written.
    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with whole_file(Path(folder, "a.txt")) as file:
        ...         _ = file.write(b"all of it")
        ...     Path(folder, "a.txt").read_text()
        'all of it'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(draft, 0o666 & ~_umask())  # mkstemp's files are the owner's alone
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


@contextmanager
def writing(path: Path, refused: type[StriateError]) -> Iterator[BinaryIO]:
    """Open a file as `whole_file` does; what goes wrong tells of the file.

    Args:
        path: The file; its folder is made where there is none.
        refused: The error to raise.
    """
    try:
        with whole_file(path) as file:
            yield file
    except OSError as error:
        raise refused(f"{path} cannot be written: {error.strerror or error}.") from error


@contextmanager
def reading(path: Path, refused: type[StriateError], what: str, writer: str) -> Iterator[None]:
    """Let whatever goes wrong while a file is read tell of the file.

    Args:
        path: The file.
        refused: The error to raise.
        what: What the file should be.
        writer: The function that writes one.
    """
    try:
        yield
    except OSError as error:
        raise refused(f"{path} cannot be read: {error.strerror or error}.") from error
    except StriateError as error:
        raise refused(f"{path}: {error}") from error
    except Exception as error:  # a damaged file leads to any
        raise refused(
            f"{path} is no {what}, or it is damaged ({type(error).__name__}: {error}). {writer} "
            f"writes one."
        ) from error


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def cache_dir() -> Path:
    """Give the folder of what is downloaded or measured: $STRIATE_CACHE, or ~/.cache/striate."""
    return Path(os.environ.get("STRIATE_CACHE") or "~/.cache/striate").expanduser()
