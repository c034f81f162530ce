"""`striate runs`: the list, the comparison, and what is damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Striate = Callable[..., Any]


def test_runs_are_listed(striate: Striate, out: Path) -> None:
    head, *lines = striate("runs", out).stdout.splitlines()
    assert head.split() == ["run", "net", "data", "epochs", "accuracy", "time", "status"]
    assert [line.split()[:4] for line in lines] == [
        ["long", "lenet5", "digits", "5"],
        ["short", "lenet5", "digits", "1"],
    ]


@pytest.mark.parametrize(
    ("by", "field"), [("accuracy", "test_accuracy"), ("time", "seconds"), ("epochs", "epochs")]
)
def test_the_largest_come_first(striate: Striate, out: Path, by: str, field: str) -> None:
    found = json.loads(striate("runs", out, "--sort", by, "--json").stdout)
    values = [run[field] for run in found]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[1]


def test_an_unknown_order_is_told(striate: Striate, out: Path) -> None:
    done = striate("runs", out, "--sort", "beauty")
    assert done.exit_code == 2
    assert "cannot sort by 'beauty'" in done.stderr


def test_one_run_is_listed_alone(striate: Striate, out: Path) -> None:
    found = json.loads(striate("runs", out / "short", "--json").stdout)
    assert [run["name"] for run in found] == ["short"]


def test_two_are_laid_side_by_side(striate: Striate, out: Path) -> None:
    paths = out / "short", out / "long"
    lines = striate("runs", *paths).stdout.splitlines()
    assert lines[0].split() == ["short", "long"]
    rows = {line.split()[0]: line.split()[1:] for line in lines[1:]}
    assert rows["epochs"] == ["1", "5"]
    assert "lr" not in rows
    columns = json.loads(striate("runs", *paths, "--json").stdout)
    assert [columns[str(path)]["epochs_done"] for path in paths] == [1, 5]


def test_runs_in_the_folder_runs_go_by_their_names(
    striate: Striate, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(out, tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    assert striate("runs").exit_code == 0
    assert striate("runs", "short", "long").stdout.splitlines()[0].split() == ["short", "long"]


def test_a_damaged_run_is_told_and_the_others_are_listed(
    striate: Striate, out: Path, tmp_path: Path
) -> None:
    shutil.copytree(out, tmp_path / "runs")
    (tmp_path / "runs" / "long" / "model.json").write_text("{")
    done = striate("runs", tmp_path / "runs")
    assert done.exit_code == 0
    assert "short" in done.stdout
    assert "long" not in done.stdout
    assert "damaged: " in done.stderr
    assert "model.json is missing or damaged" in done.stderr


def test_an_empty_folder_says_how_to_make_a_run(striate: Striate, tmp_path: Path) -> None:
    done = striate("runs", tmp_path)
    assert done.exit_code == 0
    assert "holds no runs. `striate train` makes one" in done.stderr


def test_a_missing_folder_is_an_error(striate: Striate, tmp_path: Path) -> None:
    done = striate("runs", tmp_path / "nowhere")
    assert done.exit_code == 2
    assert "nowhere cannot be read: No such file" in done.stderr
