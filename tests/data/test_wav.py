"""Sounds of every encoding and every damage."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate import DataError
from striate.data._wav import decode_wav, probe_wav, read_wav

from .makers import riff, wav, wav_of

FORM = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)


def values(content: bytes) -> list[float]:
    return read_wav(content).samples[:, 0].tolist()


class TestEncodings:
    @pytest.mark.parametrize(
        ("samples", "tag"),
        [
            (np.array([0, 128, 192], np.uint8), 1),
            (np.array([-(2**15), 0, 2**14], np.int16), 1),
            (np.array([-(2**31), 0, 2**30], np.int32), 1),
            (np.array([-1, 0, 0.5], np.float32), 3),
            (np.array([-1, 0, 0.5], np.float64), 3),
        ],
        ids=lambda value: str(getattr(value, "dtype", value)),
    )
    def test_every_encoding_gives_the_same_sound(self, samples: np.ndarray, tag: int) -> None:
        assert values(wav(samples, tag=tag)) == [-1, 0, 0.5]

    def test_24_bits_keep_their_sign(self) -> None:
        content = b"\x00\x00\x80" + b"\x00\x00\x00" + b"\x00\x00\x40" + b"\xff\xff\xff"
        assert values(wav_of(content, 24)) == [-1, 0, 0.5, -(2.0**-23)]

    def test_extensible_headers_name_the_encoding_further_on(self) -> None:
        form = struct.pack("<HHIIHH", 0xFFFE, 1, 8000, 32000, 4, 32)
        form += struct.pack("<HHIH", 22, 32, 4, 3) + b"\0" * 14
        samples = np.array([0.25], np.float32).tobytes()
        assert values(riff((b"fmt ", form), (b"data", samples))) == [0.25]

    def test_other_chunks_are_passed_over(self) -> None:
        data = np.array([2**14], np.int16).tobytes()
        content = riff((b"LIST", b"odd"), (b"fmt ", FORM), (b"fact", b""), (b"data", data))
        assert values(content) == [0.5]

    def test_a_stream_of_unknown_length_ends_with_the_file(self) -> None:
        whole = wav(np.array([2**14] * 3, np.int16))
        streamed = whole[:40] + b"\xff" * 4 + whole[44:]
        assert values(streamed) == [0.5] * 3

    @given(st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1, max_size=50), st.integers(1, 3))
    def test_it_reads_what_the_standard_library_writes(
        self, numbers: list[int], channels: int
    ) -> None:
        import io

        samples = np.repeat(np.array(numbers, "<i2")[:, None], channels, axis=1)
        file = io.BytesIO()
        with wave.open(file, "wb") as writer:
            writer.setparams((channels, 2, 16000, 0, "NONE", "not compressed"))
            writer.writeframes(samples.tobytes())
        read = read_wav(file.getvalue())
        assert read.sample_rate == probe_wav(file.getvalue()) == 16000
        assert (read.samples * 2**15 == samples).all()


class TestDecode:
    def test_channels_are_averaged(self) -> None:
        stereo = np.array([[2**14, 0], [0, 2**14]], np.int16)
        assert decode_wav(wav(stereo, channels=2), (1, 2), 8000).tolist() == [[0.25, 0.25]]

    def test_a_short_sound_stands_in_the_middle_of_silence(self) -> None:
        short = wav(np.array([2**14] * 2, np.int16))
        assert decode_wav(short, (1, 5), 8000).tolist() == [[0, 0.5, 0.5, 0, 0]]

    def test_of_a_long_sound_the_middle_is_kept(self) -> None:
        long = wav((np.arange(6) * 2**12).astype(np.int16))
        assert decode_wav(long, (1, 2), 8000).tolist() == [[0.25, 0.375]]

    def test_another_rate_is_refused_unless_resampling_is_asked_for(self) -> None:
        tone = np.sin(2 * np.pi * 100 * np.arange(16000) / 16000)
        content = wav((tone * 2**14).astype(np.int16), rate=16000)
        with pytest.raises(DataError, match="16000 samples a second, the first one 8000"):
            decode_wav(content, (1, 8000), 8000)
        resampled = decode_wav(content, (1, 8000), 8000, resample=True)[0]
        expected = np.sin(2 * np.pi * 100 * np.arange(8000) / 8000) / 2
        assert abs(resampled - expected)[100:-100].max() < 0.01


class TestDamage:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "starts with b''"),
            (b"RIFX" + b"\0" * 40, "starts with RIFF....WAVE; this one starts with b'RIFX"),
            (riff(), "'fmt ' is missing"),
            (riff((b"fmt ", FORM)), "'data' is missing"),
            (riff((b"fmt ", FORM[:10])), "'fmt ' has 10 bytes; 16 are needed"),
            (riff((b"data", b"..")), "come before the chunk 'fmt '"),
            (wav_of(b"", 16), "no samples"),
            (wav_of(b"...", 16), "3 bytes, which is no multiple of the 2 bytes of a frame"),
            (wav_of(b"..", 16)[:-1], "'data' announces 2 bytes and 1 follows?"),
            (wav_of(b"..", 8, tag=7), "mu-law"),
            (wav_of(b"..", 8, tag=99), "format 99"),
            (wav_of(b"..", 12), "12 bits; PCM samples of 8, 16, 24, 32 bits are read"),
            (wav_of(b"..", 16, rate=0), "header is damaged: 1 channels of 16 bits at 0 Hz"),
            (wav_of(b"..", 16, channels=0), "header is damaged: 0 channels"),
            (wav(np.array([0, np.nan], np.float32), tag=3), "sample 1 is not a finite number"),
            (wav(np.array([1e300]), tag=3), "sample 0 is not a finite number"),
        ],
    )
    def test_it_is_named(self, content: bytes, message: str) -> None:
        with pytest.raises(DataError, match=message):
            read_wav(content)

    @given(st.binary(max_size=100), st.integers(0, 60))
    def test_any_bytes_are_read_or_refused(self, noise: bytes, cut: int) -> None:
        whole = wav(np.arange(8, dtype=np.int16))
        for content in (noise, whole[:cut] + noise, whole[:-cut] if cut else whole):
            try:
                assert read_wav(content).samples.ndim == 2
            except DataError:
                continue

    def test_a_missing_scipy_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "scipy.signal", None)
        from striate import MissingExtraError

        with pytest.raises(MissingExtraError, match=r"Resampling sounds needs .* 'scipy'"):
            decode_wav(wav(np.ones(4, np.int16)), (1, 4), 4000, resample=True)


def test_no_path_is_needed_to_read(tmp_path: Path) -> None:
    """Sounds come from zips as well, so the reader takes bytes."""
    (tmp_path / "a.wav").write_bytes(wav(np.ones(4, np.int16)))
    assert read_wav((tmp_path / "a.wav").read_bytes()).samples.shape == (4, 1)
