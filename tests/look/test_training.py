"""How a run went, from what its folder holds."""

import json

import numpy as np
import pytest
import torch

from striate import RunError, look
from striate.data import Preprocess
from striate.train._checkpoint import save_tensors
from striate.train._config import Config
from striate.train._run import create_run
from striate.zoo import create


@pytest.fixture
def run(tmp_path):
    """A run's folder as the loop writes it, without the training."""
    prepare = Preprocess("image", (1, 8, 8), (1, 32, 32), (0.5,), (0.5,))
    made = create_run(Config(net="lenet5", data="digits", out=str(tmp_path)), "0123456789", prepare)
    lines = [
        {"kind": "epoch", "epoch": e, "train_loss": 1 / e, "train_accuracy": 0.1 * e,
         "test_accuracy": 0.2 * e, "step": e}
        for e in (1, 2, 3)
    ]  # fmt: skip
    (made.path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return made


def finish(run):
    torch.manual_seed(0)
    for name in ("initial", "weights"):
        save_tensors(run.path / f"{name}.safetensors", {"": create("lenet5").state_dict()}, {})
    logits = torch.eye(10)[[0, 1, 1, 2]]
    saved = {"labels": torch.tensor([0, 1, 2, 2]), "logits": logits}
    save_tensors(run.path / "predictions.safetensors", {"test": saved}, {})
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"kind": "final", "best_epoch": 2}) + "\n")


def test_a_run_that_goes_on_has_curves_alone(run):
    found = look.training(run.path)
    assert found.curves.epochs == (1, 2, 3)
    assert found.curves.loss == {"train": (1.0, 0.5, 1 / 3)}
    assert found.curves.accuracy["test"] == (0.2, 0.4, 0.2 * 3)
    assert found.curves.kept is None
    assert (found.confusion, found.filters) == (None, None)
    assert found.curves._repr_png_().startswith(b"\x89PNG")


def test_a_run_that_ended_has_all(run):
    finish(run)
    found = look.training(run.path)
    assert found.curves.kept == 2
    expected = np.zeros((10, 10))
    expected[0, 0] = expected[1, 1] = expected[2, 1] = expected[2, 2] = 1
    np.testing.assert_array_equal(found.confusion.counts, expected)
    assert found.confusion.accuracy == 0.75
    before, after = found.filters.states
    np.testing.assert_array_equal(before.weights, run.model("initial").c1.weight.detach())
    np.testing.assert_array_equal(after.weights, run.model("weights").c1.weight.detach())
    assert found.filters.times == ("before training", "after training")
    assert found.filters.limit == max(before.limit, after.limit)
    for picture in (found.confusion, found.filters, found.curves):
        assert picture._repr_png_().startswith(b"\x89PNG")


def test_nothing_yet_and_damage_are_told(run, tmp_path):
    finish(run)
    (run.path / "predictions.safetensors").write_bytes(b"no")
    with pytest.raises(RunError, match="predictions"):
        look.training(run.path)
    (run.path / "metrics.jsonl").unlink()
    with pytest.raises(RunError, match="no epoch has ended yet"):
        look.training(run.path)
    with pytest.raises(RunError, match="is not a folder"):
        look.training(tmp_path / "none")
