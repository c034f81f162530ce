"""The measurements of the machine, and of programs."""

from __future__ import annotations

import pytest

from striate import OptionError, _core

from .steps import aligned

TARGETS = [name for name, _ in _core.targets()]


@pytest.mark.parametrize("target", TARGETS)
def test_peak_and_bandwidth_are_positive(target: str) -> None:
    assert 0.01 < _core.peak_gflops(target, seconds=1e-3) < 1e4
    assert 0.01 < _core.bandwidth(target, 1 << 16, seconds=1e-3) < 1e4


def test_bandwidth_wants_a_page() -> None:
    with pytest.raises(OptionError, match="from 4096 bytes"):
        _core.bandwidth(TARGETS[0], 1)


def test_each_run_is_timed() -> None:
    shape = {"batch": 1, "channels": 8, "pixels": 4, "to_blocked": True}
    program = _core.Program("portable8", 1, 64, aligned(16), [], [])
    program.add("layout", "blocked", shape, [(1, 0, 0)], [(1, 0, 32)], [])
    times = _core.Context(program).time([], [], 0, 1, 5)
    assert len(times) == 5
    assert all(t > 0 for t in times)
