"""The least time that this machine's arithmetic and memory leave whole networks.

    python benchmarks/bounds.py [--nets resnet18 ...] [--race FILE]

For every layer the larger of two times: its multiplications at the peak that registers reach, and
its weights read once from memory, where all weights together don't stay in the cache. A dense
convolution of 3 (or 5) taps with stride 1 counts what Winograd's algorithm multiplies with the best
of its tiles that keep float32 within 1e-4; its transforms, everything between layers, activations
and cold maps count nothing. No engine in float32 can be quicker than this, or near it.

With `--race`, a JSON file that benchmarks/inference.py wrote, each row ends with two ratios: the
quickest other engine's fastest run over Striate's, and over the bound, which is the largest ratio
that any engine in float32 could reach against it on this machine.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

from inference import NETS

import striate
from striate import Graph, zoo
from striate.engine._compile import find_target
from striate.graph import Node
from striate.graph.ops import Conv
from striate.runtime._speeds import Speeds, leave_cache, speeds

# Outputs of a tile along an axis, by taps; with more, float32 leaves 1e-4.
TILES = {3: (2, 4, 6), 5: (2,)}


def main() -> None:
    """Print a row for each network and number of threads."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nets", nargs="+", default=NETS, choices=zoo.list(), metavar="NET")
    parser.add_argument("--race", type=Path, help="numbers that benchmarks/inference.py wrote")
    options = parser.parse_args()
    machine = speeds(find_target()[0])
    raced = _races(options.race) if options.race else {}
    print(
        f"peak {machine.gflops:.0f} GFLOP/s a thread, memory {machine.memory:.1f} GB/s a thread\n"
    )
    print(
        "| network | threads | GMACs | multiplied | weights, MB | bound, ms | reached | possible |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name in options.nets:
        shape = (1, *zoo.info(name).input_shape)
        graph = striate.capture(zoo.create(name).eval(), shape)
        macs = sum(row.macs or 0 for row in striate.inspect(graph))
        for threads in (1, 2):
            bound, multiplied, weights = _bound(graph, machine, threads)
            ours, other = raced.get((name, threads), (math.nan, math.nan))
            row = f"| {name} | {threads} | {macs / 1e9:.3g} | {multiplied / 1e9:.3g} | "
            row += f"{weights / 1e6:.3g} | {1e3 * bound:.3g} | "
            row += f"{other / ours:.2f} | {other / (1e3 * bound):.2f} |" if raced else "- | - |"
            print(row, flush=True)


def _bound(graph: Graph, machine: Speeds, threads: int) -> tuple[float, int, int]:
    """Seconds, multiplications, bytes of weights."""
    macs = {row.name: row.macs or 0 for row in striate.inspect(graph)}
    sizes = {node.name: _weight_bytes(graph, node) for node in graph}
    cold = leave_cache(sum(sizes.values()))
    seconds, multiplied = 0.0, 0
    for node in graph:
        products = round(macs.get(node.name, 0) * _share(graph, node))
        reading = machine.read_s(sizes[node.name], cold=True, threads=threads) if cold else 0.0
        seconds += max(2e-9 * products / (machine.gflops * threads), reading)
        multiplied += products
    return seconds, multiplied, sum(sizes.values())


def _share(graph: Graph, node: Node) -> float:
    """Of a layer's multiply-adds, those that the best algorithm still multiplies."""
    op = graph.op(node)
    if not isinstance(op, Conv) or op.groups > 1 or any(w.stride != 1 for w in op.windows):
        return 1.0
    kind = graph.types[node.outputs[0]]
    assert kind is not None
    axes = list(zip(op.windows, kind.shape[2:], strict=True))[-2:]
    return math.prod(_share_along(int(w.size), n) for w, n in axes)


def _share_along(taps: int, outputs: int) -> float:
    tiles = TILES.get(taps, ())
    least = min((math.ceil(outputs / m) * (m + taps - 1) for m in tiles), default=math.inf)
    return min(1.0, least / (outputs * taps))


def _weight_bytes(graph: Graph, node: Node) -> int:
    read = [graph.types[value] for value in node.inputs if value in graph.weights]
    return sum(kind.nbytes for kind in read if kind is not None)


def _races(path: Path) -> dict[tuple[str, int], tuple[float, float]]:
    """By network and threads: the least ms of Striate, and of the quickest other engine."""
    found = {}
    for race in json.loads(path.read_text())["races"]:
        timed = {r["engine"]: r for r in race["results"] if not r.get("skipped")}
        if race["shape"][0] != 1 or "striate" not in timed:
            continue
        ours = timed["striate"]["fastest_ms"]
        other = min(r["fastest_ms"] for n, r in timed.items() if not n.startswith("striate"))
        found[race["name"], race["threads"]] = ours, other
    return found


if __name__ == "__main__":
    main()
