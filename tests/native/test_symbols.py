"""What is compiled for a target's instruction set is that target's own (csrc/kernels/kernel.hpp).

A function that several object files define, like an instance of std::vector, is kept once by the
linker: perhaps the copy with instructions that this machine does not have.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from shutil import which

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = ("avx2", "avx512", "portable8", "portable16")


def objects(target: str) -> list[Path]:
    """The latest build's object files of a target."""
    folders = ROOT.glob(f"build/*/CMakeFiles/striate_{target}.dir")
    # A build with sanitizers brings symbols of their own.
    plain = [f for f in folders if not re.search("STRIATE_SANITIZE:STRING=.", _cache(f))]
    newest = max(plain, key=lambda folder: folder.stat().st_mtime, default=None)
    return sorted(newest.rglob("*.o")) if newest else []


def _cache(folder: Path) -> str:
    return (folder.parents[1] / "CMakeCache.txt").read_text()


def symbols(files: list[Path], *options: str) -> set[str]:
    """Names in object files, as C++ has them."""
    command = ["nm", "--format=just-symbols", "--demangle", *options, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    names = {line for line in done.stdout.splitlines() if not line.endswith(".o:")}
    return names - {""}


@pytest.mark.skipif(which("nm") is None, reason="nm is not installed")
@pytest.mark.parametrize("target", TARGETS)
def test_object_files_share_no_code_with_other_targets(target: str) -> None:
    files = objects(target)
    if not files:
        pytest.skip(f"the build folder has no object files for {target}")
    defined = symbols(files, "--defined-only", "--extern-only")
    assert f"striate::{target}::target" in defined
    assert {name for name in defined if f"striate::{target}::" not in name} == set()
    # What they call is their own, or C's: memcpy, powf.
    called = symbols(files, "--undefined-only")
    assert {n for n in called if f"striate::{target}::" not in n and "::" in n} == set()
