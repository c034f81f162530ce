"""What it takes to get ready: compile and load times, memory, sizes, the cost of a call.

    python benchmarks/footprint.py [--rounds 5] [--engines ...] [--json FILE]

On one core, each measurement in a fresh process; engines take turns; medians over the rounds.

- ResNet-50: import, load from the ONNX file (with weights packed), and Striate's plan from its own.
- ResNet-18: the same, and the most memory that was ever resident; Striate's saved plan needs NumPy
  alone, and the last column shows it.
- The call of a network of one 1x1 convolution of one pixel: all but the arithmetic.
- An empty region of two threads: fork and join.
- The wheel, and what packages take on disk.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import files
from pathlib import Path
from typing import Any

from peers import ENGINES, SAVED, Engine, Task, describe_machine, fill, probe, write_task
from torch import nn

import striate
from striate import _core, zoo

ROOT = Path(__file__).parents[1]
QUICK = ("striate", "torch", "onnxruntime", "openvino", "ncnn", "mnn")


def main() -> None:
    """Measure everything, and print a table each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="processes of each engine")
    parser.add_argument("--engines", nargs="+", default=QUICK, choices=ENGINES, metavar="ENGINE")
    parser.add_argument("--json", type=Path, help="write all numbers into this file")
    options = parser.parse_args()
    engines = [SAVED, *(ENGINES[name] for name in options.engines)]
    facts: dict[str, Any] = {"command": sys.argv, "machine": describe_machine()}
    print("command: python " + " ".join(sys.argv))
    print(", ".join(f"{key} {value}" for key, value in facts["machine"].items()))
    nets = {
        "resnet50": (zoo.resnet50(), (1, 3, 224, 224)),
        "resnet18": (zoo.resnet18(), (1, 3, 224, 224)),
        "one 1x1 convolution of one pixel": (nn.Conv2d(1, 1, 1), (1, 1, 1, 1)),
    }
    for name, (net, shape) in nets.items():
        with tempfile.TemporaryDirectory() as folder:
            task = write_task(fill(net, shape), shape, Path(folder))
            save_plan(task)
            facts[name] = measure(task, engines, options.rounds)
        print_table(name, facts[name])
    facts["fork_join_us"] = fork_join_us(2, options.rounds)
    print(f"\nfork and join of 2 threads: {facts['fork_join_us']:.2f} us")
    facts["installed_bytes"] = sizes(engines)
    facts["wheel_bytes"] = wheel_bytes()
    print(
        f"\nwheel: {facts['wheel_bytes'] / 2**20:.1f} MiB\n\n| package | MiB on disk |\n|---|---:|"
    )
    for package, size in facts["installed_bytes"].items():
        print(f"| {package} | {size / 2**20:.0f} |")
    if options.json:
        options.json.write_text(json.dumps(facts, indent=1) + "\n")


def fork_join_us(threads: int, rounds: int) -> float:
    """Microseconds that an empty region takes: the median of the rounds' medians of 1000."""
    striate.set_num_threads(threads)
    return statistics.median(_core.fork_join_us(1000) for _ in range(rounds))


def save_plan(task: Task) -> None:
    """Compile for one thread, and write the plan beside the other forms of the network."""
    if hasattr(striate, "compile"):
        striate.compile(str(task.onnx), task.input.shape, threads=1).save(task.plan)


def measure(task: Task, engines: Sequence[Engine], rounds: int) -> dict[str, Any]:
    """Start each engine once a round; a first start, which converts files, does not count."""
    found: dict[str, Any] = {}
    for number in range(rounds + 1):
        for engine in engines:
            if isinstance(found.get(engine.name), str):
                continue
            facts = probe(task, engine) if engine.version else "not installed"
            if isinstance(facts, str):
                found[engine.name] = facts
            elif number:
                found.setdefault(engine.name, []).append(facts)
    return found


def print_table(name: str, found: dict[str, Any]) -> None:
    """Print medians."""
    print(f"\n{name}, 1 thread\n")
    print("| engine | import s | load s | first run ms | run ms | peak MiB | imported |")
    print("|---|---:|---:|---:|---:|---:|---|")
    for engine, rounds in found.items():
        if isinstance(rounds, str):
            print(f"| {engine} | {rounds} | | | | | |")
            continue
        medians = {
            key: statistics.median(r[key] for r in rounds)
            for key in ("import_s", "load_s", "first_run_ms", "run_ms", "peak_bytes")
        }
        print(
            f"| {engine} | {medians['import_s']:.3f} | {medians['load_s']:.3f} | "
            f"{medians['first_run_ms']:.4g} | {medians['run_ms']:.4g} | "
            f"{medians['peak_bytes'] / 2**20:.0f} | {', '.join(rounds[0]['imported'])} |"
        )


def sizes(engines: Sequence[Engine]) -> dict[str, int]:
    """Bytes on disk of each engine's package, without what it depends on."""
    packages = {e.package for e in engines if e.version and e.package != "striate"}
    return {
        package: sum(f.locate().stat().st_size for f in files(package) or () if f.locate().exists())
        for package in sorted(packages)
    }


def wheel_bytes() -> int:
    """Build the wheel, and give its size."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"),
                *("--no-build-isolation", "--config-settings", f"build-dir={folder}/build"),
                *("--wheel-dir", folder, str(ROOT)),
            ],
            check=True,
        )
        (wheel,) = Path(folder).glob("striate-*.whl")
        return wheel.stat().st_size


if __name__ == "__main__":
    main()
