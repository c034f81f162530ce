"""Where the files of a known data set are: given, in the user's data, in the cache, or fetched."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path

from .._files import cache_dir
from ..errors import DataError, OptionError
from ._download import download
from ._sources import SOURCES

# Its files have the names of MNIST's, so in a folder of many data sets they need one of their own.
_NAMED_LIKE_ANOTHER = ("fashion-mnist",)


def get(name: str, data_dir: str | PathLike[str] | None = None) -> dict[str, Path]:
    """Download a data set, unless its files are there already.

    Args:
        name: 'mnist', 'fashion-mnist', 'cifar10' or 'cifar100'.
        data_dir: Where its folder is, or is made; None looks in the usual `places` and downloads to
            the cache: $STRIATE_CACHE, or ~/.cache/striate.
    Returns:
        The path of each file, by its published name.
    Raises:
        OptionError: There is nothing of this name to download.
        DataError: It cannot be fetched, or what came is not what it should be.
    """
    if name not in SOURCES:
        raise OptionError(
            f"data: {name!r} is not a data set to download; {', '.join(SOURCES)} are."
        )
    folder = cache_dir() if data_dir is None else Path(data_dir).expanduser()
    found = _find(name, _usual(name) if data_dir is None else [folder / name, folder])
    if found is None:
        found = {source.name: download(name, source, folder / name) for source in SOURCES[name]}
    return found


def locate(name: str, data_dir: Path | None) -> dict[str, Path]:
    """Find the files of a data set, or download them if the user has not said where they are.

    In every folder the files may lie in one of the data set's name, or right there; packed (.gz) or
    not.

    Returns:
        The path of each file, by its published name.
    Raises:
        DataError: They are not where the user said, or cannot be downloaded.
    """
    if data_dir is None:
        return get(name)
    found = _find(name, [data_dir / name, data_dir])
    if found is None:
        raise DataError(_missing(name, data_dir))
    return found


def is_here(name: str) -> bool:
    """Whether a data set's files are in one of the usual folders."""
    return _find(name, _usual(name)) is not None


def _usual(name: str) -> list[Path]:
    shared = [] if name in _NAMED_LIKE_ANOTHER else places()
    return [*(folder / name for folder in places()), *shared]


def places() -> list[Path]:
    """List the folders that known data sets are looked for in: $STRIATE_DATA, the cache."""
    user = os.environ.get("STRIATE_DATA")
    return [*([Path(user).expanduser()] if user else []), cache_dir()]


def _find(name: str, places: list[Path]) -> dict[str, Path] | None:
    """Find all files of a data set in the first place that has them all."""
    for place in places:
        found = {source.name: _spelled(place, source.name) for source in SOURCES[name]}
        paths = {file: path for file, path in found.items() if path is not None}
        if len(paths) == len(found):
            return paths
    return None


def _spelled(place: Path, file: str) -> Path | None:
    """Find a file under its name, unpacked, or with MNIST's other spelling, images.idx3-ubyte."""
    for spelling in (file, file.replace("-idx", ".idx")):
        for path in (place / spelling, place / spelling.removesuffix(".gz")):
            if path.is_file():
                return path
    return None


def _missing(name: str, folder: Path) -> str:
    if not folder.is_dir():
        return f"{name}: the data folder {folder} is not there."
    files = ", ".join(source.name for source in SOURCES[name])
    return (
        f"{name}: neither {folder / name} nor {folder} holds {files}. Put them there, or run "
        f"`striate data get {name} --data-dir {folder}`."
    )
