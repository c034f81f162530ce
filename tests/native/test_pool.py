"""All pooling kernels, on all targets of this machine, against the operations' definition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from striate import Window, _core
from striate.graph.ops import AdaptivePool, AvgPool, MaxPool

from .steps import EPS, Array, block, run_step, unblock

TARGETS = [name for name, _ in _core.targets()]


@dataclass(frozen=True)
class Pooling:
    """A pooling to try kernels on: sizes along (depth, height, width)."""

    size: tuple[int, int, int] = (1, 7, 8)
    windows: tuple[Window, Window, Window] = (Window(1), Window(2, 2), Window(2, 2))
    places: tuple[int, int, int] | None = None  # adaptive: how many along each axis
    channels: int = 17
    batch: int = 1
    count_include_pad: bool = True
    divisor: int | None = None

    def reference(self, x: Array, mode: str) -> Array:
        if self.places is not None:
            operation: Any = AdaptivePool(self.places, "mean" if mode == "avg" else "max")
        elif mode == "max":
            operation = MaxPool(self.windows)
        else:
            operation = AvgPool(self.windows, self.count_include_pad, self.divisor)
        (y,) = operation.evaluate(x.astype(np.float64))
        return np.asarray(y)

    def attributes(self, mode: str, out: tuple[int, ...]) -> dict[str, Any]:
        common = {
            "batch": self.batch, "channels": self.channels, "in": list(self.size),
            "out": list(out), "mode": mode,
        }  # fmt: skip
        if self.places is not None:
            return common | {"adaptive": True}
        concrete = [w.on(n) for w, n in zip(self.windows, self.size, strict=True)]
        declared = [w if isinstance(w.padding, int | tuple) else c
                    for w, c in zip(self.windows, concrete, strict=True)]  # fmt: skip
        return common | {
            "kernel": [w.size for w in self.windows],
            "stride": [w.stride for w in self.windows],
            "dilation": [w.dilation for w in self.windows],
            "padding": [c.before for c in concrete],
            "padding_after": [w.after for w in declared],
            "count_include_pad": self.count_include_pad,
            "divisor": self.divisor or 0,
        }

    def run(self, target: str, kernel: str, x: Array, attributes: dict[str, Any]) -> Array:
        lanes = dict(_core.targets())[target]
        blocks = -(-self.channels // lanes)
        shape = (self.batch, blocks, *attributes["out"], lanes)
        (y,) = run_step(target, "pool", kernel, attributes, [block(x, lanes, 3.0)], [shape])
        assert np.isfinite(y).all(), "unused lanes must hold finite numbers"
        return unblock(y, self.channels)


def _square(*args: Any, **more: Any) -> tuple[Window, Window, Window]:
    return Window(1), Window(*args, **more), Window(*args, **more)


SHAPES = {
    "2x2/2": Pooling(),
    "3x3/2 padded": Pooling(windows=_square(3, 2, 1, 1), size=(1, 13, 14), batch=2),
    "3x3/2 padded, not counted": Pooling(windows=_square(3, 2, 1, 1), count_include_pad=False),
    "3x3 of stride 1": Pooling(windows=_square(3, 1, 1, 1), channels=8),
    "padded behind only": Pooling(windows=_square(3, 2, 1, (0, 1)), channels=1),
    "ceil mode": Pooling(windows=_square(3, 2, ceil_mode=True), size=(1, 8, 10)),
    "ceil mode, padded": Pooling(windows=_square(2, 2, 1, 1, ceil_mode=True), size=(1, 8, 9)),
    "ceil mode, not counted": Pooling(
        windows=_square(3, 2, 1, 1, ceil_mode=True), size=(1, 8, 10), count_include_pad=False
    ),
    "same": Pooling(windows=_square(3, 2, padding="same")),
    "divisor": Pooling(windows=_square(3, 2, 1, 1), divisor=5),
    "dilated": Pooling(windows=_square(3, 1, 2, 1), size=(1, 11, 9)),
    "wide": Pooling(windows=_square(5, 3, 1, 2), size=(1, 17, 19), channels=9),
    "stride beyond the window": Pooling(windows=_square(2, 3), size=(1, 9, 10)),
    "one pixel": Pooling(size=(1, 1, 1), windows=_square(1)),
    "signal": Pooling(size=(1, 1, 37), windows=(Window(1), Window(1), Window(4, 4))),
    "volume": Pooling(size=(5, 6, 7), windows=(Window(2, 2), Window(2, 2), Window(2, 2))),
    "large volume window": Pooling(
        size=(7, 8, 9), windows=(Window(3, 1, 1, 1), Window(3, 2, 1, 1), Window(4, 1))
    ),
    "whole": Pooling(windows=(Window(1), Window(7), Window(8)), channels=33, batch=3),
    "whole, padded": Pooling(windows=(Window(1), Window(9, 9, 1, 1), Window(9, 9, 1, (0, 1)))),
    "many maps": Pooling(channels=600, batch=3, size=(1, 6, 6)),
    "large map": Pooling(size=(1, 70, 130), windows=_square(3, 2, 1, 1), channels=8),
    "adaptive": Pooling(places=(1, 3, 5), size=(1, 7, 13)),
    "adaptive, more places than pixels": Pooling(places=(2, 5, 3), size=(3, 2, 7)),
    "adaptive, whole": Pooling(places=(1, 1, 1), size=(2, 9, 7), channels=8),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("mode", ["max", "avg"])
@pytest.mark.parametrize("name", SHAPES)
def test_every_kernel_that_fits_agrees_with_the_definition(
    name: str, mode: str, target: str
) -> None:
    problem = SHAPES[name]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((problem.batch, problem.channels, *problem.size)).astype(np.float32)
    expected = problem.reference(x, mode)
    attributes = problem.attributes(mode, expected.shape[2:])
    kernels = _core.candidates(target, "pool", attributes)
    assert "rows" in kernels
    assert "whole" in kernels or "whole" not in name
    terms = np.prod(problem.size) if mode == "avg" else 0
    for kernel in kernels:
        y = problem.run(target, kernel, x, attributes)
        assert y.shape == expected.shape
        assert np.abs(y - expected).max() <= 4 * EPS * terms, kernel


@pytest.mark.parametrize("target", TARGETS)
def test_activation_follows(target: str) -> None:
    problem = Pooling()
    x = np.random.default_rng(0).standard_normal((1, 17, 1, 7, 8)).astype(np.float32)
    expected = np.clip(problem.reference(x, "avg"), 0.0, 0.25)
    attributes = problem.attributes("avg", expected.shape[2:])
    attributes |= {"activation": "clamp", "alpha": 0.0, "beta": 0.25}
    y = problem.run(target, "rows", x, attributes)
    assert np.abs(y - expected).max() <= 16 * EPS


def test_wrong_arguments_are_refused() -> None:
    attributes = Pooling().attributes("max", (1, 3, 4))
    with pytest.raises(ValueError, match="mode must be max or avg"):
        _core.candidates(TARGETS[0], "pool", attributes | {"mode": "min"})
    with pytest.raises(ValueError, match="less than the map's own size"):
        _core.candidates(TARGETS[0], "pool", attributes | {"x_batch_stride": 1})
