"""What a plan does, step by step, as text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ._recipe import Recipe, StepRecipe
from ._speeds import Speeds, leave_cache, speeds

if TYPE_CHECKING:
    from ._plan import Plan


def explain(plan: Plan, *, profile: bool, repeats: int) -> str:
    """Write the steps of a plan; with `profile`, what each takes."""
    recipe = plan._recipe
    shapes = ", ".join("x".join(map(str, t.shape)) for t in recipe.inputs)
    memory = f"weights {_bytes(plan.weight_bytes)}, arena {_bytes(plan.peak_bytes)}"
    lines = [
        f"{recipe.name} for {shapes}: {len(recipe.steps)} steps, {how(recipe)}",
        memory,
        *steps_table(recipe, plan.weight_bytes, plan.profile(repeats) if profile else [], repeats),
        *_folded(recipe.changes),
    ]
    return "\n".join(lines)


def how(recipe: Recipe) -> str:
    """What a recipe runs on, in words."""
    return f"{recipe.target} ({recipe.lanes} lanes), {recipe.threads} threads"


def steps_table(
    recipe: Recipe,
    weight_bytes: int,
    times: list[float],
    repeats: int = 0,
    titles: dict[int, str] | None = None,
) -> list[str]:
    """The lines that tell each step.

    Args:
        recipe: The steps.
        weight_bytes: Of all of them.
        times: Seconds of each step; none, and nothing is said of them.
        repeats: How many runs they are the medians of.
        titles: Lines in front of steps, by their numbers.
    """
    lines = []
    if times:
        machine = speeds(recipe.target)
        lines += [
            f"this machine, one thread: {machine.gflops:.0f} GFLOP/s; reads {machine.l2:.0f} GB/s "
            f"from L2, {machine.l3:.0f} from L3, {machine.memory:.0f} from memory",
            f"{1e3 * sum(times):.3g} ms in all steps; medians of {repeats} runs. GFLOP/s and share "
            "of the peak count the layer's own",
            "multiply-adds: Winograd's algorithm, with fewer, and int8x6 may exceed 100 %.",
        ]
        measured = [
            _measured(step, time, recipe, machine, cold=leave_cache(weight_bytes))
            for step, time in zip(recipe.steps, times, strict=True)
        ]
    else:
        measured = [""] * len(recipe.steps)
    lines.append("")
    title = f"{'':4s} {'step':34s} {'kernel':23s} {'MB':>7s}"
    lines.append(title + (f" {'ms':>8s} {'GFLOP/s':>7s} {'peak':>5s}  bound by" if times else ""))
    for number, (step, numbers) in enumerate(zip(recipe.steps, measured, strict=True)):
        lines += [titles[number]] if titles and number in titles else []
        lines.append(f"{number:4d} {_step(step)}{numbers}")
        lines += [f"       {line}" for line in _remarks(step)]
    return lines


def shares_table(steps: Sequence[StepRecipe], times: Sequence[float]) -> list[str]:
    """The lines that tell what all steps of a kind and a kernel take, the longest first."""
    rows: dict[str, list[float]] = {}
    for step, time in zip(steps, times, strict=True):
        rows.setdefault(_kernel(step), []).append(time)
    total = sum(times) or 1.0
    lines = [f"{'steps':>5s} {'kernel':35s} {'ms':>8s} {'share':>5s}"]
    for name, taken in sorted(rows.items(), key=lambda row: -sum(row[1])):
        ms = 1e3 * sum(taken)
        lines.append(f"{len(taken):5d} {name:35s} {ms:8.3f} {sum(taken) / total:5.0%}")
    return lines


def _kernel(step: StepRecipe) -> str:
    if step.kind == "island":
        return f"NumPy: {step.op['kind'] if step.op else ''}"
    return f"{step.kind} {step.kernel}"


def _step(step: StepRecipe) -> str:
    kernel = _kernel(step)
    name = "+".join(step.nodes) or step.kind
    name = name if len(name) <= 34 else name[:31] + "..."
    return f"{name:34s} {kernel:23s} {_moved(step) / 1e6:7.2f}"


def _moved(step: StepRecipe) -> int:
    return step.read_bytes + step.written_bytes + step.weight_bytes


def _measured(
    step: StepRecipe, seconds: float, recipe: Recipe, machine: Speeds, *, cold: bool
) -> str:
    """A step's time, and which roof of the machine it is under (Williams et al. 2009)."""
    if step.macs == 0:
        return f" {1e3 * seconds:8.3f} {'':7s} {'':5s}  {'memory' if _moved(step) else ''}"
    rate = 2e-9 * step.macs / max(seconds, 1e-9)
    peak = machine.gflops * recipe.threads
    maps = step.read_bytes + step.written_bytes
    reading = machine.read_s(maps, cold=False, threads=recipe.threads)
    reading += machine.read_s(step.weight_bytes, cold=cold, threads=recipe.threads)
    bound = "memory" if reading > 2e-9 * step.macs / peak else "arithmetic"
    return f" {1e3 * seconds:8.3f} {rate:7.1f} {rate / peak:5.0%}  {bound}"


def _remarks(step: StepRecipe) -> list[str]:
    said = "; ".join(filter(None, [step.maps, *step.notes, step.why]))
    return textwrap.wrap(said, 92)


def _folded(changes: list[str]) -> list[str]:
    """What the passes did, each kind of change once, with the places."""
    places: dict[str, list[str]] = {}
    for change in changes:
        place, _, what = change.partition(": ")
        places.setdefault(what or change, []).append(place.partition(" -> ")[0])
    lines = ["", "before that:"] if places else []
    for what, where in places.items():
        told = f"{what}: {', '.join(where)}"
        lines += textwrap.wrap(told, 98, initial_indent="  ", subsequent_indent="    ")
    return lines


def _bytes(count: int) -> str:
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"
