"""Parts and classes are told by the folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from striate import DataError
from striate.data import Files
from striate.data._classes import sort_files


class Names(Files):
    """Files that are names only."""

    def __init__(self, *names: str) -> None:
        self.path, self.names = Path("photos"), sorted(names)

    def read(self, name: str) -> bytes:
        raise NotImplementedError


def parts(*names: str) -> dict[str, list[tuple[str, str]]]:
    found = sort_files(Names(*names))
    return {part: [(m.name, m.label) for m in members] for part, members in found.parts.items()}


FIVE_EACH = [f"{label}/{i}.png" for label in ("cat", "dog") for i in range(5)]


def test_without_parts_every_fifth_of_a_class_is_for_the_test() -> None:
    found = sort_files(Names(*FIVE_EACH))
    assert found.classes == ("cat", "dog")
    assert [m.name for m in found.parts["test"]] == ["cat/4.png", "dog/4.png"]
    assert len(found.parts["train"]) == 8


@pytest.mark.parametrize("top", ["", "top/", "top/most/"])
@pytest.mark.parametrize("held", ["test", "Testing", "val", "valid", "VALIDATION"])
def test_a_second_part_is_the_test(top: str, held: str) -> None:
    found = parts(f"{top}Train/a/1", f"{top}Train/b/2", f"{top}{held}/a/3")
    assert found["train"] == [(f"{top}Train/a/1", "a"), (f"{top}Train/b/2", "b")]
    assert found["test"] == [(f"{top}{held}/a/3", "a")]


def test_with_a_test_val_is_for_validation() -> None:
    found = parts("train/a/1", "train/b/2", "test/a/3", "val/b/4")
    assert found["test"] == [("test/a/3", "a")]
    assert found["validation"] == [("val/b/4", "b")]


def test_train_alone_is_split() -> None:
    assert len(parts(*(f"train/{name}" for name in FIVE_EACH))["test"]) == 2


def test_a_class_may_be_called_train() -> None:
    found = sort_files(Names(*(f"{c}/{i}" for c in ("bus", "train") for i in range(5))))
    assert found.classes == ("bus", "train")


def test_a_class_may_be_called_train_and_have_folders() -> None:
    found = sort_files(Names(*(f"{c}/{year}/1" for c in ("bus", "train") for year in range(5))))
    assert found.classes == ("bus", "train")


def test_what_lies_deeper_belongs_to_the_class() -> None:
    assert ("cat/x/y/9.png", "cat") in parts(*FIVE_EACH, "cat/x/y/9.png")["test"] + parts(
        *FIVE_EACH, "cat/x/y/9.png"
    )["train"]


def test_files_elsewhere_are_strays() -> None:
    assert sort_files(Names(*FIVE_EACH, "cover.png")).strays == ["cover.png"]
    found = sort_files(Names("train/a/1", "train/b/1", "test/a/1", "extra/a/1", "train/2"))
    assert found.strays == ["extra/a/1", "train/2"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "holds 0 files of the right kind"),
        (["1.png", "2.png"], "holds 2 files of the right kind, and none of them in the folder"),
        (["a/1", "a/2"], "has one class only, 'a'"),
        (["a/1", "b/1"], "too few files to set some aside: a fifth of each class"),
        (["train/a/1", "train/b/1", "test/c/1"], "the test part has the classes c, which"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(names: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        sort_files(Names(*names))
