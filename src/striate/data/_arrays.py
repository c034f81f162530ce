"""NumPy archives: inputs and labels of one's own, from an .npz file."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import DataError
from ._parts import Parts, in_memory, split_in_two

Array = NDArray[Any]

# What zipfile and NumPy raise on damaged files; RuntimeError is of encryption and odd versions.
_DAMAGE = (
    *(OSError, ValueError, EOFError, MemoryError, RuntimeError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error),
)
_PARTED = ("x_train", "y_train", "x_test", "y_test")


def read_arrays(path: Path) -> Parts:
    """Read x_train, y_train, x_test, y_test; or x and y, of which `split` takes a fifth to test.

    Inputs are uint8 (0..255) or floating-point, (N, C, L), (N, C, H, W) or (N, C, D, H, W); grey
    uint8 images may also be (N, H, W), and signals of one channel (N, L). Labels are whole numbers
    or words, one an input. An array `classes` names the classes 0, 1, ...; without it each number
    or word that occurs is a class, in order.

    Raises:
        DataError: The file is damaged, or its arrays do not go together.
    """
    try:
        arrays = _load(path)
        inputs = {key: _inputs(key, arrays[key]) for key in arrays if key.startswith("x")}
        labels, classes = _labels(arrays)
        for x, y in zip(inputs, labels, strict=True):
            if len(inputs[x]) != len(labels[y]):
                raise DataError(
                    f"{x} has {len(inputs[x]):,} inputs and {y} {len(labels[y]):,} labels; each "
                    f"input needs one."
                )
        if len(inputs) == 1:
            train, test = split_in_two(inputs["x"], labels["y"])
        else:
            train, test = ((inputs[f"x_{p}"], labels[f"y_{p}"]) for p in ("train", "test"))
        _check_pair(train[0], test[0])
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    # Bytes of one or three channels can be read from picture files as well.
    picture = train[0].dtype == torch.uint8 and train[0].dim() == 4 and train[0].shape[1] in (1, 3)
    return in_memory(train, test, classes, "image" if picture else "array")


def decode_array(stream: BinaryIO, shape: tuple[int, ...]) -> Tensor:
    """Read one input from the content of an .npy file.

    Raises:
        DataError: It is damaged, or holds an array of another shape or type.
    """
    try:
        # The header first: it may announce more than the memory holds.
        version = np.lib.format.read_magic(stream)
        read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
            version, np.lib.format.read_array_header_2_0
        )
        announced, _, _ = read(stream)
        if announced == shape:
            stream.seek(0)
            array = np.lib.format.read_array(stream, allow_pickle=False)
    except _DAMAGE as error:
        raise DataError(f"the file cannot be read as .npy: {_reason(error)}.") from None
    if announced != shape:
        raise DataError(f"the array has the shape {announced}; {shape} is needed.")
    return _tensor("x", array[None])[0]


def _load(path: Path) -> dict[str, Array]:
    try:
        with path.open("rb") as stream:
            return _load_open(stream)
    except FileNotFoundError:
        raise DataError("there is no such file.") from None
    except _DAMAGE as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"the file cannot be read as .npz: {_reason(error)}.") from None


def _load_open(stream: BinaryIO) -> dict[str, Array]:
    if not zipfile.is_zipfile(stream):
        raise DataError("the file is no .npz archive. Write one with numpy.savez(path, x=, y=).")
    stream.seek(0)
    file = np.load(stream, allow_pickle=False)
    for wanted in (_PARTED, ("x", "y")):
        if set(wanted) <= set(file.files):
            extra = {"classes"} & set(file.files)
            return {key: file[key] for key in (*wanted, *extra)}
    raise DataError(
        f"the file holds {', '.join(sorted(file.files)) or 'nothing'}; {', '.join(_PARTED)} are "
        f"needed, or x and y."
    )


def _reason(error: Exception) -> str:
    """Take the first sentence: NumPy's next one recommends to trust the file."""
    return str(error).partition(". ")[0].rstrip(".")


def _inputs(key: str, array: Array) -> Tensor:
    if array.ndim == 2 or (array.ndim == 3 and array.dtype == np.uint8):
        array = array[:, None]
    if array.ndim not in (3, 4, 5) or 0 in array.shape[1:]:
        raise DataError(
            f"{key} has the shape {array.shape}; (N, C, L), (N, C, H, W) or (N, C, D, H, W) is "
            f"needed."
        )
    if array.ndim == 4 and array.shape[3] in (3, 4) and array.shape[1] > 4:
        raise DataError(
            f"{key} has the shape {array.shape}, with the channels last; they come first here. "
            f"Use {key}.transpose(0, 3, 1, 2)."
        )
    return _tensor(key, array)


def _tensor(key: str, array: Array) -> Tensor:
    """Check the type and the numbers of inputs (N, ...), and make floats float32."""
    if array.dtype == np.uint8:
        return torch.from_numpy(np.ascontiguousarray(array))
    if array.dtype.kind != "f":
        raise DataError(
            f"{key} is {array.dtype}; uint8 (0..255) or a floating-point type is needed. Convert "
            f"it with {key}.astype('uint8') or {key}.astype('float32')."
        )
    with np.errstate(over="ignore"):  # too large is told as infinite
        array = np.ascontiguousarray(array, dtype=np.float32)
    finite = np.isfinite(array).all(axis=tuple(range(1, array.ndim)))
    if not finite.all():
        raise DataError(
            f"{key}: NaN or infinity is in {int((~finite).sum()):,} of {len(array):,} inputs, "
            f"first in number {int(np.argmin(finite))}. Remove those, or use numpy.nan_to_num."
        )
    return torch.from_numpy(array)


def _labels(arrays: dict[str, Array]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Number the labels of all parts alike."""
    keys = [key for key in arrays if key.startswith("y")]
    given = {key: _label_column(key, arrays[key]) for key in keys}
    if "classes" not in arrays:
        known, numbers = np.unique(np.concatenate(list(given.values())), return_inverse=True)
        ends = np.cumsum([len(column) for column in given.values()])[:-1]
        pieces = np.split(numbers.reshape(-1).astype(np.int64), ends)
        labels = {key: torch.from_numpy(piece) for key, piece in zip(keys, pieces, strict=True)}
        return labels, tuple(str(value) for value in known)
    classes = tuple(str(name) for name in arrays["classes"].reshape(-1))
    for key, column in given.items():
        wrong = column.dtype.kind not in "iu" or (column < 0) | (column >= len(classes))
        if np.any(wrong):
            raise DataError(
                f"{key} goes beyond 0 .. {len(classes) - 1}, the numbers of the {len(classes)} "
                f"names in `classes`."
            )
    return {key: torch.from_numpy(c.astype(np.int64)) for key, c in given.items()}, classes


def _label_column(key: str, array: Array) -> Array:
    column = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if column.ndim != 1 or column.dtype.kind not in "iuUS":
        raise DataError(
            f"{key} is {array.dtype} of shape {array.shape}; one whole number or word an input, "
            f"shape (N,), is needed. One-hot labels become numbers with {key}.argmax(axis=1)."
        )
    return column


def _check_pair(train: Tensor, test: Tensor) -> None:
    if not len(train) or not len(test):
        raise DataError(
            f"{len(train)} inputs are to train with and {len(test)} to test with; both are "
            f"needed. Of x, a fifth of each class is for the test."
        )
    if train.shape[1:] != test.shape[1:] or train.dtype != test.dtype:
        raise DataError(
            f"x_train holds {train.dtype} of {tuple(train.shape[1:])}, x_test {test.dtype} of "
            f"{tuple(test.shape[1:])}; they must be alike."
        )
