"""IDX files, the format of MNIST: two zeros, a type, the number of axes, the axes, the bytes.

    magic  00 00 08 03     type 08 = unsigned bytes, 3 axes
    axes   00 00 EA 60   00 00 00 1C   00 00 00 1C     60000 x 28 x 28, big-endian
    data   one byte a pixel, row by row, the last axis fastest

Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from ..errors import DataError

_UNSIGNED_BYTES = 8
_GZIP = b"\x1f\x8b"


def read_idx(path: Path, shape: tuple[int | None, ...], *, remedy: str = "") -> Tensor:
    """Read an IDX file of unsigned bytes, gzipped or not.

    Args:
        path: The file.
        shape: The axes it must have; None leaves an axis free.
        remedy: What to do about a damaged file, as a sentence for the error.
    Shape:
        output as the file says, uint8.
    Raises:
        DataError: The file is absent, or its header or its length is wrong.
    """
    try:
        with path.open("rb") as plain:
            packed = plain.read(2) == _GZIP
            plain.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=plain) as stream:
                    return _read(stream, shape)  # type: ignore[arg-type]
            return _read(plain, shape)
    except DataError as error:
        raise DataError(f"{path}: {error} {remedy}".rstrip()) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: the gzip data are damaged: {error}. {remedy}".rstrip()) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}.") from None


def _read(stream: BinaryIO, shape: tuple[int | None, ...]) -> Tensor:
    magic = stream.read(4)
    expected = struct.pack(">HBB", 0, _UNSIGNED_BYTES, len(shape))
    if magic != expected:
        raise DataError(
            f"the file starts with {magic.hex(' ') or 'nothing'}; an IDX file of bytes with "
            f"{len(shape)} axes starts with {expected.hex(' ')}."
        )
    header = stream.read(4 * len(shape))
    if len(header) < 4 * len(shape):
        raise DataError(f"the header ends after {4 + len(header)} bytes of {4 + 4 * len(shape)}.")
    axes = struct.unpack(f">{len(shape)}I", header)
    if any(want not in (None, have) for have, want in zip(axes, shape, strict=True)):
        wanted = " x ".join("n" if want is None else str(want) for want in shape)
        raise DataError(f"it holds {' x '.join(map(str, axes))} bytes; {wanted} is needed.")
    return _content(stream, axes)


def _content(stream: BinaryIO, axes: tuple[int, ...]) -> Tensor:
    count = math.prod(axes)
    product = " x ".join(map(str, axes))
    data = bytearray()
    while len(data) <= count and (piece := stream.read(min(1 << 24, count + 1 - len(data)))):
        data += piece  # piece by piece: a false header cannot make us reserve the memory
    if len(data) != count:
        raise DataError(
            f"{product} makes {count:,} bytes after the header, and "
            + (
                f"{len(data):,} are there. The file is cut short."
                if len(data) < count
                else "more are there."
            )
        )
    return (
        torch.frombuffer(data, dtype=torch.uint8).view(axes)
        if count
        else torch.empty(axes, dtype=torch.uint8)
    )
