"""The arithmetic of poolings."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from striate import OptionError, ShapeError, calc, nn


def test_lenet5_s2_and_s4_as_published() -> None:
    s2 = calc.pool((6, 28, 28), kernel_size=2, kind="subsample")
    s4 = calc.pool((16, 10, 10), kernel_size=2, kind="subsample")
    assert (s2["output"], s2["parameters"], s2["connections"]) == ((6, 14, 14), 12, 5_880)
    assert (s4["output"], s4["parameters"], s4["connections"]) == ((16, 5, 5), 32, 2_000)


def test_a_pooling_learns_nothing() -> None:
    layer = calc.pool((64, 112, 112), 3, stride=2, padding=1)
    assert (layer["output"], layer["parameters"], layer["units"]) == ((64, 56, 56), 0, 200_704)


def test_pixels_that_nobody_reads() -> None:
    assert calc.pool((1, 5, 5), 2)["never read"] == 25 - 16
    assert calc.pool((1, 5, 5), 2, ceil_mode=True)["never read"] == 0


@given(
    ndim=st.integers(1, 3),
    kernel_size=st.integers(1, 4),
    stride=st.none() | st.integers(1, 4),
    padding=st.integers(0, 2) | st.just("same"),
    dilation=st.integers(1, 2),
    ceil_mode=st.booleans(),
    data=st.data(),
)
def test_agrees_with_the_layer(
    ndim: int,
    kernel_size: int,
    stride: int | None,
    padding: int | str,
    dilation: int,
    ceil_mode: bool,
    data: st.DataObject,
) -> None:
    assume(padding == "same" or 2 * int(padding) <= kernel_size)  # torch's limit
    sizes = tuple(data.draw(st.integers(1, 9)) for _ in range(ndim))
    kind = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)[ndim - 1]
    layer = kind(kernel_size, stride, padding, dilation, ceil_mode=ceil_mode)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    try:
        result = calc.pool((2, *sizes), kernel_size, **options)  # type: ignore[arg-type]
    except ShapeError:
        assume(False)
    assert result["output"] == tuple(layer(torch.zeros(1, 2, *sizes)).shape[1:])


def test_a_window_sees_a_pixel() -> None:
    with pytest.raises(ShapeError, match="sees only padding at an end of the 8 pixels"):
        calc.pool((1, 8, 8), 2, padding=2)


def test_a_kind_is_known() -> None:
    with pytest.raises(OptionError, match=r"kind='median' is not known\. Use max, avg, subsample"):
        calc.pool((1, 8, 8), 2, kind="median")
