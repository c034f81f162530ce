"""Signals in files: a column of numbers, or a sound."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .._files import writing
from ..errors import DataError, OptionError

Floats = NDArray[np.float64]


def read_signal(path: Path, column: int = 1) -> tuple[Floats, int | None]:
    """Read a signal.

    Args:
        path: `.wav`, whose channels are averaged; else rows of numbers with commas, semicolons or
            blanks between, perhaps under a row of names.
        column: Of rows of several numbers, from 1.
    Returns:
        The samples (L,), and the samples a second, where that is known.
    Raises:
        DataError: It is absent, damaged or empty, or a row has no number there.
    """
    try:
        content = path.read_bytes()
        if path.suffix.lower() == ".wav":
            from ..data._wav import read_wav

            wave = read_wav(content)
            return wave.samples.mean(axis=1, dtype=np.float64), wave.sample_rate
        return _numbers(content.decode("utf-8-sig"), column), None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: it is no text.") from None
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def _numbers(text: str, column: int) -> Floats:
    values: list[float] = []
    for line, row in enumerate(text.splitlines(), start=1):
        cells = row.replace(",", " ").replace(";", " ").split()
        if not cells:
            continue
        try:
            value = float(cells[column - 1])
        except (ValueError, IndexError):
            if line == 1:
                continue  # names
            raise DataError(f"line {line}: there is no number in column {column}.") from None
        if not np.isfinite(value):
            raise DataError(f"line {line}: {cells[column - 1]} is not a finite number.")
        values.append(value)
    if not values:
        raise DataError("it holds no numbers.")
    return np.array(values)


def write_signal(path: Path, before: Floats, after: Floats, rate: int | None) -> None:
    """Write a signal: a sound of 32-bit floats, or rows of what was read and what came of it.

    Raises:
        OptionError: It cannot be written.
    """
    if rate is None:
        rows = (f"{a!r},{b!r}\n" for a, b in zip(before.tolist(), after.tolist(), strict=True))
        content = ("before,after\n" + "".join(rows)).encode()
    else:
        content = _sound(after.astype("<f4").tobytes(), rate)
    with writing(path, OptionError) as file:
        file.write(content)


def _sound(samples: bytes, rate: int) -> bytes:
    """A WAV file of one channel of 32-bit floats (format tag 3)."""
    layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, rate, 4 * rate, 4, 32)
    count = struct.pack("<4sII", b"fact", 4, len(samples) // 4)
    data = struct.pack("<4sI", b"data", len(samples)) + samples
    body = b"WAVE" + layout + count + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body
