"""Worker processes that run one function, and talk over pipes.

They are plain subprocesses rather than `multiprocessing`: nothing is forked from a process full of
threads, the user's script is not imported again (so it needs no `if __name__ == "__main__"`), there
are no semaphores to leak, and a worker ends by itself when its pipe closes, however the parent
ended.
"""

from __future__ import annotations

import os
import pickle
import queue
import struct
import subprocess
import sys
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any, Generic, TypeVar

from .errors import OptionError, RunError

T = TypeVar("T")
R = TypeVar("R")

_LENGTH = struct.Struct("<Q")
_AHEAD = 2  # items in the works for each worker: one running, one waiting


class WorkerPool(Generic[T, R]):
    """Run `function` in `workers` processes.

    Args:
        function: Picklable, and importable by the workers.
        workers: Number of processes; they start with the first item.
    Raises:
        OptionError: The function cannot be sent to another process.
    Example:
        >>> import math
        >>> with WorkerPool(math.sqrt, workers=1) as pool:
        ...     list(pool.map([1, 4, 9]))
        [1.0, 2.0, 3.0]
    """

    def __init__(self, function: Callable[[T], R], workers: int) -> None:
        self._size = workers
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        payload = _pickled(function)
        started = [_Worker(payload) for _ in range(workers)]
        for worker in started:
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="striate-data")
        self._end = weakref.finalize(self, _end, self._threads, started)

    def map(self, items: Iterable[T]) -> Iterator[R]:
        """Yield `function(item)` for each item, in order, working a little ahead."""
        pending: deque[Future[R]] = deque()
        try:
            for item in items:
                pending.append(self._threads.submit(_call, self._idle, item))
                if len(pending) >= self._size * _AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()

    def close(self) -> None:
        """End the processes."""
        self._end()

    def __enter__(self) -> WorkerPool[T, R]:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _Worker:
    """One process: started at once, asked one item at a time."""

    def __init__(self, function: bytes) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # the workers are the parallelism
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", f"from {__name__} import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**environment, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._requests: IO[bytes] = self.process.stdin
        self._replies: IO[bytes] = self.process.stdout
        self._function: bytes | None = function

    def call(self, item: Any) -> Any:
        try:
            if self._function is not None:
                _send(self._requests, self._function)
                self._function = None
            _send(self._requests, pickle.dumps(item))
            good, result = pickle.loads(_receive(self._replies))  # noqa: S301
        except (OSError, EOFError, ValueError):
            raise RunError(
                f"a worker process ended with status {self.process.wait(10)} while it read data. "
                f"If memory ran out, use fewer workers; workers=0 reads in the main process and "
                f"shows what is wrong."
            ) from None
        if not good:
            raise result
        return result

    def end(self) -> None:
        # Killed, not asked: it has nothing to put away, and may be in the midst of an item.
        self.process.kill()
        self.process.wait()
        for pipe in (self._requests, self._replies):
            with suppress(OSError):  # a request that was never read; nobody waits for it now
                pipe.close()


def serve() -> None:
    """Answer the parent's requests until its pipe closes. This is the worker's main loop."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends us
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints goes to stderr, not among the replies
    try:
        function = None
        while True:
            request = pickle.loads(_receive(requests))  # noqa: S301
            if function is None:
                function = request
                continue
            try:
                answer = pickle.dumps((True, function(request)), protocol=5)
            except Exception as error:
                answer = pickle.dumps((False, _sendable(error)))
            _send(replies, answer)
    except (EOFError, BrokenPipeError):
        os._exit(0)


def _sendable(error: Exception) -> Exception:
    """Return the error if it survives pickling, else one with the same text."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301
    except Exception:
        return RunError(f"in a worker process, {type(error).__name__}: {error}")
    return error


def _call(idle: queue.SimpleQueue[_Worker], item: Any) -> Any:
    worker = idle.get()
    try:
        return worker.call(item)
    finally:
        idle.put(worker)


def _end(threads: ThreadPoolExecutor, workers: list[_Worker]) -> None:
    threads.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.process.kill()  # first, so that no thread still waits on a pipe
    threads.shutdown(wait=True)
    for worker in workers:
        worker.end()


def _pickled(function: Callable[..., Any]) -> bytes:
    try:
        payload = pickle.dumps(function, protocol=5)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise OptionError(
            f"worker processes cannot be given {function!r}: {error}. Define it at the top level "
            f"of a module, or use workers=0."
        ) from None
    if b"__main__" in payload:
        raise OptionError(
            f"worker processes do not run the main script, where {function!r} is defined. Move it "
            f"to a module of its own, or use workers=0."
        )
    return payload


def _send(pipe: IO[bytes], payload: bytes) -> None:
    pipe.write(_LENGTH.pack(len(payload)))
    pipe.write(payload)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes:
    (length,) = _LENGTH.unpack(_exactly(pipe, _LENGTH.size))
    return _exactly(pipe, length)


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    data = pipe.read(count)
    if len(data) < count:
        raise EOFError
    return data
