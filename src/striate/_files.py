"""Files that appear whole or not at all, and the folder of those that can be had again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


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


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def cache_dir() -> Path:
    """Give the folder of what is downloaded or measured: $STRIATE_CACHE, or ~/.cache/striate."""
    return Path(os.environ.get("STRIATE_CACHE") or "~/.cache/striate").expanduser()
