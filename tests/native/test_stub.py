"""The committed types of the native core are those the built core has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

STUB = Path(__file__).parents[2] / "src" / "striate" / "_core.pyi"


def test_stub_is_what_nanobind_writes(tmp_path: Path) -> None:
    pytest.importorskip("nanobind")
    written = tmp_path / "_core.pyi"
    command = [sys.executable, "-m", "nanobind.stubgen", "--quiet", "-m", "striate._core"]
    subprocess.run([*command, "-o", str(written)], check=True)
    assert STUB.read_text() == written.read_text(), "run `make stubs` and commit the result"
