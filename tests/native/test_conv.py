"""All convolution kernels, on all targets of this machine, against the definition in float64."""

from __future__ import annotations

import numpy as np
import pytest

from striate import _core

from .steps import Convolution

TARGETS = [name for name, _ in _core.targets()]
SHAPES = {
    "3x3": Convolution(),
    "3x3 padded": Convolution(before=(0, 1, 1), after=(0, 1, 1)),
    "1x1": Convolution(in_channels=17, out_channels=9, kernel=(1, 1, 1)),
    "one channel each": Convolution(in_channels=1, out_channels=1),
    "5x5 on plain input": Convolution(in_channels=3, kernel=(1, 5, 5), plain_input=True),
    "stride 2": Convolution(stride=(1, 2, 2), before=(0, 1, 1), after=(0, 1, 1)),
    "dilation 2": Convolution(dilation=(1, 2, 2), before=(0, 2, 2), after=(0, 2, 2)),
    "depthwise": Convolution(in_channels=17, out_channels=17, groups=17),
    "grouped": Convolution(in_channels=24, out_channels=12, groups=3),
    "more padding than window": Convolution(before=(0, 4, 0), after=(0, 0, 5)),
    "signal": Convolution(size=(1, 1, 31), kernel=(1, 1, 9), stride=(1, 1, 2)),
    "volume": Convolution(size=(5, 6, 7), kernel=(3, 3, 3), before=(1, 1, 1), after=(1, 1, 1)),
    "residual and batch": Convolution(batch=3, residual=True, out_channels=20),
    "scale": Convolution(in_channels=20, scale=True, kernel=(1, 1, 1)),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", SHAPES)
def test_every_kernel_that_fits_agrees_with_the_definition(name: str, target: str) -> None:
    problem = SHAPES[name]
    arrays = problem.arrays()
    expected = problem.reference(arrays)
    kernels = _core.candidates(target, "conv", problem.attributes)
    assert "reference" in kernels
    for kernel in kernels:
        y = problem.run(target, kernel, arrays)
        # Winograd's bound is a share of the largest output (docs/design.md).
        slack = 1e-4 * np.abs(expected).max() if kernel.startswith("winograd") else 0
        error = np.abs(y - expected).max()
        assert error <= problem.tolerance(arrays) + slack, (kernel, error)


@pytest.mark.parametrize("target", TARGETS)
def test_results_do_not_depend_on_the_number_of_threads(target: str) -> None:
    problem = Convolution(batch=2, in_channels=20, out_channels=24, size=(1, 13, 11))
    arrays = problem.arrays()
    for kernel in _core.candidates(target, "conv", problem.attributes):
        one, three = (problem.run(target, kernel, arrays, threads) for threads in (1, 3))
        assert np.array_equal(one, three), kernel
