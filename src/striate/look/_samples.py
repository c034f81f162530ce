"""Inputs one after the other, from a data set, a folder of files or an array; never all at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import Data, Dataset, load, open_files
from ..errors import DataError, OptionError
from ._subject import Subject

Floats = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs by number.

    Args:
        count: How many there are.
        fetch: Gives the inputs of some numbers, (N, C, ...), as the network takes them.
        name_of: Names one for people.
    """

    count: int
    fetch: Callable[[Sequence[int]], Floats]
    name_of: Callable[[int], str]

    def batches(self, size: int) -> Iterator[tuple[list[int], Floats]]:
        """Give all inputs in order, `size` at a time; a file that cannot be read is left out."""
        for start in range(0, self.count, size):
            numbers = list(range(start, min(start + size, self.count)))
            try:
                yield numbers, self.fetch(numbers)
            except DataError:
                good, inputs = self._readable(numbers)
                if good:
                    yield good, np.concatenate(inputs)

    def _readable(self, numbers: Sequence[int]) -> tuple[list[int], list[Floats]]:
        good, inputs = [], []
        for number in numbers:
            try:
                inputs.append(self.fetch([number]))
                good.append(number)
            except DataError as error:
                warnings.warn(f"left out: {error}", stacklevel=4)
        return good, inputs


def open_samples(subject: Subject, data: Any) -> Samples:
    """Open inputs for a network.

    Args:
        subject: The network; its preprocessing is used.
        data: A `striate.data` Dataset; a Data, of which the test part is taken; a folder or zip of
            pictures (or of WAV files); a name that `striate.data.load` knows; a list of files; or
            an array or tensor (N, C, ...) that is taken as it is.
    Raises:
        DataError: There are no files.
        OptionError: It is none of these.
    """
    if isinstance(data, Samples):
        return data
    if isinstance(data, str) and not Path(data).exists():
        data = load(data)
    if isinstance(data, Data):
        data = data.test
    if isinstance(data, Dataset):
        return _of_dataset(subject, data)
    if isinstance(data, str | Path):
        return _of_path(subject, Path(data))
    if hasattr(data, "detach"):
        data = data.detach().cpu().numpy()
    if isinstance(data, np.ndarray):
        return _of_array(subject, data)
    if isinstance(data, Sequence) and all(isinstance(one, str | Path) for one in data):
        paths = [Path(one) for one in data]
        return Samples(
            len(paths), lambda some: _each(subject, [paths[i] for i in some]), _named(paths)
        )
    raise OptionError(
        f"data: {type(data).__name__} is neither a data set, a folder, a list of files nor an "
        f"array of inputs."
    )


def _of_dataset(subject: Subject, data: Dataset) -> Samples:
    def fetch(some: Sequence[int]) -> Floats:
        inputs = subject.preprocess.apply(data.fetch(some)).numpy()
        return np.asarray(inputs, np.float32)

    return Samples(len(data), fetch, data.name_of)


def _of_path(subject: Subject, path: Path) -> Samples:
    if path.is_file() and path.suffix.lower() != ".zip":
        return Samples(1, lambda some: _each(subject, [path] * len(some)), _named([path]))
    suffixes = subject.preprocess.suffixes
    files = open_files(path, suffixes)
    if not files.names:
        raise DataError(f"{path}: there are no files of {', '.join(suffixes)} in it.")
    if subject.preprocess.kind == "array":
        paths = [path / name for name in files.names]
        return Samples(
            len(paths), lambda some: _each(subject, [paths[i] for i in some]), _named(paths)
        )

    def fetch(some: Sequence[int]) -> Floats:
        return np.concatenate([_read(subject, files, files.names[i]) for i in some])

    return Samples(len(files.names), fetch, lambda i: files.names[i])


def _read(subject: Subject, files: Any, name: str) -> Floats:
    try:
        return subject.prepare(files.read(name))
    except DataError as error:
        raise DataError(f"{files.path}: {name}: {error}") from None


def _each(subject: Subject, paths: Sequence[Path]) -> Floats:
    return np.concatenate([subject.prepare(path) for path in paths])


def _named(paths: Sequence[Path]) -> Callable[[int], str]:
    return lambda i: paths[i].name


def _of_array(subject: Subject, array: Floats) -> Samples:
    rank = len(subject.input_shape)
    array = array[None] if array.ndim == rank else array
    if array.shape[1:] != subject.input_shape:
        raise OptionError(
            f"data: an array of {array.shape} holds no inputs of {subject.input_shape}; "
            f"(N, {', '.join(map(str, subject.input_shape))}) is needed."
        )

    def fetch(some: Sequence[int]) -> Floats:
        return np.asarray(array[list(some)], np.float32)

    return Samples(len(array), fetch, lambda i: f"input {i}")
