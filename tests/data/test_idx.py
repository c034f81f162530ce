"""IDX files: whole, damaged, and lying."""

from __future__ import annotations

import gzip
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from striate import DataError
from striate.data._idx import read_idx

from .makers import idx


def read(content: bytes, axes: int = 1) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file-ubyte"
        path.write_bytes(content)
        return read_idx(path, (None,) * axes, remedy="Fetch it anew.").numpy()


@given(arrays(np.uint8, array_shapes(max_dims=4, min_side=0, max_side=5)), st.booleans())
def test_what_was_written_is_read(array: np.ndarray, packed: bool) -> None:
    content = gzip.compress(idx(array)) if packed else idx(array)
    assert np.array_equal(read(content, array.ndim), array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"starts with nothing; an IDX file of bytes with 1 axes starts with 00 00 08 01"),
        (b"\0\0\x0d\1\0\0\0\1", "starts with 00 00 0d 01; an IDX file"),
        (b"\0\0\x08\1\0\0", "header ends after 6 bytes of 8"),
        (idx(np.zeros(5))[:-2], "5 makes 5 bytes after the header, and 3 are there.* cut short"),
        (idx(np.zeros(5)) + b"x", "5 makes 5 bytes after the header, and more are there"),
        (gzip.compress(idx(np.zeros(5)), mtime=0)[:-9], "the gzip data are damaged"),
        (gzip.compress(idx(np.zeros(5)), mtime=0)[:15] + b"noise" * 9, "the gzip data are damaged"),
    ],
)
def test_damage_is_named_with_numbers_and_a_remedy(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=rf"file-ubyte: .*{message}.*Fetch it anew\."):
        read(content)


def test_other_axes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(idx(np.zeros((2, 3, 4))))
    with pytest.raises(DataError, match="it holds 2 x 3 x 4 bytes; n x 28 x 28 is needed"):
        read_idx(tmp_path / "a", (None, 28, 28))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a: cannot be read: No such file"):
        read_idx(tmp_path / "a", (None,))


def test_a_header_that_lies_takes_no_memory(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**10, 2**10))
    with pytest.raises(DataError, match="The file is cut short"):
        read_idx(tmp_path / "a", (None, None, None))


def test_a_gzip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(idx(np.zeros(5)) + bytes(1 << 26)))
    with pytest.raises(DataError, match="more are there"):
        read_idx(tmp_path / "a", (None,))


@given(st.binary(max_size=64), st.booleans())
def test_any_bytes_are_read_or_refused(content: bytes, packed: bool) -> None:
    try:
        assert read(gzip.compress(content) if packed else content).ndim == 1
    except DataError:
        return
