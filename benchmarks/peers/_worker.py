"""The process of one engine: loads a network, says so, and runs it when it is told to.

    python -m peers._worker ENGINE FOLDER THREADS CORE,CORE,...

ENGINE is an `Engine` as JSON. Each line of standard input is a number of seconds; the answer is a
line of JSON with the times of single runs, in ms, over about that long, and the most memory that
was resident since the start and since the engine was ready. What libraries print goes to standard
error. It ends with the process that started it, also while it is stopped.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import signal
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

FEWEST = 2
"""Timed runs a turn, however long one takes."""
MOST = 20_000


def main() -> None:
    """Answer until the input ends."""
    told, folder, threads, cores = sys.argv[1:]
    end_with_parent()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.sched_setaffinity(0, map(int, cores.split(",")))

    def answer(**facts: Any) -> None:
        print(json.dumps(facts), file=answers, flush=True)

    from ._engines import Engine
    from ._loaded import UnsupportedError
    from ._machine import forget_peak, peak_resident_bytes

    engine = Engine(**json.loads(told))
    task = engine.open(Path(folder))
    try:
        engine.import_driver()
        start = time.perf_counter()
        loaded = engine.load(task, int(threads))
        result = loaded.run()
        loading_bytes = peak_resident_bytes()  # before copies are made for the comparison
        output = loaded.read(result)
        load_s = time.perf_counter() - start
    except UnsupportedError as reason:
        answer(skipped=str(reason))
        return
    import numpy as np

    np.save(task.output(engine.name), output)
    del result, output
    forget_peak()
    answer(load_s=load_s)
    for line in sys.stdin:
        times = take_turn(loaded.run, float(line))
        running_bytes = peak_resident_bytes()
        peak_bytes = max(loading_bytes, running_bytes)
        answer(times_ms=times, peak_bytes=peak_bytes, running_bytes=running_bytes)


def end_with_parent() -> None:
    """Ask Linux to kill this process when its parent ends: nobody else would wake a stopped one."""
    if sys.platform == "linux":
        set_parent_death_signal = 1  # of <sys/prctl.h>
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


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
