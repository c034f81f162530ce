"""Engines take turns: each in a process of its own, one awake at a time."""

from __future__ import annotations

import json
import os
import random
import selectors
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ._engines import Engine
from ._machine import pick_cores
from ._task import Task

TURN_LIMIT_S = 600


@dataclass(frozen=True)
class Turn:
    """What a worker tells of a turn: the times of its runs, and the most memory it held so far."""

    times_ms: list[float]
    peak_bytes: int
    running_bytes: int


@dataclass
class Result:
    """What became of one engine.

    Args:
        engine: Its name.
        version: Of its package.
        error: Largest difference from float64, as a share of the largest output.
        load_s: From file to first result, without imports.
        rounds_ms: Median of the runs of each turn.
        fastest_ms: The quickest single run of all.
        peak_bytes, running_bytes: Most memory that was resident, from the start of its process and
            while it took turns.
        skipped: Why there are no times.
    """

    engine: str
    version: str = ""
    error: float | None = None
    load_s: float | None = None
    rounds_ms: list[float] = field(default_factory=list)
    fastest_ms: float = float("inf")
    peak_bytes: int = 0
    running_bytes: int = 0
    skipped: str = ""

    def take(self, turn: Turn) -> None:
        """Add a turn."""
        self.rounds_ms.append(statistics.median(turn.times_ms))
        self.fastest_ms = min(self.fastest_ms, *turn.times_ms)
        self.peak_bytes = max(self.peak_bytes, turn.peak_bytes)
        self.running_bytes = max(self.running_bytes, turn.running_bytes)

    @property
    def ms(self) -> float:
        """Median over the rounds."""
        return statistics.median(self.rounds_ms)

    def ratio_to(self, other: Result) -> float:
        """How many times as long as the other it takes: the median over rounds, side by side."""
        pairs = zip(self.rounds_ms, other.rounds_ms, strict=True)
        return statistics.median(mine / theirs for mine, theirs in pairs)

    def to_json(self) -> dict[str, Any]:
        """Everything, for a file."""
        if self.skipped:
            return {"engine": self.engine, "version": self.version, "skipped": self.skipped}
        return vars(self) | {"median_ms": self.ms}


class SkippedError(Exception):
    """An engine does not take part; the text says why."""


class Worker:
    """The process of one engine. It is stopped whenever it is not its turn.

    Stopped, not idle: pools of threads that spin while they wait would take the cores from others.
    """

    def __init__(self, engine: Engine, task: Task, threads: int) -> None:
        self.engine, self.task = engine, task
        cores = ",".join(map(str, pick_cores(threads)))
        command = [sys.executable, "-m", "peers._worker", _told(engine), str(task.folder)]
        with task.log(engine.name).open("w") as log:
            self.process = subprocess.Popen(
                [*command, str(threads), cores],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=_environment(threads),
                start_new_session=True,
            )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()  # also ends what is stopped
        self.process.communicate()

    def load(self) -> dict[str, Any]:
        """Wait until it is ready, and stop it."""
        found = self._answer(self.engine.limit_s)
        if "skipped" in found:
            raise SkippedError(found["skipped"])
        os.kill(self.process.pid, signal.SIGSTOP)
        return found

    def take_turn(self, seconds: float) -> Turn:
        """Let it run for about so long."""
        os.kill(self.process.pid, signal.SIGCONT)
        assert self.process.stdin
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        turn = Turn(**self._answer(TURN_LIMIT_S))
        os.kill(self.process.pid, signal.SIGSTOP)
        return turn

    def _answer(self, limit_s: float) -> dict[str, Any]:
        assert self.process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(limit_s):
                raise SkippedError(f"not ready within {limit_s:g} s")
        line = self.process.stdout.readline()
        if not line:
            said = _last_line(self.task.log(self.engine.name))
            raise SkippedError(f"its process ended with {self.process.wait()}: {said}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def race(
    task: Task, engines: Iterable[Engine], *, threads: int, rounds: int, turn_s: float
) -> list[Result]:
    """Load a network into every engine, check what each computes, and time them side by side.

    Args:
        task: The network.
        engines: Who takes part; who is not installed, fails or errs is a result with a reason.
        threads: Cores for each engine; all get the same ones.
        rounds: Turns of each engine. Within a round all take one, in random order.
        turn_s: Seconds of timed runs a turn.
    """
    results = []
    ready: list[tuple[Worker, Result]] = []
    with ExitStack() as stack:
        for engine in engines:
            result = Result(engine.name, engine.version)
            results.append(result)
            try:
                if not engine.version:
                    raise SkippedError("not installed")
                worker = stack.enter_context(Worker(engine, task, threads))
                result.load_s = worker.load()["load_s"]
                result.error = _error(task, engine)
                ready.append((worker, result))
            except SkippedError as reason:
                result.skipped = str(reason)
        order = random.Random(0)
        for _ in range(rounds):
            for worker, result in order.sample(ready, len(ready)):
                if result.skipped:
                    continue
                try:
                    result.take(worker.take_turn(turn_s))
                except SkippedError as reason:
                    result.skipped = str(reason)
    return results


def probe(task: Task, engine: Engine) -> dict[str, Any] | str:
    """Measure one start on one core; a text says why there is none."""
    cores = ",".join(map(str, pick_cores(1)))
    done = subprocess.run(
        [sys.executable, "-m", "peers._probe", _told(engine), str(task.folder), "1", cores],
        capture_output=True,
        text=True,
        env=_environment(1),
        timeout=engine.limit_s,
        check=False,
    )
    if done.returncode:
        return [*done.stderr.strip().splitlines(), f"ended with {done.returncode}"][-2]
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def _error(task: Task, engine: Engine) -> float:
    """Compare with float64; who is off does not take part."""
    found, shape = np.load(task.output(engine.name)), task.reference.shape
    if found.shape != shape:
        raise SkippedError(f"wrong: its output is {found.shape} and should be {shape}")
    error = task.error(found)
    if not error <= task.tolerance:
        raise SkippedError(f"wrong: off by {error:.2g}, more than {task.tolerance:g}")
    return error


def _told(engine: Engine) -> str:
    return json.dumps(asdict(engine))


def _environment(threads: int) -> dict[str, str]:
    """Settings that libraries read when they are imported."""
    pools = ("OMP", "MKL", "OPENBLAS", "NUMEXPR")
    return {
        **os.environ,
        **{f"{name}_NUM_THREADS": str(threads) for name in pools},
        "TORCHINDUCTOR_COMPILE_THREADS": "1",  # no pool of compiling processes
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONPATH": os.pathsep.join(_search_path()),
    }


def _search_path() -> Sequence[str]:
    folder = str(Path(__file__).parents[1])
    return [folder, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"
