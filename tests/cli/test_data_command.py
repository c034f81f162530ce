"""`striate data`: the list, a download, a look at a data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.data.makers import PHOTOS, grey, plant, write_mnist

Striate = Callable[..., Any]


def test_the_list_tells_what_there_is_and_where(
    striate: Striate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path / "mine"))
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    output = striate("data", "list").output
    for name in ("digits", "fashion-mnist", "cifar100", "folder:PATH", "wav:PATH", "arrays:PATH"):
        assert f"\n{name} " in f"\n{output}"
    assert f"looked for in {tmp_path / 'mine'}, {tmp_path / 'cache'}." in output


def test_get_prints_the_files(striate: Striate, tmp_path: Path) -> None:
    write_mnist(tmp_path)
    result = striate("data", "get", "mnist", "--data-dir", tmp_path)
    assert result.exit_code == 0
    assert result.output.split()[0] == str(tmp_path / "train-images-idx3-ubyte.gz")


def test_get_knows_what_it_can_get(striate: Striate) -> None:
    result = striate("data", "get", "digits")
    assert result.exit_code == 2
    assert "error: data: 'digits' is not a data set to download; mnist," in result.output


class TestShow:
    def test_classes_counts_and_moments(self, striate: Striate, tmp_path: Path) -> None:
        result = striate("data", "show", f"folder:{plant(tmp_path, PHOTOS)}")
        assert result.exit_code == 0
        assert "2 classes, inputs of 1x8x8\n" in result.output
        assert "mean 0.4118, standard deviation 0.3725" in result.output  # 105 and 95 of 255
        rows = [line.split() for line in result.output.splitlines()]
        for row in (["cat", "8", "2"], ["dog", "8", "2"], ["all", "16", "4"]):
            assert row in rows

    def test_broken_files_are_listed_once(self, striate: Striate, tmp_path: Path) -> None:
        plant(tmp_path, PHOTOS | {"cat/[bold]x.png": b""})
        result = striate("data", "show", f"folder:{tmp_path}")
        assert result.exit_code == 0
        assert "1 file cannot be used:\n  cat/[bold]x.png: the file is empty" in result.output
        assert result.output.count("x.png") == 1

    def test_another_size_and_its_absence(self, striate: Striate, tmp_path: Path) -> None:
        plant(tmp_path, {f"{c}/{i}.png": grey(1, (9 + i, 9)) for c in "ab" for i in range(5)})
        result = striate("data", "show", f"folder:{tmp_path}", "--input", "3x16x12")
        assert "inputs of 3x16x12" in result.output
        result = striate("data", "show", f"folder:{tmp_path}")
        assert result.exit_code == 2
        assert "Say it with --input 3x64x64" in result.output
        result = striate("data", "show", f"folder:{tmp_path}", "--input", "big")
        assert result.exit_code == 2
        assert "--input big must be whole numbers, such as 3x64x64." in result.output

    def test_many_classes_are_shortened(self, striate: Striate, tmp_path: Path) -> None:
        plant(tmp_path, {f"{c:03}/{i}.png": grey(c) for c in range(50) for i in range(5)})
        output = striate("data", "show", f"folder:{tmp_path}").output
        assert "and 10 more" in output
        assert "039" in output
        assert "040" not in output


@pytest.mark.filterwarnings("always")
def test_training_warns_of_broken_files_in_words(striate: Striate, tmp_path: Path) -> None:
    photos = plant(tmp_path / "photos", PHOTOS | {"cat/x.png": b""})
    options = ("--epochs", 1, "--threads", 1, "--out", tmp_path / "runs")
    result = striate("train", "--data", f"folder:{photos}", *options)
    assert result.exit_code == 0
    assert f"warning: {photos}: 1 file of 21 cannot be used:\n  cat/x.png: the" in result.output
    assert "UserWarning" not in result.output
