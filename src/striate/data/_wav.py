"""WAV files: the RIFF container read by hand, so that every damage is found and named.

    "RIFF" size "WAVE"   then chunks, each  id (4 bytes)  size (4 bytes)  content  (even length)
    "fmt "  format tag, channels, sample rate, bytes a second, bytes a frame, bits a sample
    "data"  the samples, little-endian, the channels of one frame side by side

Read are PCM of 8 (unsigned), 16, 24 and 32 bits, and floats of 32 and 64 bits.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np
import torch
from numpy.typing import NDArray

from .._extras import require
from ..errors import DataError
from ._fit import fit

SUFFIXES = (".wav", ".wave")

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_OTHER_TAGS = {2: "ADPCM", 6: "A-law", 7: "mu-law", 17: "IMA ADPCM", 80: "MPEG", 85: "MP3"}
_BITS = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}
# A few bytes could ask for any amount of memory by an odd rate.
_LOWEST, _HIGHEST, _MOST_SAMPLES = 100, 1_000_000, 100_000_000
_UNKNOWN_SIZE = 0xFFFFFFFF  # written by programs that stream


class SampleRateError(DataError):
    """A sound at another rate than the others: it is not broken, but the user has to choose."""


@dataclass(frozen=True)
class Wave:
    """A sound: samples (frames, channels) in -1..1, float32."""

    sample_rate: int
    samples: NDArray[np.float32]


@dataclass(frozen=True)
class _Format:
    tag: int
    channels: int
    sample_rate: int
    bits: int

    @property
    def frame_bytes(self) -> int:
        return self.channels * self.bits // 8


def decode_wav(
    content: bytes, shape: Sequence[int], sample_rate: int, *, resample: bool = False
) -> NDArray[np.float32]:
    """Decode a WAV file to one channel of a fixed length.

    Channels are averaged. A shorter sound stands in the middle of silence, of a longer one the
    middle is kept.

    Args:
        content: The file's bytes.
        shape: (1, L), L in samples.
        sample_rate: In Hz; what the file must have, or what it is brought to.
        resample: Bring files at other rates to `sample_rate` (needs SciPy) instead of refusing.
    Shape:
        output (1, L).
    Raises:
        SampleRateError: It is at another rate.
        DataError: No WAV file, damaged, or of an unknown encoding.
    """
    wave = read_wav(content)
    mono = wave.samples.mean(axis=1, dtype=np.float32)
    if wave.sample_rate != sample_rate:
        if not resample:
            raise SampleRateError(
                f"the sound has {wave.sample_rate} samples a second, the first one {sample_rate}. "
                f"Say which rate all are brought to: sample_rate={sample_rate}."
            )
        mono = _resampled(mono, wave.sample_rate, sample_rate)
    return fit(torch.from_numpy(mono)[None, None], shape)[0].numpy()


def read_wav(content: bytes) -> Wave:
    """Read all samples of a WAV file.

    Raises:
        DataError: No WAV file, damaged, or of an unknown encoding.
    """
    layout, data = _chunks(content)
    if len(data) % layout.frame_bytes:
        raise DataError(
            f"the samples take {len(data):,} bytes, which is no multiple of the "
            f"{layout.frame_bytes} bytes of a frame ({layout.channels} channels of {layout.bits} "
            f"bits). The file is cut short."
        )
    if not data:
        raise DataError("the sound has no samples.")
    return Wave(layout.sample_rate, _samples(data, layout).reshape(-1, layout.channels))


def probe_wav(content: bytes) -> int:
    """Read the sample rate from the header."""
    return _chunks(content)[0].sample_rate


def _chunks(content: bytes) -> tuple[_Format, memoryview]:
    """Walk the chunks up to the samples."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise DataError(
            f"a WAV file starts with RIFF....WAVE; this one starts with {bytes(content[:12])!r}."
        )
    layout: _Format | None = None
    position = 12
    while position + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, position)
        body = memoryview(content)[position + 8 : position + 8 + size]
        if len(body) < size and not (name == b"data" and size == _UNKNOWN_SIZE):
            raise DataError(
                f"the chunk {name.decode('latin-1')!r} announces {size:,} bytes and {len(body):,} "
                f"follow. The file is cut short."
            )
        if name == b"fmt ":
            layout = _format(body)
        elif name == b"data":
            if layout is None:
                raise DataError("the samples come before the chunk 'fmt ' that describes them.")
            return layout, body
        position += 8 + size + size % 2
    missing = "fmt " if layout is None else "data"
    raise DataError(f"the chunk {missing!r} is missing. The file is cut short.")


def _format(body: memoryview) -> _Format:
    if len(body) < 16:
        raise DataError(f"the chunk 'fmt ' has {len(body)} bytes; 16 are needed.")
    tag, channels, sample_rate, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", body)
    if tag == _EXTENSIBLE and len(body) >= 26:
        (tag,) = struct.unpack_from("<H", body, 24)  # the first two bytes of the subformat's GUID
    if bits not in _BITS.get(tag, ()):
        raise DataError(
            f"the samples are {_OTHER_TAGS.get(tag, f'of format {tag}')} with {bits} bits, unless "
            f"the header is damaged; PCM of 8, 16, 24, 32 bits or float of 32, 64 bits is needed."
            if tag not in _BITS
            else f"the samples have {bits} bits; {'PCM' if tag == _PCM else 'float'} samples of "
            f"{', '.join(map(str, _BITS[tag]))} bits are read."
        )
    layout = _Format(tag, channels, sample_rate, bits)
    if not channels or not sample_rate or frame_bytes != layout.frame_bytes:
        raise DataError(
            f"the header is damaged: {channels} channels of {bits} bits at {sample_rate} Hz in "
            f"frames of {frame_bytes} bytes."
        )
    return layout


def _samples(data: memoryview, layout: _Format) -> NDArray[np.float32]:
    if layout.tag == _FLOAT:
        with np.errstate(over="ignore", invalid="ignore"):  # told below
            values = np.frombuffer(data, dtype=f"<f{layout.bits // 8}").astype(np.float32)
        if not np.isfinite(values).all():
            raise DataError(f"sample {int(np.argmin(np.isfinite(values)))} is not a finite number.")
        return values
    if layout.bits == 8:
        return ((np.frombuffer(data, dtype=np.uint8) - 128.0) / 128).astype(np.float32)
    if layout.bits == 24:
        # Three bytes become the upper three of four, so that the sign comes out right.
        wide = np.zeros((len(data) // 3, 4), dtype=np.uint8)
        wide[:, 1:] = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3)
        return (wide.view("<i4").ravel() / 2.0**31).astype(np.float32)
    whole = np.frombuffer(data, dtype=f"<i{layout.bits // 8}")
    return (whole / 2.0 ** (layout.bits - 1)).astype(np.float32)


def _resampled(mono: NDArray[np.float32], old: int, new: int) -> NDArray[np.float32]:
    if not _LOWEST <= old <= _HIGHEST or len(mono) * new > _MOST_SAMPLES * old:
        raise DataError(
            f"the sound has {len(mono):,} samples at {old:,} a second, and is not brought to "
            f"{new:,}: the rate must be from {_LOWEST:,} to {_HIGHEST:,}, and at most "
            f"{_MOST_SAMPLES:,} samples may come out."
        )
    signal = require("scipy.signal", extra="train", purpose="Resampling sounds")
    common = gcd(old, new)
    resampled: NDArray[np.float32] = signal.resample_poly(mono, new // common, old // common)
    return resampled.astype(np.float32)
