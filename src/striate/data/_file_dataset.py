"""Files as a data set: decoded when they are asked for, or all at once into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._workers import WorkerPool
from ..errors import DataError
from ._dataset import ArrayDataset, Dataset, Indices, Subset, as_index, check_labels
from ._files import Files
from ._moments import Moments
from ._progress import track
from ._wav import SampleRateError

Decode = Callable[[bytes], NDArray[Any]]

_CHUNK = 128  # files that a worker gets at a time


@dataclass(frozen=True)
class BrokenFile:
    """A file that was left out, and why."""

    name: str
    reason: str


class FileDataset(Dataset):
    """Files that are decoded each time they are asked for.

    Args:
        files: Where they are.
        names: Their paths there.
        labels: Their classes, by number.
        classes: Names of the classes.
        decode: Turns a file's bytes into an array of `input_shape` and `dtype`, or raises a
            DataError.
        input_shape: Of one input, without the batch.
        dtype: torch.uint8 or torch.float32.
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
        dtype: torch.dtype,
    ) -> None:
        self.files, self.names, self.decode = files, list(names), decode
        self.labels, self.classes = check_labels(labels, classes), tuple(classes)
        self.input_shape, self.dtype = input_shape, dtype

    def fetch(self, indices: Indices) -> Tensor:
        """Decode the files at `indices`.

        Raises:
            DataError: One is damaged; the error names it.
        """
        names = [self.names[i] for i in as_index(indices).tolist()]
        arrays = []
        for item in _decode_some(self.files, self.decode, names):
            if isinstance(item, BrokenFile):
                raise DataError(f"{self.files.path}: {item.name}: {item.reason}")
            arrays.append(item)
        if not arrays:
            return torch.empty((0, *self.input_shape), dtype=self.dtype)
        return torch.from_numpy(np.stack(arrays))

    def name_of(self, index: int) -> str:
        """Give the file's path."""
        return self.names[index]

    def survey(self, *, in_memory: bool, workers: int = 0) -> Survey:
        """Decode every file once: find the broken ones, and the moments of the others.

        Args:
            in_memory: Keep what is decoded, as one tensor.
            workers: Processes that share the work; 0 does it here.
        """
        good: list[int] = []
        broken: list[BrokenFile] = []
        moments = Moments()
        kept = torch.empty((len(self) if in_memory else 0, *self.input_shape), dtype=self.dtype)
        for start, decoded in self._decode_all(workers):
            arrays = []
            for index, item in enumerate(decoded, start):
                if isinstance(item, BrokenFile):
                    broken.append(item)
                else:
                    arrays.append(item)
                    good.append(index)
            if arrays:
                inputs = torch.from_numpy(np.stack(arrays))
                moments.add(inputs)
                if in_memory:
                    kept[len(good) - len(arrays) : len(good)] = inputs
        dataset: Dataset = Subset(self, good) if broken else self
        if in_memory:
            names = [self.names[i] for i in good]
            dataset = ArrayDataset(kept[: len(good)], self.labels[good], self.classes, names=names)
        return Survey(dataset, broken, moments)

    def _decode_all(self, workers: int) -> Iterator[tuple[int, list[NDArray[Any] | BrokenFile]]]:
        """Yield the files' arrays in pieces, with the number of the first."""
        starts = range(0, len(self), _CHUNK)
        chunks = [self.names[start : start + _CHUNK] for start in starts]
        decode = partial(_decode_some, self.files, self.decode)
        with track(f"decoding {self.files.path.name}", len(self)) as advance:
            if workers and len(chunks) > 1:
                with WorkerPool(decode, min(workers, len(chunks))) as pool:
                    for start, decoded in zip(starts, pool.map(chunks), strict=True):
                        advance(len(decoded))
                        yield start, decoded
            else:
                for start, chunk in zip(starts, chunks, strict=True):
                    yield start, decode(chunk)
                    advance(len(chunk))


@dataclass(frozen=True)
class Survey:
    """What decoding all files of a data set has shown.

    Attributes:
        dataset: The data set without the broken files.
        broken: Those, with the reasons.
        moments: Of the inputs.
    """

    dataset: Dataset
    broken: list[BrokenFile]
    moments: Moments


def _decode_some(
    files: Files, decode: Decode, names: Sequence[str]
) -> list[NDArray[Any] | BrokenFile]:
    """Decode files, and tell which are broken, instead of ending at the first."""
    decoded: list[NDArray[Any] | BrokenFile] = []
    for name in names:
        try:
            decoded.append(decode(files.read(name)))
        except SampleRateError as error:
            raise SampleRateError(f"{files.path}: {name}: {error}") from None
        except DataError as error:
            decoded.append(BrokenFile(name, str(error)))
    return decoded
