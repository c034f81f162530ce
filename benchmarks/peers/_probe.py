"""A process that imports, loads and runs a network once, and tells what that took.

    python -m peers._probe ENGINE FOLDER THREADS CORE,CORE,...

ENGINE is an `Engine` as JSON. A line of JSON: seconds to import and to load, ms of the first run
and of a later one, peak resident bytes, and which of the heavy packages were imported.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from itertools import pairwise
from pathlib import Path

HEAVY = ("torch", "onnx")


def main() -> None:
    """Measure, and print."""
    told, folder, threads, cores = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print
    os.sched_setaffinity(0, map(int, cores.split(",")))
    clock = time.perf_counter
    ticks = [clock()]
    from ._engines import Engine
    from ._loaded import UnsupportedError  # imports NumPy, as all drivers do
    from ._machine import peak_resident_bytes

    engine = Engine(**json.loads(told))
    task = engine.open(Path(folder))
    engine.import_driver()
    ticks.append(clock())
    try:
        loaded = engine.load(task, int(threads))
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


if __name__ == "__main__":
    main()
