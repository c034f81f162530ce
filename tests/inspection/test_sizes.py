"""Which input sizes fit, and what the errors say of them."""

from __future__ import annotations

import pytest
from torch import nn

from striate import capture, inspect, zoo
from striate.errors import GraphError, OptionError
from striate.graph import FitError
from striate.graph._fit import progressions
from striate.inspection import find_sizes


def test_lenet5_takes_32_to_35() -> None:
    sizes = find_sizes(capture(zoo.create("lenet5"), (1, 1, 32, 32)), largest=64)
    assert (sizes.smallest, sizes.legal, sizes.lossless) == (32, (32, 33, 34, 35), (32,))


def test_a_unet_takes_multiples_of_16() -> None:
    sizes = find_sizes(capture(zoo.create("unet").eval(), (1, 1, 32, 32)), largest=100)
    assert sizes.legal == (16, 32, 48, 64, 80, 96)
    assert "16, 32 and every 16 more" in sizes.to_text()


def test_a_stride_that_fits_exactly_loses_nothing() -> None:
    # 3x3, stride 3 tiles 3, 6, 9, ... and drops pixels of all others.
    sizes = find_sizes(capture(nn.Conv2d(1, 1, 3, stride=3), (1, 1, 9, 9)), largest=12)
    assert sizes.legal == tuple(range(3, 13))
    assert sizes.lossless == (3, 6, 9, 12)


def test_a_pixel_that_one_branch_reads_is_not_lost() -> None:
    # ResNet's 1x1 stride-2 shortcut reads a quarter of the map, the 3x3 beside it all of it.
    sizes = find_sizes(capture(zoo.create("resnet18").eval(), (1, 3, 64, 64)), largest=70)
    assert 64 in sizes.lossless


def test_a_vector_has_no_sizes_to_vary() -> None:
    with pytest.raises(OptionError, match="no input has axes behind the channels"):
        find_sizes(capture(nn.Linear(3, 2), (1, 3)))


def test_the_nearest_sizes_are_offered() -> None:
    with pytest.raises(FitError, match="nearest to 100x100 are 96x96 and 112x112"):
        inspect(zoo.create("unet").eval(), (1, 100, 100))


def test_progressions() -> None:
    assert progressions([], 10) == "none up to 10"
    assert progressions([7], 10) == "7"
    assert progressions([1, 2, 3, 4], 10) == "1 .. 4"
    assert progressions([4, 8, 12], 12) == "4, 8 and every 4 more"
    assert progressions([8, 9, 10], 10) == "8 and more"


def test_what_cannot_be_inspected_is_refused() -> None:
    with pytest.raises(OptionError, match="shape is missing"):
        inspect(nn.ReLU())
    with pytest.raises(OptionError, match="neither an ONNX file"):
        inspect("weights/net.pt", (1, 3, 8, 8))
    with pytest.raises(OptionError, match="is no shape"):
        inspect(nn.ReLU(), "1x3")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="1 or more"):
        inspect(nn.ReLU(), (1, 0))
    with pytest.raises(GraphError, match=r"cannot be read|no such"):
        inspect("absent.onnx")
