"""`striate run`: pictures and arrays in, the largest outputs out; no torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import striate as package

Striate = Callable[..., Any]


class Corners(nn.Module):
    """Ten outputs that can be read off a picture: red and blue of its first five pixels."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x[:, 0, 0, :5], x[:, 2, 0, :5]], 1) * 1.0


class Maps(nn.Module):
    """A map, and the channel of its largest number."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.relu(x), x.argmax(1)


@pytest.fixture
def corners(tmp_path: Path) -> Path:
    path = tmp_path / "corners.striate"
    package.compile(Corners().eval(), (1, 3, 8, 6), threads=2).save(path)
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """8 pixels high, 6 wide; red 0, 51, 102, ... in the first row, blue 255, 204, ... ."""
    pixels = np.zeros((8, 6, 3), np.uint8)
    pixels[0, :, 0] = np.arange(6) * 51
    pixels[0, :, 2] = 255 - np.arange(6) * 51
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    return path


def test_the_largest_outputs_are_printed(
    striate: Striate, corners: Path, photo: Path, golden: Callable[[str, str], None]
) -> None:
    done = striate("run", corners, photo)
    assert done.exit_code == 0, done.output
    golden("run-top.txt", done.stdout)


def test_with_names_and_normalised(
    striate: Striate, corners: Path, photo: Path, tmp_path: Path, golden: Callable[[str, str], None]
) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(f"{colour} {i}" for colour in ("red", "blue") for i in range(5)))
    options = ("--labels", labels, "--mean", "0.5,0.25,0", "--std", "0.25", "--top", 3)
    done = striate("run", corners, photo, *options)
    assert done.exit_code == 0, done.output
    golden("run-labels.txt", done.stdout)


def test_arrays_go_in_and_out(striate: Striate, corners: Path, tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((5, 3, 8, 6), np.float32)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "one.npy", x[0])
    y = tmp_path / "y.npy"
    for file, wanted in (("x.npy", x), ("one.npy", x[:1])):
        done = striate("run", corners, tmp_path / file, "--output", y, "--threads", 1)
        assert (done.exit_code, done.stdout) == (0, f"{y}\n"), done.output
        expected = np.concatenate([wanted[:, 0, 0, :5], wanted[:, 2, 0, :5]], 1)
        np.testing.assert_array_equal(np.load(y), expected)


def test_each_of_a_batch_is_printed(striate: Striate, corners: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 3, 8, 6), np.float32))
    lines = striate("run", corners, tmp_path / "x.npy", "--top", 1).stdout.splitlines()
    assert lines == ["[0]", "     0            0", "[1]", "     0            0"]


def test_maps_are_described_or_written(striate: Striate, photo: Path, tmp_path: Path) -> None:
    path = tmp_path / "maps.striate"
    package.compile(Maps().eval(), (1, 3, 8, 6)).save(path)
    done = striate("run", path, photo)
    assert done.exit_code == 0, done.output
    float_map, whole = [line for line in done.stdout.splitlines() if not line.endswith(":")]
    assert float_map == "float32 1x3x8x6, from 0 to 1"
    assert whole == "int64 1x8x6, from 0 to 2"
    assert striate("run", path, photo, "-o", tmp_path / "y.npz").exit_code == 0
    arrays = np.load(tmp_path / "y.npz")
    assert [arrays[name].shape for name in arrays] == [(1, 3, 8, 6), (1, 8, 6)]


def test_a_picture_of_another_size_is_resized_if_asked(
    striate: Striate, corners: Path, photo: Path, tmp_path: Path
) -> None:
    large = tmp_path / "large.png"
    Image.new("RGB", (40, 30), (255, 0, 0)).save(large)
    done = striate("run", corners, large)
    assert done.exit_code == 2
    assert "is 30x40 (height x width); the plan takes 8x6. With --resize" in done.stderr
    done = striate("run", corners, large, "--resize", "--top", 5)
    assert [float(line.split()[1]) for line in done.stdout.splitlines()] == [1] * 5


def test_neither_torch_nor_onnx_is_loaded(corners: Path, photo: Path) -> None:
    code = (
        "import sys\n"
        "from striate.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: print(end.code, *sys.modules)\n"
    )
    command = [sys.executable, "-c", code, "run", str(corners), str(photo)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    status, *loaded = done.stdout.splitlines()[-1].split()
    assert status == "0", done.stderr
    assert "striate.runtime" in loaded
    assert not {"torch", "onnx", "striate.engine"} & set(loaded)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.striate", "photo.png"], "none.striate cannot be read: No such file"),
        (["photo.png", "photo.png"], "it is no plan"),
        (["corners.striate", "none.png"], "none.png: cannot be read: No such file"),
        (["corners.striate", "broken.png"], "broken.png: the file is no picture"),
        (["corners.striate", "broken.npy"], "broken.npy: the file cannot be read as .npy"),
        (["corners.striate", "objects.npy"], "objects.npy: the file cannot be read as .npy"),
        (["corners.striate", "bytes.npy"], "is uint8; float32 is needed"),
        (["corners.striate", "small.npy"], "is (1, 3, 8, 5); the plan was made for (1, 3, 8, 6)"),
        (["corners.striate", "photo.png", "photo.png"], "takes 1 inputs, x (1x3x8x6); 2 files"),
        (["corners.striate", "photo.png", "--mean", "1,2"], "--mean 1,2 must be one number, or"),
        (["corners.striate", "photo.png", "--std", "0"], "--std 0 must not be 0"),
        (["corners.striate", "photo.png", "--std", "wide"], "--std wide must be one number"),
        (["corners.striate", "photo.png", "--threads", "3"], "threads=3 must be from 1 to 2"),
        (["corners.striate", "photo.png", "--labels", "two.txt"], "names 2 outputs; the plan has"),
        (["corners.striate", "photo.png", "--labels", "none.txt"], "none.txt cannot be read"),
        (["corners.striate", "photo.png", "-o", "y.txt"], "y.txt must end in .npy"),
        (["corners.striate", "photo.png", "-o", "two.txt/y.npy"], "y.npy cannot be written"),
        (["signal.striate", "photo.png"], "is float32 1x1x9, which no picture fills"),
    ],
)
def test_refusals_are_one_sentence(
    striate: Striate,
    corners: Path,
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.png").write_bytes(b"no picture")
    Path("broken.npy").write_bytes(b"no array")
    Path("two.txt").write_text("one\ntwo\n")
    np.save("objects.npy", np.array([{}], object))
    np.save("bytes.npy", np.zeros((1, 3, 8, 6), np.uint8))
    np.save("small.npy", np.zeros((1, 3, 8, 5), np.float32))
    package.compile(nn.ReLU(), (1, 1, 9)).save("signal.striate")
    done = striate("run", *arguments)
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
