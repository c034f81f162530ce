"""`striate runs`, `predict` and `evaluate` on a small real run."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from striate import DataError, OptionError, RunError
from striate.data import load
from striate.train import Config, Run, list_runs, predict, train
from striate.train._runs import compare, sort_runs

NETS = f"{Path(__file__).parents[1] / 'train' / 'nets.py'}:"


def striate(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "striate", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    data = load("digits")
    for name, epochs in (("short", 1), ("long", 8)):
        config = Config(net=NETS + "with_norm", epochs=epochs, out=str(folder), name=name)
        train(config, data=data)
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    digits = load("digits").test
    for i in range(5):
        image = Image.fromarray(digits.fetch([i])[0, 0].numpy())
        image.save(folder / f"{i}-is-{int(digits.labels[i])}.png")
    return folder


class TestPredict:
    def test_most_pictures_are_named_right(self, out: Path, pictures: Path) -> None:
        found = list(predict(Run.open(out / "long"), [pictures], top=10))
        assert [Path(p.path).name for p in found] == sorted(f.name for f in pictures.iterdir())
        right = [p.labels[0][0] == Path(p.path).stem[-1] for p in found]
        assert sum(right) >= 4
        for p in found:
            values = [value for _, value in p.labels]
            assert sum(values) == pytest.approx(1, abs=1e-5)
            assert values == sorted(values, reverse=True)

    def test_one_by_one_is_as_in_batches(self, out: Path, pictures: Path) -> None:
        run = Run.open(out / "long")
        alone = list(predict(run, [pictures], batch_size=1))
        for a, b in zip(alone, predict(run, [pictures]), strict=True):
            assert a.path == b.path
            assert [v for _, v in a.labels] == pytest.approx([v for _, v in b.labels], abs=1e-5)

    @pytest.mark.parametrize("form", ["table", "json", "csv"])
    def test_every_format_names_every_file(self, out: Path, pictures: Path, form: str) -> None:
        done = striate("predict", out / "long", pictures, "--format", form, "--top", 2)
        assert done.returncode == 0, done.stderr
        if form == "json":
            rows = json.loads(done.stdout)
            assert [len(row["labels"]) for row in rows] == [2] * 5
        elif form == "csv":
            rows = list(csv.DictReader(io.StringIO(done.stdout)))
            assert [row["rank"] for row in rows] == ["1", "2"] * 5
        assert done.stdout.count(".png") == (10 if form == "csv" else 5)

    def test_a_broken_file_is_named_and_the_others_go_on(
        self, out: Path, pictures: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "broken.png").write_bytes(b"no picture")
        names = "\n".join(map(str, [tmp_path / "broken.png", pictures, tmp_path / "none.png"]))
        done = striate("predict", out / "long", "-", "--format", "csv", "--top", 1, stdin=names)
        assert done.returncode == 1
        assert done.stdout.count(".png") == 5
        assert "broken.png: the file is no picture" in done.stderr
        assert "none.png: cannot be read" in done.stderr


class TestEvaluate:
    def test_it_agrees_with_the_run(self, out: Path) -> None:
        done = striate("evaluate", out / "long", "--json")
        assert done.returncode == 0, done.stderr
        outcome, final = json.loads(done.stdout), Run.open(out / "long").final()
        assert outcome["accuracy"] == pytest.approx(final["test_accuracy"])
        assert outcome["loss"] == pytest.approx(final["test_loss"], rel=1e-6)
        assert sum(row["samples"] for row in outcome["classes"]) == outcome["samples"] == 355
        assert "accuracy" in striate("evaluate", out / "long").stdout

    def test_classes_are_matched_by_name(self, out: Path, pictures: Path, tmp_path: Path) -> None:
        for file in pictures.iterdir():
            for part in ("train", "test"):
                folder = tmp_path / part / file.stem[-1]
                folder.mkdir(parents=True, exist_ok=True)
                (folder / file.name).write_bytes(file.read_bytes())
        done = striate("evaluate", out / "long", "--data", f"folder:{tmp_path}", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["accuracy"] >= 0.8

    def test_unknown_classes_are_listed(self, out: Path, tmp_path: Path) -> None:
        for name in ("cat", "7"):
            (tmp_path / name).mkdir()
            for i in range(5):
                Image.new("L", (8, 8)).save(tmp_path / name / f"{i}.png")
        done = striate("evaluate", out / "long", "--data", f"folder:{tmp_path}")
        assert done.returncode == 2
        assert "the net does not know: cat" in done.stderr


class TestRuns:
    def test_they_are_listed_and_sorted(self, out: Path) -> None:
        best = sort_runs(list_runs(out), "test_accuracy")
        assert [run.name for run in best] == ["long", "short"]
        assert {run.status for run in best} == {"finished"}
        done = striate("runs", out)
        assert done.returncode == 0
        assert "long" in done.stdout
        with pytest.raises(OptionError, match="cannot sort by 'speed'"):
            sort_runs(best, "speed")

    def test_two_are_laid_side_by_side(self, out: Path) -> None:
        rows = dict(compare([out / "short", out / "long"]))
        assert rows["epochs"] == [1, 8]
        assert "lr" not in rows
        columns = json.loads(striate("runs", out / "short", out / "long", "--json").stdout)
        assert columns["long"]["epochs"] == 8

    def test_damaged_and_stopped_runs_are_told_as_such(self, out: Path, tmp_path: Path) -> None:
        for name in ("stopped", "damaged"):
            (tmp_path / name).mkdir()
            for file in ("config.toml", "model.json", "metrics.jsonl"):
                (tmp_path / name / file).write_bytes((out / "short" / file).read_bytes())
        (tmp_path / "damaged" / "model.json").write_text("{")
        lines = (tmp_path / "stopped" / "metrics.jsonl").read_text().splitlines()
        (tmp_path / "stopped" / "metrics.jsonl").write_text(lines[0] + "\n")
        assert [run.status for run in list_runs(tmp_path)] == ["damaged", "stopped"]
        done = striate("runs", tmp_path)
        assert done.returncode == 0
        assert "damaged: " in done.stderr

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(RunError, match="is not a folder"):
            list_runs(tmp_path / "nowhere")
        with pytest.raises(RunError):
            compare([tmp_path, tmp_path])


def test_errors_have_no_traceback(out: Path) -> None:
    done = striate("predict", out / "nowhere", "x.png")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert issubclass(DataError, ValueError)
