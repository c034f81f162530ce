"""Programs run by many threads for many callers, under ThreadSanitizer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = (
    "tests/native/stress_program.cpp",
    "csrc/engine/program.cpp",
    "csrc/engine/attributes.cpp",
    "csrc/threads/pool.cpp",
    "csrc/cpu/cores.cpp",
    "csrc/cpu/cores_linux.cpp",
)


@pytest.mark.slow
def test_programs_of_many_threads_and_callers_do_not_race(tmp_path: Path) -> None:
    compiler = shutil.which(os.environ.get("CXX", "g++"))
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs a compiler with ThreadSanitizer")
    built = tmp_path / "stress"
    flags = ["-std=c++17", "-O1", "-g", "-fsanitize=thread", "-Icsrc", "-pthread"]
    subprocess.run([compiler, *flags, *SOURCES, "-o", built], cwd=ROOT, check=True)
    done = subprocess.run([built, "300"], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING: ThreadSanitizer" not in done.stderr
