"""Poolings: numbers by hand, torch's results, and a slow reference for torch's missing paddings."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from striate import OptionError, ShapeError, nn
from striate import functional as F

from ..reference import places, same_padding

IMAGE = torch.tensor([[1.0, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]])[None, None]


class TestByHand:
    def test_max_pool(self) -> None:
        assert nn.MaxPool2d(2)(IMAGE).tolist() == [[[[6, 8], [3, 4]]]]

    def test_average_pool(self) -> None:
        # (1+1+5+6)/4, (2+4+7+8)/4, (3+2+1+2)/4, (1+0+3+4)/4
        assert nn.AvgPool2d(2)(IMAGE).tolist() == [[[[3.25, 5.25], [2.0, 2.0]]]]

    def test_lp_pool(self) -> None:
        # sqrt(9 + 16), and the 12 that same padding leaves alone
        assert nn.LPPool1d(2, 2, padding="same")(torch.tensor([[3.0, 4.0, 12.0]])).tolist() == [
            [5, 12]
        ]

    def test_global_pools(self) -> None:
        assert nn.GlobalAvgPool2d()(IMAGE).item() == 50 / 16
        assert nn.GlobalMaxPool2d()(IMAGE).item() == 8

    def test_average_counts_only_pixels_when_asked(self) -> None:
        x = torch.full((1, 1, 3), 6.0)
        given = {"kernel_size": 3, "stride": 1, "padding": ((2, 0),)}
        assert nn.AvgPool1d(**given)(x).flatten().tolist() == [2, 4, 6]
        assert nn.AvgPool1d(**given, count_include_pad=False)(x).flatten().tolist() == [6, 6, 6]


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("MaxPool", (3,), {}),
        ("MaxPool", (3, 2, 1), {}),
        ("MaxPool", (2, 2), {"ceil_mode": True}),
        ("MaxPool", (2, 1), {"dilation": 3}),
        ("AvgPool", (3, 2, 1), {}),
        ("AvgPool", (3, 2, 1), {"count_include_pad": False, "ceil_mode": True}),
        ("AvgPool", (3, 2), {"ceil_mode": True}),
        ("LPPool", (2, 3), {}),
        ("LPPool", (3, 2, 2, True), {}),
        ("AdaptiveAvgPool", (3,), {}),
        ("AdaptiveMaxPool", (1,), {}),
    ],
)
def test_torchs_arguments_give_torchs_results(
    ndim: int, name: str, arguments: tuple, options: dict
) -> None:
    ours = getattr(nn, f"{name}{ndim}d")(*arguments, **options)
    theirs = getattr(torch.nn, f"{name}{ndim}d")(*arguments, **options)
    assert isinstance(ours, type(theirs))
    x = torch.rand(2, 3, *(8, 9, 10)[:ndim], dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(ours(x), theirs(x))
    (grad,) = torch.autograd.grad(ours(x).square().sum(), x)
    (want,) = torch.autograd.grad(theirs(x).square().sum(), x)
    torch.testing.assert_close(grad, want)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_indices_point_into_the_unpadded_input(ndim: int) -> None:
    x = torch.randn(2, 3, *(7, 6, 5)[:ndim])
    pool = getattr(nn, f"MaxPool{ndim}d")(3, 2, padding=((1, 2),) * ndim, return_indices=True)
    maxima, indices = pool(x)
    assert torch.equal(x.flatten(2).gather(2, indices.flatten(2)), maxima.flatten(2))
    plain = getattr(nn, f"MaxPool{ndim}d")(3, 2, padding=1, return_indices=True)
    pairs = getattr(nn, f"MaxPool{ndim}d")(3, 2, padding=((1, 1),) * ndim, return_indices=True)
    for ours, theirs in zip(pairs(x), plain(x), strict=True):
        assert torch.equal(ours, theirs)


@settings(max_examples=150, deadline=None)
@given(
    n=st.integers(1, 12),
    size=st.integers(1, 4),
    stride=st.integers(1, 4),
    padding=st.one_of(st.just("same"), st.tuples(st.integers(0, 3), st.integers(0, 3))),
    include=st.booleans(),
)
def test_any_padding_against_the_reference(
    n: int, size: int, stride: int, padding: object, include: bool
) -> None:
    before, after = same_padding(n, size, stride, 1) if padding == "same" else padding
    assume(max(before, after) < size <= n + before + after)
    x = torch.randn(1, 1, n, dtype=torch.float64)
    spec = "same" if padding == "same" else ((before, after),)
    windows = [range(first, first + size) for first in places(n, size, stride, 1, before, after)]
    real = [[float(x[0, 0, p]) for p in window if 0 <= p < n] for window in windows]

    assert F.max_pool1d(x, size, stride, spec).flatten().tolist() == [max(w) for w in real]
    sums = [sum(w) / (size if include else len(w)) for w in real]
    means = F.avg_pool1d(x, size, stride, spec, count_include_pad=include)
    assert means.flatten().tolist() == pytest.approx(sums, abs=1e-12)
    norms = [sum(abs(v) ** 2 for v in w) ** 0.5 for w in real]
    assert F.lp_pool1d(x, 2, size, stride, padding=spec).flatten().tolist() == pytest.approx(norms)
    largest = F.lp_pool1d(x, math.inf, size, stride, padding=spec)
    assert largest.flatten().tolist() == [max(map(abs, w)) for w in real]


@settings(max_examples=100, deadline=None)
@given(
    n=st.integers(1, 12),
    size=st.integers(2, 4),
    stride=st.integers(1, 5),
    before=st.integers(0, 2),
    include=st.booleans(),
)
def test_pairs_equal_torchs_padding_in_ceil_mode(
    n: int, size: int, stride: int, before: int, include: bool
) -> None:
    assume(2 * before <= size and n + 2 * before >= size)
    x = torch.randn(1, 2, n, dtype=torch.float64)
    ours = F.avg_pool1d(x, size, stride, ((before, before),), True, include)
    theirs = torch.nn.functional.avg_pool1d(x, size, stride, before, True, include)
    torch.testing.assert_close(ours, theirs)
    ours = F.max_pool1d(x, size, stride, ((before, before),), ceil_mode=True)
    torch.testing.assert_close(
        ours, torch.nn.functional.max_pool1d(x, size, stride, before, 1, True)
    )


def test_integers_pool_too() -> None:
    x = torch.tensor([[[-5, -3, -9]]])
    assert F.max_pool1d(x.int().float(), 2, 1, ((1, 0),)).tolist() == [[[-5, -3, -3]]]


def test_gradients_of_padded_pools() -> None:
    x = torch.randn(1, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    for pool in (
        nn.AvgPool2d(3, 2, "same"),
        nn.MaxPool2d(3, 2, "same"),
        nn.LPPool2d(2, 2, padding="same"),
    ):
        assert torch.autograd.gradcheck(pool, x)


class TestErrors:
    def test_exact_fit(self) -> None:
        with pytest.raises(
            ShapeError,
            match=r"MaxPool2d: input \(1, 1, 5, 5\) does not fit: on each axis, "
            r"a window of 2 with stride 2 does not tile 5 pixels",
        ):
            nn.MaxPool2d(2, fit="exact")(torch.zeros(1, 1, 5, 5))

    def test_a_map_that_has_shrunk_too_far_names_the_layer(self) -> None:
        net = torch.nn.Sequential(*(nn.MaxPool2d(2) for _ in range(5)))
        with pytest.raises(
            ShapeError, match=r"MaxPool2d '4': .* a window of 2 is longer than 1 pixel "
        ):
            net(torch.zeros(1, 1, 16, 16))

    def test_a_window_that_would_see_only_padding(self) -> None:
        with pytest.raises(ShapeError, match="would see only padding"):
            nn.MaxPool2d(2, padding=((2, 0), (0, 0)))(torch.zeros(1, 1, 5, 5))

    def test_wrong_ranks(self) -> None:
        for layer in (nn.GlobalAvgPool2d(), nn.AdaptiveAvgPool2d(2), nn.MaxPool2d(2)):
            with pytest.raises(ShapeError, match="has 2 axes"):
                layer(torch.zeros(3, 3))

    def test_wrong_options(self) -> None:
        for make in (
            lambda: nn.MaxPool2d(0),
            lambda: nn.AvgPool2d(2, divisor_override=0),
            lambda: nn.LPPool2d(0, 2),
            lambda: nn.MaxPool2d(2, padding="full"),
            lambda: nn.MaxPool2d((2, 2, 2)),
        ):
            with pytest.raises(OptionError):
                make()
