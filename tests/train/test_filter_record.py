"""The record of the first filters: bounded, and the same however often a run was stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate import RunError, nn
from striate.train._filter_record import (
    MOST_EPOCHS,
    FilterRecord,
    load_record,
    resume_record,
    start_record,
)


def weights(epoch: int, shape: tuple[int, ...] = (2, 1, 1, 1)) -> dict[str, torch.Tensor]:
    return {"c.weight": torch.full(shape, float(epoch))}


def after(epochs: int, start: FilterRecord | None = None, first: int = 0) -> FilterRecord:
    record = start or FilterRecord("c")
    for epoch in range(first, epochs + 1):
        record.add(epoch, weights(epoch))
    return record


def test_short_runs_keep_every_epoch_and_long_ones_every_second_fourth() -> None:
    assert list(after(40).epochs) == list(range(41))
    assert list(after(41).epochs) == [*range(0, 41, 2), 41]
    assert list(after(1000).epochs) == [*range(0, 1000, 32), 1000]
    assert all(weight.eq(epoch).all() for epoch, weight in after(100).epochs.items())


@given(st.integers(0, 300), st.integers(0, 300))
def test_what_is_kept_does_not_depend_on_where_a_run_was_stopped(a: int, b: int) -> None:
    stop, end = sorted((a, b))
    whole = after(end)
    assert 0 in whole.epochs
    assert end in whole.epochs
    assert len(whole.epochs) <= MOST_EPOCHS + 2
    assert list(after(end, after(stop), stop + 1).epochs) == list(whole.epochs)


def test_large_filters_are_kept_in_part() -> None:
    record = FilterRecord("c")
    record.add(0, weights(0, (70, 20, 3, 3)))
    assert record.epochs[0].shape == (64, 16, 3, 3)


def test_a_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    net = torch.nn.Sequential(torch.nn.ReLU(), nn.Conv2d(1, 2, 3))
    record = start_record(net)
    assert record is not None
    assert record.layer == "1"
    for epoch in range(4):
        record.add(epoch, net.state_dict())
    record.save(tmp_path)
    resumed = resume_record(net, tmp_path, 2)  # epoch 3 ended, and its checkpoint was not written
    assert resumed is not None
    assert list(resumed.epochs) == [0, 1, 2]
    assert torch.equal(resumed.epochs[2], net[1].weight)
    other = resume_record(torch.nn.Sequential(nn.Conv1d(1, 2, 3)), tmp_path, 2)
    assert other == FilterRecord("0")
    assert resume_record(torch.nn.Linear(1, 1), tmp_path, 2) is None
    assert load_record(tmp_path / "nowhere") is None


def test_damage_is_named(tmp_path: Path) -> None:
    (tmp_path / "filters.safetensors").write_bytes(b"nothing")
    with pytest.raises(RunError, match=r"filters\.safetensors is damaged.*it can be removed"):
        load_record(tmp_path)


def test_a_course_looks_closely_at_the_first_epochs_and_at_what_changed_most() -> None:
    record = FilterRecord("c")
    for epoch in range(41):
        moving = torch.tensor([0.0, 3.0, -2.0, 1.0]) * epoch
        record.add(epoch, {"c.weight": moving.reshape(4, 1, 1)})
    course = record.course(most_epochs=6, most_filters=2)
    assert course.epochs == (0, 1, 3, 8, 19, 40)  # 41 ** (i / 5) - 1
    assert course.filters == (1, 2)
    assert course.weights[:, 1, 0, 0].tolist() == [3.0, -2.0]
    assert record.course(50, 9).epochs == tuple(range(41))
