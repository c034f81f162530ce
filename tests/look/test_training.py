"""How a run went, from what its folder holds."""

import json

import numpy as np
import pytest
import torch

from striate import RunError, look
from striate.data import Preprocess
from striate.train._checkpoint import save_tensors
from striate.train._config import Config
from striate.train._filter_record import FilterRecord
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
    filters = FilterRecord("c1")
    for epoch in range(4):
        filters.add(epoch, create("lenet5").state_dict())
    filters.save(run.path)
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
    assert (found.filters.layer, found.filters.kept) == ("c1", 2)
    for picture in (found.confusion, found.filters, found.curves):
        assert picture._repr_png_().startswith(b"\x89PNG")


def record(run, shape, epochs=3, layer="0"):
    """Filters of which number i grows by i / 10 each epoch, in its last channel."""
    kept = FilterRecord(layer)
    for epoch in range(epochs):
        weight = torch.zeros(shape)
        weight[:, -1] = (0.1 * epoch * torch.arange(shape[0])).reshape(-1, *[1] * (len(shape) - 2))
        kept.add(epoch, {f"{layer}.weight": weight})
    kept.save(run.path)
    return look.training(run.path).filters


def test_filters_over_epochs_are_those_that_changed_most(run):
    found = record(run, (64, 2, 3, 3), epochs=31)
    assert found.epochs[:3] == (0, 1, 2)
    assert (found.epochs[-1], len(found.epochs) <= 10) == (30, True)
    assert found.filters == tuple(range(52, 64))  # twelve rows
    np.testing.assert_allclose(found.weights[:, 1, 1, 0, 0], 0.1 * np.arange(52, 64), rtol=1e-6)
    assert found.limit == pytest.approx(0.1 * 30 * 63)
    assert found.kept is None
    assert "the 12 of 64 filters of 0 that changed most" in found._title()
    # Of two channels the one that is strongest in the end is drawn, at every time.
    np.testing.assert_array_equal(found.tiles(), found.weights[:, :, 1])


@pytest.mark.parametrize(
    ("shape", "tile"),
    [
        ((5, 1, 7), (7,)),
        ((4, 2, 1), (1,)),
        ((5, 3, 3, 2), (3, 2, 3)),
        ((5, 1, 3, 2, 4), (2, 4)),
        ((5, 3, 3, 3, 3), (3, 3, 3)),
        ((1, 1, 1, 1), (1, 1)),
    ],
)
def test_filters_of_every_kind_are_drawn_over_epochs(run, shape, tile):
    found = record(run, shape)
    assert found.tiles().shape == (shape[0], 3, *tile)
    assert found._repr_png_().startswith(b"\x89PNG")


def test_few_epochs_leave_room_for_more_filters(run):
    found = record(run, (64, 1, 3, 3), epochs=2)
    assert found.epochs == (0, 1)
    assert len(found.filters) == 48
    assert found._repr_png_().startswith(b"\x89PNG")


def test_nothing_yet_and_damage_are_told(run, tmp_path):
    finish(run)
    (run.path / "filters.safetensors").write_bytes(b"no")
    with pytest.raises(RunError, match=r"filters.safetensors is damaged.*can be removed"):
        look.training(run.path)
    (run.path / "filters.safetensors").unlink()
    assert look.training(run.path).filters is None
    (run.path / "predictions.safetensors").write_bytes(b"no")
    with pytest.raises(RunError, match="predictions"):
        look.training(run.path)
    (run.path / "metrics.jsonl").unlink()
    with pytest.raises(RunError, match="no epoch has ended yet"):
        look.training(run.path)
    with pytest.raises(RunError, match="is not a folder"):
        look.training(tmp_path / "none")
