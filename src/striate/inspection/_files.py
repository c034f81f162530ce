"""Write a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ..errors import OptionError


def write_text(path: Path, text: str) -> None:
    """Write a text under another name, then give it its own.

    Raises:
        OptionError: The file cannot be written.
    """
    draft = None
    try:
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(draft, 0o666 & ~mask)
        os.replace(draft, path)
    except OSError as error:
        raise OptionError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        if draft is not None:
            Path(draft).unlink(missing_ok=True)
