"""Where files are looked for, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from striate import DataError
from striate.data import _locate, load
from striate.data._locate import cache_dir, locate

from .makers import write_mnist


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object) -> Path:
        raise DataError("downloads are not for this test")

    monkeypatch.setattr(_locate, "download", refuse)
    monkeypatch.delenv("STRIATE_DATA", raising=False)
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))


def found(name: str, data_dir: Path | None = None) -> Path:
    (folder,) = {path.parent for path in locate(name, data_dir).values()}
    return folder


@pytest.mark.parametrize("inside", ["", "mnist"])
def test_the_given_folder_or_the_one_inside(tmp_path: Path, inside: str) -> None:
    write_mnist(tmp_path / "given" / inside)
    assert found("mnist", tmp_path / "given") == tmp_path / "given" / inside


def test_the_given_folder_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mnist(tmp_path / "mnist")
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"the data folder .*nowhere is not there"):
        locate("mnist", tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    message = r"neither .*empty/mnist nor .*empty holds train-images.*striate data get mnist --data"
    with pytest.raises(DataError, match=message):
        locate("mnist", tmp_path / "empty")


def test_the_environment_before_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="downloads are not for this test"):
        locate("mnist", None)
    write_mnist(cache_dir() / "mnist")
    assert found("mnist") == cache_dir() / "mnist"
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path / "mine"))
    assert found("mnist") == cache_dir() / "mnist"
    write_mnist(tmp_path / "mine")
    assert found("mnist") == cache_dir() / "mnist"
    write_mnist(tmp_path / "mine" / "mnist")
    assert found("mnist") == tmp_path / "mine" / "mnist"


def test_mnist_beside_other_sets_is_not_taken_for_fashion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mnist(tmp_path)
    monkeypatch.setenv("STRIATE_DATA", str(tmp_path))
    assert found("mnist") == tmp_path
    with pytest.raises(DataError, match="downloads are not for this test"):
        locate("fashion-mnist", None)


def test_files_of_two_places_are_not_mixed(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    write_mnist(tmp_path / "mnist")
    (tmp_path / "t10k-images-idx3-ubyte.gz").unlink()
    assert found("mnist", tmp_path) == tmp_path / "mnist"
    (tmp_path / "mnist" / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(DataError, match="neither"):
        locate("mnist", tmp_path)


def test_the_other_spelling_of_the_files_is_known(tmp_path: Path) -> None:
    write_mnist(tmp_path, packed=False)
    for path in list(tmp_path.glob("*-idx*")):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert len(load("mnist", data_dir=tmp_path).train) == 20
