"""One file goes the way of the training data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from striate import DataError
from striate.data import Data, Preprocess, load

from .makers import PHOTOS, grey, plant, wav, write_mnist


def first_input(data: Data) -> torch.Tensor:
    return next(data.batches(data.test, 1).epoch()).inputs[0]


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 10, 10), (3, 20, 12)])
def test_a_picture_of_the_data_becomes_its_input(tmp_path: Path, shape: tuple[int, ...]) -> None:
    data = load(f"folder:{plant(tmp_path, PHOTOS)}", input_shape=shape)
    alone = data.preprocess.open(tmp_path / data.test.name_of(0))
    assert torch.equal(alone, first_input(data))


def test_a_picture_is_brought_to_the_datas_size_before_the_nets(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    preprocess = load("mnist", data_dir=tmp_path, input_shape=(1, 32, 32)).preprocess
    (tmp_path / "large.png").write_bytes(grey(255, (500, 400)))
    opened = preprocess.open(tmp_path / "large.png")[0] * preprocess.std[0] + preprocess.mean[0]
    framed = torch.nn.functional.pad(torch.ones(28, 28), [2, 2, 2, 2])
    torch.testing.assert_close(opened, framed, atol=1e-6, rtol=0)


def test_a_sound_of_the_data_becomes_its_input(tmp_path: Path) -> None:
    sounds = {
        f"{c}/{i}.wav": wav(np.arange(50 + i, dtype=np.int16)) for c in "ab" for i in range(5)
    }
    data = load(f"wav:{plant(tmp_path, sounds)}", input_shape=(1, 60))
    alone = data.preprocess.open(tmp_path / data.test.name_of(0))
    assert torch.equal(alone, first_input(data))


def test_a_sound_at_another_rate_is_resampled(tmp_path: Path) -> None:
    one = Preprocess("signal", (1, 100), (1, 100), (0.0,), (1.0,), sample_rate=8000)
    (tmp_path / "a.wav").write_bytes(wav(np.full(100, 2**14, np.int16), rate=16000))
    assert int((one.open(tmp_path / "a.wav") > 0.2).sum()) == pytest.approx(50, abs=4)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_an_array_of_the_data_becomes_its_input(tmp_path: Path, dtype: type) -> None:
    x = np.random.default_rng(0).integers(0, 256, (10, 2, 9, 3)).astype(dtype)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.arange(10), x_test=x, y_test=np.arange(10))
    data = load(f"arrays:{tmp_path / 'a.npz'}", input_shape=(2, 10, 3))
    np.save(tmp_path / "x.npy", x[0])
    assert torch.equal(data.preprocess.open(tmp_path / "x.npy"), first_input(data))


class TestJson:
    ONE = Preprocess("signal", (1, 100), (1, 90), (0.1,), (0.25,), 8000)

    def test_it_gives_the_same_back(self) -> None:
        assert Preprocess.from_dict(json.loads(json.dumps(self.ONE.to_dict()))) == self.ONE

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"kind": "video"}, "kind='video' is not one of image, signal, array"),
            ({"size": 3}, "the fields size are missing or unknown"),
            ({"mean": []}, "0 means and 1 standard deviations for 1 channels"),
            ({"std": "wide"}, "a field has the wrong type"),
            ({"source_shape": [1, 8, 8]}, "must have the same number of axes"),
            ({"sample_rate": None}, "a signal needs its sample_rate"),
        ],
    )
    def test_damage_is_told(self, changes: dict[str, object], message: str) -> None:
        with pytest.raises(DataError, match=f"Preprocess: .*{message}|Preprocess: {message}"):
            Preprocess.from_dict({**self.ONE.to_dict(), **changes})

    def test_a_missing_field_is_named(self) -> None:
        with pytest.raises(DataError, match=r"mean, source_shape, std are missing or unknown"):
            Preprocess.from_dict({"kind": "image", "input_shape": [1, 8, 8]})


class TestDamage:
    IMAGE = Preprocess("image", (1, 8, 8), (1, 8, 8), (0.0,), (1.0,))
    ARRAY = Preprocess("array", (1, 9), (1, 9), (0.0,), (1.0,))

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"x\.png: cannot be read: No such file"):
            self.IMAGE.open(tmp_path / "x.png")

    def test_a_damaged_file_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "x.png").write_bytes(b"text")
        with pytest.raises(DataError, match=r"x\.png: the file is no picture"):
            self.IMAGE.open(tmp_path / "x.png")

    @pytest.mark.parametrize(
        ("array", "message"),
        [
            (np.zeros((1, 8)), r"the array has the shape \(1, 8\); \(1, 9\) is needed"),
            (np.zeros((1, 9), int), "x is int64; uint8"),
            (np.full((1, 9), np.nan), "x: NaN or infinity is in 1 of 1"),
        ],
    )
    def test_another_array_is_told(self, tmp_path: Path, array: np.ndarray, message: str) -> None:
        np.save(tmp_path / "x.npy", array)
        with pytest.raises(DataError, match=rf"x\.npy: {message}"):
            self.ARRAY.open(tmp_path / "x.npy")

    @pytest.mark.parametrize("content", [b"", b"text", b"\x93NUMPY\x01\x00\x10\x00{'descr'"])
    def test_no_array_is_told(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "x.npy").write_bytes(content)
        with pytest.raises(DataError, match=r"x\.npy: the file cannot be read as \.npy"):
            self.ARRAY.open(tmp_path / "x.npy")
