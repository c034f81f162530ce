"""How long capture and report take, beside one forward pass and beside tracing alone.

    python benchmarks/report.py [--net resnet50] [--repeats 5]

On one thread, after imports and one small network. The contenders take turns, one run each a round.
Medians in seconds, with the quickest and the slowest. The report's numbers are compared with
PyTorch's flop counter before anything is timed.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from striate import inspect, zoo


def main() -> None:
    """Check, time and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--net", default="resnet50")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    inspect(zoo.create("lenet5"), (1, 32, 32))  # torch imports the rest of itself when it traces
    net = zoo.create(arguments.net).eval()
    channels, *sizes = zoo.info(arguments.net).input_shape
    shape = (1, channels, *sizes)
    large = (1, channels, *(10 * n for n in sizes))
    x = torch.zeros(shape)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(x)
    report = inspect(net, shape)
    assert report.macs == counter.get_total_flops() / 2
    graph = report.graph

    def forward() -> None:
        with torch.no_grad():
            net(x)

    contenders: dict[str, Callable[[], object]] = {
        "torch.export alone": lambda: torch.export.export(net, (x,), strict=False),
        f"inspect at {'x'.join(map(str, shape))}": lambda: inspect(net, shape),
        f"inspect at {'x'.join(map(str, large))}": lambda: inspect(net, large),
        "report on a captured graph": lambda: inspect(graph, shape),
        "the graph at another size": lambda: graph.at((2, *shape[1:])),
        "one forward pass": forward,
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(arguments.repeats):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    base = statistics.median(times["torch.export alone"])
    machine = platform.processor() or platform.machine()
    print(
        f"{arguments.net}, {len(graph)} operations, 1 thread, torch {torch.__version__}, {machine}"
    )
    print(f"medians of {arguments.repeats}")
    for name, values in times.items():
        median = statistics.median(values)
        print(
            f"  {name:<32} {median:7.3f} s  ({min(values):.3f} .. {max(values):.3f})  "
            f"{median / base:5.2f} of torch.export"
        )


if __name__ == "__main__":
    main()
