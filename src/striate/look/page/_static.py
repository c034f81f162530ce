"""The page's own files, by name: nothing else of the disk has an address."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""Kinds of files that a page is made of."""


@cache
def static_table() -> dict[str, tuple[str, bytes]]:
    """Each file's content type and content by name, read once."""
    folder = files(__package__) / "static"
    table = {}
    for file in folder.iterdir():
        kind = TYPES.get(f".{file.name.rpartition('.')[2]}")
        if kind is not None and file.is_file():
            table[file.name] = (kind, file.read_bytes())
    return table
