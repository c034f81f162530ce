"""The machine's speeds are measured once, and kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from striate import _core
from striate.runtime import _speeds
from striate.runtime._speeds import Speeds, speeds

TARGET = _core.targets()[0][0]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))
    speeds.cache_clear()
    return tmp_path / "speeds.json"


def test_they_are_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = speeds(TARGET)
    assert min(first.gflops, first.l2, first.l3, first.memory) > 0
    speeds.cache_clear()
    monkeypatch.setattr(_speeds, "measure", lambda target: pytest.fail("measured again"))
    assert speeds(TARGET) == first


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", "null", '{"KEY": 3}', '{"KEY": {"gflops": 1}}',
             '{"KEY": {"gflops": "x", "l2": 1, "l3": 1, "memory": 1}}',
             '{"KEY": {"gflops": 0, "l2": 1, "l3": 1, "memory": 1}}']
)  # fmt: skip
def test_a_damaged_file_is_written_anew(
    text: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = f"{_core.cpu_brand()} {TARGET}"
    cache.write_text(text.replace("KEY", key))
    measured = Speeds(1.0, 2.0, 3.0, 4.0)
    monkeypatch.setattr(_speeds, "measure", lambda target: measured)
    assert speeds(TARGET) == measured
    assert json.loads(cache.read_text())[key]["memory"] == 4


def test_a_folder_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "file"))
    speeds.cache_clear()
    monkeypatch.setattr(_speeds, "measure", lambda target: Speeds(1.0, 2.0, 3.0, 4.0))
    assert speeds(TARGET).l3 == 3


def test_reading_takes_bytes_by_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Speeds(gflops=1, l2=100, l3=50, memory=10)

    class Caches:
        l2_bytes, l3_bytes = 512 << 10, 32 << 20

    monkeypatch.setattr(_core, "cpu_caches", Caches)
    assert machine.read_s(100_000, cold=False) == pytest.approx(1e-6)
    assert machine.read_s(1_000_000, cold=False) == pytest.approx(20e-6)
    assert machine.read_s(100_000, cold=False, among=1_000_000) == pytest.approx(2e-6)  # of L3
    assert machine.read_s(1_000_000, cold=True) == pytest.approx(100e-6)
    assert machine.read_s(1_000_000, cold=True, threads=4) == pytest.approx(50e-6)
    assert machine.read_s(40 << 20, cold=False) == pytest.approx((40 << 20) / 10e9)
