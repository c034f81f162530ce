"""Random numbers: the same wherever they are asked for, and as random as they should be."""

from __future__ import annotations

import zlib

import torch
from hypothesis import given
from hypothesis import strategies as st

from striate.data import Draws
from striate.data._random import epoch_order


def draws(seed: int = 0, epoch: int = 0, count: int = 20_000) -> Draws:
    return Draws(seed, epoch, torch.arange(count))


def mix(word: int) -> int:
    """SplitMix64's finaliser, in plain integers."""
    word = (word + 0x9E3779B97F4A7C15) % 2**64
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % 2**64
    return word ^ (word >> 31)


def hashed(seed: int, epoch: int, purpose: str, position: int) -> int:
    key = 0
    for word in (seed, epoch, zlib.crc32(purpose.encode())):
        key = mix(key ^ (word % 2**64))
    return mix(mix(position) ^ key)


@given(st.integers(-(2**65), 2**65), st.integers(0, 1000), st.integers(0, 2**40))
def test_they_are_the_documented_hash(seed: int, epoch: int, position: int) -> None:
    drawn = Draws(seed, epoch, torch.tensor([position])).uniform("flip")
    assert float(drawn) == (hashed(seed, epoch, "flip", position) >> 11) / 2**53


def test_an_order_sorts_the_hashes() -> None:
    assert epoch_order(8, 1, 2).tolist() == sorted(range(8), key=lambda i: hashed(1, 2, "order", i))


def test_they_never_change() -> None:
    """A run that is resumed with a later version must go on with the same numbers."""
    assert epoch_order(8, seed=1, epoch=2).tolist() == [6, 2, 7, 0, 4, 3, 5, 1]


@given(st.integers(0, 300), st.integers(-(2**70), 2**70), st.integers(0, 1000))
def test_an_order_is_a_permutation(count: int, seed: int, epoch: int) -> None:
    assert epoch_order(count, seed, epoch).sort().values.tolist() == list(range(count))


def test_uniform_numbers_are_uniform() -> None:
    values = draws().uniform("flip")
    assert 0 <= values.min() < values.max() < 1
    # Ten bins of 2000 expected; the standard deviation is sqrt(20000 * 0.1 * 0.9) = 42.
    assert (torch.histc(values, 10, 0, 1) - 2000).abs().max() < 5 * 42


def test_integers_take_both_ends() -> None:
    counts = torch.bincount(draws().integers("shift", -2, 2) + 2)
    assert len(counts) == 5
    assert (counts - 4000).abs().max() < 5 * 57


def test_every_word_makes_other_numbers() -> None:
    def correlation(a: Draws, b: Draws, purpose: str = "flip") -> float:
        pair = torch.stack([a.uniform("flip"), b.uniform(purpose)])
        return abs(float(torch.corrcoef(pair)[0, 1]))

    first = draws()
    assert correlation(first, first, "gain") < 0.05
    assert correlation(first, draws(seed=1)) < 0.05
    assert correlation(first, draws(epoch=1)) < 0.05
    values = first.uniform("flip")
    assert abs(float(torch.corrcoef(torch.stack([values[1:], values[:-1]]))[0, 1])) < 0.05


def test_orders_differ_between_seeds_and_epochs() -> None:
    orders = [tuple(epoch_order(20, s, e).tolist()) for s in range(5) for e in range(5)]
    assert len(set(orders)) == 25
