"""The split into a part to train with and a part to test with."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate import OptionError
from striate.data import split


@given(st.lists(st.integers(0, 3), max_size=60), st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9]))
def test_it_is_whole_and_even_over_the_classes(labels: list[int], fraction: float) -> None:
    tensor = torch.tensor(labels, dtype=torch.int64)
    rest, chosen = split(tensor, fraction)
    assert sorted([*rest.tolist(), *chosen.tolist()]) == list(range(len(labels)))
    for label in set(labels):
        count = labels.count(label)
        assert (tensor[chosen] == label).sum() == int(count * fraction + 1e-9)


def test_a_fifth_is_every_fifth_of_a_class() -> None:
    labels = torch.tensor([0, 1] * 10)
    assert split(labels)[1].tolist() == [8, 9, 18, 19]


@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan")])
def test_other_fractions_are_refused(fraction: float) -> None:
    with pytest.raises(OptionError, match="must be at least 0 and less than 1"):
        split(torch.zeros(3), fraction)
