"""The one door: names, paths and shapes that are right and wrong; and real data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from striate import OptionError, ShapeError
from striate.data import load

from .makers import PHOTOS, plant


class TestDigits:
    def test_the_split_is_fixed_and_even(self) -> None:
        digits = load("digits")
        assert (len(digits.train), len(digits.test)) == (1442, 355)
        counts = torch.bincount(digits.test.labels)
        assert counts.min() >= 34
        assert counts.max() <= 36

    def test_levels_span_all_of_a_byte(self) -> None:
        images = load("digits").train.fetch(range(1442))
        assert images.dtype == torch.uint8
        assert (int(images.min()), int(images.max())) == (0, 255)

    def test_they_are_resized_to_what_the_net_takes(self) -> None:
        digits = load(input_shape=(3, 32, 32))
        assert digits.test.fetch([0]).shape == (1, 3, 32, 32)
        assert digits.test.name_of(0) == "test[0]"
        assert len(set(digits.mean)) == 1


def test_normalised_training_data_have_mean_0_and_deviation_1() -> None:
    digits = load("digits")
    inputs = next(digits.batches(digits.train, 2000).epoch()).inputs
    torch.testing.assert_close(inputs.mean(), torch.tensor(0.0), atol=1e-5, rtol=0)
    torch.testing.assert_close(inputs.std(), torch.tensor(1.0), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("spec", "options", "message"),
    [
        ("mnits", {}, r"no data set 'mnits'\. There are digits, mnist, .*, folder:PATH"),
        ("mnist:x", {}, "no data set 'mnist:x'"),
        ("", {}, "no data set ''"),
        ("folder", {}, "'folder' needs a path: folder:PATH"),
        ("wav:", {}, "'wav' needs a path"),
        ("digits", {"input_shape": (8,)}, r"input_shape=\(8,\) must be \(C, L\)"),
        ("digits", {"input_shape": (1, 0, 8)}, r"input_shape=\(1, 0, 8\) must be"),
        ("digits", {"sample_rate": 8000}, "sample_rate is for wav:PATH; 'digits' has none"),
    ],
)
def test_what_cannot_be_is_refused(spec: str, options: dict, message: str) -> None:
    with pytest.raises(OptionError, match=f"data: {message}|data: there is {message}"):
        load(spec, **options)


def test_images_do_not_fit_a_net_for_signals() -> None:
    with pytest.raises(ShapeError, match="Choose a net for 2D data"):
        load("digits", input_shape=(1, 8000))


def test_a_path_is_looked_for_in_the_data_folder_too(tmp_path: Path) -> None:
    plant(tmp_path / "photos", PHOTOS)
    assert len(load("folder:photos", data_dir=tmp_path).train) == 16


REAL = os.environ.get("STRIATE_DATA")


@pytest.mark.skipif(not REAL, reason="STRIATE_DATA names no real data")
class TestRealData:
    def test_spoken_digits(self) -> None:
        sounds = load("wav:spoken-digits-wav.zip", data_dir=REAL, input_shape=(1, 8000))
        assert (len(sounds.train), len(sounds.test)) == (2700, 300)
        assert sounds.sample_rate == 8000
        assert sounds.classes == tuple("0123456789")
        assert not sounds.broken

    @pytest.mark.slow  # decodes 60,000 pictures
    def test_cifar_from_jpegs_in_a_zip(self) -> None:
        cifar = load("folder:cifar10-jpg.zip", data_dir=REAL, workers=2)
        assert (len(cifar.train), len(cifar.test)) == (50_000, 10_000)
        assert cifar.input_shape == (3, 32, 32)
        assert cifar.mean == pytest.approx((0.4914, 0.4822, 0.4465), abs=5e-4)
        assert torch.bincount(cifar.test.labels).tolist() == [1000] * 10
        assert not cifar.train.on_demand
