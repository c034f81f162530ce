"""Where the files of a known data set are: given, in the user's data, in the cache, or fetched."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import DataError
from ._download import SOURCES, download


def cache_dir() -> Path:
    """Give the folder downloads go to: $STRIATE_CACHE, or striate in the user's cache folder."""
    if given := os.environ.get("STRIATE_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "striate"


def locate(name: str, files: Sequence[str], data_dir: str | Path | None) -> dict[str, Path]:
    """Find the files of a data set, or download them.

    Looked through, in this order: `data_dir` alone if it is given; else $STRIATE_DATA, the cache.
    In each, the files may lie in a folder of the data set's name, or right there; with or without
    their last suffix `.gz`.

    Args:
        name: The data set, as in `SOURCES`.
        files: Names of its files.
        data_dir: The folder the user named.
    Raises:
        DataError: A file is missing where the user said it was, or cannot be downloaded.
    """
    if data_dir is not None:
        return _require(name, files, Path(data_dir).expanduser())
    user = os.environ.get("STRIATE_DATA")
    for folder in ([Path(user)] if user else []) + [cache_dir()]:
        found = _search(name, files, folder)
        if len(found) == len(files):
            return found
    return {source.name: download(source, cache_dir() / name) for source in SOURCES[name]}


def _require(name: str, files: Sequence[str], folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(f"{name}: {folder} is not a folder.")
    found = _search(name, files, folder)
    if missing := [file for file in files if file not in found]:
        raise DataError(
            f"{name}: {folder} holds no {', '.join(missing)}. Put the files there, or leave "
            f"--data-dir out to download them."
        )
    return found


def _search(name: str, files: Sequence[str], folder: Path) -> dict[str, Path]:
    found = {}
    for file in files:
        for place in (folder / name, folder):
            for spelled in (file, file.removesuffix(".gz")):
                if file not in found and (place / spelled).is_file():
                    found[file] = place / spelled
    return found
