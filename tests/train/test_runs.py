"""What became of runs: finished, interrupted, failed, damaged; and comparing them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from striate import OptionError, RunError
from striate.train import Config, Run, list_runs, train
from striate.train._runs import compare, sort_runs, summarise


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    return train(Config.make(epochs=2, out=str(out), name="one")).path


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of a finished run, to be spoiled."""
    return Path(shutil.copytree(finished, tmp_path / "one"))


def keep(run: Path, lines: int) -> None:
    """Keep only the first lines of the metrics."""
    path = run / "metrics.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:lines]))


def test_a_finished_run_tells_how_it_did(finished: Path) -> None:
    summary, final = summarise(finished), Run.open(finished).final()
    assert (summary.status, summary.epochs, summary.of_epochs) == ("finished", 2, 2)
    assert (summary.net, summary.data) == ("lenet5", "digits")
    assert summary.test_accuracy == final["test_accuracy"]
    assert summary.seconds == pytest.approx(final["seconds"])


def test_a_run_with_a_checkpoint_is_interrupted(run: Path) -> None:
    keep(run, 1)
    summary = summarise(run)
    assert (summary.status, summary.epochs, summary.of_epochs) == ("interrupted", 1, 2)
    assert summary.test_accuracy == Run.open(run).epochs()[0]["test_accuracy"]


def test_a_run_without_a_checkpoint_has_failed(run: Path) -> None:
    keep(run, 0)
    (run / "checkpoint.safetensors").unlink()
    summary = summarise(run)
    assert (summary.status, summary.test_accuracy) == ("failed", None)
    assert "has no checkpoint" in summary.problem


def test_a_run_that_diverged_has_failed_and_tells_why(tmp_path: Path) -> None:
    config = Config.make(epochs=3, lr=1e9, optimizer="sgd", out=str(tmp_path), name="wild")
    with pytest.raises(RunError, match="the loss became"):
        train(config)
    summary = summarise(tmp_path / "wild")
    assert summary.status == "failed"
    assert "the loss became" in summary.problem


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("config.toml", "epochs = "),
        ("config.toml", "epochs = -1"),
        ("model.json", "[]"),
        ("metrics.jsonl", '{"kind": \n{"kind": "epoch"}\n'),
        ("metrics.jsonl", '{"kind": "epoch"}\n'),
        ("metrics.jsonl", "[1]\n[2]\n"),
    ],
)
def test_a_damaged_run_is_named_and_no_more(run: Path, file: str, text: str) -> None:
    (run / file).write_text(text)
    summary = summarise(run)
    assert summary.status == "damaged"
    assert run.name in summary.problem


def test_other_folders_and_files_are_passed_over(run: Path) -> None:
    (run.parent / "notes").mkdir()
    (run.parent / "notes.txt").touch()
    assert [summary.name for summary in list_runs(run.parent)] == ["one"]


def test_runs_are_sorted_with_the_unknown_last(run: Path) -> None:
    for name in ("better", "nothing"):
        shutil.copytree(run, run.parent / name)
    keep(run.parent / "nothing", 0)
    path = run.parent / "better" / "metrics.jsonl"
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    entries[-1]["test_accuracy"] = 1.0
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    order = sort_runs(list_runs(run.parent), "test_accuracy")
    assert [summary.name for summary in order] == ["better", "one", "nothing"]
    with pytest.raises(OptionError, match="cannot sort by 'speed'; there are name, status"):
        sort_runs(order, "speed")


def test_a_comparison_has_the_outcome_and_what_differs(run: Path) -> None:
    other = Path(shutil.copytree(run, run.parent / "two"))
    config = other / "config.toml"
    text = config.read_text().replace('name = "one"', 'name = "two"')
    config.write_text(text.replace("seed = 0", "seed = 5") + "[net_options]\nwidth = 2.0\n")
    keep(other, 1)
    rows = dict(compare([run, other]))
    assert rows["status"] == ["finished", "interrupted"]
    assert rows["epochs_done"] == [2, 1]
    assert rows["seed"] == [0, 5]
    assert rows["net_options.width"] == [None, 2.0]
    assert not {"name", "out", "lr"} & set(rows)


def test_what_is_no_run_cannot_be_compared(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a folder"):
        compare([run, tmp_path / "nowhere"])


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be read: No such file"):
        list_runs(tmp_path / "nowhere")
