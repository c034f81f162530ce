"""Inputs to choose from: files named on the command line, a data set's, or built-in ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import DataError, OptionError
from .._subject import Floats, Subject

if TYPE_CHECKING:
    from ...data import Data

MOST = 200
"""Samples on the page."""

A_CLASS = 3
"""Samples of each class of a data set."""


@dataclass(frozen=True)
class Sample:
    """An input to choose.

    Args:
        label: What it is called.
        read: Gives it as the network takes it, (1, C, ...).
    """

    label: str
    read: Callable[[Subject], Floats]

    def prepare(self, subject: Subject) -> Floats:
        """Read it as the network takes it, (1, C, ...).

        Raises:
            DataError: It cannot be read any more.
        """
        return self.read(subject)


def file_samples(subject: Subject, paths: Sequence[Path]) -> list[Sample]:
    """Take files, and of folders the files of the right kind.

    Raises:
        DataError: A file is absent or cannot be read as an input.
        OptionError: A folder holds none.
    """
    found = [file for path in paths for file in _files(subject, path)]
    samples = [_of_file(file) for file in found[:MOST]]
    for sample in samples[:1]:
        sample.prepare(subject)  # what is wrong with all of them is told at once
    return samples


def _files(subject: Subject, path: Path) -> Iterator[Path]:
    if not path.is_dir():
        if not path.is_file():
            raise DataError(f"{path}: there is no such file or folder.")
        yield path
        return
    suffixes = subject.preprocess.suffixes
    inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in suffixes and p.is_file())
    if not inside:
        raise OptionError(
            f"{path} holds no files of {', '.join(suffixes)}, which {subject.name} takes."
        )
    yield from inside


def _of_file(path: Path) -> Sample:
    return Sample(path.name, lambda subject: subject.prepare(path))


def data_samples(data: Data) -> list[Sample]:
    """Take the first few of each class of a data set's test part."""
    seen: dict[int, int] = {}
    chosen = []
    for number, label in enumerate(data.test.labels.tolist()):
        seen[label] = seen.get(label, 0) + 1
        if seen[label] <= A_CLASS:
            chosen.append((seen[label], label, number))
    return [_of_data(data, label, number) for _, label, number in sorted(chosen)[:MOST]]


def _of_data(data: Data, label: int, number: int) -> Sample:
    def read(subject: Subject) -> Floats:
        raw = data.test.fetch([number])
        return np.asarray(subject.preprocess.apply(raw).numpy(), np.float32)

    return Sample(f"{data.classes[label]} ({data.test.name_of(number)})", read)
