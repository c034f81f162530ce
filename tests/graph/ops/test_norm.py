"""Normalisations: hand-worked numbers, torch's, and who reads what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import ShapeError
from striate.graph import Operation, TensorType
from striate.graph.ops import BatchNorm, GroupNorm, LayerNorm, LocalResponseNorm

from . import checks
from .checks import drawn, signed


def test_mean_and_deviation_by_hand() -> None:
    x = np.array([[[1.0, 3]], [[5, 7]]])  # one channel: mean 4, variance (9 + 1 + 1 + 9)/4 = 5
    (y,) = BatchNorm(eps=4, training=True).evaluate(x, np.array([6.0]), np.array([1.0]))
    assert y.tolist() == [[[-5, -1]], [[3, 7]]]  # (x - 4)/3*6 + 1
    (y,) = BatchNorm(eps=0).evaluate(x, None, None, np.array([1.0]), np.array([4.0]))
    assert y.tolist() == [[[0, 1]], [[2, 3]]]
    (y,) = LayerNorm(eps=0).evaluate(x)
    assert y.tolist() == [[[-1, 1]], [[-1, 1]]]
    (y,) = LayerNorm(eps=0, rms=True).evaluate(np.array([[3.0, 3]]))
    assert y.tolist() == [[1, 1]]


def test_neighbouring_channels_by_hand() -> None:
    x = np.array([1.0, 2, 3]).reshape(1, 3, 1)
    (y,) = LocalResponseNorm(3, alpha=3, beta=1, k=1).evaluate(x)
    # 1/(1 + 1 + 4), 2/(1 + 1 + 4 + 9), 3/(1 + 4 + 9)
    np.testing.assert_allclose(y.ravel(), [1 / 6, 2 / 15, 3 / 14])
    (y,) = LocalResponseNorm(2, alpha=2, beta=1, k=1).evaluate(x)
    # two neighbours: the one before and the channel itself
    np.testing.assert_allclose(y.ravel(), [1 / 2, 2 / 6, 3 / 14])


shapes = st.lists(checks.sizes, min_size=0, max_size=3)


@settings(max_examples=25)
@given(st.integers(2, 3), st.integers(1, 3), shapes, st.booleans(), st.booleans())
def test_batches_are_torchs(N: int, C: int, rest: list[int], training: bool, scaled: bool) -> None:
    x = signed(N, C, *rest)
    mean, var = signed(C), drawn(C)
    weight, bias = (signed(C, seed=1), signed(C, seed=2)) if scaled else (None, None)

    def run(x: Any, w: Any, b: Any, m: Any, v: Any) -> Any:
        return F.batch_norm(x, m.clone(), v.clone(), w, b, training, eps=0.1)

    checks.agree(BatchNorm(0.1, training), run, x, weight, bias, mean, var)


@settings(max_examples=25)
@given(shapes, st.integers(1, 3), st.booleans(), st.booleans())
def test_layers_are_torchs(front: list[int], axes: int, rms: bool, scaled: bool) -> None:
    last = (3, 4, 2)[:axes]
    x = signed(*front, *last)
    weight = signed(*last, seed=1) if scaled else None
    if rms:
        checks.agree(
            LayerNorm(axes, 0.1, True), lambda x, w: F.rms_norm(x, last, w, 0.1), x, weight
        )
        return
    bias = signed(*last, seed=2) if scaled else None
    run = lambda x, w, b: F.layer_norm(x, last, w, b, 0.1)  # noqa: E731
    checks.agree(LayerNorm(axes, 0.1), run, x, weight, bias)


@settings(max_examples=25)
@given(st.integers(0, 2), st.sampled_from([1, 2, 3]), st.integers(1, 2), shapes, st.booleans())
def test_groups_are_torchs(N: int, groups: int, per: int, rest: list[int], scaled: bool) -> None:
    C = groups * per
    x = signed(N, C, *rest)
    weight, bias = (signed(C, seed=1), signed(C, seed=2)) if scaled else (None, None)
    if N * per * int(np.prod(rest)) != 1:  # torch refuses to normalise one number
        run = lambda x, w, b: F.group_norm(x, groups, w, b, 0.1)  # noqa: E731
        checks.agree(GroupNorm(groups, 0.1), run, x, weight, bias)
    if rest and N and int(np.prod(rest)) > 1:
        run = lambda x, w, b: F.instance_norm(x, None, None, w, b, eps=0.1)  # noqa: E731
        checks.agree(GroupNorm(None, 0.1), run, x, weight, bias)


@settings(max_examples=25)
@given(st.integers(1, 6), st.integers(1, 7), st.lists(checks.sizes, min_size=1, max_size=3))
def test_neighbours_are_torchs(size: int, C: int, rest: list[int]) -> None:
    x = signed(2, C, *rest)
    op = LocalResponseNorm(size, 0.5, 0.75, 2)
    checks.agree(op, lambda x: F.local_response_norm(x, size, 0.5, 0.75, 2), x)


def test_outputs_read_what_the_reach_says() -> None:
    x = drawn(2, 4, 3)
    checks.check_reach(BatchNorm(), x, drawn(4), drawn(4), drawn(4), drawn(4))
    checks.check_reach(LayerNorm(), x)
    checks.check_reach(LayerNorm(2), x)
    checks.check_reach(GroupNorm(), x)
    checks.check_reach(GroupNorm(2), x, whole=False)
    checks.check_reach(GroupNorm(1), x)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_neighbours_are_a_window_over_the_channels(size: int) -> None:
    checks.check_reach(LocalResponseNorm(size, alpha=1), drawn(1, 6, 2))


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_torch_keeps_a_batchs_statistics(training: bool, scaled: bool) -> None:
    x, mean, var = torch.randn(2, 4, 6, 5), torch.zeros(4), torch.ones(4)
    weight, bias = (torch.ones(4), torch.zeros(4)) if scaled else (None, None)

    def run(x: Any, w: Any, b: Any, m: Any, v: Any) -> Any:
        return F.batch_norm(x, m, v, w, b, training)

    op = BatchNorm(training=training)
    inputs = (x.requires_grad_(), weight, bias, mean, var)
    assert checks.saved_bytes(op, *inputs) == checks.torch_saved_bytes(run, *inputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("scaled", [False, True])
def test_torch_keeps_means_and_deviations(scaled: bool, dtype: torch.dtype) -> None:
    x = torch.randn(2, 4, 6, 5, dtype=dtype)
    ones, zeros = torch.ones(5, dtype=dtype), torch.zeros(5, dtype=dtype)
    last = (ones, zeros) if scaled else (None, None)
    channels = (ones[:4].clone(), zeros[:4].clone()) if scaled else (None, None)
    checks.check_saved(LayerNorm(), lambda x, w, b: F.layer_norm(x, (5,), w, b), x, *last)
    checks.check_saved(LayerNorm(rms=True), lambda x, w: F.rms_norm(x, (5,), w), x, last[0])
    checks.check_saved(GroupNorm(2), lambda x, w, b: F.group_norm(x, 2, w, b), x, *channels)
    instance: Any = lambda x, w, b: F.instance_norm(x, None, None, w, b)  # noqa: E731
    checks.check_saved(GroupNorm(), instance, x, *channels)


@pytest.mark.parametrize("shape", [(2, 4, 7), (2, 4, 6, 5), (2, 4, 3, 2, 5)])
@pytest.mark.parametrize("size", [2, 3])
def test_torch_keeps_what_it_builds_the_neighbours_of(size: int, shape: tuple[int, ...]) -> None:
    op = LocalResponseNorm(size)
    checks.check_saved(op, lambda x: F.local_response_norm(x, size), torch.randn(shape))


@pytest.mark.parametrize(
    ("op", "given", "words"),
    [
        (BatchNorm(), ((1, 8, 4, 4), (16,)), "8 channels; the layer was built for 16"),
        (LayerNorm(1), ((1, 8), (9,)), "must end in the 1 axes .*, 9"),
        (LayerNorm(3), ((1, 8),), "must end in the 3 axes"),
        (GroupNorm(3), ((1, 8, 4),), "8 channels; 3 groups must divide them"),
        (LocalResponseNorm(5), ((1, 8),), "2 axes; it needs 3"),
    ],
)
def test_misfits_are_told(op: Operation, given: tuple[tuple[int, ...], ...], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        op.infer(*map(TensorType, given))


def test_words() -> None:
    assert BatchNorm(training=True).describe() == "statistics of the batch"
    assert BatchNorm().describe() == ""
    assert GroupNorm(4).describe() == "groups=4"
