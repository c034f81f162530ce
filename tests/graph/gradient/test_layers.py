"""Gradients of convolutions, products, poolings, norms and resizings are those of torch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from striate import Window
from striate.graph import ops
from striate.graph.gradient import differentiate
from striate.nn import RBF, Subsample2d, TableConv2d

from ..ops.checks import drawn, signed
from .agreement import agree, check, one_node

CONVS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
few = settings(max_examples=40, deadline=None)


# Convolutions -------------------------------------------------------------------------------------


def padded_conv(op: ops.Conv, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Convolve with torch's convolution behind a padding (or cropping) that stands apart."""
    concrete = [w.on(n) for w, n in zip(op.windows, x.shape[2:], strict=True)]
    sides = [int(side) for w in reversed(concrete) for side in (w.before, w.after)]
    options = [tuple(int(getattr(w, name)) for w in concrete) for name in ("stride", "dilation")]
    convolve = CONVS[len(concrete)]
    return convolve(F.pad(x, sides), weight, bias, options[0], 0, options[1], op.groups)


def agrees_with_conv(op: ops.Conv, channels: tuple[int, int], x: tuple[int, ...]) -> None:
    kernel = (w.size for w in op.windows)
    weight = signed(channels[1], channels[0] // op.groups, *kernel, seed=1)
    data = signed(x[0], channels[0], *x[1:])
    agree(op, lambda *t: padded_conv(op, *t), data, weight, signed(channels[1], seed=2))


@pytest.mark.parametrize(
    ("window", "n"),
    [
        (Window(3, padding=1), 5),
        (Window(3, stride=2), 8),  # the last pixel is not read
        (Window(2, stride=4, padding=(1, 0)), 12),
        (Window(3, stride=2, padding="same"), 8),
        (Window(3, stride=2, padding="same_lower"), 7),
        (Window(3, dilation=2, padding=(3, 1)), 6),
        (Window(3, stride=3, padding=(-1, -1)), 9),
        (Window(4, stride=4, padding=3), 1),  # three rows of padding are not read
        (Window(1, stride=3), 7),
        (Window(5, padding=2), 1),
        (Window(7, stride=2, padding=3), 13),
    ],
)
def test_windows(window: Window, n: int) -> None:
    agrees_with_conv(ops.Conv((window,)), (2, 3), (2, n))
    agrees_with_conv(ops.Conv((window, Window(2, padding=1)), groups=2), (4, 6), (1, n, 4))


@pytest.mark.parametrize(
    ("channels", "groups"), [((1, 1), 1), ((6, 6), 6), ((4, 8), 4), ((6, 4), 2), ((17, 9), 1)]
)
def test_groups(channels: tuple[int, int], groups: int) -> None:
    window = Window(3, stride=2, padding=1)
    agrees_with_conv(ops.Conv((window, window), groups), channels, (3, 7, 6))


def test_three_axes() -> None:
    windows = (Window(2), Window(3, stride=2, padding=1), Window(1, stride=2))
    agrees_with_conv(ops.Conv(windows), (3, 2), (2, 3, 6, 4))


@st.composite
def windows(draw: Any) -> tuple[Window, int]:
    """A window that fits, and the length of its axis."""
    whole = st.integers(1, 4)
    pads = st.tuples(st.integers(-2, 3), st.integers(-2, 3))
    padding = draw(st.one_of(pads, st.sampled_from(["same", "same_lower"])))
    window, n = Window(draw(whole), draw(whole), draw(whole), padding), draw(st.integers(1, 9))
    assume(window.output_size(n) > 0 and n + window.on(n).before + window.on(n).after > 0)
    return window, n


@few
@given(windows(), windows(), st.integers(1, 2), st.sampled_from([(1, 2, 1), (2, 2, 2), (4, 2, 2)]))
def test_any_convolution(
    one: tuple[Window, int], two: tuple[Window, int], batch: int, sizes: tuple[int, int, int]
) -> None:
    *channels, groups = sizes
    assume(all(min(w.on(n).before, w.on(n).after) > -n for w, n in (one, two)))
    op = ops.Conv((one[0], two[0]), groups)
    agrees_with_conv(op, (channels[0], channels[1]), (batch, one[1], two[1]))


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    ("size", "stride", "padding", "dilation", "more", "n"),
    [
        (3, 1, 1, 1, 0, 4),
        (2, 2, 0, 1, 0, 3),
        (4, 2, 1, 1, 1, 3),
        (3, 2, 1, 2, 1, 5),
        (3, 1, 0, 3, 2, 2),  # more outputs than the stride: allowed where the dilation is larger
        (2, 3, 0, 1, 2, 1),
    ],
)
def test_transposed(
    size: int, stride: int, padding: int, dilation: int, more: int, n: int, groups: int
) -> None:
    op = ops.ConvTranspose((Window(size, stride, dilation, padding),) * 2, (more, more), groups)

    def turned(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return F.conv_transpose2d(x, weight, bias, stride, padding, more, groups, dilation)

    weight = signed(4, 3, size, size, seed=1)
    agree(op, turned, signed(2, 4, n, n + 1), weight, signed(3 * groups, seed=2))


@pytest.mark.parametrize("axes", [1, 3])
def test_transposed_along_other_axes(axes: int) -> None:
    op = ops.ConvTranspose((Window(3, 2, padding=1),) * axes, (1,) * axes)
    x, weight = signed(2, 3, *(4, 2, 3)[:axes]), signed(3, 2, *(3,) * axes, seed=1)
    agree(op, lambda t, w: TRANSPOSED[axes](t, w, None, 2, 1, 1), x, weight)


def test_a_table_of_connections() -> None:
    layer = TableConv2d(4, 3, 3, [(0, 1), (1, 2, 3), (3,)], padding=1)
    training = check(layer, torch.randn(2, 4, 5, 6))
    assert [node.kind for node in training.graph.nodes[:2]] == ["dense_weight", "conv"]


def test_a_convolution_of_one_image() -> None:
    check(nn.Conv2d(2, 3, 3), torch.randn(2, 5, 6))


# Products -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5,), (1, 5), (3, 5), (2, 3, 4, 5)])
def test_linear(shape: tuple[int, ...]) -> None:
    agree(ops.Linear(), F.linear, signed(*shape), signed(4, 5), signed(4))
    agree(ops.Linear(), F.linear, signed(*shape), signed(1, 5))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((3, 4), (4, 5)),
        ((4,), (4,)),
        ((4,), (4, 5)),
        ((3, 4), (4,)),
        ((2, 3, 4), (4,)),
        ((4,), (2, 4, 5)),
        ((2, 3, 4), (4, 5)),
        ((2, 3, 4), (2, 4, 5)),
        ((3, 4), (2, 4, 5)),
        ((2, 1, 3, 4), (6, 4, 5)),
        ((1, 3, 4), (2, 4, 1)),
        ((1, 1), (1, 1)),
    ],
)
def test_matmul(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    agree(ops.MatMul(), torch.matmul, signed(*a), signed(*b, seed=1))


@pytest.mark.parametrize(
    ("equation", "a", "b"),
    [
        ("bhi,bhj->bhij", (2, 3, 4), (2, 3, 5)),
        ("ik,kj->ji", (2, 3), (3, 4)),
        ("abc,c->ab", (2, 3, 4), (4,)),
        ("abc,bd->d", (2, 3, 4), (3, 5)),  # a and c are summed over alone
        ("ab,cd->ca", (2, 3), (4, 5)),
    ],
)
def test_einsum(equation: str, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    agree(ops.Einsum(equation), lambda *t: torch.einsum(equation, *t), signed(*a), signed(*b))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("scale", [None, 0.3])
def test_attention(causal: bool, scale: float | None) -> None:
    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=scale)

    shapes = ((2, 3, 5, 4), (2, 3, 6, 4), (2, 3, 6, 7))
    arrays = (signed(*shape, seed=k) for k, shape in enumerate(shapes))
    agree(ops.Attention(scale, causal), attend, *arrays)


def test_attention_with_a_mask() -> None:
    q, k, v = signed(2, 2, 5, 4), signed(2, 1, 6, 4, seed=1), signed(2, 6, 3, seed=2)
    bias, seen = signed(5, 6, seed=3), signed(2, 1, 5, 6) > -1

    def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, mask)

    agree(ops.Attention(), attend, q, k, v, bias)
    agree(ops.Attention(), attend, q, k, v, seen)


# Poolings -----------------------------------------------------------------------------------------

POOLS = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVERAGES: dict[int, Any] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
sizes = st.lists(st.integers(3, 8), min_size=1, max_size=3)


@few
@given(sizes, st.integers(1, 3), st.integers(1, 3), st.booleans(), st.booleans(), st.booleans())
def test_max_pool(
    shape: list[int], size: int, stride: int, padded: bool, ceil: bool, equal: bool
) -> None:
    pad = size // 2 if padded else 0
    op = ops.MaxPool((Window(size, stride, 1, pad, ceil),) * len(shape))
    x = signed(2, 3, *shape)
    x = np.round(x) if equal else x  # of equals the first wins
    agree(op, lambda t: POOLS[len(shape)](t, size, stride, pad, ceil_mode=ceil), x)


def test_max_pool_with_positions() -> None:
    op = ops.MaxPool((Window(2, 2), Window(3, 1, 2)), indices=True)

    def pooled(t: Tensor) -> Any:
        return F.max_pool2d(t, (2, 3), (2, 1), 0, (1, 2), return_indices=True)

    agree(op, pooled, signed(2, 3, 5, 7))


@few
@given(sizes, st.integers(1, 3), st.integers(1, 3), st.booleans(), st.booleans(), st.booleans())
def test_avg_pool(
    shape: list[int], size: int, stride: int, padded: bool, ceil: bool, include: bool
) -> None:
    pad = size // 2 if padded else 0
    op = ops.AvgPool((Window(size, stride, 1, pad, ceil),) * len(shape), include)
    agree(
        op,
        lambda t: AVERAGES[len(shape)](t, size, stride, pad, ceil, include),
        signed(2, 3, *shape),
    )


def test_avg_pool_with_a_divisor() -> None:
    op = ops.AvgPool((Window(2, 2),) * 2, divisor=3)
    agree(op, lambda t: F.avg_pool2d(t, 2, divisor_override=3), signed(2, 3, 5, 4))


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("ceil", [False, True])
def test_lp_pool(p: float, ceil: bool) -> None:
    op = ops.LpPool((Window(3, 2, 1, 0, ceil),) * 2, p, absolute=False)
    agree(op, lambda t: F.lp_pool2d(t, p, 3, 2, ceil), drawn(2, 3, 6, 7))


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_lp_pool_of_magnitudes(p: float) -> None:
    def pooled(t: Tensor) -> Tensor:
        windows = t.unfold(2, 3, 2).unfold(3, 3, 2)
        return windows.abs().pow(p).sum((-1, -2)).pow(1 / p)

    agree(ops.LpPool((Window(3, 2),) * 2, p), pooled, signed(2, 3, 5, 7))


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (None, 1), (7, 9)])
@pytest.mark.parametrize("reduction", ["mean", "max"])
def test_adaptive(size: tuple[int | None, ...], reduction: Any) -> None:
    function: Any = F.adaptive_avg_pool2d if reduction == "mean" else F.adaptive_max_pool2d
    agree(ops.AdaptivePool(size, reduction), lambda t: function(t, size), signed(2, 3, 5, 7))


def test_layers_of_lenet() -> None:
    check(Subsample2d(3, 2), torch.randn(2, 3, 4, 6))
    check(RBF(5, 4), torch.randn(3, 5))


@pytest.mark.parametrize("shape", [(3, 5), (2, 5, 3), (2, 5, 3, 2)])
def test_rbf(shape: tuple[int, ...]) -> None:
    def distances(x: Tensor, p: Tensor) -> Tensor:
        return -(x[:, None] - p.reshape(1, *p.shape, *[1] * (x.ndim - 2))).square().sum(2)

    agree(ops.RBF(), distances, signed(*shape), signed(4, 5, seed=1))


# Norms --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5), (2, 17, 3, 4), (2, 3, 2, 3, 4), (1, 2, 3, 3)])
@pytest.mark.parametrize("affine", [False, True])
def test_batch_norm(shape: tuple[int, ...], affine: bool) -> None:
    kinds: dict[int, Any] = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}
    net = kinds.get(len(shape), nn.BatchNorm3d)(shape[1], eps=0.1, affine=affine)
    nn.init.normal_(net.running_mean)
    nn.init.uniform_(net.running_var)
    for name, p in net.named_parameters():
        nn.init.normal_(p, mean=len(name))
    x = torch.from_numpy(3 * signed(*shape) + 1)
    check(net.train(), x)
    check(net.eval(), x)


def test_a_batch_norm_without_statistics() -> None:
    net = nn.BatchNorm2d(3, track_running_stats=False).eval()
    assert check(net, torch.randn(2, 3, 4, 5)).moments[0].running_mean is None


def test_instance_norms_that_keep_statistics() -> None:
    net = nn.InstanceNorm2d(3, affine=True, track_running_stats=True)
    check(net.eval(), torch.randn(2, 3, 4, 5))


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_layer_norm(axes: int) -> None:
    shape = (2, 3, 4, 5)[-axes:]

    def normed(*t: Tensor) -> Tensor:
        return F.layer_norm(t[0], shape, *t[1:], eps=0.01)

    x = signed(2, 3, 4, 5)
    agree(ops.LayerNorm(axes, 0.01), normed, x, signed(*shape, seed=1), signed(*shape, seed=2))
    agree(ops.LayerNorm(axes, 0.01), normed, x, signed(*shape, seed=1))
    agree(ops.LayerNorm(axes, 0.01), normed, x)


def test_rms_norm() -> None:
    op = ops.LayerNorm(1, 0.01, rms=True)
    agree(op, lambda x, w: F.rms_norm(x, (5,), w, 0.01), signed(2, 3, 5), signed(5, seed=1))
    agree(op, lambda x: F.rms_norm(x, (5,), None, 0.01), signed(2, 3, 5))


@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("shape", [(2, 6, 3, 4), (3, 6, 5)])
def test_group_norm(shape: tuple[int, ...], groups: int) -> None:
    def normed(*t: Tensor) -> Tensor:
        return F.group_norm(t[0], groups, *t[1:], eps=0.01)

    op = ops.GroupNorm(groups, 0.01)
    agree(op, normed, signed(*shape), signed(6, seed=1), signed(6, seed=2))
    agree(op, normed, signed(*shape))


def test_instance_norm() -> None:
    op = ops.GroupNorm(None, 1e-5)
    agree(op, lambda x, w, b: F.instance_norm(x, None, None, w, b), signed(2, 3, 4, 5),
          signed(3, seed=1), signed(3, seed=2))  # fmt: skip


@pytest.mark.parametrize(("size", "channels"), [(5, 7), (2, 3), (3, 1), (4, 9)])
def test_local_response_norm(size: int, channels: int) -> None:
    op = ops.LocalResponseNorm(size, 0.3, 0.75, 2.0)
    x = signed(2, channels, 3, 4)
    agree(op, lambda t: F.local_response_norm(t, size, 0.3, 0.75, 2.0), x)


# Resizings ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(6, 10), (7, 3), (1, 5), (3, 5)])
@pytest.mark.parametrize(
    ("mode", "aligned"),
    [("nearest", None), ("nearest-exact", None), ("bilinear", False), ("bilinear", True),
     ("bicubic", False), ("bicubic", True)],
)  # fmt: skip
def test_resize(size: tuple[int, int], mode: str, aligned: bool | None) -> None:
    class Resized(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.interpolate(x, size, mode=mode, align_corners=aligned)

    check(Resized(), torch.randn(2, 3, 3, 5))


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_pixels_that_are_repeated_are_summed(mode: str) -> None:
    training = check(nn.Upsample(scale_factor=(2, 3), mode=mode), torch.randn(2, 3, 4, 5))
    assert training.graph.nodes[-1].kind == "avg_pool"


@pytest.mark.parametrize("factor", [2.0, 1.7, 0.6])
def test_resize_by_a_factor(factor: float) -> None:
    class Resized(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)

    check(Resized(), torch.randn(2, 3, 4, 5))


# Dtypes -------------------------------------------------------------------------------------------


def test_a_promoted_operand_s_gradient_has_its_own_type() -> None:
    a, b = np.ones((2, 3), np.float32), np.ones((3,), np.float64)
    training = differentiate(one_node(ops.Binary("mul"), a, b), ["in0", "in1"])
    kinds = [training.graph.types[name or ""] for name in training.gradients]
    assert [(t.shape, t.dtype) for t in kinds if t] == [((2, 3), "float32"), ((3,), "float64")]


def test_infinite_logits_are_masked_out() -> None:
    x = np.array([[0.0, -math.inf, 1.0]])
    agree(ops.Softmax(1), lambda t: t.softmax(1), x)
