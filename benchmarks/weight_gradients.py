"""Time gradients of convolutions for their filters beside torch's: GFLOP/s and ratio.

    python benchmarks/weight_gradients.py [--only 3x3] [--threads 2] [--rounds 5] [--target avx2]
                                          [--kernel direct]

Both sides take turns in one process, and each keeps its quickest run of all rounds: other
processes only ever slow one down. On one thread its CPU time counts, in which other processes take
less part than in the time on the wall. torch's is `aten.convolution_backward` with the filters'
gradient alone, in the quicker of its layouts (NCHW and channels last); Striate's is the step
`conv_weight_gradient` on blocked maps, as they lie in a plan. Results are compared before anything
is timed. GFLOP/s count the multiply-adds of the definition, padding included (2 operations each),
so that kernels which leave padding out can pass the peak on small maps.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from kernels import ARENA, aligned, count_flops, image, signal, volume

from striate import _core

KIND = "conv_weight_gradient"


def cases() -> dict[str, dict[str, Any]]:
    """Layers of the networks that are trained, by name; `b` is the batch."""
    found: dict[str, dict[str, Any]] = {}
    for c, n, batch in ((64, 56, 2), (128, 28, 4), (256, 14, 4), (512, 7, 16), (512, 2, 64),
                        (16, 32, 16), (32, 16, 32), (64, 8, 32)):  # fmt: skip
        found[f"3x3 {c}@{n} b{batch}"] = image(c, c, n, 3, batch=batch)
    found["3x3/2 64->128@56 b2"] = image(64, 128, 56, 3, 2, batch=2)
    for c, o, n, batch in ((64, 256, 56, 2), (256, 64, 56, 2), (512, 2048, 7, 8), (96, 576, 14, 4),
                           (96, 384, 16, 16), (768, 3072, 2, 16)):  # fmt: skip
        found[f"1x1 {c}->{o}@{n} b{batch}"] = image(c, o, n, 1, batch=batch)
    for c, n, batch in ((128, 56, 1), (256, 28, 2), (512, 14, 4)):
        found[f"grouped 3x3 32x{c // 32} {c}@{n} b{batch}"] = image(
            c, c, n, 3, groups=32, batch=batch
        )
    for k, c, n, batch in ((3, 32, 112, 2), (3, 192, 28, 4), (3, 576, 6, 16), (5, 240, 28, 1),
                           (7, 96, 16, 16), (7, 768, 2, 64)):  # fmt: skip
        found[f"depthwise {k}x{k} {c}@{n} b{batch}"] = image(c, c, n, k, groups=c, batch=batch)
    found["first 3x3 3->16@32 b32"] = image(3, 16, 32, 3, plain_input=True, batch=32)
    found["first 7x7/2 3->64@224"] = image(3, 64, 224, 7, 2, plain_input=True)
    found["first 4x4/4 3->96@64 b16"] = image(
        3, 96, 64, 4, 4, padding=0, plain_input=True, batch=16
    )
    found["lenet 5x5 1->6@32 b64"] = image(1, 6, 32, 5, padding=0, plain_input=True, batch=64)
    found["lenet 5x5 6->16@14 b64"] = image(6, 16, 14, 5, padding=0, batch=64)
    found["signal k80/4 1->128@8000 b16"] = signal(1, 128, 8000, 80, 4) | {
        "plain_input": True, "batch": 16,
    }  # fmt: skip
    found["signal k3 128@500 b4"] = signal(128, 128, 500, 3, 1) | {"batch": 4}
    found["volume 3x3x3 16->32@16x28x28"] = volume(16, 32, (16, 28, 28))
    extra = ("activation", "alpha", "beta", "bias")
    return {name: {k: v for k, v in a.items() if k not in extra} for name, a in found.items()}


def blocked(x: Any, lanes: int) -> Any:
    """(N, C, *sizes) as the floats of a blocked map."""
    n, c, *sizes = x.shape
    padded = np.zeros((n, -(-c // lanes) * lanes, *sizes), np.float32)
    padded[:, :c] = x
    return np.moveaxis(padded.reshape(n, -1, lanes, *sizes), 2, -1).ravel()


def striate_step(target: str, kernel: str, a: dict[str, Any], threads: int, x: Any, gy: Any) -> Any:
    """A context with one step and its inputs in place, and a view of the gradient it writes."""
    lanes = dict(_core.targets())[target]
    needs = _core.needs(target, KIND, kernel, a, threads)
    arrays = [x.ravel() if a.get("plain_input") else blocked(x, lanes), blocked(gy, lanes)]
    (floats,) = _core.extents(target, KIND, kernel, a)[1]
    sizes = [arrays[0].size, arrays[1].size, floats, needs.shared_floats,
             needs.thread_floats * threads]  # fmt: skip
    starts = np.cumsum([0, *(-(-size // 16) * 16 for size in sizes)]).tolist()
    program = _core.Program(target, threads, max(16, starts[-1]), aligned(16), [], [])
    places = [(ARENA, 0, start) for start in starts]
    program.add(KIND, kernel, a, places[:2], places[2:3], [], starts[3], starts[4])
    context = _core.Context(program)
    for start, array in zip(starts, arrays, strict=False):
        context.arena[start : start + array.size] = array
    return context, context.arena[starts[2] : starts[2] + floats]


def torch_calls(a: dict[str, Any], x: Any, gy: Any) -> list[Callable[[], Any]]:
    """The same in torch, for each of its layouts."""
    axes = 3 if a["in"][0] > 1 else 2 if a["in"][1] > 1 else 1
    sizes = {name: a[name][3 - axes :] for name in ("kernel", "stride", "padding", "dilation")}
    groups = a.get("groups", 1)
    weight = torch.zeros(a["out_channels"], a["in_channels"] // groups, *sizes["kernel"])
    given = [torch.from_numpy(v).reshape(*v.shape[:2], *v.shape[5 - axes :]) for v in (gy, x)]
    formats = [torch.contiguous_format]
    if axes > 1:
        formats.append(torch.channels_last if axes == 2 else torch.channels_last_3d)

    def call(layout: Any) -> Callable[[], Any]:
        tensors = [t.contiguous(memory_format=layout) for t in (*given, weight)]
        options = (sizes["stride"], sizes["padding"], sizes["dilation"], False, [0] * axes, groups)
        return lambda: torch.ops.aten.convolution_backward(
            *tensors, None, *options, [False, True, False]
        )[1]

    return [call(layout) for layout in formats]


def quickest(run: Callable[[], Any], options: argparse.Namespace) -> float:
    """Seconds of the quickest of the runs that fit into a turn."""
    clock = time.thread_time if options.threads == 1 else time.perf_counter
    best, stop = math.inf, time.perf_counter() + options.turn
    while best == math.inf or time.perf_counter() < stop:
        start = clock()
        run()
        spent = clock() - start
        if spent > 0:  # coarse clocks
            best = min(best, spent)
    return best


def main() -> None:
    """Print one table row a layer."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--target", default=_core.targets()[0][0], help="instruction set")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="layers whose name contains this; a|b: a or b")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side (default 5)")
    parser.add_argument("--turn", type=float, default=0.05, help="seconds a turn (default 0.05)")
    parser.add_argument(
        "--kernel", default="", help="takes the layers that it can (default: what a plan takes)"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    peak = _core.peak_gflops(options.target, 0.2) * options.threads
    print(f"{_core.cpu_brand()}, {options.threads} thread(s), target {options.target}, "
          f"peak {peak:.1f} GFLOP/s, torch {torch.__version__}")  # fmt: skip
    print("command: python " + " ".join(["benchmarks/weight_gradients.py", *sys.argv[1:]]))
    print("\n| layer | ms | GFLOP/s | % of peak | torch ms | torch GFLOP/s | ratio |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, a in cases().items():
        kernels = _core.candidates(options.target, KIND, a)
        kernel = options.kernel or kernels[0]
        if kernel in kernels and any(part in name for part in options.only.split("|")):
            print(row(name, kernel, a, options, peak), flush=True)


def row(name: str, kernel: str, a: dict[str, Any], options: argparse.Namespace, peak: float) -> str:
    """Compare and time one layer."""
    draw = np.random.default_rng(0)
    x = draw.standard_normal((a["batch"], a["in_channels"], *a["in"]), np.float32)
    gy = draw.standard_normal((a["batch"], a["out_channels"], *a["out"]), np.float32)
    context, gw = striate_step(options.target, kernel, a, options.threads, x, gy)
    theirs = torch_calls(a, x, gy)
    context.run([], [], 0, 1)
    exact = theirs[0]().numpy().ravel()
    if np.abs(gw - exact).max() > 1e-4 * np.abs(exact).max():
        raise SystemExit(f"{name}: Striate's gradient differs from torch's.")
    times = [math.inf, math.inf]
    for _ in range(options.rounds):
        ours = quickest(lambda: context.run([], [], 0, 1), options)
        best = min(quickest(run, options) for run in theirs)
        times = [min(times[0], ours), min(times[1], best)]
    mine, torchs = (count_flops(a) / t * 1e-9 for t in times)
    return (f"| {name} | {1e3 * times[0]:.3f} | {mine:.1f} | {100 * mine / peak:.0f} "
            f"| {1e3 * times[1]:.3f} | {torchs:.1f} | {times[1] / times[0]:.2f} |")  # fmt: skip


if __name__ == "__main__":
    main()
