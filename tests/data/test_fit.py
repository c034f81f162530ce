"""From the data's size to the net's: kept, padded, resized, converted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from striate import ShapeError
from striate.data import ArrayDataset, Subset, fit
from striate.data._fit import fit_mode
from striate.data._fitted import fitted


@pytest.mark.parametrize(
    ("source", "target", "mode"),
    [
        ((1, 28, 28), (1, 28, 28), "keep"),
        ((1, 28, 28), (1, 32, 32), "pad"),
        ((1, 28, 28), (3, 35, 35), "pad"),
        ((1, 28, 28), (1, 36, 36), "resize"),
        ((1, 28, 28), (1, 27, 28), "resize"),
        ((1, 8, 8), (1, 32, 32), "resize"),
        ((1, 100), (1, 8000), "pad"),
        ((1, 100), (1, 50), "pad"),
        ((1, 8, 8, 8), (1, 9, 9, 9), "pad"),
    ],
)
def test_the_rule(source: tuple[int, ...], target: tuple[int, ...], mode: str) -> None:
    assert fit_mode(source, target) == mode


def test_padding_is_even_and_an_odd_pixel_goes_to_the_end() -> None:
    padded = fit(torch.ones(1, 1, 8, 8), (1, 9, 10))[0, 0]
    assert padded.sum(dim=0).tolist() == [0, *[8] * 8, 0]
    assert padded.sum(dim=1).tolist() == [*[8] * 8, 0]


def test_signals_are_padded_or_cropped_in_the_middle() -> None:
    signal = torch.tensor([[[1.0, 2, 3, 4]]])
    assert fit(signal, (1, 7)).tolist() == [[[0, 1, 2, 3, 4, 0, 0]]]
    assert fit(signal, (1, 2)).tolist() == [[[2, 3]]]


def test_resizing_keeps_the_proportions_and_crops_the_middle() -> None:
    image = torch.zeros(1, 1, 10, 30)
    image[..., 10:20] = 1
    assert fit(image, (1, 20, 20)).mean() > 0.95


def test_resizing_does_as_pillow_does() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 48), np.uint8)
    ours = fit(torch.from_numpy(noise)[None, None], (1, 32, 24))[0, 0].numpy()
    theirs = np.asarray(Image.fromarray(noise).resize((24, 32), Image.Resampling.BILINEAR))
    assert abs(ours.astype(int) - theirs).max() <= 1


def test_volumes_are_resized_too() -> None:
    assert fit(torch.ones(2, 1, 4, 4, 4), (1, 8, 8, 8)).unique().tolist() == [1]


@given(
    st.lists(st.integers(1, 12), min_size=2, max_size=2),
    st.lists(st.integers(1, 12), min_size=2, max_size=2),
    st.sampled_from([torch.uint8, torch.float32]),
)
def test_any_size_fits_any_other(old: list[int], new: list[int], dtype: torch.dtype) -> None:
    fitted_images = fit(torch.full((2, 1, *old), 200, dtype=dtype), (3, *new))
    assert fitted_images.shape == (2, 3, *new)
    assert fitted_images.dtype == dtype
    assert set(fitted_images.round().unique().tolist()) <= {0, 200}


class TestChannels:
    def test_grey_is_repeated(self) -> None:
        colour = fit(torch.arange(4.0).view(1, 1, 2, 2), (3, 2, 2))[0]
        assert torch.equal(colour[0], colour[1])
        assert torch.equal(colour[0], colour[2])

    @given(st.tuples(*[st.integers(0, 255)] * 3))
    def test_colour_becomes_the_grey_of_pillow(self, colour: tuple[int, int, int]) -> None:
        theirs = Image.new("RGB", (1, 1), colour).convert("L").getpixel((0, 0))
        ours = fit(torch.tensor(colour, dtype=torch.uint8).view(1, 3, 1, 1), (1, 1, 1))
        assert int(ours) == theirs

    def test_float_colour_is_weighed(self) -> None:
        white = fit(torch.ones(1, 3, 2, 2), (1, 2, 2))
        torch.testing.assert_close(white, torch.ones(1, 1, 2, 2))

    def test_other_numbers_have_no_rule(self) -> None:
        with pytest.raises(ShapeError, match=r"data with 4 channels do not fit .* in_channels=4"):
            fit(torch.ones(1, 4, 2, 2), (3, 2, 2))

    def test_an_image_is_no_signal(self) -> None:
        with pytest.raises(ShapeError, match=r"\(1, 8, 8\) do not fit a net that takes \(1, 100\)"):
            fit(torch.ones(1, 1, 8, 8), (1, 100))


class TestFitted:
    DATA = ArrayDataset(
        torch.randint(0, 256, (10, 1, 8, 8), dtype=torch.uint8),
        torch.arange(10) % 2,
        ("even", "odd"),
        name="test",
    )

    def test_in_memory_and_as_needed_are_the_same(self) -> None:
        now = fitted(self.DATA, (3, 20, 20), memory_bytes=1 << 20)
        later = fitted(self.DATA, (3, 20, 20), memory_bytes=100)
        assert isinstance(now, ArrayDataset)
        assert not isinstance(later, ArrayDataset)
        assert torch.equal(now.fetch([3, 1]), later.fetch([3, 1]))
        assert now.name_of(3) == later.name_of(3) == "test[3]"
        assert now.input_shape == later.input_shape == (3, 20, 20)

    def test_what_fits_is_left_alone(self) -> None:
        assert fitted(self.DATA, (1, 8, 8), memory_bytes=0) is self.DATA

    def test_empty_parts_are_fitted(self) -> None:
        assert fitted(Subset(self.DATA, []), (3, 9, 9), 1 << 20).fetch([]).shape == (0, 3, 9, 9)

    def test_what_cannot_fit_is_told_at_once(self) -> None:
        with pytest.raises(ShapeError, match="do not fit"):
            fitted(self.DATA, (2, 3, 8, 8), memory_bytes=0)
