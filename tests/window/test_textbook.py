"""The cases that every course on convolutional networks works by hand."""

from __future__ import annotations

import pytest

from striate import Window
from striate.errors import ShapeError


def test_three_on_seven_takes_five_places() -> None:
    # 012 123 234 345 456
    assert Window(3).output_size(7, exact=True) == 5


def test_stride_two_on_seven_takes_three_places() -> None:
    # 012 234 456
    assert Window(3, stride=2).output_size(7, exact=True) == 3


def test_stride_three_does_not_fit_seven() -> None:
    # (7 - 3) / 3 + 1 = 2.33: 012 345 and pixel 6 is left over.
    window = Window(3, stride=3)
    assert not window.fits(7)
    assert (window.output_size(7), window.leftover(7), window.unread(7)) == (2, 1, [6])
    with pytest.raises(ShapeError) as refused:
        window.output_size(7, exact=True)
    assert str(refused.value) == (
        "a window of 3 with stride 3 does not tile 7 pixels with padding 0: (7 - 3) / 3 + 1 = 2.33 "
        "is not whole, so the last pixel would never be read. Use padding=1 (output 3), stride=2 "
        "(output 3), an input of 6 or 9, or fit='floor' to drop the rest (output 2)."
    )
    assert Window(3, stride=3, padding=1).output_size(7, exact=True) == 3
    assert Window(3, stride=2).output_size(7, exact=True) == 3
    assert [window.output_size(n, exact=True) for n in (6, 9)] == [2, 3]


def test_padding_one_keeps_seven() -> None:
    assert Window(3, padding=1).output_size(7, exact=True) == 7


def test_two_five_filters_shrink_thirty_two_to_twenty_four() -> None:
    first = Window(5).output_size(32, exact=True)
    assert (first, Window(5).output_size(first, exact=True)) == (28, 24)
    assert Window(5).then(Window(5)).output_size(32, exact=True) == 24


def test_padding_two_keeps_thirty_two_under_five() -> None:
    assert Window(5, padding=2).output_size(32, exact=True) == 32


@pytest.mark.parametrize("size", [1, 3, 5, 7, 11])
def test_half_of_an_odd_window_as_padding_keeps_the_size(size: int) -> None:
    window = Window(size, padding=(size - 1) // 2)
    assert [window.output_size(n, exact=True) for n in range(1, 20)] == list(range(1, 20))
    assert window == Window(size, padding="same")


@pytest.mark.parametrize("size", [1, 2, 3, 4, 6, 7])
def test_size_minus_one_of_padding_split_either_way_keeps_the_size(size: int) -> None:
    small, large = (size - 1) // 2, size - 1 - (size - 1) // 2
    for padding in ((small, large), (large, small)):
        window = Window(size, padding=padding)
        assert [window.output_size(n, exact=True) for n in range(1, 20)] == list(range(1, 20))
    assert Window(size, padding="same").padding == (small, large)


def test_three_by_four_under_two_by_two_gives_two_by_three() -> None:
    window = Window(2)
    assert (window.output_size(3), window.output_size(4)) == (2, 3)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("layers", [0, 1, 2, 3, 8])
def test_a_stack_of_windows_sees_one_plus_layers_times_size_minus_one(
    layers: int, size: int
) -> None:
    stack = Window.compose([Window(size)] * layers)
    assert stack == Window(1 + layers * (size - 1))
    assert len(stack.input_interval(0)) == 1 + layers * (size - 1)


def test_three_threes_see_what_one_seven_sees() -> None:
    assert Window.compose([Window(3)] * 3) == Window(7)


def test_alexnet_first_layer_makes_fifty_five_of_two_hundred_twenty_seven() -> None:
    assert Window(11, stride=4).output_size(227, exact=True) == 55
    # The paper's 224 does not fit: (224 - 11) / 4 + 1 = 54.25.
    assert not Window(11, stride=4).fits(224)


def test_pooling_by_two_halves_and_sees_each_pixel_once() -> None:
    pool = Window(2, stride=2)
    assert pool.output_size(28, exact=True) == 14
    assert pool.connections(28) == 28
    assert [pool.input_interval(i) for i in range(3)] == [range(0, 2), range(2, 4), range(4, 6)]


def test_lenet_5_sees_all_of_its_thirty_two_pixels() -> None:
    # C1 5, S2 2/2, C3 5, S4 2/2, C5 5
    stack = [Window(5), Window(2, 2), Window(5), Window(2, 2), Window(5)]
    sizes = [32]
    for window in stack:
        sizes.append(window.output_size(sizes[-1], exact=True))
    assert sizes == [32, 28, 14, 10, 5, 1]
    assert Window.compose(stack) == Window(32, stride=4)


def test_dilated_three_reaches_like_five() -> None:
    window = Window(3, dilation=2)
    assert window.extent == 5
    assert list(window.taps(1)) == [1, 3, 5]
    assert window.output_size(7, exact=True) == 3
