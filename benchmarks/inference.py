"""Whole networks, batch by batch, in every engine that is installed.

    python benchmarks/inference.py [--nets lenet5 vgg16 ...] [--threads 1 2] [--batch 1 16]
                                   [--rounds 20] [--engines ...] [--json FILE]

In float32, with fixed random weights. Each engine runs in a process of its own, on the same cores,
and is stopped unless it is its turn; in each round all take one turn. What an engine computes is
compared with float64 first. Milliseconds are medians over the rounds, ratios are medians of each
round's ratio: the engine's time over Striate's, above 1 where Striate is quicker.

`make peers` installs the other engines; run it then with `.venv-peers/bin/python`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from peers import (
    ENGINES,
    Report,
    fill,
    race,
    write_task,
)

from striate import zoo

NETS = (
    *("lenet5", "resnet20", "m5", "c3d_small", "unet", "resnet18", "resnet50", "vgg16"),
    *("mobilenet_v2", "efficientnet_b0", "convnext_tiny"),
)


def main() -> None:
    """Race, and print a table a network."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nets", nargs="+", default=NETS, choices=zoo.list(), metavar="NET")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--rounds", type=int, default=20, help="turns of each engine (default 20)")
    parser.add_argument("--turn", type=float, default=0.2, help="seconds a turn (default 0.2)")
    parser.add_argument("--engines", nargs="+", default=[*ENGINES], choices=ENGINES)
    parser.add_argument("--json", type=Path, help="write all numbers into this file")
    options = parser.parse_args()
    report = Report(options.json, [ENGINES[name] for name in options.engines])
    for name in options.nets:
        for batch in options.batch:
            shape = (batch, *zoo.info(name).input_shape)
            with tempfile.TemporaryDirectory() as folder:
                task = write_task(fill(zoo.create(name), shape), shape, Path(folder))
                for threads in options.threads:
                    results = race(
                        task,
                        [ENGINES[engine] for engine in options.engines],
                        threads=threads,
                        rounds=options.rounds,
                        turn_s=options.turn,
                    )
                    report.add(name, task, threads, results)
    report.summarize()


if __name__ == "__main__":
    main()
