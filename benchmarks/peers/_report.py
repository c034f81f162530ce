"""Tables of a race, in Markdown, and all of its numbers as JSON."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ._engines import Engine
from ._machine import describe_machine
from ._race import Result
from ._task import Task

OURS = "striate"


@dataclass
class Report:
    """Prints each race as it ends, and rewrites the file of numbers.

    Args:
        path: The JSON file, if one is wanted.
        engines: Who may take part: their versions are printed.
    """

    path: Path | None
    engines: Sequence[Engine]
    races: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.machine = describe_machine()
        print("command: python " + " ".join(sys.argv))
        print(", ".join(f"{key} {_plain(value)}" for key, value in self.machine.items()))
        packages = {e.package: e.version for e in self.engines if e.version}
        print(", ".join(" ".join(pair) for pair in packages.items()))

    def add(
        self,
        name: str,
        task: Task,
        threads: int,
        results: Sequence[Result],
        *,
        layers: int = 1,
        peak_gflops: Sequence[float] = (),
    ) -> None:
        """Print a race's table.

        Args:
            name: Of the network.
            task, threads, results: What was raced, and what came of it.
            layers: The times are divided by it.
            peak_gflops: Of each round; with it, GFLOP/s and the share of the peak are printed.
        """
        shape, macs = task.input.shape, task.macs
        size = "x".join(map(str, shape))
        title = f"{name}, {size}, {threads} thread{'s' * (threads > 1)}"
        title += f", one of {layers} in a row" * (layers > 1)
        title += f", peak {statistics.median(peak_gflops):.0f} GFLOP/s" if peak_gflops else ""
        print(f"\n{title}\n")
        more = (" GFLOP/s | of peak |", "---:|---:|") if peak_gflops else ("", "")
        print(f"| engine | ms | rounds | fastest run | ratio | error | load s |{more[0]}")
        print(f"|---|---:|---:|---:|---:|---:|---:|{more[1]}")
        base = base_of(results)
        for r in results:
            if r.skipped or not base:
                print(f"| {r.engine} | - | {r.skipped} | | | | |" + " | |" * bool(more[0]))
                continue
            low, high, fastest = (
                ms / layers for ms in (min(r.rounds_ms), max(r.rounds_ms), r.fastest_ms)
            )
            row = f"| {r.engine} | {r.ms / layers:.4g} | {low:.4g} - {high:.4g} | {fastest:.4g} | "
            row += f"{r.ratio_to(base):.2f} | {r.error:.1e} | {r.load_s:.2f} |"
            if peak_gflops:
                speeds = [2e-6 * macs / ms for ms in r.rounds_ms]
                shares = [a / b for a, b in zip(speeds, peak_gflops, strict=True)]
                row += f" {statistics.median(speeds):.0f} | {statistics.median(shares):.0%} |"
            print(row)
        self.lines.append(summary_line(f"{name} {size}", threads, layers, results))
        race = {"name": name, "shape": list(shape), "threads": threads, "macs": macs}
        race |= {"layers": layers, "peak_gflops": list(peak_gflops)}
        self.races.append(race | {"results": [r.to_json() for r in results]})
        self._write()
        sys.stdout.flush()

    def summarize(self) -> None:
        """Print one line a race: Striate and the fastest of the others."""
        print("\n| net | threads | striate ms | fastest other | its ms | ratio |")
        print("|---|---:|---:|---|---:|---:|")
        print("\n".join(self.lines))

    def _write(self) -> None:
        if self.path:
            facts = {
                "command": sys.argv,
                "machine": self.machine,
                "versions": {e.name: e.version for e in self.engines},
                "races": self.races,
            }
            self.path.write_text(json.dumps(facts, indent=1) + "\n")


def base_of(results: Sequence[Result]) -> Result | None:
    """Whom all others are compared with: Striate, or the fastest where it does not take part."""
    timed = [r for r in results if not r.skipped]
    ours = [r for r in timed if r.engine == OURS]
    return ours[0] if ours else min(timed, key=lambda r: r.ms, default=None)


def fastest_other(results: Sequence[Result]) -> Result | None:
    """The one to beat: the least ratio to Striate, or the least time where Striate is not there."""
    others = [r for r in results if not r.skipped and r.engine != OURS]
    base = base_of(results)
    return min(others, key=lambda r: r.ratio_to(base) if base else r.ms, default=None)


def summary_line(name: str, threads: int, layers: int, results: Sequence[Result]) -> str:
    """One row: Striate's time, the fastest other engine and its ratio."""
    base, other = base_of(results), fastest_other(results)
    ours = f"{base.ms / layers:.4g}" if base and base.engine == OURS else "-"
    if not other or not base:
        return f"| {name} | {threads} | {ours} | - | - | - |"
    ratio = f"{other.ratio_to(base):.2f}" if base.engine == OURS else "-"
    theirs = f"{other.ms / layers:.4g}"
    return f"| {name} | {threads} | {ours} | {other.engine} | {theirs} | {ratio} |"


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else f"{value}"
