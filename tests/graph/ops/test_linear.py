"""Matrix products and attention: hand-worked numbers, torch's, and who reads what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel

from striate.errors import ShapeError
from striate.graph import Connections, Operation, TensorType
from striate.graph.ops import Attention, Einsum, Linear, MatMul

from . import checks
from .checks import drawn, signed


def test_weighted_sums_by_hand() -> None:
    x, weight = np.array([[1.0, 2]]), np.array([[3.0, 4], [5, 6], [0, 1]])
    (y,) = Linear().evaluate(x, weight, np.array([0.0, 1, 2]))
    assert y.tolist() == [[11, 18, 4]]


def test_attention_by_hand() -> None:
    query, key = np.array([[0.0], [1]]), np.array([[0.0], [np.log(3)]])
    value = np.array([[4.0], [8]])
    (y,) = Attention().evaluate(query, key, value)
    # equal weights; then weights 1 : 3
    np.testing.assert_allclose(y, [[6], [7]])
    (y,) = Attention(causal=True).evaluate(query, key, value)
    np.testing.assert_allclose(y, [[4], [7]])


def test_connections_of_lenet5() -> None:
    given = (TensorType((1, 120)), TensorType((84, 120)), TensorType((84,)))
    assert Linear().connections(given, Linear().infer(*given)) == Connections(10164)  # F6


@settings(max_examples=25)
@given(st.lists(st.integers(0, 3), max_size=3), checks.sizes, checks.sizes, st.booleans())
def test_layers_are_torchs(front: list[int], ins: int, outs: int, bias: bool) -> None:
    arrays = [signed(*front, ins), signed(outs, ins), signed(outs) if bias else None]
    checks.agree(Linear(), F.linear, *arrays)
    macs, connections = checks.costs(Linear(), *arrays)
    assert macs == checks.torch_macs(F.linear, *arrays) or not arrays[0].size  # type: ignore[union-attr]
    assert connections
    assert connections.real == macs + (int(np.prod([*front, outs])) if bias else 0)


fronts = [((), ()), ((2,), ()), ((), (2,)), ((2,), (2,)), ((2,), (1,)), ((1,), (2,)), ((1,), ()),
          ((), (1,)), ((3, 2), (2,)), ((2,), (3, 2)), ((3, 1), (2,)), ((3, 2), (3, 2)),
          ((1, 1), (3, 2)), ((3, 2), (1, 2)), ((0,), ()), ((0,), (1,))]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), fronts, ids=str)
def test_products_are_torchs(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    a, b = signed(*left, 3, 4), signed(*right, 4, 5)
    checks.agree(MatMul(), torch.matmul, a, b)
    if a.size:
        assert checks.costs(MatMul(), a, b)[0] == checks.torch_macs(torch.matmul, a, b)
        checks.check_reach(MatMul(), drawn(*left, 3, 4), drawn(*right, 4, 5))
        checks.check_reach(MatMul(), drawn(*left, 3, 4), drawn(*right, 4, 5), number=1)
        x, y = torch.randn(*left, 3, 4), torch.randn(*right, 4, 5)
        checks.check_saved(MatMul(), torch.matmul, x, y, data=2)


vectors = [((4,), (4,)), ((3, 4), (4,)), ((4,), (4, 5)), ((2, 3, 4), (4,)), ((4,), (2, 4, 5)),
           ((3, 2, 3, 4), (4,))]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), vectors, ids=str)
def test_products_with_vectors_are_torchs(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    a, b = signed(*left), signed(*right)
    checks.agree(MatMul(), torch.matmul, a, b)
    checks.check_reach(MatMul(), drawn(*left), drawn(*right))
    checks.check_reach(MatMul(), drawn(*left), drawn(*right), number=1)
    checks.check_saved(MatMul(), torch.matmul, torch.randn(left), torch.randn(right), data=2)


ATTENTIONS: dict[str, tuple[tuple[int, ...], ...]] = {
    "heads": ((2, 3, 5, 4), (2, 3, 5, 4), (2, 3, 5, 4)),
    "other tokens": ((2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 4)),
    "other features": ((2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 6)),
    "one head": ((2, 5, 4), (2, 7, 4), (2, 7, 4)),
    "no batch": ((5, 4), (5, 4), (5, 4)),
    "shared keys": ((2, 3, 5, 4), (2, 1, 5, 4), (2, 1, 5, 4)),
}
attentions = pytest.mark.parametrize("shapes", ATTENTIONS.values(), ids=list(ATTENTIONS))


@attentions
@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_torchs(shapes: tuple[tuple[int, ...], ...], causal: bool) -> None:
    arrays = [signed(*shape, seed=k) for k, shape in enumerate(shapes)]
    run: Any = lambda q, k, v: F.scaled_dot_product_attention(  # noqa: E731
        q, k, v, is_causal=causal, scale=0.7
    )
    checks.agree(Attention(0.7, causal), run, *arrays)
    macs, _ = checks.costs(Attention(0.7, causal), *arrays)
    with sdpa_kernel(SDPBackend.MATH):  # torch does not count its flash kernel on a CPU
        assert macs == checks.torch_macs(run, *arrays)


@attentions
@pytest.mark.parametrize(
    ("masked", "dtype"),
    [
        (None, torch.float32),
        ("real", torch.float32),
        ("bool", torch.float32),
        (None, torch.float64),
        (None, torch.bfloat16),
    ],
)
def test_torch_keeps_what_the_flash_kernel_needs(
    shapes: tuple[tuple[int, ...], ...], masked: str | None, dtype: torch.dtype
) -> None:
    values = [torch.randn(shape, dtype=dtype) for shape in shapes]
    mask = torch.ones(shapes[0][-2], shapes[1][-2], dtype=torch.bool).tril()
    if masked:
        values.append(mask if masked == "bool" else mask.float())
    run: Any = F.scaled_dot_product_attention
    for value in values[:3]:
        value.requires_grad_()
    assert checks.saved_bytes(Attention(), *values, data=4) == checks.torch_saved_bytes(
        run, *values, data=4
    )


@attentions
def test_tokens_read_what_the_reach_says(shapes: tuple[tuple[int, ...], ...]) -> None:
    arrays = [drawn(*shape, seed=k) for k, shape in enumerate(shapes)]
    mask = drawn(shapes[0][-2], shapes[1][-2])
    for number in range(4):
        checks.check_reach(Attention(scale=0.01), *arrays, mask, number=number)


def test_masks_are_torchs() -> None:
    arrays = [signed(2, 3, 5, 4, seed=k) for k in range(3)]
    run: Any = F.scaled_dot_product_attention
    checks.agree(Attention(), run, *arrays, signed(5, 5))
    checks.agree(Attention(), run, *arrays, signed(2, 1, 1, 5))
    seen = np.tri(5) > 0
    (masked,), (causal,) = (
        Attention().evaluate(*arrays, seen),
        Attention(causal=True).evaluate(*arrays),
    )
    assert np.array_equal(masked, causal)
    checks.agree(Attention(), run, *arrays, seen)


@pytest.mark.parametrize("front", [(2,), (2, 3)])
def test_torch_keeps_the_input(front: tuple[int, ...]) -> None:
    inputs = (torch.randn(*front, 4), torch.randn(5, 4), torch.randn(5))
    checks.check_saved(Linear(), F.linear, *inputs)


def test_rows_read_what_the_reach_says() -> None:
    checks.check_reach(Linear(), drawn(2, 3, 4), drawn(5, 4))


@pytest.mark.parametrize(
    ("op", "given", "words"),
    [
        (Linear(), ((1, 400), (120, 256)), "400 features; the layer was built for 256"),
        (Linear(), ((), (120, 256)), "no features"),
        (MatMul(), ((3, 4), (5, 4)), "inner sizes"),
        (MatMul(), ((), (5, 4)), "inner sizes"),
        (MatMul(), ((2, 3, 4), (3, 4, 5)), "do not fit together"),
        (Attention(), ((2, 5, 4), (2, 5, 3), (2, 5, 3)), "equal features"),
        (Attention(), ((2, 5, 4), (2, 5, 4), (2, 6, 4)), "equally many tokens"),
        (Attention(), ((5, 4), (5, 4), (5, 4), (2, 5, 5)), "mask 2x5x5"),
    ],
)
def test_misfits_are_told(op: Operation, given: tuple[tuple[int, ...], ...], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        op.infer(*map(TensorType, given))


def test_einsum_of_matrices_is_their_product() -> None:
    a, b = np.arange(6.0).reshape(1, 2, 3), np.arange(12.0).reshape(1, 3, 4)
    op, kinds = Einsum("bij,bjk->bik"), (TensorType((1, 2, 3)), TensorType((1, 3, 4)))
    assert op.infer(*kinds) == (TensorType((1, 2, 4)),)
    assert op.evaluate(a, b)[0].tolist() == (a @ b).tolist()
    assert op.macs(kinds, op.infer(*kinds)) == 2 * 3 * 4
    assert op.reach(kinds, ()) == MatMul().reach(kinds, op.infer(*kinds))
    with pytest.raises(ShapeError, match="j is 3 in one and 5 in the other"):
        op.infer(TensorType((1, 2, 3)), TensorType((1, 5, 4)))
