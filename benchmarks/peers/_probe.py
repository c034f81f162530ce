"""A process that imports, loads and runs a network once, and tells what that took.

    python -m peers._probe ENGINE FOLDER THREADS CORE,CORE,...

A line of JSON: seconds to import and to load, ms of the first run and of a later one, peak resident
bytes, and which of the heavy packages were imported.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
from importlib import import_module
from itertools import pairwise
from pathlib import Path

HEAVY = ("torch", "onnx")


def main() -> None:
    """Measure, and print."""
    name, folder, threads, cores = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print
    os.sched_setaffinity(0, map(int, cores.split(",")))
    clock = time.perf_counter
    ticks = [clock()]
    from ._engines import ENGINES, SAVED
    from ._loaded import UnsupportedError  # imports NumPy, as all drivers do
    from ._task import Task

    engine, task = {**ENGINES, SAVED.name: SAVED}[name], Task(Path(folder))
    driver = import_module(f"peers.{engine.module}")
    ticks.append(clock())
    try:
        loaded = driver.load(task, int(threads), *([engine.variant] if engine.variant else []))
    except UnsupportedError as reason:
        sys.exit(str(reason))
    ticks.append(clock())
    loaded.run()
    ticks.append(clock())
    peak_bytes = peak_resident_bytes()
    runs = []
    while sum(runs) < 0.3 and len(runs) < 10_000:
        start = clock()
        loaded.run()
        runs.append(clock() - start)
    import_s, load_s, first_s = (b - a for a, b in pairwise(ticks))
    facts = {
        "import_s": import_s,
        "load_s": load_s,
        "first_run_ms": 1e3 * first_s,
        "run_ms": 1e3 * statistics.median(runs),
        "peak_bytes": peak_bytes,
        "imported": [package for package in HEAVY if package in sys.modules],
    }
    print(json.dumps(facts), file=answers, flush=True)


def peak_resident_bytes() -> int:
    """Most memory that was resident since this program began.

    Linux's own mark, where there is one: ru_maxrss remembers the starting process as well.
    """
    if (status := Path("/proc/self/status")).exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
