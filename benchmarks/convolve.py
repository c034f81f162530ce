"""`striate.convolve` side by side with NumPy, SciPy and torch, on one thread.

    python benchmarks/convolve.py [--repeats 9] [--only image]

Every contender computes the same thing (zeros outside, the input's length) and is checked against
SciPy's sum in double precision before it is timed. The contenders of a case take turns, one run
each a round, so that a busy moment of the machine hits all of them. Medians over the rounds, with
the quickest and the slowest; the ratio is the contender's median over Striate's.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Read when NumPy and torch are imported; SciPy has one thread.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np
import scipy
import scipy.ndimage
import scipy.signal
import torch

import striate
from striate import convolve, filters
from striate.signal import choose_method

Contenders = dict[str, Callable[[], Any]]

GAUSSIAN = 4.0
"""Sigma of the 33x33 kernel."""


def cases() -> list[tuple[str, Any, Any]]:
    """List name, input and kernel: short and long, dense and separable, both precisions."""
    rng = np.random.default_rng(seed=0)

    def dense(*sizes: int) -> Any:
        return rng.standard_normal(sizes)

    bell = filters.gaussian(GAUSSIAN)
    shapes = [(f"signal 1,000,000 by {k}", dense(1_000_000), dense(k)) for k in (3, 15, 63, 1001)]
    shapes += [
        ("image 32x32 by 5x5", dense(32, 32), dense(5, 5)),
        ("image 512x512 by 3x3", dense(512, 512), dense(3, 3)),
        ("image 512x512 by 9x9", dense(512, 512), dense(9, 9)),
        ("image 512x512 by 33x33", dense(512, 512), dense(33, 33)),
        ("image 512x512, gaussian", dense(512, 512), bell),
        ("volume 64x64x64 by 5x5x5", dense(64, 64, 64), dense(5, 5, 5)),
    ]
    return [
        (f"{name}, {dtype}", x.astype(dtype), w.astype(dtype))
        for name, x, w in shapes
        for dtype in ("float32", "float64")
    ]


def contenders(name: str, x: Any, w: Any) -> Contenders:
    """Everyone who can compute this case."""
    tensor, kernel = torch.from_numpy(x), torch.from_numpy(w)
    found: Contenders = {"striate": lambda: convolve(x, w, mode="same")}
    if x.ndim == 1:
        found["numpy.convolve"] = lambda: np.convolve(x, w, "same")
    found["scipy.signal.convolve"] = lambda: scipy.signal.convolve(x, w, "same")
    found["scipy.signal.oaconvolve"] = lambda: scipy.signal.oaconvolve(x, w, "same")
    if w.size < 1001 or x.ndim > 1:
        found["scipy.ndimage.convolve"] = lambda: scipy.ndimage.convolve(x, w, mode="constant")
    if "gaussian" in name:
        found["scipy.ndimage.gaussian_filter"] = lambda: scipy.ndimage.gaussian_filter(
            x, GAUSSIAN, mode="constant"
        )
    found["striate, tensors"] = lambda: convolve(tensor, kernel, mode="same").numpy()
    if w.size < 1001:
        found["torch conv"] = lambda: torch_convolve(tensor, kernel).numpy()
    return found


def torch_convolve(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """What one writes with torch alone: torch's convolution of one channel, with odd kernels."""
    conv: Any = getattr(torch.nn.functional, f"conv{x.ndim}d")
    flipped = w.flip(tuple(range(w.ndim)))[None, None]
    y: torch.Tensor = conv(x[None, None], flipped, padding=tuple(k // 2 for k in w.shape))
    return y[0, 0]


def check(found: Contenders, x: Any, w: Any) -> None:
    """Stop if one differs by more than rounding: 64 eps of the largest sum there could be."""
    exact = scipy.signal.oaconvolve(x.astype(float), w.astype(float), "same")
    bound = 64 * np.finfo(x.dtype).eps * np.linalg.norm(w) * np.sqrt(w.size) * abs(x).max()
    for name, run in found.items():
        error = abs(run() - exact).max()
        if error > bound:
            sys.exit(f"{name} is off by {error:.2g}, where rounding gives {bound:.2g} at most")


def measure(found: Contenders, repeats: int) -> dict[str, list[float]]:
    """Time each contender once a round; milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(repeats):
        for name, run in found.items():
            start = time.perf_counter()
            run()
            times[name].append(1e3 * (time.perf_counter() - start))
    return times


def describe_machine() -> None:
    """Print what the numbers depend on."""
    model = "unknown processor"
    if (info := Path("/proc/cpuinfo")).exists():
        lines = info.read_text().splitlines()
        model = next((s.split(": ")[1] for s in lines if s.startswith("model name")), model)
    print(f"{model} ({platform.machine()}), 1 thread, Python {platform.python_version()}")
    print(
        f"striate {striate.__version__}, numpy {np.__version__}, scipy {scipy.__version__}, "
        f"torch {torch.__version__}"
    )


def main() -> None:
    """Print one table row a contender."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=9, help="rounds (default 9)")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    options = parser.parse_args()
    torch.set_num_threads(1)
    describe_machine()
    print("command: python " + " ".join(["benchmarks/convolve.py", *sys.argv[1:]]))
    print("\n| case | contender | median ms | range | ratio |\n|---|---|---:|---:|---:|")
    for name, x, w in cases():
        if options.only not in name:
            continue
        found = contenders(name, x, w)
        check(found, x, w)
        times = measure(found, options.repeats)
        ours = statistics.median(times["striate"])
        way = choose_method(x, w, mode="same").method
        for contender, ms in times.items():
            label = f"**striate** ({way})" if contender == "striate" else contender
            median = statistics.median(ms)
            spread = f"{min(ms):.3g} - {max(ms):.3g}"
            print(f"| {name} | {label} | {median:.3g} | {spread} | {median / ours:.2f} |")


if __name__ == "__main__":
    main()
