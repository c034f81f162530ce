"""Convolution and transposed convolution: LeNet-5 by hand, torch, and who reads what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from striate import Window, nn
from striate.errors import ShapeError
from striate.graph import Connections, TensorType
from striate.graph.ops import Conv, ConvTranspose

from . import checks
from .checks import drawn, signed

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}

# The columns of Table I of LeCun et al. 1998.
TABLE = tuple(
    [tuple((o + k) % 6 for k in range(3)) for o in range(6)]
    + [tuple((o + k) % 6 for k in range(4)) for o in range(6)]
    + [tuple((o + k) % 6 for k in (0, 1, 3, 4)) for o in range(3)]
    + [tuple(range(6))]
)


def test_the_four_sums_by_hand() -> None:
    x = np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]).reshape(1, 1, 3, 3)
    weight = np.array([[1.0, 0], [0, -1]]).reshape(1, 1, 2, 2)
    # 1 - 5, 2 - 6, 4 - 8, 5 - 9; then + 10
    (y,) = Conv((Window(2), Window(2))).evaluate(x, weight, np.array([10.0]))
    assert y.tolist() == [[[[6, 6], [6, 6]]]]


def test_a_pixel_is_spread_by_the_kernel_by_hand() -> None:
    x, weight = np.array([[[1.0, 10]]]), np.array([[[1.0, 2, 3]]])
    # 1*(1 2 3) at 0, 10*(1 2 3) at 2: 1, 2, 3 + 10, 20, 30
    (y,) = ConvTranspose((Window(3, stride=2),), (0,)).evaluate(x, weight)
    assert y.tolist() == [[[1, 2, 13, 20, 30]]]


@pytest.mark.parametrize(
    ("shape", "weight", "table", "expected"),
    [
        ((1, 1, 32, 32), (6, 1, 5, 5), None, 122304),  # C1
        ((1, 6, 14, 14), (60, 5, 5), TABLE, 151600),  # C3
        ((1, 16, 5, 5), (120, 16, 5, 5), None, 48120),  # C5
    ],
)
def test_connections_of_lenet5(
    shape: tuple[int, ...], weight: tuple[int, ...], table: Any, expected: int
) -> None:
    op = Conv((Window(5), Window(5)), table=table)
    given = (TensorType(shape), TensorType(weight), TensorType(weight[:1]))
    assert op.connections(given, op.infer(*given)) == Connections(expected)


@st.composite
def convolutions(draw: Any, transposed: bool = False) -> tuple[Any, ...]:
    """Draw windows, groups, and arrays that may or may not fit."""
    axes = draw(st.sampled_from([1, 1, 2, 2, 3]))
    numbers = st.integers(1, 3 if axes < 3 else 2)

    def each(values: st.SearchStrategy[int]) -> list[int]:
        return checks.per_axis(draw, axes, values)

    kernel, stride, dilation = each(numbers), each(numbers), each(numbers)
    padding = each(st.integers(0, 2))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    ins, outs = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    shape = (draw(st.sampled_from([1, 2, 0])), ins, *each(checks.sizes))
    channels = (ins, outs // groups) if transposed else (outs, ins // groups)
    arrays = [signed(*shape), signed(*channels, *kernel)]
    arrays.append(signed(outs) if draw(st.booleans()) else None)
    windows = tuple(map(Window, kernel, stride, dilation, padding))
    return axes, windows, groups, arrays


def torch_conv(axes: int, windows: tuple[Window, ...], groups: int) -> Any:
    stride, dilation = [w.stride for w in windows], [w.dilation for w in windows]
    pads = [p for w in reversed(windows) for p in (w.before, w.after)]
    return lambda x, w, b=None: CONV[axes](F.pad(x, pads), w, b, stride, 0, dilation, groups)


@settings(max_examples=40)
@given(convolutions())
def test_convolutions_are_torchs(drawn: tuple[Any, ...]) -> None:
    _, windows, groups, arrays = drawn
    op, run = Conv(windows, groups), torch_conv(*drawn[:3])
    if any(w.output_size(n) == 0 for w, n in zip(windows, arrays[0].shape[2:], strict=True)):
        checks.both_refuse(op, run, *arrays[:2])
        return
    checks.agree(op, run, *arrays)
    if arrays[0].size:
        assert op.macs(checks.types(arrays), op.infer(*checks.types(arrays))) == checks.torch_macs(
            run, *arrays
        )


UNEVEN = [
    Window(3, 2, 1, (0, 2)),
    Window(2, 1, 3, (4, 1)),
    Window(3, 2, 2, "same"),
    Window(2, 3, 1, (-1, 0)),
    Window(4, 2, 1, "same_lower"),
]


@settings(max_examples=25)
@given(checks.sizes, checks.sizes, st.sampled_from(UNEVEN))
def test_uneven_padding_and_cropping(n: int, m: int, window: Window) -> None:
    assume(window.output_size(n) and n + window.on(n).before > 0)
    windows = (window.on(n), Window(1))
    x, weight = signed(2, 3, n, m), signed(2, 3, window.size, 1)
    checks.agree(Conv((window, Window(1))), torch_conv(2, windows, 1), x, weight)


@pytest.mark.parametrize("channels", [1, 7, 8, 9, 17])
def test_awkward_channels(channels: int) -> None:
    windows = (Window(1), Window(3, padding=1))
    x, weight = signed(1, channels, 1, 13), signed(channels, channels, 1, 3)
    checks.agree(Conv(windows), torch_conv(2, windows, 1), x, weight)
    depthwise = signed(2 * channels, 1, 1, 3)
    checks.agree(Conv(windows, groups=channels), torch_conv(2, windows, channels), x, depthwise)


@settings(max_examples=40)
@given(convolutions(transposed=True), st.integers(0, 2), st.data())
def test_transposed_convolutions_are_torchs(
    drawn: tuple[Any, ...], after: int, data: st.DataObject
) -> None:
    axes, windows, groups, arrays = drawn
    more = tuple(
        data.draw(st.integers(0, max(w.stride, w.dilation) - 1), label="output_padding")
        for w in windows
    )
    op = ConvTranspose(windows, more, groups)
    stride, dilation = [w.stride for w in windows], [w.dilation for w in windows]
    padding = [w.before for w in windows]

    def run(x: Any, w: Any, b: Any = None) -> Any:
        return TRANSPOSED[axes](x, w, b, stride, padding, more, groups, dilation)

    if any(w.output_size(n) == 0 for w, n in zip(op.reading, arrays[0].shape[2:], strict=True)):
        checks.both_refuse(op, run, *arrays[:2])
        return
    checks.agree(op, run, *arrays)
    if arrays[0].size:
        macs, _ = checks.costs(op, *arrays)
        assert macs == checks.torch_macs(run, *arrays)
    # What is cropped at one end only is a slice of torch's result.
    last = windows[-1]
    cropped = Window(last.size, last.stride, last.dilation, (last.before, last.after + after))
    uneven = ConvTranspose((*windows[:-1], cropped), more, groups)
    length = uneven.reading[-1].output_size(arrays[0].shape[-1])
    if length:
        checks.agree(uneven, lambda *given: run(*given)[..., :length], *arrays)


WINDOWS = [
    Window(3),
    Window(3, padding=1),
    Window(3, stride=2, padding=(0, 2)),
    Window(2, stride=3),
    Window(3, dilation=2, padding=2),
    Window(4, stride=2, padding=1),
    Window(2, stride=2, dilation=3, padding=(1, 3)),
    Window(1, stride=2),
    Window(3, stride=2, padding="same"),
    Window(2, padding=(-1, -2)),
]


@pytest.mark.parametrize("n", [5, 8, 11])
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_outputs_read_what_the_reach_says(window: Window, n: int) -> None:
    op = Conv((window,))
    x, weight = drawn(2, 2, n), drawn(2, 2, window.size)
    checks.check_reach(op, x, weight)
    _, connections = checks.costs(op, x, weight)
    assert connections
    assert connections.real == checks.real_connections(op, x, weight)
    places = window.output_size(n)
    assert connections.real + connections.padding == 2 * 2 * 2 * places * window.size


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize("window", [w for w in WINDOWS if w.resolved], ids=str)
def test_transposed_outputs_read_what_the_reach_says(window: Window, more: int, n: int) -> None:
    op = ConvTranspose((window,), (more,))
    if not op.reading[0].output_size(n):
        pytest.skip("the padding takes all of the output away")
    x, weight = drawn(1, 2, n), drawn(2, 2, window.size)
    checks.check_reach(op, x, weight)
    _, connections = checks.costs(op, x, weight)
    assert connections
    assert connections.real == checks.real_connections(op, x, weight)


def test_only_depthwise_filters_keep_to_their_channel() -> None:
    windows = (Window(2), Window(2))
    checks.check_reach(Conv(windows, groups=3), drawn(1, 3, 3, 3), drawn(3, 1, 2, 2))
    checks.check_reach(Conv(windows, groups=2), drawn(1, 4, 3, 3), drawn(4, 2, 2, 2), whole=False)


def test_a_table_leaves_connections_out() -> None:
    op = Conv((Window(3, padding=1),), table=((0, 1), (1,)))
    x, weight = drawn(1, 2, 4), drawn(3, 3)
    dense = np.zeros((2, 2, 3))
    dense[0, 0], dense[0, 1], dense[1, 1] = weight
    assert np.array_equal(op.dense(weight, 2), dense)
    checks.agree(op, lambda x, _: F.conv1d(x, torch.from_numpy(dense), padding=1), x, weight)
    macs, connections = checks.costs(op, x, weight)
    assert connections
    assert connections.real == checks.real_connections(op, x, weight)
    assert macs == 2 * 2 * 3 * 4


def test_a_table_names_a_map_that_is_not_there() -> None:
    op = Conv((Window(3),), table=((0, 2),))
    with pytest.raises(ShapeError, match="2 channels; weight 2x3 needs 3"):
        op.infer(TensorType((1, 2, 8)), TensorType((2, 3)))


def test_torch_keeps_a_tables_dense_weight() -> None:
    layer = nn.TableConv2d(6, 16, 5, TABLE)
    op = Conv((Window(5), Window(5)), table=TABLE)
    x = torch.randn(2, 6, 14, 14)
    # The buffers say where the filters stand; they belong to the layer.
    buffers = 2 * 8 * sum(map(len, TABLE))
    kept = checks.torch_saved_bytes(lambda x, *_: layer(x), x, *layer.parameters())
    assert kept - buffers == checks.saved_bytes(op, x, layer.weight, layer.bias)


def test_torch_keeps_the_input() -> None:
    x, w, b = torch.randn(2, 4, 6, 5), torch.randn(6, 2, 3, 3), torch.randn(6)
    windows = (Window(3), Window(3))
    checks.check_saved(Conv(windows, 2), lambda *t: F.conv2d(*t, groups=2), x, w, b)
    w = torch.randn(4, 3, 3, 3)
    checks.check_saved(
        ConvTranspose(windows, (0, 0), 2),
        lambda *t: F.conv_transpose2d(*t, groups=2), x, w, b,
    )  # fmt: skip


def test_what_a_run_needs_besides_by_hand() -> None:
    x, weight = TensorType((1, 2, 6)), TensorType((4, 2, 3))
    even, uneven = Conv((Window(3, padding=1),)), Conv((Window(3, padding=(0, 1)),))
    assert even.scratch_bytes((x, weight), even.infer(x, weight)) == 0
    assert uneven.scratch_bytes((x, weight), uneven.infer(x, weight)) == 4 * 2 * 7  # padded x
    table, pairs = Conv((Window(3),), table=((0, 1), (1,))), TensorType((3, 3))
    assert table.scratch_bytes((x, pairs), table.infer(x, pairs)) == 4 * 2 * 2 * 3  # dense weight


@pytest.mark.parametrize("padding", [(0, 2), (1, 0)])
def test_torch_keeps_the_copy_that_it_pads_unevenly(padding: tuple[int, int]) -> None:
    x, w, b = torch.randn(2, 4, 6, 5), torch.randn(6, 4, 3, 3), torch.randn(6)
    op = Conv((Window(3, padding=padding), Window(3, padding=1)))
    run = lambda x, w, b: F.conv2d(F.pad(x, (1, 1, *padding)), w, b)  # noqa: E731
    checks.check_saved(op, run, x, w, b)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1, 4, 8, 8), "4 channels; weight 8x3x5x5 needs 3"),
        ((3, 8, 8), "3 axes; it needs 4"),
        ((1, 3, 4, 8), "a window of 5x5 does not fit a map of 4x8"),
    ],
)
def test_misfits_are_told(shape: tuple[int, ...], words: str) -> None:
    op, weight = Conv((Window(5), Window(5))), TensorType((8, 3, 5, 5))
    with pytest.raises(ShapeError, match=words):
        op.infer(TensorType(shape), weight)


@pytest.mark.parametrize(
    ("op", "shapes", "words"),
    [
        (Conv((Window(5),)), ((1, 3, 9), (8, 3, 3)), "must end in the sizes of the windows, 5"),
        (Conv((Window(3),), 3), ((1, 3, 9), (8, 1, 3)), "makes 8 channels; 3 groups"),
        (ConvTranspose((Window(5),), (0,)), ((1, 3, 9), (3, 8, 3)), "sizes of the windows, 5"),
        (ConvTranspose((Window(3),), (0,), 2), ((1, 3, 9), (3, 8, 3)), "2 groups must divide"),
        (ConvTranspose((Window(3),), (0,)), ((1, 3, 9), (4, 8, 3)), "weight 4x8x3 needs 4"),
        (ConvTranspose((Window(2, padding=2),), (0,)), ((1, 3, 1), (3, 8, 2)), "does not fit"),
    ],
)
def test_weights_that_do_not_fit_are_told(op: Any, shapes: Any, words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        op.infer(*map(TensorType, shapes))


def test_words() -> None:
    op = Conv((Window(3, stride=2, padding=(0, 1)), Window(5, stride=2, padding=2)), groups=4)
    assert op.describe() == "3x5, stride 2, padding (0, 1)x2, groups 4"
    up = ConvTranspose((Window(4, stride=2, padding=1),) * 2, (1, 1))
    assert up.describe() == "4x4, stride 2, padding 1, output padding 1"
