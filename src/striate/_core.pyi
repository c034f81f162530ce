"""
The native core of Striate: what the processor can do, and the thread pool.
"""

from collections.abc import Sequence
from typing import Annotated, overload

import numpy
from numpy.typing import NDArray


def cpu_brand() -> str:
    """Name the processor; empty where it does not tell."""

def cpu_features() -> list[str]:
    """
    List the instruction sets that kernels may ask for and this machine has.
    """

def multiplies_tiles() -> bool:
    """
    Whether kernels may multiply tiles of int8 here: asks the system for their registers.
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

def targets() -> list[tuple[str, int]]:
    """
    List the instruction sets that run here, best first, each with its lanes.
    """

def step_kinds() -> list[str]:
    """List the operations that have kernels."""

def kernels(target: str, kind: str) -> list[str]:
    """List an operation's kernels, best first."""

def candidates(target: str, kind: str, attributes: dict) -> list[str]:
    """List the kernels that compute a shape, best first."""

class Needs:
    """What a kernel needs for one shape, in floats."""

    @property
    def weight_floats(self) -> int: ...

    @property
    def shared_floats(self) -> int: ...

    @property
    def thread_floats(self) -> int: ...

    @property
    def tile_products(self) -> int: ...

    @property
    def cells(self) -> int: ...

    @property
    def tasks(self) -> list[int]: ...

def needs(target: str, kind: str, kernel: str, attributes: dict, threads: int = 1) -> Needs:
    """Tell what a kernel needs for one shape."""

def extents(target: str, kind: str, kernel: str, attributes: dict) -> tuple[list[int], list[int], list[int]]:
    """Count the floats of each input, output and weight."""

def pack(target: str, kind: str, kernel: str, attributes: dict, weight: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)], packed: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')]) -> None:
    """Write weights as a kernel reads them."""

def peak_gflops(target: str, seconds: float = 0.02) -> float:
    """Measure one thread's multiply-adds from registers, 2 operations each."""

def bandwidth(target: str, bytes: int, seconds: float = 0.02) -> float:
    """Measure the gigabytes a second at which one thread reads a buffer."""

def checksum(data: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)]) -> int:
    """Sum up an array, to find damage in files."""

class Program:
    """The steps of a plan, checked, ready to run."""

    def __init__(self, target: str, threads: int, arena_floats: int, weights: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)], input_floats: Sequence[int], output_floats: Sequence[int]) -> None: ...

    def add(self, kind: str, kernel: str, attributes: dict, inputs: Sequence[tuple[int, int, int]], outputs: Sequence[tuple[int, int, int]], weights: Sequence[tuple[int, int, int]], shared: int = 0, scratch: int = 0) -> None:
        """Add a step; places are (space, index, offset)."""

    def settle(self) -> None:
        """
        Tell that no step is to come: what is too small to be shared runs on one thread.
        """

    @property
    def steps(self) -> int: ...

    @property
    def threads(self) -> int: ...

class Call:
    """Runs a whole program on arrays of given shapes."""

    def __init__(self, program: Program, input_shapes: Sequence[Sequence[int]], output_shapes: Sequence[Sequence[int]]) -> None: ...

    def run(self, *inputs: object) -> object:
        """
        Give the outputs; None where an input is no contiguous float32 array of its shape.
        """

    def run_into(self, inputs: tuple, outputs: tuple) -> bool:
        """Run into arrays of the caller's; False where one does not fit."""

    def run_from(self, input: int) -> object:
        """Give the outputs from the floats at an address, which nobody checks."""

class Context:
    """Memory to run a program in, one call at a time."""

    def __init__(self, program: Program) -> None: ...

    def run(self, inputs: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)]], outputs: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')]], first: int, stop: int) -> None:
        """Run steps first .. stop - 1."""

    def run_at(self, inputs: Sequence[int], outputs: Sequence[int], first: int, stop: int) -> None:
        """
        Run steps first .. stop - 1 on the floats at addresses, which nobody checks: 0 for what these steps do not touch.
        """

    def profile(self, inputs: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)]], outputs: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')]], first: int, stop: int) -> list[float]:
        """Run steps first .. stop - 1 one by one, and give each one's seconds."""

    def time(self, inputs: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)]], outputs: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')]], first: int, stop: int, repeats: int) -> list[float]:
        """Run again and again, and give each run's seconds."""

    @property
    def arena(self) -> Annotated[NDArray[numpy.float32], dict(shape=(None,))]:
        """The memory itself."""

class Parameters:
    """Float32 arrays that an optimizer updates."""

    def __init__(self, parameters: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')]], gradients: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)]], states: Sequence[Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')]]]) -> None:
        """
        `states` holds, for each array of the optimizer's state, one a parameter.
        """

def sgd_step(parameters: Parameters, lr: float, momentum: float, dampening: float, weight_decay: float, nesterov: bool, first: bool) -> None:
    """
    Update in place as torch.optim.SGD does. With momentum there is one state, which is not
    read in the `first` step; without there is none.
    """

def adamw_step(parameters: Parameters, step: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float) -> None:
    """
    Update in place as torch.optim.AdamW does in step number `step`, counted from 1. The
    states are the averages, the squares, and with amsgrad the largest squares.
    """

@overload
def rotate_images(x: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None, None), order='C', device='cpu', writable=False)], turns: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], y: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None, None), order='C', device='cpu')]) -> None:
    """
    Turn images (N, C, H, W) about their centres and shift them, bilinear, with 0 outside.
    `turns` holds (cos, sin, down, right) of each: what comes to a place p, counted from the
    centre, is what lies at R(p + (down, right)).
    """

@overload
def rotate_images(x: Annotated[NDArray[numpy.uint8], dict(shape=(None, None, None, None), order='C', device='cpu', writable=False)], turns: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], y: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None, None), order='C', device='cpu')]) -> None:
    """The same of bytes, of which 255 becomes 1."""
