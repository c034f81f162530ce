"""Batches depend on the seed, the epoch and the position, and on nothing else."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate import DataError, OptionError, ShapeError
from striate.data import ArrayDataset, Augment, Batches, Subset

CLASSES = ("even", "odd")


def dataset(count: int, shape: tuple[int, ...] = (1, 6, 6)) -> ArrayDataset:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(0, 256, (count, *shape), generator=generator).byte()
    return ArrayDataset(inputs, torch.arange(count) % 2, CLASSES, name="test")


def batches(count: int, batch_size: int, **options: object) -> Batches:
    given = {"mean": (0.5,), "std": (0.25,), "shuffle": True, "seed": 3}
    return Batches(dataset(count), batch_size, **{**given, **options})


AUGMENT = Augment(shift=2, flip=True, cutout=2, rotate=10.0)


@given(
    count=st.integers(1, 50),
    batch_size=st.integers(1, 20),
    world_size=st.integers(1, 4),
    epoch=st.integers(0, 5),
)
def test_ranks_together_are_one_process(
    count: int, batch_size: int, world_size: int, epoch: int
) -> None:
    whole = list(batches(count, batch_size, augment=AUGMENT).epoch(epoch))
    sizes = {len(batch.labels) for batch in whole}
    assert {*batches(count, batch_size).sizes} == sizes
    shares = [
        list(
            batches(count, batch_size, augment=AUGMENT, rank=r, world_size=world_size).epoch(epoch)
        )
        for r in range(world_size)
    ]
    assert len(whole) == -(-count // batch_size)
    for step, batch in enumerate(whole):
        parts = [share[step] for share in shares]
        assert torch.equal(torch.cat([p.inputs for p in parts]), batch.inputs)
        assert torch.equal(torch.cat([p.labels for p in parts]), batch.labels)
        assert all(torch.equal(p.global_labels, batch.labels) for p in parts)
        assert all(p.global_size == len(batch.labels) for p in parts)


@given(count=st.integers(1, 50), batch_size=st.integers(1, 20), data=st.data())
def test_an_epoch_can_be_entered_at_any_step(
    count: int, batch_size: int, data: st.DataObject
) -> None:
    made = batches(count, batch_size, augment=AUGMENT)
    start = data.draw(st.integers(0, made.steps))
    whole, rest = list(made.epoch(1)), list(made.epoch(1, start))
    assert [b.step for b in rest] == list(range(start, made.steps))
    for a, b in zip(whole[start:], rest, strict=True):
        assert torch.equal(a.inputs, b.inputs)
        assert torch.equal(a.indices, b.indices)


def test_every_sample_comes_once_an_epoch_in_a_new_order() -> None:
    made = batches(100, 7)
    first, second = (torch.cat([b.indices for b in made.epoch(e)]) for e in (1, 2))
    assert first.sort().values.tolist() == list(range(100))
    assert second.sort().values.tolist() == list(range(100))
    assert not torch.equal(first, second)


def test_inputs_are_scaled_and_normalised() -> None:
    batch = next(batches(4, 4, shuffle=False).epoch())
    raw = dataset(4).inputs.float() / 255
    torch.testing.assert_close(batch.inputs, (raw - 0.5) / 0.25)


def test_without_augmentation_nothing_changes() -> None:
    a = next(batches(4, 4).epoch())
    b = next(batches(4, 4, augment=Augment()).epoch())
    assert torch.equal(a.inputs, b.inputs)


def test_subsets_keep_names_and_labels() -> None:
    part = Subset(dataset(10), [7, 2])
    assert part.labels.tolist() == [1, 0]
    assert part.name_of(0) == "test[7]"
    assert torch.equal(part.fetch([1]), dataset(10).fetch([2]))


def test_arrays_that_do_not_go_together() -> None:
    with pytest.raises(ShapeError, match="3 inputs came with 2 labels"):
        ArrayDataset(torch.zeros(3, 1, 4), torch.zeros(2).long(), CLASSES)
    with pytest.raises(DataError, match="label 5 of sample 1"):
        ArrayDataset(torch.zeros(2, 1, 4), torch.tensor([0, 5]), CLASSES)
    with pytest.raises(ShapeError, match="have 2 axes"):
        ArrayDataset(torch.zeros(2, 4), torch.zeros(2).long(), CLASSES)
    with pytest.raises(OptionError, match="mean has 2"):
        Batches(dataset(2), 1, mean=(0, 0), std=(1, 1))
