"""Time every kernel of the native core on single convolutions, against this machine's peak.

    python benchmarks/kernels.py [--only 3x3] [--kernel direct] [--threads 2] [--target avx2]

Each kernel that fits a shape runs it back to back in one region of threads, so that starting them
does not count; inputs and weights stay in cache where they fit. The time is the quickest of many
rounds: other processes only ever slow one down. GFLOP/s counts the multiply-adds of the definition
(2 operations each) whatever the kernel really does, so Winograd may pass 100 %. The peak is
measured in registers on one thread, and multiplied by the number of threads. Results are not
checked here: tests/native/test_conv.py does that for the same table of kernels.
"""

from __future__ import annotations

import argparse
import math
import platform
import sys
import time
from typing import Any

import numpy as np

from striate import Window, _core

ARENA, WEIGHTS = 1, 2


def image(
    channels: int, out_channels: int, size: int, kernel: int, stride: int = 1, **more: Any
) -> dict[str, Any]:
    """A square convolution of a square image, padded to keep its size."""
    dilation = more.pop("dilation", 1)
    before = more.pop("padding", dilation * (kernel - 1) // 2)
    window = Window(kernel, stride, dilation, padding=before)
    out = more.pop("out", window.output_size(size))
    return {
        "batch": 1, "in_channels": channels, "out_channels": out_channels,
        "in": [1, size, size], "out": [1, out, out], "kernel": [1, kernel, kernel],
        "stride": [1, stride, stride], "dilation": [1, dilation, dilation],
        "padding": [0, before, before], "bias": True, "activation": "clamp", "alpha": 0.0,
        "beta": 1e30, **more,
    }  # fmt: skip


def signal(channels: int, out_channels: int, size: int, kernel: int, stride: int) -> dict[str, Any]:
    """A convolution of a signal, without padding."""
    out = Window(kernel, stride).output_size(size)
    return image(channels, out_channels, 1, 1) | {
        "in": [1, 1, size], "out": [1, 1, out], "kernel": [1, 1, kernel], "stride": [1, 1, stride],
    }  # fmt: skip


def volume(channels: int, out_channels: int, sizes: tuple[int, int, int]) -> dict[str, Any]:
    """3x3x3, padded."""
    return image(channels, out_channels, 1, 1) | {
        "in": list(sizes), "out": list(sizes), "kernel": [3, 3, 3], "padding": [1, 1, 1],
    }  # fmt: skip


def cases() -> dict[str, dict[str, Any]]:
    """Shapes of the networks one meets, by name."""
    found: dict[str, dict[str, Any]] = {}
    for c, n in ((64, 56), (128, 28), (256, 14), (512, 7), (64, 224), (128, 112), (256, 56),
                 (512, 28), (16, 32), (32, 16), (64, 8)):  # fmt: skip
        found[f"3x3 {c}@{n}"] = image(c, c, n, 3)
    for c, o, n in ((64, 64, 56), (64, 256, 56), (256, 64, 56), (128, 512, 28), (512, 128, 28),
                    (1024, 256, 14), (256, 1024, 14), (512, 2048, 7), (2048, 512, 7),
                    (32, 16, 112), (96, 24, 56), (24, 144, 56), (192, 32, 28), (576, 96, 14),
                    (576, 160, 7), (960, 160, 7), (320, 1280, 7), (96, 384, 56)):  # fmt: skip
        found[f"1x1 {c}->{o}@{n}"] = image(c, o, n, 1)
    found["1x1/2 256->512@56"] = image(256, 512, 56, 1, 2)
    found["1x1/2 1024->2048@14"] = image(1024, 2048, 14, 1, 2)
    found["1x1 se 144->24@56"] = image(144, 24, 56, 1, scale=True)
    found["1x1 se 1152->192@7"] = image(1152, 192, 7, 1, scale=True)
    found["1x1 residual 64->256@56"] = image(64, 256, 56, 1, residual=True)
    found["stem 7x7/2 3->64@224"] = image(3, 64, 224, 7, 2, plain_input=True)
    found["stem 3x3/2 3->32@224"] = image(3, 32, 224, 3, 2, plain_input=True)
    found["stem 3x3 3->64@224"] = image(3, 64, 224, 3, plain_input=True)
    found["stem 4x4/4 3->96@224"] = image(3, 96, 224, 4, 4, plain_input=True, padding=0)
    found["stem 5x5 lenet 1->6@32"] = image(1, 6, 32, 5, plain_input=True, padding=0)
    found["stem 3x3x3 3->64@8x56x56"] = volume(3, 64, (8, 56, 56)) | {"plain_input": True}
    for k, c, n in ((3, 32, 112), (3, 192, 28), (3, 576, 14), (7, 96, 56), (7, 768, 7),
                    (5, 240, 14), (3, 960, 7)):  # fmt: skip
        found[f"depthwise {k}x{k} {c}@{n}"] = image(c, c, n, k, groups=c)
    found["depthwise 5x5/2 240@28"] = image(240, 240, 28, 5, 2, groups=240)
    found["depthwise 3x3/2 96@112"] = image(96, 96, 112, 3, 2, groups=96)
    found["3x3/2 64->128@56"] = image(64, 128, 56, 3, 2)
    found["3x3/2 256->512@14"] = image(256, 512, 14, 3, 2)
    found["2x2/2 96->192@56"] = image(96, 192, 56, 2, 2, padding=0)
    found["3x3 dilation 2 128@28"] = image(128, 128, 28, 3, dilation=2)
    found["3x3 dilation 12 256@28"] = image(256, 256, 28, 3, dilation=12)
    found["5x5 64->192@27"] = image(64, 192, 27, 5)
    for c, n in ((8, 28), (16, 14), (16, 56), (32, 28), (64, 28), (128, 14), (256, 14)):
        found[f"5x5 {c}@{n}"] = image(c, c, n, 5)
    found["5x5 lenet 6->16@14"] = image(6, 16, 14, 5, padding=0)
    for c, n, s in ((128, 56, 1), (256, 28, 1), (256, 56, 2), (512, 14, 1), (1024, 7, 1)):
        step = "" if s == 1 else "/2"
        found[f"grouped 3x3{step} 32x{c // 32} {c}@{n}"] = image(c, c, n, 3, s, groups=32)
    found["grouped 3x3 21x8 168@28"] = image(168, 168, 28, 3, groups=21)
    found["grouped 3x3 8x48 384@28"] = image(384, 384, 28, 3, groups=8)
    found["signal k3 128@1000"] = signal(128, 128, 1000, 3, 1)
    found["signal k80/4 1->128@16000"] = signal(1, 128, 16000, 80, 4) | {"plain_input": True}
    found["signal k5 128@1000"] = signal(128, 128, 1000, 5, 1)
    found["volume 3x3x3 64@8x28x28"] = volume(64, 64, (8, 28, 28))
    found["volume 3x3x3 16->32@16x56x56"] = volume(16, 32, (16, 56, 56))
    # One of the four remainders of a transposed convolution: every second pixel of every second row
    # is written, at 56x56.
    found["transposed 2x2/2 128->64@28"] = image(128, 64, 28, 1) | {
        "out_full": [1, 56, 56], "out_step": [1, 2, 2], "out_start": [0, 0, 1],
    }  # fmt: skip
    return found


def count_flops(a: dict[str, Any]) -> int:
    """Operations by the definition, padding included: 2 for a multiply-add."""
    inner = a["in_channels"] // a.get("groups", 1) * math.prod(a["kernel"])
    return int(2 * a["batch"] * a["out_channels"] * math.prod(a["out"]) * inner)


def aligned(floats: int) -> Any:
    """Small random numbers that start at a multiple of 64 bytes."""
    memory = np.empty(floats + 16, np.float32)
    memory[:] = np.random.default_rng(0).random(floats + 16, np.float32) - 0.5
    start = -(memory.ctypes.data // 4) % 16
    return memory[start : start + floats]


def time_step(
    target: str, kind: str, kernel: str, attributes: dict[str, Any], threads: int, seconds: float
) -> float:
    """Seconds of one run of a step, the quickest of those that fit into `seconds`."""
    needs = _core.needs(target, kind, kernel, attributes, threads)
    ins, outs, extra = _core.extents(target, kind, kernel, attributes)
    size, weight_size = 0, 0

    def place(floats: int) -> tuple[int, int, int]:
        nonlocal size
        start, size = size, size + -(-floats // 16) * 16
        return (ARENA, 0, start) if floats else (0, 0, 0)

    inputs, outputs = [place(n) for n in ins], [place(n) for n in outs]
    shared, scratch = place(needs.shared_floats)[2], place(needs.thread_floats * threads)[2]
    weights = []
    for floats in extra:
        weights.append((WEIGHTS, 0, weight_size) if floats else (0, 0, 0))
        weight_size += -(-floats // 16) * 16
    memory = aligned(max(16, weight_size))
    once = _core.Program(target, threads, size, memory, [], [])
    operands = (kind, kernel, attributes, inputs, outputs, weights, shared, scratch)
    once.add(*operands)
    context = _core.Context(once)
    context.arena[:] = np.random.default_rng(1).random(size, np.float32) - 0.5
    quick = min(context.time([], [], 0, 1, 3))
    # About a millisecond a round, in one region of threads.
    count = max(1, min(200, int(1e-3 / quick)))
    program = _core.Program(target, threads, size, memory, [], [])
    for _ in range(count):
        program.add(*operands)
    context = _core.Context(program)
    context.arena[:] = np.random.default_rng(1).random(size, np.float32) - 0.5
    stop, best = time.perf_counter() + seconds, math.inf
    while best == math.inf or time.perf_counter() < stop:
        best = min(best, *context.time([], [], 0, count, 3))
    return best / count


def main() -> None:
    """Print one table row a kernel and shape."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--target", default=_core.targets()[0][0], help="instruction set")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="shapes whose name contains this; a|b: a or b")
    parser.add_argument(
        "--kernel", default="", help="kernels whose name contains this; a|b: a or b"
    )
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.3, help="a kernel and shape")
    parser.add_argument("--reference", action="store_true", help="time the slow definition, too")
    options = parser.parse_args()
    peak = _core.peak_gflops(options.target, 0.2)
    print(f"{_core.cpu_brand()} ({platform.machine()}), {options.threads} thread(s), "
          f"target {options.target}, peak {peak:.1f} GFLOP/s a thread")  # fmt: skip
    print("command: python " + " ".join(["benchmarks/kernels.py", *sys.argv[1:]]))
    print("\n| shape | kernel | ms | GFLOP/s | % of peak |\n|---|---|---:|---:|---:|")
    for name, shape in cases().items():
        if not any(part in name for part in options.only.split("|")):
            continue
        shape = shape | {"batch": options.batch}
        for kernel in _core.candidates(options.target, "conv", shape):
            if not any(part in kernel for part in options.kernel.split("|")):
                continue
            if kernel == "reference" and not options.reference:
                continue
            best = time_step(
                options.target, "conv", kernel, shape, options.threads, options.seconds
            )
            gflops = count_flops(shape) / best * 1e-9
            share = 100 * gflops / (peak * options.threads)
            print(f"| {name} | {kernel} | {1e3 * best:.4f} | {gflops:.1f} | {share:.0f} |",
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
