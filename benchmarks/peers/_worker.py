"""The process of one engine: loads a network, says so, and runs it when it is told to.

    python -m peers._worker ENGINE FOLDER THREADS CORE,CORE,...

Each line of standard input is a number of seconds; the answer is a line of JSON with the times of
single runs, in ms, over about that long. What libraries print goes to standard error.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

FEWEST = 2
"""Timed runs a turn, however long one takes."""
MOST = 20_000


def main() -> None:
    """Answer until the input ends."""
    name, folder, threads, cores = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.sched_setaffinity(0, map(int, cores.split(",")))

    def answer(**facts: Any) -> None:
        print(json.dumps(facts), file=answers, flush=True)

    from ._engines import ENGINES, PEAK
    from ._loaded import UnsupportedError
    from ._task import Task

    engine, task = {**ENGINES, PEAK.name: PEAK}[name], Task(Path(folder))
    try:
        driver = import_module(f"peers.{engine.module}")
        variant = (engine.variant,) if engine.variant else ()
        start = time.perf_counter()
        loaded = driver.load(task, int(threads), *variant)
        output = loaded.read(loaded.run())
        load_s = time.perf_counter() - start
    except UnsupportedError as reason:
        answer(skipped=str(reason))
        return
    import numpy as np

    np.save(task.output(name), output)
    answer(load_s=load_s)
    for line in sys.stdin:
        answer(times_ms=take_turn(loaded.run, float(line)))


def take_turn(run: Any, seconds: float) -> list[float]:
    """Run until caches and clock are warm, then time single runs for so long."""
    clock = time.perf_counter
    start, warm_ups = clock(), 0
    while warm_ups == 0 or clock() - start < seconds / 4:
        run()
        warm_ups += 1
    once = (clock() - start) / warm_ups
    count = min(max(FEWEST, math.ceil(seconds / once)), MOST)
    ticks = [clock()]
    for _ in range(count):
        run()
        ticks.append(clock())
    return [1e3 * (b - a) for a, b in pairwise(ticks)]


if __name__ == "__main__":
    main()
