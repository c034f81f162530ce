"""The example smooth_a_signal.py runs with the base install, smooths, and finds a disc's edge."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "smooth_a_signal.py"


def test_it_smooths_and_finds_the_edge_without_torch() -> None:
    code = (
        "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__'); "
        "assert not {'torch', 'scipy'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, str(EXAMPLE)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    before, after = (float(line.split()[-1]) for line in lines if line.startswith("  error"))
    assert before > 0.25
    assert after < before / 4
    drawing = [line.strip() for line in lines if line.strip() and set(line.strip()) <= {".", "#"}]
    assert len(drawing) == 17
    # Flat inside and outside; steep on both sides of the disc, which is symmetric.
    assert drawing[8] == "....##.....................##...."
    assert drawing == drawing[::-1] == [row[::-1] for row in drawing]
