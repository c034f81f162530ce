"""Training: it learns, repeats, resumes bit for bit, and ends in an orderly way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from striate import DataError, OptionError, RunError
from striate.data import ArrayDataset, Data, load
from striate.train import Config, Interrupted, Run, evaluate, train
from striate.train._progress import Silent

NETS = f"{Path(__file__).parent / 'nets.py'}:"


@pytest.fixture(scope="module")
def digits() -> Data:
    return load("digits")


def quick(out: Path, **options: Any) -> Config:
    given = {"net": NETS + "with_dropout_and_norm", "epochs": 2, "batch_size": 128, "shift": 1}
    given |= {"optimizer": "sgd", "lr": 0.05, "schedule": "cosine", "weight_decay": 1e-4}
    given |= {"rotate": 0.0, "label_smoothing": 0.0}
    return Config.make(out=str(out), **{**given, **options})


def weights(run: Run, name: str = "weights") -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(run.path / f"{name}.safetensors")


def numbers(run: Run) -> list[dict[str, Any]]:
    timing = ("seconds", "total_seconds", "images_per_s")
    return [{k: v for k, v in e.items() if k not in timing} for e in run.metrics()]


def assert_same_run(a: Run, b: Run) -> None:
    assert numbers(a) == numbers(b)
    for name in ("weights", "filters"):
        ours, theirs = weights(a, name), weights(b, name)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items()), name


class TestLearning:
    def test_a_small_net_learns_the_digits(self, tmp_path: Path, digits: Data) -> None:
        run = train(quick(tmp_path, epochs=12, batch_size=32, val_split=0.1), data=digits)
        assert run.final()["test_accuracy"] > 0.9
        first, last = run.epochs()[0], run.epochs()[-1]
        assert last["train_loss"] < first["train_loss"] / 2

    def test_lenet5_learns_the_digits_beyond_98_percent(self, tmp_path: Path) -> None:
        run = train(Config.make(out=str(tmp_path), threads=1, epochs=6))
        assert run.final()["test_accuracy"] >= 0.98

    @pytest.mark.parametrize(
        "options",
        [
            {"optimizer": "adam", "lr": 0.003},
            {"optimizer": "adamw", "lr": 0.003, "schedule": "onecycle", "ema": 0.9},
            {"clip_grad": 1.0, "label_smoothing": 0.1, "class_weights": "balanced"},
            {"amp": True, "schedule": "constant", "momentum": 0.0},
        ],
        ids=str,
    )
    def test_every_option_still_learns(self, tmp_path: Path, digits: Data, options: dict) -> None:
        run = train(quick(tmp_path, epochs=5, batch_size=32, **options), data=digits)
        assert run.epochs()[-1]["train_loss"] < run.epochs()[0]["train_loss"]
        assert run.final()["test_accuracy"] > 0.5

    def test_the_folder_holds_what_it_says(self, tmp_path: Path, digits: Data) -> None:
        run = Run.open(train(quick(tmp_path), data=digits).path, trusted=True)
        names = {path.name.partition(".")[0] for path in run.path.iterdir()}
        assert {"config", "environment", "model", "metrics", "weights", "initial"} <= names
        outcome = evaluate(run.model(), digits.batches(digits.test, 64))
        assert outcome.accuracy == run.final()["test_accuracy"]
        assert outcome.loss == pytest.approx(run.final()["test_loss"], rel=1e-6)
        assert run.classes == digits.classes

    def test_the_best_epoch_by_validation_is_kept(self, tmp_path: Path, digits: Data) -> None:
        config = quick(tmp_path, epochs=4, val_split=0.2, schedule="constant")
        run = train(config, data=digits)
        losses = [entry["val_loss"] for entry in run.epochs()]
        assert run.final()["best_epoch"] == losses.index(min(losses)) + 1

    def test_early_stop_and_target_end_it(self, tmp_path: Path, digits: Data) -> None:
        run = train(quick(tmp_path, epochs=50, batch_size=32, target=60), data=digits)
        assert run.final()["epochs"] < 50
        config = quick(tmp_path, epochs=60, lr=1e-9, val_split=0.2, early_stop=2, seed=3)
        assert train(config, data=digits).final()["epochs"] < 60


class TestRepeating:
    def test_the_same_seed_gives_the_same_bits(self, tmp_path: Path, digits: Data) -> None:
        a, b = (train(quick(tmp_path, seed=5), data=digits) for _ in range(2))
        assert_same_run(a, b)

    def test_another_seed_gives_other_weights(self, tmp_path: Path, digits: Data) -> None:
        a, b = (weights(train(quick(tmp_path, seed=s), data=digits)) for s in (1, 2))
        assert not torch.equal(a["0.weight"], b["0.weight"])

    OPTIONS = {  # noqa: RUF012
        "ema": 0.9, "val_split": 0.1, "optimizer": "adamw", "lr": 0.003,
    }  # fmt: skip

    @pytest.fixture(scope="class")
    @classmethod
    def whole(cls, tmp_path_factory: pytest.TempPathFactory, digits: Data) -> Run:
        return train(quick(tmp_path_factory.mktemp("whole"), **cls.OPTIONS), data=digits)

    @pytest.mark.parametrize("stop_at", [1, 5, 12, 13])
    def test_stopped_and_resumed_is_as_never_stopped(
        self, tmp_path: Path, digits: Data, whole: Run, stop_at: int
    ) -> None:
        class StopAt(Silent):
            seen = 0

            def step(self, *_: Any) -> None:
                self.seen += 1
                if self.seen == stop_at:
                    os.kill(os.getpid(), signal.SIGINT)

        with pytest.raises(Interrupted) as stopped:
            train(quick(tmp_path, **self.OPTIONS), data=digits, progress=StopAt())
        resumed = train(resume=stopped.value.path, data=digits)
        assert_same_run(whole, resumed)
        record, start = resumed.filters(), weights(resumed, "initial")
        assert record is not None
        assert list(record.epochs) == [0, 1, 2]
        assert torch.equal(record.epochs[0], start[f"{record.layer}.weight"])
        assert not torch.equal(record.epochs[0], record.epochs[2])

    def test_killed_in_mid_epoch_and_resumed_is_as_never_stopped(self, tmp_path: Path) -> None:
        given = {"epochs": 4, "batch_size": 64, "checkpoint_every": 3, "threads": 1}
        config = Config.make(
            net=NETS + "with_dropout_and_norm", out=str(tmp_path), name="whole", **given
        )
        whole = train(config)
        command = [sys.executable, "-m", "striate", "train", config.net, "--name", "killed"]
        for name, value in given.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        process = subprocess.Popen([*command, "--out", str(tmp_path)], stdout=subprocess.DEVNULL)
        checkpoint, metrics = (
            tmp_path / "killed" / name for name in ("checkpoint.safetensors", "metrics.jsonl")
        )
        deadline = time.monotonic() + 60
        while not (checkpoint.exists() and metrics.exists()) and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"
        assert_same_run(whole, train(resume=tmp_path / "killed"))

    def test_resuming_a_finished_run_changes_nothing(self, tmp_path: Path, digits: Data) -> None:
        run = train(quick(tmp_path), data=digits)
        before = numbers(run), weights(run)
        again = train(resume=run.path, data=digits)
        assert numbers(again) == before[0]
        assert all(torch.equal(v, before[1][k]) for k, v in weights(again).items())


class TestEndings:
    def test_a_loss_that_is_no_number_is_explained(self, tmp_path: Path, digits: Data) -> None:
        with pytest.raises(RunError, match=r"the loss became .* in epoch \d+.*try --lr"):
            train(quick(tmp_path, lr=1e30, warmup_epochs=0.0, epochs=3), data=digits)

    def test_a_full_disk_loses_nothing(
        self, tmp_path: Path, digits: Data, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = train(quick(tmp_path, epochs=1), data=digits)
        kept = (run.path / "checkpoint.safetensors").read_bytes()

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(RunError, match=r"No space left on device\. The earlier one is intact"):
            train(resume=run.path, data=digits)
        assert (run.path / "checkpoint.safetensors").read_bytes() == kept
        assert not list(run.path.glob("*.tmp")) + list(run.path.glob(".*.tmp"))

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path, digits: Data) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(RunError, match=r"cannot be made.*--out"):
            train(quick(tmp_path / "file"), data=digits)

    def test_a_name_that_is_taken(self, tmp_path: Path, digits: Data) -> None:
        train(quick(tmp_path, name="one", epochs=1), data=digits)
        with pytest.raises(RunError, match=r"exists\. Choose another --name"):
            train(quick(tmp_path, name="one"), data=digits)

    @pytest.mark.parametrize(
        ("net", "message"),
        [
            (NETS + "of_three_classes", r"gives \(128, 3\); a classifier of 10 classes"),
            (NETS + "that_is_no_net", "gave int; it must be a function that returns"),
            (NETS + "missing", "has no function 'missing'"),
            ("no.such.module:net", "cannot be imported"),
            ("nowhere.py:net", "there is no such file"),
            ("lenet6", "there is no network 'lenet6'"),
        ],
    )
    def test_nets_that_do_not_fit(
        self, tmp_path: Path, digits: Data, net: str, message: str
    ) -> None:
        with pytest.raises(OptionError, match=message):
            train(quick(tmp_path, net=net), data=digits)

    def test_class_weights_of_another_number(self, tmp_path: Path, digits: Data) -> None:
        with pytest.raises(OptionError, match="2 numbers for 10 classes"):
            train(quick(tmp_path, class_weights=(1.0, 2.0)), data=digits)


class TestDamage:
    @pytest.fixture(scope="class")
    @classmethod
    def whole(cls, tmp_path_factory: pytest.TempPathFactory, digits: Data) -> Run:
        return train(quick(tmp_path_factory.mktemp("whole"), epochs=1), data=digits)

    @pytest.fixture
    def run(self, tmp_path: Path, whole: Run) -> Run:
        return Run.open(shutil.copytree(whole.path, tmp_path / "run"), trusted=True)

    @pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"\x08\0\0\0\0\0\0\0{}      "])
    def test_a_damaged_checkpoint_is_named(self, run: Run, digits: Data, content: bytes) -> None:
        (run.path / "checkpoint.safetensors").write_bytes(content)
        with pytest.raises(RunError, match=r"checkpoint\.safetensors is damaged"):
            train(resume=run.path, data=digits)

    def test_a_truncated_checkpoint_is_named(self, run: Run, digits: Data) -> None:
        path = run.path / "checkpoint.safetensors"
        path.write_bytes(path.read_bytes()[:-10])
        with pytest.raises(RunError, match="is damaged"):
            train(resume=run.path, data=digits)

    def test_a_checkpoint_of_another_net(self, run: Run, tmp_path: Path, digits: Data) -> None:
        other = train(quick(tmp_path, net=NETS + "with_norm", epochs=1), data=digits)
        checkpoint = (other.path / "checkpoint.safetensors").read_bytes()
        (run.path / "checkpoint.safetensors").write_bytes(checkpoint)
        with pytest.raises(RunError, match="is not a checkpoint of"):
            train(resume=run.path, data=digits)

    def test_a_torn_last_line_of_metrics(self, run: Run) -> None:
        with (run.path / "metrics.jsonl").open("a") as file:
            file.write('{"kind": "ep')
        assert [entry["kind"] for entry in run.metrics()] == ["epoch", "final"]

    def test_folders_that_are_no_runs(self, tmp_path: Path, run: Run) -> None:
        with pytest.raises(RunError, match="is not a folder"):
            Run.open(tmp_path / "nowhere")
        with pytest.raises(RunError, match=r"holds no config\.toml"):
            Run.open(tmp_path)
        (run.path / "model.json").write_text("[]")
        with pytest.raises(RunError, match=r"model\.json is missing or damaged"):
            Run.open(run.path)


def test_a_net_for_other_classes_is_refused(tmp_path: Path) -> None:
    images = torch.zeros(20, 1, 8, 8, dtype=torch.uint8)
    part = ArrayDataset(images, torch.zeros(20).long(), ("only",))
    one = Data("one", part, part, ("only",), (1, 8, 8), (0.0,), (1.0,))
    with pytest.raises(OptionError, match="a classifier of 1 classes"):
        train(quick(tmp_path, net=NETS + "with_norm"), data=one)


def test_a_data_set_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not there"):
        train(quick(tmp_path, data=f"folder:{tmp_path / 'nowhere'}"))


@pytest.mark.parametrize(
    ("net", "engine"),
    [("lenet5", "native kernels"), (NETS + "with_norm", "torch, since batch norm")],
)
def test_two_processes_train_like_one(tmp_path: Path, net: str, engine: str) -> None:
    # SGD: Adam divides by the gradient's size, and so makes much of rounding where it is 0.
    given = {
        "epochs": 1, "threads": 1, "batch_size": 101, "label_smoothing": 0.1, "optimizer": "sgd",
        "lr": 0.05, "class_weights": "balanced", "out": str(tmp_path),
    }  # fmt: skip
    one = train(Config.make(net=net, name="one", **given))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "-m", "striate", "train", net, "--name", "two"]
    for name, value in given.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"engine: {engine}" in done.stdout
    two = Run.open(tmp_path / "two")
    for key, tensor in weights(one).items():
        torch.testing.assert_close(weights(two)[key], tensor, rtol=2e-4, atol=2e-5)
    a, b = one.epochs()[0], two.epochs()[0]
    assert a["train_loss"] == pytest.approx(b["train_loss"], rel=1e-5)
    assert json.loads((two.path / "environment.json").read_text())["seed"] == 0
