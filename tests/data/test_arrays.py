"""NumPy archives of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate import DataError
from striate.data import load
from striate.data._arrays import read_arrays

SIGNALS = np.random.default_rng(0).random((10, 1, 20))


def save(folder: Path, **arrays: np.ndarray) -> str:
    np.savez(folder / "a.npz", **arrays)
    return f"arrays:{folder / 'a.npz'}"


class TestInputs:
    def test_given_parts_are_kept(self, tmp_path: Path) -> None:
        y = np.arange(10) % 3
        spec = save(tmp_path, x_train=SIGNALS, y_train=y, x_test=SIGNALS[:2], y_test=y[:2])
        data = load(spec)
        assert data.input_shape == (1, 20)
        torch.testing.assert_close(data.test.fetch([1])[0], torch.from_numpy(SIGNALS[1]).float())
        assert data.classes == ("0", "1", "2")

    @pytest.mark.parametrize(
        ("x", "shape", "kind"),
        [
            (np.zeros((20, 8, 8), np.uint8), (1, 8, 8), "image"),
            (np.zeros((20, 3, 8, 8), np.uint8), (3, 8, 8), "image"),
            (np.zeros((20, 5, 8, 8), np.uint8), (5, 8, 8), "array"),
            (np.zeros((20, 3, 8, 8), np.float16), (3, 8, 8), "array"),
            (np.zeros((20, 8)), (1, 8), "array"),
            (np.zeros((20, 2, 8)), (2, 8), "array"),
            (np.zeros((20, 1, 4, 8, 8)), (1, 4, 8, 8), "array"),
            (np.asfortranarray(np.zeros((20, 1, 8), ">f8")), (1, 8), "array"),
        ],
        ids=lambda value: f"{value.shape}" if isinstance(value, np.ndarray) else None,
    )
    def test_one_part_is_split(
        self, tmp_path: Path, x: np.ndarray, shape: tuple[int, ...], kind: str
    ) -> None:
        data = load(save(tmp_path, x=x, y=np.arange(20) % 2))
        assert (len(data.train), len(data.test), data.input_shape) == (16, 4, shape)
        assert data.preprocess.kind == kind


class TestLabels:
    def test_words_are_classes_in_their_order(self, tmp_path: Path) -> None:
        data = load(save(tmp_path, x=SIGNALS, y=np.array(["b", "a"] * 5)))
        assert data.classes == ("a", "b")
        assert data.train.labels.tolist()[:2] == [1, 0]

    def test_numbers_are_classes_though_some_are_missing(self, tmp_path: Path) -> None:
        data = load(save(tmp_path, x=SIGNALS, y=np.array([3, 8] * 5)))
        assert data.classes == ("3", "8")
        assert data.train.labels.tolist()[:2] == [0, 1]

    def test_names_can_be_given(self, tmp_path: Path) -> None:
        names = np.array(["cat", "dog", "eel"])
        data = load(save(tmp_path, x=SIGNALS, y=np.arange(10)[:, None] % 2, classes=names))
        assert data.classes == ("cat", "dog", "eel")
        assert data.train.labels.max() == 1


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros(3)}, "holds a; x_train, y_train, x_test, y_test are needed, or x and y"),
        ({"x": np.zeros(3), "y": np.arange(3)}, r"x has the shape \(3,\)"),
        ({"x": np.zeros((3, 1, 0)), "y": np.arange(3)}, r"x has the shape \(3, 1, 0\)"),
        ({"x": np.zeros((3, 1, 4)), "y": np.arange(4)}, "3 inputs and y 4 labels"),
        ({"x": np.zeros((3, 1, 4)), "y": np.zeros(3)}, "y is float64 of shape"),
        ({"x": np.zeros((3, 1, 4)), "y": np.eye(3, dtype=int)}, r"y\.argmax\(axis=1\)"),
        ({"x": np.zeros((3, 1, 4)), "y": np.arange(3)}, "3 inputs .* and 0 to test"),
        ({"x": np.zeros((0, 1, 4)), "y": np.arange(0)}, "0 inputs .* and 0 to test"),
        ({"x": np.zeros((3, 1, 4), complex), "y": np.arange(3)}, "x is complex128"),
        ({"x": np.zeros((3, 1, 4), int), "y": np.arange(3)}, r"x\.astype\('uint8'\)"),
        ({"x": np.zeros((9, 8, 8, 3)), "y": np.arange(9)}, r"x\.transpose\(0, 3, 1, 2\)"),
        (
            {"x": np.full((3, 1, 4), np.nan), "y": np.arange(3)},
            r"NaN .* in 3 of 3 inputs, first",
        ),
        ({"x": SIGNALS, "y": np.arange(10), "classes": np.array(["a"])}, r"y goes beyond 0 \.\. 0"),
        ({"x": SIGNALS, "y": np.arange(10) - 1, "classes": np.arange(10)}, "y goes beyond"),
        (
            {
                **{"x_train": SIGNALS, "y_train": np.arange(10)},
                **{"x_test": SIGNALS[:, :, :5], "y_test": np.arange(10)},
            },
            r"x_train holds torch.float32 of \(1, 20\), x_test .* of \(1, 5\)",
        ),
    ],
)
def test_arrays_that_do_not_go_together(tmp_path: Path, arrays: dict, message: str) -> None:
    with pytest.raises(DataError, match=rf"a\.npz: .*{message}"):
        load(save(tmp_path, **arrays))


def test_pickles_are_refused(tmp_path: Path) -> None:
    objects = np.array([{}], dtype=object)
    np.savez(tmp_path / "a.npz", x=objects, y=np.zeros(1, int), allow_pickle=True)
    with pytest.raises(DataError, match=r"cannot be read as \.npz: Object arrays cannot"):
        load(f"arrays:{tmp_path / 'a.npz'}")


def test_a_single_array_is_not_enough(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", SIGNALS)
    with pytest.raises(DataError, match=r"the file is no \.npz archive"):
        load(f"arrays:{tmp_path / 'a.npy'}")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.npz: there is no such file"):
        load(f"arrays:{tmp_path / 'a.npz'}")


@given(st.integers(0, 400), st.binary(max_size=8))
def test_damage_is_told(tmp_path_factory: pytest.TempPathFactory, at: int, noise: bytes) -> None:
    path = tmp_path_factory.mktemp("arrays") / "a.npz"
    np.savez(path, x=SIGNALS[:5, :, :4], y=np.zeros(5, int))
    content = path.read_bytes()
    path.write_bytes(content[:at] + noise + content[at + len(noise) :])
    try:
        read = read_arrays(path)
    except DataError as error:
        told = str(error)
    else:
        assert read.train.input_shape == (1, 4)
        return
    assert str(path) in told
