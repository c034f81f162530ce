"""Means and deviations, piece by piece."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate.data import ArrayDataset, _moments
from striate.data._moments import Moments, measure


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.booleans())
def test_pieces_give_the_moments_of_the_whole(sizes: list[int], byte: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(0, 256, (sum(sizes), 3, 4, 5), generator=generator)
    inputs = inputs.byte() if byte else inputs.float() / 255 + 1000
    moments = Moments()
    for piece in inputs.split(sizes):
        moments.add(piece)
    if not len(inputs):
        assert (moments.mean, moments.std) == ((), ())
        return
    values = inputs.double() / 255 if byte else inputs.double()
    assert moments.mean == pytest.approx(values.mean(dim=(0, 2, 3)).tolist(), rel=1e-12)
    assert moments.std == pytest.approx(values.std(dim=(0, 2, 3), correction=0).tolist(), rel=1e-6)


def test_a_constant_channel_can_be_divided_by() -> None:
    moments = Moments()
    moments.add(torch.full((3, 1, 4), 0.1))
    assert moments.std == (1.0,)


def test_a_data_set_is_measured_in_the_nets_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_moments, "_CHUNK_BYTES", 8 * 16)
    images = torch.randint(0, 256, (7, 1, 4, 4), dtype=torch.uint8)
    dataset = ArrayDataset(images, torch.zeros(7).long(), ("all",))
    moments = measure(dataset, channels=3)
    assert moments.mean == pytest.approx([float(images.double().mean() / 255)] * 3)
