"""parallel_for: static splits, the same results with any number of threads, and no way to hang."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import striate
from striate import OptionError, _core

THREADS = (1, 2, 3, 8)


@pytest.fixture(autouse=True)
def _keep_num_threads() -> Iterator[None]:
    before = striate.get_num_threads()
    yield
    striate.set_num_threads(before)


def run(code: str, **environment: str) -> str:
    """Run code in a process of its own, where it may fork and end as it likes."""
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | environment,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


def test_ten_tasks_on_three_threads_are_split_four_three_three() -> None:
    striate.set_num_threads(3)
    assert _core.parallel_owners(10) == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("tasks", [0, 1, 2, 7, 8, 9, 1000])
def test_every_task_runs_in_one_contiguous_run_a_thread(threads: int, tasks: int) -> None:
    striate.set_num_threads(threads)
    owners = _core.parallel_owners(tasks)
    lengths = [owners.count(thread) for thread in range(min(threads, tasks))]
    assert owners == sorted(owners)
    assert sum(lengths) == tasks
    assert max(lengths, default=0) - min(lengths, default=0) <= 1


def test_a_sum_has_the_same_bits_with_any_number_of_threads() -> None:
    values = np.random.default_rng(0).standard_normal(100_003)
    sums = set()
    for threads in THREADS:
        striate.set_num_threads(threads)
        sums |= {_core.parallel_sum(values) for _ in range(20)}
    assert len(sums) == 1
    # Each of the 100 003 additions rounds by at most eps/2 of the partial sum.
    bound = values.size * np.finfo(np.float64).eps * np.abs(values).sum()
    assert abs(sums.pop() - values.sum()) <= bound


@pytest.mark.parametrize("threads", THREADS)
def test_a_region_inside_a_region_runs_on_its_own_thread_alone(threads: int) -> None:
    striate.set_num_threads(threads)
    assert _core.parallel_nested(16, 5) == [[0] * 5] * 16


def test_one_task_may_still_split_what_is_inside_it() -> None:
    striate.set_num_threads(2)
    assert _core.parallel_nested(1, 4) == [[0, 0, 1, 1]]


@pytest.mark.parametrize("threads", THREADS)
def test_what_a_task_throws_reaches_the_caller(threads: int) -> None:
    striate.set_num_threads(threads)
    for failing in ([0], [63], [17, 40, 63]):
        with pytest.raises(RuntimeError, match=f"task {failing[0]} failed"):
            _core.parallel_throw(64, failing)
    assert len(_core.parallel_owners(64)) == 64  # the pool goes on


def test_regions_of_several_callers_take_turns() -> None:
    striate.set_num_threads(3)
    values = np.random.default_rng(0).standard_normal(50_000)
    expected = _core.parallel_sum(values)
    with ThreadPoolExecutor(6) as callers:
        sums = list(callers.map(lambda _: _core.parallel_sum(values), range(600)))
    assert sums == [expected] * 600


def test_the_number_of_threads_may_change_while_others_call() -> None:
    values = np.random.default_rng(0).standard_normal(50_000)
    expected = _core.parallel_sum(values)
    with ThreadPoolExecutor(3) as callers:
        sums = callers.map(lambda _: _core.parallel_sum(values), range(300))
        for i in range(100):
            striate.set_num_threads(1 + i % 4)
        assert list(sums) == [expected] * 300


def test_regions_work_again_after_the_workers_fell_asleep() -> None:
    striate.set_num_threads(2)
    for _ in range(3):
        assert _core.parallel_owners(2) == [0, 1]
        time.sleep(0.01)  # a worker spins for 50 microseconds


def test_an_empty_region_takes_time() -> None:
    striate.set_num_threads(2)
    assert 0 < _core.fork_join_us(100) < 1e6


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@needs_fork
def test_a_forked_child_has_workers_of_its_own() -> None:
    output = run("""
        import os, striate
        from striate import _core
        striate.set_num_threads(3)
        _core.parallel_owners(3)
        for generation in range(3):
            child = os.fork()
            if child:
                _, status = os.waitpid(child, 0)
                os._exit(os.waitstatus_to_exitcode(status))
            assert _core.parallel_owners(3) == [0, 1, 2]
        print("great-grandchild", striate.get_num_threads(), flush=True)
    """)
    assert output == "great-grandchild 3"


@needs_fork
def test_a_fork_in_the_midst_of_another_threads_region_is_safe() -> None:
    output = run("""
        import os, threading, numpy as np, striate
        from striate import _core
        striate.set_num_threads(2)
        values = np.ones(100_000)
        done = threading.Event()
        def work():
            while not done.is_set():
                _core.parallel_sum(values)
        busy = threading.Thread(target=work)
        busy.start()
        for _ in range(30):
            child = os.fork()
            if child == 0:
                os._exit(0 if _core.parallel_sum(values) == 100_000 else 1)
            assert os.waitpid(child, 0)[1] == 0
        done.set()
        busy.join()
        print("done")
    """)
    assert output == "done"


@needs_fork
def test_a_fork_while_another_thread_begins_its_first_region_is_safe() -> None:
    """What is made once, as that first region is, must not be half made in the child for ever."""
    output = run("""
        import os, threading, time, numpy as np, striate
        from striate import _core
        values = np.ones(100_000)
        def fork_while_a_thread_begins(delay):
            striate.set_num_threads(2)
            busy = threading.Thread(target=_core.parallel_sum, args=(values,))
            busy.start()
            time.sleep(delay)
            child = os.fork()
            if child == 0:
                os._exit(0 if _core.parallel_sum(values) == 100_000 else 1)
            busy.join()
            os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        for attempt in range(100):
            fresh = os.fork()
            if fresh == 0:
                fork_while_a_thread_begins(attempt * 2e-5)
            assert os.waitpid(fresh, 0)[1] == 0
        print("done")
    """)
    assert output == "done"


@pytest.mark.parametrize("ending", ["sys.exit(0)", "os._exit(0)", "pass"])
def test_a_process_ends_while_the_pool_is_at_work(ending: str) -> None:
    code = f"""
        import os, sys, threading, numpy as np, striate
        from striate import _core
        striate.set_num_threads(3)
        values = np.ones(10_000_000)
        def work():
            while True:
                _core.parallel_sum(values)
        threading.Thread(target=work, daemon=True).start()
        print(_core.parallel_owners(3), flush=True)
        {ending}
    """
    assert run(code) == "[0, 1, 2]"


def test_workers_start_when_they_are_needed() -> None:
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("counts the threads in /proc/self/task")
    output = run(
        """
        import os, striate, time
        from striate import _core
        def count():
            time.sleep(0.05)  # a thread that was joined stays listed for a moment
            return len(os.listdir("/proc/self/task"))
        before = count()
        assert striate.get_num_threads() == 3
        counts = [count() - before]
        for tasks in (1, 2, 3, 9):
            _core.parallel_owners(tasks)
            counts.append(count() - before)
        striate.set_num_threads(1)
        print(*counts, count() - before)
        """,
        STRIATE_NUM_THREADS="3",
    )
    assert output == "0 0 1 2 2 0"


@pytest.mark.parametrize("threads", [0, -1, 1025, 10**30, 1.5, "2", None])
def test_a_number_out_of_range_is_refused(threads: int) -> None:
    with pytest.raises(OptionError, match="must be a whole number of threads from 1 to 1024"):
        striate.set_num_threads(threads)


@pytest.mark.parametrize("text", ["0", "two", "1.5", "99999999999999999999"])
def test_an_environment_variable_out_of_range_is_refused(text: str) -> None:
    output = run(
        """
        import striate
        try:
            striate.get_num_threads()
        except striate.OptionError as error:
            print(error)
        """,
        STRIATE_NUM_THREADS=text,
    )
    expected = "must be a whole number of threads from 1 to 1024."
    assert output == f"STRIATE_NUM_THREADS='{text}' {expected}"


def test_an_empty_environment_variable_means_the_default() -> None:
    output = run(
        """
        import striate
        from striate import _core
        print(striate.get_num_threads() == _core.cpu_cores().usable)
        """,
        STRIATE_NUM_THREADS="",
    )
    assert output == "True"
