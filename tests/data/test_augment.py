"""Augmentation: by hand, in bounds, and each sample by itself."""

from __future__ import annotations

import pytest
import torch

from striate import OptionError
from striate.data import Augment, Draws

DRAWS = Draws(seed=0, epoch=1, positions=torch.arange(500))
EVERYTHING = Augment(shift=2, flip=True, cutout=3, rotate=10.0)


class TestShift:
    def test_it_goes_by_whole_pixels_both_ways(self) -> None:
        image = torch.zeros(500, 1, 9, 9)
        image[:, 0, 4, 4] = 1
        shifted = Augment(shift=2)(image, DRAWS)
        places = shifted.flatten(1).argmax(1)
        rows, columns = places // 9 - 4, places % 9 - 4
        assert set(rows.tolist()) == set(columns.tolist()) == {-2, -1, 0, 1, 2}
        assert shifted.sum(dim=(1, 2, 3)).unique().tolist() == [1]

    def test_zeros_come_in_from_outside(self) -> None:
        shifted = Augment(shift=1)(torch.ones(500, 2, 5), DRAWS)
        assert sorted({tuple(row) for row in shifted[:, 1].tolist()}) == [
            (0, 1, 1, 1, 1),
            (1, 1, 1, 1, 0),
            (1, 1, 1, 1, 1),
        ]

    def test_all_channels_go_together(self) -> None:
        image = torch.rand(1, 1, 9, 9).expand(500, 3, 9, 9)
        shifted = Augment(shift=2)(image, DRAWS)
        assert torch.equal(shifted[:, 0], shifted[:, 2])

    def test_volumes_move_along_three_axes(self) -> None:
        volume = torch.zeros(500, 1, 5, 5, 5)
        volume[:, 0, 2, 2, 2] = 1
        shifted = Augment(shift=1)(volume, DRAWS)
        assert len(shifted.flatten(1).argmax(1).unique()) == 27


def test_half_are_flipped() -> None:
    image = torch.arange(4.0).expand(500, 1, 1, 4)
    flipped = Augment(flip=True)(image, DRAWS)[:, 0, 0]
    assert {tuple(row) for row in flipped.tolist()} == {(0, 1, 2, 3), (3, 2, 1, 0)}
    assert 0.4 < (flipped[:, 0] == 3).float().mean() < 0.6


class TestCutout:
    def test_it_blanks_a_square_that_may_hang_over(self) -> None:
        cut = Augment(cutout=3)(torch.ones(500, 1, 9, 9), DRAWS)
        sizes = set((cut == 0).sum(dim=(1, 2, 3)).tolist())
        assert sizes == {4, 6, 9}  # corner 2x2, edge 2x3, inside 3x3

    def test_every_pixel_can_be_hit(self) -> None:
        cut = Augment(cutout=1)(torch.ones(500, 1, 3, 3), DRAWS)
        assert (cut == 0).sum(dim=(1, 2, 3)).unique().tolist() == [1]
        assert (cut == 0).any(dim=0).all()


class TestRotate:
    def test_the_middle_and_the_sum_stay(self) -> None:
        image = torch.zeros(500, 1, 11, 11)
        image[:, 0, 5, 3:8] = 1
        turned = Augment(rotate=20.0)(image, DRAWS)
        assert turned[:, 0, 5, 5].min() > 0.8
        torch.testing.assert_close(
            turned.sum(dim=(1, 2, 3)), torch.full((500,), 5.0), rtol=0.1, atol=0
        )

    def test_a_quarter_turn_is_exact(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Draws, "uniform", lambda *_: torch.ones(1, dtype=torch.float64))
        image = torch.rand(1, 1, 6, 6)
        turned = Augment(rotate=90.0)(image, Draws(0, 0, torch.arange(1)))
        torch.testing.assert_close(turned, image.rot90(dims=(2, 3)), atol=1e-5, rtol=0)

    def test_a_round_blob_stays_round_in_an_oblong_image(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Draws, "uniform", lambda *_: torch.ones(1, dtype=torch.float64))
        y, x = torch.meshgrid(torch.arange(15.0) - 7, torch.arange(31.0) - 15, indexing="ij")
        blob = torch.exp(-(x**2 + y**2) / 20)[None, None]
        turned = Augment(rotate=45.0)(blob, Draws(0, 0, torch.arange(1)))
        assert (turned - blob).abs().max() < 0.05

    def test_the_angles_fill_the_range(self) -> None:
        image = torch.zeros(500, 1, 21, 21)
        image[:, 0, 10, 20] = 1
        rows = Augment(rotate=30.0)(image, DRAWS)[:, 0].sum(dim=2).argmax(dim=1) - 10
        assert int(rows.min()) in (-5, -4)  # 10 * sin 30 degrees = 5
        assert int(rows.max()) in (4, 5)

    def test_a_shift_goes_by_whole_pixels_in_the_same_pass(self) -> None:
        image = torch.zeros(500, 1, 9, 12)
        image[:, 0, 4, 6] = 1
        whole = Augment(shift=2)(image, DRAWS)
        moved = Augment(shift=2, rotate=1e-9)(image, DRAWS)
        torch.testing.assert_close(moved, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"shift": 2}, {"shift": 2, "rotate": 10.0}], ids=str)
def test_bytes_become_numbers_from_0_to_1(options: dict) -> None:
    images = torch.randint(0, 256, (500, 3, 7, 9), dtype=torch.uint8)
    augment = Augment(**options, flip=True)
    assert torch.equal(augment(images, DRAWS), augment(images.float() / 255, DRAWS))


def test_gain_stays_within_its_decibels() -> None:
    loud = Augment(gain=6.0)(torch.ones(500, 1, 10), DRAWS)[:, 0, 0]
    assert 10 ** (-6 / 20) <= loud.min() < 0.52
    assert 1.94 < loud.max() <= 10 ** (6 / 20)


def test_a_sample_does_not_depend_on_the_batch_it_is_in() -> None:
    images = torch.rand(500, 3, 13, 11)
    whole = EVERYTHING(images, DRAWS)
    for part in (slice(0, 1), slice(7, 20), slice(137, 500)):
        alone = EVERYTHING(images[part], Draws(0, 1, torch.arange(500)[part]))
        assert torch.equal(alone, whole[part])


def test_an_empty_batch_stays_empty() -> None:
    draws = Draws(0, 0, torch.arange(0))
    assert EVERYTHING(torch.ones(0, 1, 9, 9), draws).shape == (0, 1, 9, 9)


def test_the_input_is_left_alone() -> None:
    images = torch.rand(500, 1, 9, 9)
    before = images.clone()
    EVERYTHING(images, DRAWS)
    assert torch.equal(images, before)


@pytest.mark.parametrize(
    ("options", "shape", "message"),
    [
        ({"flip": True}, (1, 9), "flip=True is not for signals"),
        ({"rotate": 5.0}, (1, 9), "rotate=5.0 is not for signals"),
        ({"rotate": 5.0}, (1, 9, 9, 9), "rotate=5.0 is not for volumes"),
        ({"gain": 1.0}, (1, 9, 9), "gain=1.0 is not for images"),
        ({"shift": 9}, (1, 9, 12), "shift=9 can blank a whole input .* less than 9"),
        ({"cutout": 12}, (1, 12, 12), "cutout=12 can blank a whole input"),
    ],
)
def test_what_data_cannot_have_is_refused(options: dict, shape: tuple, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Augment(**options).check(shape)


@pytest.mark.parametrize(
    "options", [{"shift": -1}, {"shift": 1.5}, {"cutout": -2}, {"rotate": 181.0}, {"gain": -1.0}]
)
def test_amounts_out_of_range_are_refused(options: dict) -> None:
    with pytest.raises(OptionError, match=rf"Augment: {next(iter(options))}="):
        Augment(**options)
