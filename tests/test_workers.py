"""Worker processes: in order, with their errors, and gone afterwards."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from striate import DataError, MissingExtraError, OptionError, RunError
from striate._workers import WorkerPool


def square(number: int) -> int:
    print("what a library prints does no harm")
    return number * number


def slow_first(number: int) -> int:
    time.sleep(0.2 if number == 0 else 0)
    return number


def broken(number: int) -> int:
    if number == 3:
        raise DataError("number 3 is damaged")
    return number


class OddError(Exception):
    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} and {second}")


def odd(number: int) -> int:
    raise OddError(number, 2)


def missing(number: int) -> int:
    raise MissingExtraError("a package is missing", name="package")


def suicide(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def process_id(_: int) -> int:
    return os.getpid()


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process}/stat")  # a zombie is dead, only nobody has asked after it
    return not stat.exists() or stat.read_text().split()[2] != "Z"


def wait_until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def test_results_come_in_order() -> None:
    with WorkerPool(slow_first, 2) as pool:
        assert list(pool.map(range(8))) == list(range(8))
        assert list(pool.map([])) == []


def test_what_is_printed_does_not_get_among_the_results() -> None:
    with WorkerPool(square, 1) as pool:
        assert list(pool.map([3])) == [9]


def test_an_error_comes_through_and_the_pool_goes_on() -> None:
    with WorkerPool(broken, 2) as pool:
        with pytest.raises(DataError, match="number 3 is damaged"):
            list(pool.map(range(10)))
        assert list(pool.map([5])) == [5]


def test_errors_that_cannot_travel_keep_their_text() -> None:
    with WorkerPool(odd, 1) as pool, pytest.raises(RunError, match="OddError: 1 and 2"):
        list(pool.map([1]))
    with WorkerPool(missing, 1) as pool, pytest.raises(MissingExtraError, match="is missing"):
        list(pool.map([1]))


def test_a_worker_that_dies_is_told() -> None:
    with WorkerPool(suicide, 1) as pool, pytest.raises(RunError, match=r"status -9.*fewer workers"):
        list(pool.map([1]))


def test_leaving_in_the_midst_is_clean() -> None:
    with WorkerPool(square, 2) as pool:
        results = pool.map(range(100))
        assert next(results) == 0
        results.close()
        assert list(pool.map([2])) == [4]


def test_processes_are_gone_when_the_pool_is_closed_or_forgotten() -> None:
    for forget in (False, True):
        pool: WorkerPool[int, int] | None = WorkerPool(process_id, 1)
        (process,) = pool.map([0])
        assert process != os.getpid()
        if forget:
            pool = None
            gc.collect()
        else:
            pool.close()
            pool.close()  # twice does no harm
        assert not alive(process)


def test_what_cannot_be_sent_is_refused() -> None:
    with pytest.raises(OptionError, match=r"cannot be given .* use workers=0"):
        WorkerPool(lambda number: number, 1)


def test_what_the_main_script_defines_is_refused() -> None:
    code = "from striate._workers import WorkerPool\ndef f(x): return x\nWorkerPool(f, 1)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert "OptionError: worker processes do not run the main script" in done.stderr


SCRIPT = """
import sys, time
from striate.data import load
data = load(sys.argv[1], input_shape=(1, 8, 8), memory_bytes=0)
batches = data.batches(data.train, 4, workers=2)
steps = batches.epoch()
next(steps)
print("ready", flush=True)
if sys.argv[2] == "wait":
    time.sleep(60)
"""


@pytest.fixture
def photos(tmp_path: Path) -> str:
    from .data.makers import PHOTOS, plant

    return f"folder:{plant(tmp_path / 'photos', PHOTOS)}"


def children(process: int) -> list[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(word) for word in found.split()]


class TestScript:
    """A script without `if __name__ == "__main__"`, ended in every way."""

    @pytest.fixture
    def script(self, tmp_path: Path) -> Path:
        path = tmp_path / "script.py"
        path.write_text(SCRIPT)
        return path

    def test_it_ends_by_itself_without_a_word(self, script: Path, photos: str) -> None:
        command = [sys.executable, "-W", "error", str(script), photos, "end"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "ready\n", "")

    @pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to see the workers")
    @pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    def test_its_workers_end_with_it(self, script: Path, photos: str, sent: signal.Signals) -> None:
        command = [sys.executable, str(script), photos, "wait"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            workers = [child for child in children(process.pid) if alive(child)]
            assert len(workers) == 2
            process.send_signal(sent)
            process.wait(20)
            assert wait_until(lambda: not any(alive(worker) for worker in workers))
