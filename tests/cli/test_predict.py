"""`striate predict`: the formats, broken files, stdin, and nets of strangers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Striate = Callable[..., Any]


def test_csv_has_a_line_a_rank(striate: Striate, out: Path, pictures: Path) -> None:
    done = striate("predict", out / "long", pictures, "--top", 2, "--format", "csv")
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["rank"] for row in rows] == ["1", "2"] * 5
    assert [Path(row["file"]).name for row in rows[::2]] == sorted(
        file.name for file in pictures.iterdir()
    )


def test_without_a_terminal_csv_is_the_default(striate: Striate, out: Path, pictures: Path) -> None:
    given = striate("predict", out / "long", pictures, "--format", "csv").stdout
    assert striate("predict", out / "long", pictures).stdout == given


def test_json_has_an_object_a_file(striate: Striate, out: Path, pictures: Path) -> None:
    done = striate("predict", out / "long", pictures, "--top", 10, "--format", "json")
    rows = json.loads(done.stdout)
    assert len(rows) == 5
    for row in rows:
        assert sum(one["probability"] for one in row["labels"]) == pytest.approx(1, abs=1e-5)


def test_a_table_has_a_row_a_file(striate: Striate, out: Path, pictures: Path) -> None:
    done = striate("predict", out / "long", pictures, "--format", "table")
    lines = done.stdout.splitlines()
    assert len(lines) == 6
    assert lines[0].split() == ["file", *["label", "probability"] * 3]


def test_a_broken_file_is_named_and_the_others_go_on(
    striate: Striate, out: Path, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    names = "\n".join(map(str, [tmp_path / "broken.png", "", pictures, tmp_path / "none.png"]))
    done = striate("predict", out / "long", "-", "--top", 1, input=names)
    assert done.exit_code == 1
    assert done.stdout.count(".png") == 5
    assert "broken.png: the file is no picture" in done.stderr
    assert "none.png: cannot be read" in done.stderr


def test_names_cannot_steer_the_terminal(
    striate: Striate, out: Path, pictures: Path, tmp_path: Path
) -> None:
    hostile = tmp_path / "\x1b[31m[bold]red.png"
    hostile.write_bytes(next(pictures.iterdir()).read_bytes())
    (tmp_path / "\x1b]0;title.png").write_bytes(b"")
    done = striate("predict", out / "long", tmp_path, "--format", "table")
    assert "\x1b" not in done.output
    assert "?[31m[bold]red.png" in done.stdout


def test_a_name_that_is_no_text_comes_out_as_it_went_in(
    striate: Striate, out: Path, pictures: Path, tmp_path: Path
) -> None:
    try:
        (tmp_path / "\udcff.png").write_bytes(next(pictures.iterdir()).read_bytes())
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    assert b"\xff.png" in striate("predict", out / "long", tmp_path).stdout_bytes
    for form in ("table", "json"):
        assert striate("predict", out / "long", tmp_path, "--format", form).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "xml"], "--format xml is not one of table, json, csv"),
        (["--device", "abacus"], "device='abacus' is not one"),
    ],
)
def test_wrong_options_are_told(
    striate: Striate, out: Path, pictures: Path, arguments: list[str], message: str
) -> None:
    done = striate("predict", out / "long", pictures, *arguments)
    assert done.exit_code == 2
    assert message in done.stderr


def test_an_empty_list_is_an_error(striate: Striate, out: Path) -> None:
    done = striate("predict", out / "long", "-", input="\n\n")
    assert done.exit_code == 2
    assert "stdin named no files" in done.stderr


def test_a_folder_that_is_no_run_is_told(striate: Striate, tmp_path: Path) -> None:
    done = striate("predict", tmp_path, "x.png")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert "it holds no config.toml" in done.stderr
