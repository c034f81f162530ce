"""All convolution kernels, on all targets of this machine, against the definition in float64."""

from __future__ import annotations

import numpy as np
import pytest

from striate import _core

from .convolutions import POOLED, SHAPES, depthwise
from .steps import Convolution

TARGETS = [name for name, _ in _core.targets()]
WIDE = [name for name, lanes in _core.targets() if lanes == 16]  # those that `int8x6` is for


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", SHAPES)
def test_every_kernel_that_fits_agrees_with_the_definition(name: str, target: str) -> None:
    check(SHAPES[name], target)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", POOLED)
def test_every_kernel_that_pools_agrees_with_the_definition(name: str, target: str) -> None:
    check(POOLED[name], target)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize(
    "problem",
    [
        Convolution(size=(1, 9, 9)),
        Convolution(in_channels=40, out_channels=40, size=(1, 13, 13), kernel=(1, 5, 5)),
        Convolution(size=(1, 9, 9), kernel=(1, 1, 1)),
        depthwise(8, (1, 9, 9), 3),
        Convolution(in_channels=32, out_channels=32, groups=8, size=(1, 9, 9)),
        Convolution(in_channels=1, out_channels=6, size=(1, 9, 9), plain_input=True),
        Convolution(in_channels=1, out_channels=5, size=(1, 10, 24), plain_input=True),
        Convolution(in_channels=3, out_channels=12, size=(1, 9, 9), plain_input=True),
        Convolution(in_channels=3, out_channels=40, size=(1, 9, 9), plain_input=True),
        Convolution(
            in_channels=3, out_channels=40, size=(1, 16, 16), kernel=(1, 5, 5), stride=(1, 2, 2),
            plain_input=True,
        ),
    ],
)  # fmt: skip
def test_a_clamp_lets_nan_through(problem: Convolution, pool: bool, target: str) -> None:
    """As torch's ReLU does: a network that makes one must not look sound."""
    problem = problem.but(pool=pool, activation={"activation": "clamp", "alpha": 0.0, "beta": 6.0})
    arrays = problem.arrays()
    arrays["x"][:, :, 0, 4, 4] = np.nan
    wanted = np.isnan(problem.reference(arrays))
    assert 0 < wanted.sum() < wanted.size
    for kernel in _core.candidates(target, "conv", problem.attributes):
        found = np.isnan(problem.run(target, kernel, arrays))
        assert found[wanted].all(), kernel
        # Winograd's algorithm spreads it over its tiles, first_halves over two rows of outputs.
        if not kernel.startswith("winograd") and kernel != "first_halves":
            assert (found == wanted).all(), kernel


@pytest.mark.parametrize("target", WIDE)
@pytest.mark.parametrize(("channels", "outputs", "phases"), [(48, 32, 1), (320, 320, 3)])
def test_digits_of_what_is_not_finite(
    channels: int, outputs: int, phases: int, target: str
) -> None:
    """Its blocks are computed in float32, in which it stays what it is."""
    problem = Convolution(batch=2, in_channels=channels, out_channels=outputs, size=(1, 6, 6))
    assert len(_core.needs(target, "conv", "int8x6", problem.attributes).tasks) == phases
    arrays = problem.arrays()
    arrays["x"][0, 1, 0, 4, 4] = np.inf
    wanted = problem.reference(arrays)
    assert np.isinf(wanted).any()
    y = problem.run(target, "int8x6", arrays)
    np.testing.assert_allclose(y, wanted, rtol=0, atol=2 * problem.tolerance(problem.arrays()))


@pytest.mark.parametrize("target", WIDE)
@pytest.mark.parametrize("kernel", [1, 3])
def test_images_have_units_of_their_own(kernel: int, target: str) -> None:
    """A batch may hold numbers of any size: none takes digits from another image's."""
    sides = {"kernel": (1, kernel, kernel)}
    problem = Convolution(batch=3, in_channels=70, out_channels=40, size=(1, 5, 9), **sides)
    arrays = problem.arrays()
    scales = np.array([1e-30, 1, 1e20], np.float32).reshape(3, 1, 1, 1, 1)
    arrays["x"] *= scales
    y = problem.but(bias=False).run(target, "int8x6", arrays) / scales
    wanted = problem.but(bias=False).reference(arrays) / scales
    arrays["x"] /= scales
    slack = problem.slack("int8x6", arrays, wanted, winograd=0)
    assert np.abs(y - wanted).max() <= problem.tolerance(arrays) + slack


@pytest.mark.parametrize("target", TARGETS)
def test_kernels_that_pool(target: str) -> None:
    """Those that the shapes above are for; the others leave pooling to a step of its own."""
    found = {
        kernel
        for problem in POOLED.values()
        for kernel in _core.candidates(target, "conv", problem.attributes)
    }
    expected = {
        "first", "first_halves", "first_pairs", "pairs", "reference", "winograd2", "winograd2_5",
        "winograd2_5x1", "winograd2_5x5", "winograd2_streamed", "winograd4", "winograd4_5",
        "winograd4_streamed", "winograd6",
    }  # fmt: skip
    wide = (
        {"first_columns", "int8x6", "winograd4_int8x6"}
        if dict(_core.targets())[target] == 16
        else set()
    )
    assert found == expected | wide


def check(problem: Convolution, target: str) -> None:
    """All kernels that fit, against the definition."""
    arrays = problem.arrays()
    expected = sums = problem.reference(arrays)
    if problem.activation.get("activation") == "clamp":
        expected = np.clip(expected, problem.activation["alpha"], problem.activation["beta"])
    elif problem.activation:
        expected = expected / (1 + np.exp(-expected))
    kernels = _core.candidates(target, "conv", problem.attributes)
    assert "reference" in kernels
    for kernel in kernels:
        y = problem.run(target, kernel, arrays)
        slack = problem.slack(kernel, arrays, sums, winograd=2e-5)  # docs/design.md
        error = np.abs(y - expected).max()
        assert error <= problem.tolerance(arrays) + slack, (kernel, error)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("taps", [3, 5])
def test_maps_that_end_anywhere_in_a_tile(target: str, taps: int) -> None:
    """Of 1 to 19 rows: tiles at the edges have some of their outputs, and need fewer products."""
    for height in range(1, 20):
        width, padding = height * 7 % 19 + 1, (0, taps // 2, taps // 2)
        problem = Convolution(
            in_channels=20, out_channels=40, batch=2, size=(1, height, width),
            kernel=(1, taps, taps), before=padding, after=padding,
        )  # fmt: skip
        check(problem, target)


@pytest.mark.parametrize("target", TARGETS)
def test_windows_that_lie_beside_the_map_alone(target: str) -> None:
    """More padding than a row of windows reads: its numbers are 0, and no others are written."""
    padding = 1 << 22
    problem = Convolution(
        in_channels=1, out_channels=6, size=(1, 8, 8), plain_input=True,
        before=(0, 5, padding), after=(0, 0, -padding - 3),
    )  # fmt: skip
    assert problem.out == (1, 11, 3)
    arrays = problem.arrays()
    expected = np.broadcast_to(arrays["bias"][:, None, None, None], (1, 6, 1, 11, 3))
    for kernel in _core.candidates(target, "conv", problem.attributes):
        assert np.array_equal(problem.run(target, kernel, arrays), expected), kernel


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["residual and batch", "first 7x7 stride 2"])
def test_results_do_not_depend_on_the_number_of_threads(name: str, target: str) -> None:
    problem = SHAPES[name]
    arrays = problem.arrays()
    for kernel in _core.candidates(target, "conv", problem.attributes):
        one, three = (problem.run(target, kernel, arrays, threads) for threads in (1, 3))
        assert np.array_equal(one, three), kernel


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_depthwise_rows_of_any_width(target: str, kernel: int, stride: int) -> None:
    for width in range(1, 34):
        conv = depthwise(8, (1, 2, width), kernel, stride=stride)
        arrays = conv.arrays(width)
        found = conv.run(target, "depthwise", arrays)
        assert np.abs(found - conv.reference(arrays)).max() <= conv.tolerance(arrays), width
