"""`striate evaluate`: agreement with the run, other data, other classes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from striate.train import Run

Striate = Callable[..., Any]


def test_on_its_own_data_it_agrees_with_the_run(striate: Striate, out: Path) -> None:
    done = striate("evaluate", out / "long", "--json")
    assert done.exit_code == 0, done.output
    outcome, final = json.loads(done.stdout), Run.open(out / "long").final()
    assert outcome["accuracy"] == pytest.approx(final["test_accuracy"])
    assert outcome["loss"] == pytest.approx(final["test_loss"], rel=1e-6)
    assert outcome["samples"] == sum(map(sum, outcome["confusion"])) == 355
    assert [one["name"] for one in outcome["classes"]] == list("0123456789")


def test_the_table_names_every_class(striate: Striate, out: Path) -> None:
    lines = striate("evaluate", out / "long").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:11]] == list("0123456789")
    assert lines[-1].startswith("accuracy ")
    assert "of 355 samples (test)" in lines[-1]


def test_all_parts_together_are_all_samples(striate: Striate, out: Path) -> None:
    counts = {
        part: json.loads(striate("evaluate", out / "long", "--part", part, "--json").stdout)
        for part in ("train", "test", "all")
    }
    assert {part: each["samples"] for part, each in counts.items()} == {
        "train": 1442,
        "test": 355,
        "all": 1797,
    }
    whole = sum(counts[part]["loss"] * counts[part]["samples"] for part in ("train", "test"))
    assert counts["all"]["loss"] == pytest.approx(whole / 1797)


def test_classes_are_matched_by_name_and_may_be_fewer(
    striate: Striate, out: Path, pictures: Path, tmp_path: Path
) -> None:
    for file in pictures.iterdir():
        for part in ("train", "test"):
            folder = tmp_path / part / file.stem[-1]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / file.name).write_bytes(file.read_bytes())
    data = f"folder:{tmp_path}"
    outcome = json.loads(striate("evaluate", out / "long", "--data", data, "--json").stdout)
    assert outcome["accuracy"] >= 0.8
    present = {one["name"] for one in outcome["classes"] if one["samples"]}
    assert present == {file.stem[-1] for file in pictures.iterdir()}
    table = striate("evaluate", out / "long", "--data", data).stdout
    assert f"The data hold {len(present)} of the net's 10 classes." in table


def test_unknown_classes_are_told_with_both_lists(
    striate: Striate, out: Path, tmp_path: Path
) -> None:
    for name in ("cat", "7"):
        (tmp_path / name).mkdir()
        for i in range(5):
            Image.new("L", (8, 8)).save(tmp_path / name / f"{i}.png")
    done = striate("evaluate", out / "long", "--data", f"folder:{tmp_path}")
    assert done.exit_code == 2
    assert "classes that the net does not know: cat. " in done.stderr
    assert "The data's are 7, cat; the net's are 0, 1, 2, 3, 4, 5, 6, 7, 8, 9." in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--part", "most"], "part='most' is not one of test, train, validation, all"),
        (["--part", "validation"], "digits has no validation part of its own"),
        (["--data", "nothing"], "there is no data set 'nothing'"),
    ],
)
def test_wrong_options_are_told(
    striate: Striate, out: Path, arguments: list[str], message: str
) -> None:
    done = striate("evaluate", out / "long", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
