"""Known data sets: tiny files in their formats, whole and damaged; and the real ones."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate import DataError, OptionError, ShapeError
from striate.data import load
from striate.data._cifar import LAYOUTS
from striate.data._idx import read_idx


def idx(array: np.ndarray) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_mnist(folder: Path, train: int = 20, test: int = 10, packed: bool = True) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", train), ("t10k", test)):
        pictures = np.arange(count * 784).reshape(count, 28, 28) % 256
        for name, array in (("images-idx3", pictures), ("labels-idx1", np.arange(count) % 10)):
            path = folder / f"{part}-{name}-ubyte"
            if packed:
                path.with_name(path.name + ".gz").write_bytes(gzip.compress(idx(array)))
            else:
                path.write_bytes(idx(array))


class TestDigits:
    def test_the_split_is_fixed_and_stratified(self) -> None:
        digits = load("digits")
        assert (len(digits.train), len(digits.test)) == (1442, 355)
        counts = torch.bincount(digits.test.labels)
        assert counts.min() >= 34
        assert counts.max() <= 36

    def test_levels_span_all_of_a_byte(self) -> None:
        pictures = load("digits").train.fetch(range(1442))
        assert pictures.dtype == torch.uint8
        assert (int(pictures.min()), int(pictures.max())) == (0, 255)

    def test_they_are_resized_to_what_the_net_takes(self) -> None:
        assert load("digits", input_shape=(3, 32, 32)).test.fetch([0]).shape == (1, 3, 32, 32)


class TestMnist:
    @pytest.mark.parametrize("packed", [True, False])
    def test_it_is_read_and_padded_to_32(self, tmp_path: Path, packed: bool) -> None:
        write_mnist(tmp_path, packed=packed)
        mnist = load("mnist", data_dir=tmp_path, input_shape=(1, 32, 32))
        first = mnist.train.fetch([0])[0, 0]
        assert first.shape == (32, 32)
        assert first[2, 2:30].tolist() == list(range(28))
        assert int(first[:2].sum()) == 0
        assert mnist.test.labels.tolist() == list(range(10))

    def test_the_mean_is_that_of_the_unpadded_pictures(self, tmp_path: Path) -> None:
        write_mnist(tmp_path)
        mnist = load("mnist", data_dir=tmp_path, input_shape=(1, 32, 32))
        expected = (np.arange(20 * 784) % 256 / 255).mean()
        assert mnist.mean == pytest.approx((expected,))

    def test_the_environment_names_a_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_mnist(tmp_path / "mnist")
        monkeypatch.setenv("STRIATE_DATA", str(tmp_path))
        assert len(load("mnist").train) == 20

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        write_mnist(tmp_path)
        (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
        with pytest.raises(DataError, match=r"neither .* nor .* holds .*t10k-labels-idx1-ubyte"):
            load("mnist", data_dir=tmp_path)

    def test_a_short_file_says_what_was_expected(self, tmp_path: Path) -> None:
        write_mnist(tmp_path, packed=False)
        path = tmp_path / "train-images-idx3-ubyte"
        path.write_bytes(path.read_bytes()[:-100])
        message = r"20 x 28 x 28 makes 15,680 bytes .* 15,580 are there.*striate data get mnist"
        with pytest.raises(DataError, match=message):
            load("mnist", data_dir=tmp_path)

    def test_labels_of_another_set_are_refused(self, tmp_path: Path) -> None:
        write_mnist(tmp_path)
        labels = idx(np.arange(7))
        (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
        with pytest.raises(DataError, match=r"holds 20 pictures and .* 7 labels"):
            load("mnist", data_dir=tmp_path)

    @given(st.binary(max_size=64), st.booleans())
    def test_any_bytes_are_read_or_refused(self, content: bytes, packed: bool) -> None:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "file"
            path.write_bytes(gzip.compress(content) if packed else content)
            try:
                read = read_idx(path, (None,))
            except DataError:
                return
            assert read.dim() == 1

    def test_a_header_that_lies_takes_no_memory(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**10, 2**10))
        with pytest.raises(DataError, match="The file is cut short"):
            read_idx(path, (None, None, None))


def write_cifar(folder: Path, name: str, short: int = 0) -> None:
    label_bytes = 1 if name == "cifar10" else 2
    record = bytes([3] * (label_bytes - 1) + [7]) + bytes(range(256)) * 12
    ten = {f"data_batch_{i}.bin": record * 4 for i in range(1, 6)} | {"test_batch.bin": record * 3}
    hundred = {"train.bin": record * 4, "test.bin": record * 3}
    members = ten if name == "cifar10" else hundred
    names = "batches.meta.txt" if name == "cifar10" else "fine_label_names.txt"
    members[names] = "\n".join(f"class{i}" for i in range(10)).encode()
    with tarfile.open(folder / f"{name[:5]}-{name[5:]}-binary.tar.gz", "w:gz") as archive:
        for member, content in members.items():
            whole = content[: len(content) - short] if member.endswith(".bin") else content
            info = tarfile.TarInfo(f"somewhere/{member}")
            info.size = len(whole)
            archive.addfile(info, io.BytesIO(whole))


@pytest.fixture
def few_records(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, layout in LAYOUTS.items():
        monkeypatch.setitem(LAYOUTS, name, replace(layout, train_records=4, test_records=3))


class TestCifar:
    @pytest.mark.parametrize(("name", "count"), [("cifar10", 20), ("cifar100", 4)])
    @pytest.mark.usefixtures("few_records")
    def test_records_are_channels_first(self, tmp_path: Path, name: str, count: int) -> None:
        write_cifar(tmp_path, name)
        data = load(name, data_dir=tmp_path)
        assert (len(data.train), len(data.test)) == (count, 3)
        assert set(data.train.labels.tolist()) == {7}
        picture = data.train.fetch([0])[0]
        assert picture.shape == (3, 32, 32)
        assert picture[1, 0].tolist() == list(range(32))

    def test_a_short_batch_gives_the_sum(self, tmp_path: Path) -> None:
        write_cifar(tmp_path, "cifar10", short=1)
        message = (
            r"data_batch_1\.bin holds 12,291 bytes; 10,000 records of 3,073 bytes make 30,730,000\."
            r" Delete .*striate data get cifar10"
        )
        with pytest.raises(DataError, match=message):
            load("cifar10", data_dir=tmp_path)

    def test_a_damaged_archive_is_named(self, tmp_path: Path) -> None:
        write_cifar(tmp_path, "cifar10")
        path = tmp_path / "cifar-10-binary.tar.gz"
        path.write_bytes(path.read_bytes()[:200])
        with pytest.raises(DataError, match="is damaged"):
            load("cifar10", data_dir=tmp_path)


class TestArrays:
    def save(self, path: Path, **arrays: np.ndarray) -> str:
        np.savez(path / "a.npz", **arrays)
        return f"arrays:{path / 'a.npz'}"

    def test_given_parts_are_kept(self, tmp_path: Path) -> None:
        x = np.random.default_rng(0).random((6, 1, 20))
        y = np.arange(6) % 3
        spec = self.save(tmp_path, x_train=x, y_train=y, x_test=x[:2], y_test=y[:2])
        data = load(spec)
        assert data.input_shape == (1, 20)
        torch.testing.assert_close(data.test.fetch([1])[0], torch.from_numpy(x[1]).float())
        assert data.classes == ("0", "1", "2")

    def test_one_part_is_split(self, tmp_path: Path) -> None:
        spec = self.save(tmp_path, x=np.zeros((20, 8, 8), np.uint8), y=np.arange(20) % 2)
        data = load(spec)
        assert (len(data.train), len(data.test), data.input_shape) == (16, 4, (1, 8, 8))

    @pytest.mark.parametrize(
        ("arrays", "message"),
        [
            ({"a": np.zeros(3)}, "holds a; x_train"),
            ({"x": np.zeros(3), "y": np.arange(3)}, r"x has the shape \(3,\)"),
            ({"x": np.zeros((3, 1, 4)), "y": np.arange(4)}, "3 inputs and y 4 labels"),
            ({"x": np.zeros((3, 1, 4)), "y": np.zeros(3)}, "y is float64 of shape"),
            ({"x": np.zeros((3, 1, 4)), "y": np.eye(3, dtype=int)}, r"y\.argmax\(axis=1\)"),
            ({"x": np.zeros((3, 1, 4)), "y": np.arange(3)}, "3 inputs .* and 0 to test"),
            ({"x": np.zeros((3, 1, 4), complex), "y": np.arange(3)}, "x is complex128"),
            ({"x": np.zeros((3, 1, 4), int), "y": np.arange(3)}, r"x\.astype\('uint8'\)"),
            ({"x": np.zeros((9, 8, 8, 3)), "y": np.arange(9)}, r"x\.transpose\(0, 3, 1, 2\)"),
            ({"x": np.full((3, 1, 4), np.nan), "y": np.arange(3)}, "3 inputs hold NaN"),
            (
                {"x": np.zeros((9, 1, 4)), "y": np.arange(9), "classes": np.array(["a", "b"])},
                "y goes beyond 0 .. 1",
            ),
        ],
    )
    def test_arrays_that_do_not_go_together(
        self, tmp_path: Path, arrays: dict, message: str
    ) -> None:
        with pytest.raises(DataError, match=message):
            load(self.save(tmp_path, **arrays))

    def test_pickles_are_refused(self, tmp_path: Path) -> None:
        objects = np.array([{}], dtype=object)
        np.savez(tmp_path / "a.npz", x=objects, y=np.zeros(1, int), allow_pickle=True)
        with pytest.raises(DataError, match="cannot be read"):
            load(f"arrays:{tmp_path / 'a.npz'}")


def test_unknown_sets_list_the_known() -> None:
    with pytest.raises(OptionError, match=r"no data set 'mnits'. There are digits, mnist"):
        load("mnits")
    with pytest.raises(OptionError, match="'folder' needs a path"):
        load("folder")


def test_images_do_not_fit_a_net_for_signals() -> None:
    with pytest.raises(ShapeError, match="Choose a net for 2D data"):
        load("digits", input_shape=(1, 8000))


@pytest.mark.skipif("STRIATE_DATA" not in os.environ, reason="STRIATE_DATA names no real data")
class TestRealData:
    def test_mnist(self) -> None:
        mnist = load("mnist")
        assert (len(mnist.train), len(mnist.test)) == (60_000, 10_000)
        assert torch.bincount(mnist.test.labels)[:3].tolist() == [980, 1135, 1032]
        assert mnist.mean == pytest.approx((0.1307,), abs=1e-4)
        assert mnist.std == pytest.approx((0.3081,), abs=1e-4)

    def test_spoken_digits(self) -> None:
        path = Path(os.environ["STRIATE_DATA"]) / "spoken-digits-wav.zip"
        sounds = load(f"wav:{path}", input_shape=(1, 8000))
        assert (len(sounds.train), len(sounds.test)) == (2700, 300)
        assert sounds.sample_rate == 8000
        assert sounds.classes == tuple("0123456789")
