"""Class-per-folder files, in a folder or in a zip archive, decoded on demand."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import DataError
from ._data import BrokenFile
from ._dataset import ArrayDataset, Dataset, Indices, as_index, check_labels
from ._workers import WorkerPool

Decode = Callable[[bytes], NDArray[Any]]

_LARGEST_FILE = 1 << 28
_PARTS = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "validation": ("val", "valid", "validation"),
}


class Files:
    """The files of a folder or of a zip archive, by their path inside it.

    Each process opens the archive once; nothing is unpacked to the disk.

    Args:
        path: A folder, or a file that is a zip archive.
        suffixes: Endings of the files that count, in lower case.
    Raises:
        DataError: Neither a folder nor a zip archive.
    """

    def __init__(self, path: str | Path, suffixes: Sequence[str]) -> None:
        self.path = Path(path).expanduser()
        self._archive: zipfile.ZipFile | None = None
        if self.path.is_dir():
            found = (p.relative_to(self.path).as_posix() for p in self.path.rglob("*"))
        elif self.path.is_file() and zipfile.is_zipfile(self.path):
            found = (info.filename for info in self._zip().infolist() if not info.is_dir())
        else:
            what = "is neither a folder nor a zip archive" if self.path.exists() else "is not there"
            raise DataError(f"{self.path} {what}.")
        hidden = (".", "__MACOSX")
        self.names = sorted(
            name
            for name in found
            if name.lower().endswith(tuple(suffixes))
            and not any(part.startswith(hidden) for part in name.split("/"))
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_archive": None}

    def _zip(self) -> zipfile.ZipFile:
        if self._archive is None:
            try:
                self._archive = zipfile.ZipFile(self.path)
            except (OSError, zipfile.BadZipFile) as error:
                raise DataError(f"{self.path} is damaged: {error}.") from None
        return self._archive

    def read(self, name: str) -> bytes:
        """Read one file.

        Raises:
            DataError: It is damaged, or of an absurd size.
        """
        try:
            if self.path.is_dir():
                with (self.path / name).open("rb") as file:
                    content = file.read(_LARGEST_FILE + 1)
            else:
                with self._zip().open(name) as file:
                    content = file.read(_LARGEST_FILE + 1)
        except (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
            raise DataError(f"cannot be read: {error}.") from None
        except Exception as error:  # zlib's and lzma's errors on damaged members
            raise DataError(f"is damaged: {error}.") from None
        if len(content) > _LARGEST_FILE:
            raise DataError(f"is larger than {_LARGEST_FILE:,} bytes and is refused.")
        return content


def by_class(files: Files) -> tuple[tuple[str, ...], dict[str, list[tuple[str, int]]]]:
    """Sort files into parts and classes by their folders.

    Single folders around everything are passed over. If the folders then are called train and
    test (or val), they are the parts, and the classes are the folders in them; else the folders are
    the classes, and the only part is ''.

    Returns:
        The names of the classes, in order, and for each part its files with their class's number.
    Raises:
        DataError: There is no file in a folder of a class.
    """
    paths = [name.split("/") for name in files.names]
    while paths and len({path[0] for path in paths}) == 1 and min(map(len, paths)) > 2:
        paths = [path[1:] for path in paths]
    names = {
        path[0].lower(): part
        for path in paths
        for part, known in _PARTS.items()
        if path[0].lower() in known and len(path) > 2
    }
    parted = bool(names) and "train" in names.values()
    placed: list[tuple[str, str, str]] = []
    for name, path in zip(files.names, paths, strict=True):
        if parted and len(path) > 2 and path[0].lower() in names:
            placed.append((names[path[0].lower()], path[1], name))
        elif not parted and len(path) > 1:
            placed.append(("", path[0], name))
    if not placed:
        raise DataError(
            f"{files.path} holds no files in folders of classes: photos/cat/1.jpg, "
            f"photos/dog/2.jpg, or train/cat/1.jpg and test/cat/3.jpg are what is looked for."
        )
    classes = tuple(sorted({label for _, label, _ in placed}))
    number = {label: index for index, label in enumerate(classes)}
    parts: dict[str, list[tuple[str, int]]] = {}
    for part, label, name in placed:
        parts.setdefault(part, []).append((name, number[label]))
    return classes, parts


class FileDataset(Dataset):
    """Files that are decoded each time they are asked for.

    Args:
        files: Where they are.
        names: Their paths.
        labels: Their classes.
        classes: Names of the classes.
        decode: Turns a file's bytes into an array of `input_shape`.
        input_shape: Of one input, without the batch.
    """

    on_demand = True

    def __init__(
        self,
        files: Files,
        names: Sequence[str],
        labels: Tensor,
        classes: Sequence[str],
        decode: Decode,
        input_shape: tuple[int, ...],
    ) -> None:
        self.files, self.names, self.decode = files, list(names), decode
        self.labels, self.classes = check_labels(labels, classes), tuple(classes)
        self.input_shape = input_shape

    def fetch(self, indices: Indices) -> Tensor:
        """Decode the files at `indices`.

        Raises:
            DataError: One is damaged; the error names it.
        """
        names = [self.names[i] for i in as_index(indices).tolist()]
        arrays = []
        for name in names:
            array = self._one(name)
            if isinstance(array, BrokenFile):
                raise DataError(f"{self.files.path}: {array.name} {array.reason}")
            arrays.append(array)
        if not arrays:
            return torch.empty((0, *self.input_shape))
        return torch.from_numpy(np.stack(arrays))

    def name_of(self, index: int) -> str:
        """Give the file's path."""
        return self.names[index]

    def _one(self, name: str) -> NDArray[Any] | BrokenFile:
        try:
            return self.decode(self.files.read(name))
        except DataError as error:
            return BrokenFile(name, str(error))

    def decode_some(self, names: list[str]) -> list[NDArray[Any] | BrokenFile]:
        """Decode files, and tell which are broken, instead of ending at the first."""
        return [self._one(name) for name in names]

    def in_memory(self, workers: int = 0) -> tuple[ArrayDataset, list[BrokenFile]]:
        """Decode everything into one tensor.

        Args:
            workers: Processes that share the work; 0 does it here.
        Returns:
            The data set without the broken files, and those.
        """
        chunks = [self.names[i : i + 256] for i in range(0, len(self.names), 256)]
        if workers and len(chunks) > 1:
            with WorkerPool(self.decode_some, workers) as pool:
                decoded = [item for chunk in pool.map(chunks) for item in chunk]
        else:
            decoded = [item for chunk in chunks for item in self.decode_some(chunk)]
        broken = [item for item in decoded if isinstance(item, BrokenFile)]
        arrays = [item for item in decoded if not isinstance(item, BrokenFile)]
        whole = [i for i, item in enumerate(decoded) if not isinstance(item, BrokenFile)]
        if not whole:
            first = f": {broken[0].name} {broken[0].reason}" if broken else ""
            raise DataError(f"{self.files.path} holds no file that can be read{first}")
        inputs = torch.from_numpy(np.stack(arrays))
        names = [self.names[i] for i in whole]
        return ArrayDataset(inputs, self.labels[whole], self.classes, names=names), broken
