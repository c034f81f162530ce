"""
The native core of Striate: what the processor can do, and the thread pool.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy
from numpy.typing import NDArray


def cpu_brand() -> str:
    """Name the processor; empty where it does not tell."""

def cpu_features() -> list[str]:
    """
    List the instruction sets that kernels may ask for and this machine has.
    """

def cpu_isa() -> str:
    """
    Name the instruction set whose kernels run here: avx512, avx2 or portable.
    """

class Caches:
    """Sizes of one core's data caches; 0 where not known."""

    @property
    def l1_bytes(self) -> int: ...

    @property
    def l2_bytes(self) -> int: ...

    @property
    def l3_bytes(self) -> int: ...

def cpu_caches() -> Caches:
    """Measure the data caches of one core."""

class Cores:
    """The cores this process may use."""

    @property
    def online(self) -> int:
        """Logical cores of the machine."""

    @property
    def allowed(self) -> int:
        """Logical cores in the affinity mask."""

    @property
    def physical(self) -> int:
        """Physical cores behind the allowed ones."""

    @property
    def quota(self) -> float:
        """Cores' worth of time the cgroup grants; 0: no limit."""

    @property
    def order(self) -> list[int]:
        """Allowed cores, one of each physical core first."""

    @property
    def usable(self) -> int:
        """Threads that pay: physical, within the quota."""

def cpu_cores(root: str = '') -> Cores:
    """
    Count the cores this process may use; system files are looked for under `root`.
    """

MAX_THREADS: int = 1024

def get_num_threads() -> int:
    """Number of threads of native code."""

def set_num_threads(threads: int) -> None:
    """Set the number of threads of native code."""

def parallel_sum(values: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> float:
    """Add numbers up, block by block."""

def parallel_owners(tasks: int) -> list[int]:
    """List the thread that ran each task."""

def parallel_nested(outer: int, inner: int) -> list[list[int]]:
    """List the threads of a region inside each task."""

def parallel_throw(tasks: int, failing: Sequence[int]) -> None:
    """Throw RuntimeError in the failing tasks."""

def fork_join_us(repeats: int = 1000) -> float:
    """Median time of an empty region, in microseconds."""
