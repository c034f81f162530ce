"""ONNX tensors as NumPy arrays: views of the file's bytes, or maps of the files beside it."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import GraphError
from .._operation import Array

# TensorProto.DataType: our dtype, how raw bytes are read, which field holds unpacked numbers.
DTYPES: dict[int, tuple[str, str, str]] = {
    1: ("float32", "<f4", "float_data"),
    2: ("uint8", "u1", "int32_data"),
    3: ("int8", "i1", "int32_data"),
    4: ("uint16", "<u2", "int32_data"),
    5: ("int16", "<i2", "int32_data"),
    6: ("int32", "<i4", "int32_data"),
    7: ("int64", "<i8", "int64_data"),
    9: ("bool", "?", "int32_data"),
    10: ("float16", "<f2", "int32_data"),
    11: ("float64", "<f8", "double_data"),
    12: ("uint32", "<u4", "uint64_data"),
    13: ("uint64", "<u8", "uint64_data"),
    14: ("complex64", "<c8", "float_data"),
    15: ("complex128", "<c16", "double_data"),
    16: ("bfloat16", "<u2", "int32_data"),
}

NUMBERS = {dtype: number for number, (dtype, _, _) in DTYPES.items()}
"""ONNX's number of each dtype."""

_MOST_ELEMENTS = 1 << 40
_EXTERNAL = 1  # TensorProto.DataLocation


def known_dtype(tensor: Any) -> bool:
    """Whether a graph can hold the tensor's numbers."""
    return tensor.data_type in DTYPES and not tensor.HasField("segment")


def read_tensor(tensor: Any, folder: Path) -> tuple[Array, str]:
    """Look at a tensor's numbers without copying them where that is possible.

    Args:
        tensor: A `TensorProto` of a known dtype.
        folder: Where external data may lie.
    Returns:
        The array and the graph's name of its dtype; bfloat16 comes as float32.
    Raises:
        GraphError: Dims and data do not match, or the data lie outside the folder.
    """
    dtype, format_, field = DTYPES[tensor.data_type]
    shape = tuple(tensor.dims)
    numel = math.prod(shape)
    if min(shape, default=1) < 0 or math.prod(n for n in shape if n) > _MOST_ELEMENTS:
        raise GraphError(f"the tensor {tensor.name!r} is damaged: its dims are {shape}.")
    stored = np.dtype(format_)
    if tensor.data_location == _EXTERNAL:
        array = _external(tensor, folder, stored, numel)
    elif tensor.HasField("raw_data"):
        raw = tensor.raw_data
        _check_length(tensor, len(raw), numel * stored.itemsize, "bytes")
        array = np.frombuffer(raw, stored)
    else:
        numbers = getattr(tensor, field)
        parts = 2 if dtype.startswith("complex") else 1
        _check_length(tensor, len(numbers), numel * parts, "numbers")
        array = _unpacked(numbers, dtype, stored)
    if dtype == "bfloat16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    if sys.byteorder == "big":
        array = array.astype(array.dtype.newbyteorder("="))
    return array.reshape(shape), dtype


def _unpacked(numbers: Any, dtype: str, stored: np.dtype[Any]) -> Array:
    if dtype in ("float16", "bfloat16"):
        return np.array(numbers, np.int32).astype(np.uint16).view(stored)
    if dtype.startswith("complex"):
        return np.array(numbers, f"f{stored.itemsize // 2}").view(stored)
    wide = {"int32_data": np.int32}.get("int32_data" if stored.itemsize < 4 else "")
    return np.array(numbers, wide or stored).astype(stored)


def _external(tensor: Any, folder: Path, stored: np.dtype[Any], numel: int) -> Array:
    told = {entry.key: entry.value for entry in tensor.external_data}
    path = _inside(tensor, folder, told.get("location", ""))
    needed = numel * stored.itemsize
    offset, length = (_whole(tensor, told.get(k), d) for k, d in (("offset", 0), ("length", None)))
    available = path.stat().st_size
    if length is not None:
        _check_length(tensor, length, needed, "bytes")
    if offset is None or offset + needed > available:
        raise GraphError(
            f"the tensor {tensor.name!r} needs {needed:,} bytes from {offset:,} on; {path} holds "
            f"{available:,}. The file is cut short, or it belongs to another network."
        )
    if numel == 0:
        return np.zeros(0, stored)
    return np.memmap(path, stored, "r", offset, (numel,))


def _inside(tensor: Any, folder: Path, location: str) -> Path:
    """Find a file of external data, which must lie in the folder, links followed."""
    where = f"the tensor {tensor.name!r} has its data in {location!r}"
    try:
        path = (folder / location).resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise GraphError(f"{where}, and that cannot be read beside the ONNX file.") from error
    if not location or Path(location).is_absolute() or not path.is_relative_to(folder.resolve()):
        raise GraphError(f"{where}; only files in the folder of the ONNX file are read.")
    if not path.is_file():
        raise GraphError(f"{where}, which is no file.")
    return path


def _whole(tensor: Any, text: str | None, default: int | None) -> int | None:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise GraphError(f"the tensor {tensor.name!r} is damaged: {text!r} is no place in a file.")
    return int(text)


def _check_length(tensor: Any, given: int, needed: int, unit: str) -> None:
    if given != needed:
        size = "x".join(map(str, tensor.dims)) or "scalar"
        raise GraphError(
            f"the tensor {tensor.name!r} is damaged: {size} needs {needed:,} {unit}, and "
            f"{given:,} are there."
        )
