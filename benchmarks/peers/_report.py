"""Tables of a race, in Markdown, and all of its numbers as JSON."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ._engines import Engine
from ._machine import describe_machine
from ._race import Result
from ._task import Task

OURS = "striate"

Column = Callable[[Result], str]
"""What a cell says of an engine."""


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
        images: int = 0,
    ) -> None:
        """Print a race's table.

        Args:
            name: Of the network.
            task, threads, results: What was raced, and what came of it.
            layers: The times are divided by it.
            peak_gflops: Of each round; with it, GFLOP/s and the share of the peak are printed.
            images: Of a run; with it, images/s and the memory of each process are printed.
        """
        shape, macs = task.input.shape, task.macs
        size = "x".join(map(str, shape))
        title = f"{name}, {size}, {threads} thread{'s' * (threads > 1)}"
        title += f", one of {layers} in a row" * (layers > 1)
        title += f", peak {statistics.median(peak_gflops):.0f} GFLOP/s" if peak_gflops else ""
        print(f"\n{title}\n")
        more: dict[str, Column] = {}
        if peak_gflops:
            more = _speed_columns(macs, peak_gflops)
        elif images:
            more = _training_columns(images)
        heads = "".join(f" {head} |" for head in more)
        print(f"| engine | ms | rounds | fastest run | ratio | error | load s |{heads}")
        print("|---|---:|---:|---:|---:|---:|---:|" + "---:|" * len(more))
        base = base_of(results)
        for r in results:
            if r.skipped or not base:
                print(f"| {r.engine} | - | {r.skipped} | | | | |" + " |" * len(more))
                continue
            low, high, fastest = (
                ms / layers for ms in (min(r.rounds_ms), max(r.rounds_ms), r.fastest_ms)
            )
            row = f"| {r.engine} | {r.ms / layers:.4g} | {low:.4g} - {high:.4g} | {fastest:.4g} | "
            row += f"{r.ratio_to(base):.2f} | {r.error:.1e} | {r.load_s:.2f} |"
            print(row + "".join(f" {column(r)} |" for column in more.values()))
        self.lines += summary_lines(f"{name} {size}", threads, layers, results)
        race = {"name": name, "shape": list(shape), "threads": threads, "macs": macs}
        race |= {"layers": layers, "peak_gflops": list(peak_gflops)}
        self.races.append(race | {"results": [r.to_json() for r in results]})
        self._write()
        sys.stdout.flush()

    def summarize(self) -> None:
        """Print a line a race for each of Striate's ways: it and the fastest of the others."""
        print("\n| net | threads | by | ms | fastest other | its ms | ratio |")
        print("|---|---:|---|---:|---|---:|---:|")
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
    ours = [r for r in timed if _is_ours(r)]
    return ours[0] if ours else min(timed, key=lambda r: r.ms, default=None)


def fastest_other(results: Sequence[Result], base: Result) -> Result | None:
    """The one to beat: the least ratio to the base of those that are not Striate's."""
    others = [r for r in results if not r.skipped and not _is_ours(r)]
    return min(others, key=lambda r: r.ratio_to(base), default=None)


def summary_lines(name: str, threads: int, layers: int, results: Sequence[Result]) -> list[str]:
    """A row for each of ours: its time, the fastest other engine and its ratio."""
    base = base_of(results)
    ours = [r for r in results if not r.skipped and _is_ours(r)]
    lines = []
    for mine in ours or [base]:
        other = fastest_other(results, mine) if mine else None
        ms = f"{mine.engine} | {mine.ms / layers:.4g}" if mine and ours else "- | -"
        theirs = f"{other.engine} | {other.ms / layers:.4g}" if other else "- | -"
        ratio = f"{other.ratio_to(mine):.2f}" if mine and other and ours else "-"
        lines.append(f"| {name} | {threads} | {ms} | {theirs} | {ratio} |")
    return lines


def _is_ours(result: Result) -> bool:
    return result.engine.split(".")[0] == OURS


def _speed_columns(macs: int, peak_gflops: Sequence[float]) -> dict[str, Column]:
    def speeds(result: Result) -> list[float]:
        return [2e-6 * macs / ms for ms in result.rounds_ms]

    def share(result: Result) -> str:
        shares = [a / b for a, b in zip(speeds(result), peak_gflops, strict=True)]
        return f"{statistics.median(shares):.0%}"

    return {"GFLOP/s": lambda r: f"{statistics.median(speeds(r)):.0f}", "of peak": share}


def _training_columns(images: int) -> dict[str, Column]:
    return {
        "images/s": lambda r: f"{1e3 * images / r.ms:.4g}",
        "most MiB": lambda r: f"{r.peak_bytes / 2**20:.0f}",
        "in steps": lambda r: f"{r.running_bytes / 2**20:.0f}",
    }


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else f"{value}"
