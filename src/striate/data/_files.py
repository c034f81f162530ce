"""The files below a folder or inside a zip archive, read one at a time; nothing is unpacked."""

from __future__ import annotations

import os
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import DataError

LARGEST_FILE_BYTES = 1 << 28

# What zipfile raises on damaged archives; RuntimeError is of versions that it does not know.
_DAMAGE = (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error)

# Deflate cannot do better than 1032 to 1, so more than that is a bomb whose members overlap.
_DENSEST = 1032


class Files(ABC):
    """Files by their path below a root, sorted, with '/' between folders.

    Hidden files and folders (and macOS's `__MACOSX`) do not count.

    Attributes:
        path: The root: a folder or an archive.
        names: Paths of the files.
    """

    path: Path
    names: list[str]

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Read one file.

        Raises:
            DataError: It is damaged, or larger than 256 MiB. The text goes on from the file's name.
        """


def open_files(path: Path, suffixes: Sequence[str]) -> Files:
    """List the files of a folder or zip archive that end in one of `suffixes` (lower case).

    Raises:
        DataError: Neither a folder nor a zip archive, or an archive that cannot be trusted.
    """
    if path.is_dir():
        return _Folder(path, suffixes)
    if path.is_file() and zipfile.is_zipfile(path):
        return _Archive(path, suffixes)
    what = "is neither a folder nor a zip archive" if path.exists() else "is not there"
    raise DataError(f"{path} {what}. Name a folder, or a .zip, with a folder for each class.")


class _Folder(Files):
    """Files on the disk. Links to folders are followed, but not around in circles."""

    def __init__(self, path: Path, suffixes: Sequence[str]) -> None:
        self.path = path
        self.names = sorted(name for name in _walk(path) if _counts(name, suffixes))

    def read(self, name: str) -> bytes:
        try:
            with (self.path / name).open("rb") as file:
                content = file.read(LARGEST_FILE_BYTES + 1)
        except OSError as error:
            raise DataError(f"the file cannot be read: {error.strerror or error}.") from None
        if len(content) > LARGEST_FILE_BYTES:
            raise DataError(_too_large(os.path.getsize(self.path / name)))
        return content


class _Archive(Files):
    """Members of a zip archive, which each process opens for itself."""

    def __init__(self, path: Path, suffixes: Sequence[str]) -> None:
        self.path = path
        self._open_in: tuple[int, zipfile.ZipFile] | None = None
        members = self._zip().infolist()
        total, packed = sum(member.file_size for member in members), path.stat().st_size
        if total > _DENSEST * packed:
            raise DataError(
                f"{path} has {packed:,} bytes and says it unpacks to {total:,}, which no honest "
                f"archive does. It is refused."
            )
        names = {member.filename for member in members if member.filename}  # folders end in "/"
        self.names = sorted(name for name in names if _counts(name, suffixes))

    def read(self, name: str) -> bytes:
        member = self._zip().getinfo(name)
        if member.file_size > LARGEST_FILE_BYTES:
            raise DataError(_too_large(member.file_size))
        if member.flag_bits & 1:
            raise DataError("the file is encrypted. Unpack the archive with its password.")
        try:
            return self._zip().read(member)
        except _DAMAGE as error:
            raise DataError(f"the archive is damaged here: {error}.") from None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_open_in": None}

    def _zip(self) -> zipfile.ZipFile:
        # A handle from before a fork would share its place in the file with the parent's.
        if self._open_in is None or self._open_in[0] != os.getpid():
            try:
                self._open_in = os.getpid(), zipfile.ZipFile(self.path)
            except _DAMAGE as error:
                raise DataError(f"{self.path} is no zip archive, or damaged: {error}.") from None
        return self._open_in[1]


def _walk(root: Path) -> Iterator[str]:
    seen = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        above = Path(folder).relative_to(root)
        yield from ((above / file).as_posix() for file in files)


def _counts(name: str, suffixes: Sequence[str]) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
    return not hidden and name.lower().endswith(tuple(suffixes))


def _too_large(size: int) -> str:
    return f"the file has {size:,} bytes; more than {LARGEST_FILE_BYTES:,} are refused."
