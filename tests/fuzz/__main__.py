"""Random problems for the kernels, random networks and damaged plans: `make fuzz`.

    python -m tests.fuzz [KIND ...] [--scale F] [--count N] [--seed S] [--first I] [--jobs J]
        [--seconds T] [--without KIND]

KIND is conv, pool, ..., layers, nets, train, train_step or plans; without one all run: 10,000
convolutions, as many gradients of their filters, training steps of as many single layers, 2,000
problems of each other kind, 300 networks, training steps of 300 others, 300 classifiers trained
some steps by TrainStep, and 20 damages each to the plans of 300; or F times as many. A problem is
told by its kind, seed and index. They run in processes of their own, so that a crash is told like
any other failure; each prints the command that repeats it. After T seconds of a kind no further
problem is begun, and where to go on is told.
"""

from __future__ import annotations

import argparse
import math
import mmap
import os
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable

from .check import check
from .generate import GENERATORS
from .nets import check_net
from .plans import check_plans
from .train import check_train
from .train_step import check_train_step

COUNTS = dict.fromkeys(GENERATORS, 2_000) | {
    "conv": 10_000, "conv_weight_gradient": 10_000, "layers": 10_000, "nets": 300, "train": 300,
    "train_step": 300, "plans": 300,
}  # fmt: skip
MOST_FAILURES = 20


def main() -> int:
    """Run what is asked for; 1 if anything failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(COUNTS))
    parser.add_argument("--scale", type=float, default=1, help="times as many problems as usual")
    parser.add_argument("--count", type=int, help="problems of each kind, whichever it is")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="index of the first problem")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--seconds", type=float, default=math.inf, help="for each kind at most")
    parser.add_argument("--without", action="append", default=[], metavar="KIND", help="leave out")
    options = parser.parse_args()
    unknown = {*options.kinds, *options.without} - set(COUNTS)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: there are {', '.join(COUNTS)}")
    failures = 0
    for kind in options.kinds or COUNTS:
        if kind in options.without:
            continue
        usual = math.ceil(options.scale * COUNTS[kind])
        count = usual if options.count is None else options.count
        failures += run_kind(
            kind, options.seed, options.first, count, options.jobs, options.seconds
        )
    return 1 if failures else 0


def run_kind(
    kind: str, seed: int, first: int, count: int, jobs: int, limit: float = math.inf
) -> int:
    """Share problems among processes; give how many failed."""
    steps = dict.fromkeys(("layers", "train"), check_train)
    whole = {"nets": check_net, "plans": check_plans, "train_step": check_train_step, **steps}
    one = whole.get(kind, check)
    start = time.perf_counter()
    stop, end = first + count, start + limit
    workers = [_Worker(kind, seed, first + i, stop, jobs, one, end) for i in range(jobs)]
    runs = sum(worker.finish() for worker in workers)
    failures = sum(worker.failures for worker in workers)
    seconds = time.perf_counter() - start
    done = sum(worker.problems for worker in workers)
    more = "" if done == count else f"; go on with --first {min(w.index for w in workers)}"
    told = f"{done} problems, {runs} runs, {failures} failed, {seconds:.0f} s"
    print(f"{kind}: {told}{more}", flush=True)
    return failures


class _Worker:
    """A process that runs every `step`-th problem; a new one takes over where one crashed."""

    def __init__(
        self, kind: str, seed: int, index: int, stop: int, step: int,
        one: Callable[[str, int, int], int], end: float,
    ) -> None:  # fmt: skip
        self._kind, self._seed, self._stop, self._step, self._one = kind, seed, stop, step, one
        self._first, self._end = index, end
        self._state = mmap.mmap(-1, 24)  # the index at work; runs; failures
        self._put(index, 0, 0)
        self._process = self._start()

    def _put(self, *state: int) -> None:
        struct.pack_into("<qqq", self._state, 0, *state)

    def _get(self) -> tuple[int, int, int]:
        index, runs, failures = struct.unpack_from("<qqq", self._state, 0)
        return index, runs, failures

    @property
    def failures(self) -> int:
        return self._get()[2]

    @property
    def index(self) -> int:
        """Of the first problem it did not do."""
        return self._get()[0]

    @property
    def problems(self) -> int:
        """How many it did."""
        return (self.index - self._first) // self._step

    def _start(self) -> int:
        sys.stdout.flush()
        process = os.fork()
        if process == 0:
            try:
                self._work()
            finally:
                sys.stdout.flush()
                os._exit(0)
        return process

    def _work(self) -> None:
        index, runs, failures = self._get()
        while index < self._stop and failures < MOST_FAILURES and self._in_time():
            try:
                runs += self._one(self._kind, self._seed, index)
            except AssertionError as error:
                failures += 1
                self._tell(index, str(error))
            except Exception:
                failures += 1
                self._tell(index, traceback.format_exc())
            index += self._step
            self._put(index, runs, failures)

    def _in_time(self) -> bool:
        return time.perf_counter() < self._end

    def _tell(self, index: int, what: str) -> None:
        command = f"{self._kind} --seed {self._seed} --first {index} --count 1"
        print(f"\n{what}\n  repeat it: python -m tests.fuzz {command}", flush=True)

    def finish(self) -> int:
        """Wait until all is done; give the number of runs."""
        while True:
            _, status = os.waitpid(self._process, 0)
            if status == 0:
                return self._get()[1]
            index, runs, failures = self._get()
            what = signal.Signals(status & 127).name if status & 127 else f"exit {status >> 8}"
            self._tell(index, f"its process ended with {what}")
            self._put(index + self._step, runs, failures + 1)
            self._process = self._start()


if __name__ == "__main__":
    sys.exit(main())
