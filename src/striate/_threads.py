"""The number of threads that Striate's native code runs on."""

from __future__ import annotations

import operator

from . import _core
from .errors import OptionError


def get_num_threads() -> int:
    """Tell how many threads native code runs on, the caller's own included.

    At first it is STRIATE_NUM_THREADS, or else the physical cores that the process may use: those
    in its affinity mask, and no more than its cgroup grants time for.

    Raises:
        OptionError: STRIATE_NUM_THREADS is not a number from 1 to 1024.
    Example:
        >>> import striate
        >>> striate.get_num_threads() >= 1
        True
    """
    return _core.get_num_threads()


def set_num_threads(threads: int) -> None:
    """Set how many threads native code runs on; results do not depend on it.

    It concerns Striate's own kernels: `torch.set_num_threads` is torch's.

    Raises:
        OptionError: `threads` is not a whole number from 1 to 1024.
    Example:
        >>> import striate
        >>> before = striate.get_num_threads()
        >>> striate.set_num_threads(2)
        >>> striate.get_num_threads()
        2
        >>> striate.set_num_threads(before)
    """
    _core.set_num_threads(checked_threads(threads, "num_threads"))


def checked_threads(threads: object, name: str = "threads") -> int:
    """A number of threads that was given as the argument `name`.

    Raises:
        OptionError: It is not a whole number from 1 to 1024.
    """
    if not hasattr(threads, "__index__") or not 1 <= operator.index(threads) <= _core.MAX_THREADS:
        raise OptionError(
            f"{name}={threads!r} must be a whole number of threads from 1 to {_core.MAX_THREADS}."
        )
    return operator.index(threads)
