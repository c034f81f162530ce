"""What a plan does, step by step, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._recipe import StepRecipe

if TYPE_CHECKING:
    from ._plan import Plan


def explain(plan: Plan, *, profile: bool, repeats: int) -> str:
    """Write the steps of a plan; with `profile`, what each takes."""
    recipe = plan._recipe
    lines = [
        f"{recipe.name}: {len(recipe.steps)} steps on {recipe.target}, {recipe.threads} threads, "
        f"arena {_bytes(plan.peak_bytes)}, weights {_bytes(plan.weight_bytes)}",
    ]
    times = iter(plan.profile(repeats)) if profile else None
    for number, step in enumerate(recipe.steps):
        time = next(times) if times is not None and step.kind != "island" else None
        lines.append(f"{number:4d}  {_step(step, time)}")
    lines += [f"      {change}" for change in recipe.changes]
    return "\n".join(lines)


def _step(step: StepRecipe, seconds: float | None) -> str:
    what = (
        f"{step.kind} {step.kernel}"
        if step.kind != "island"
        else (f"NumPy island: {step.op['kind'] if step.op else ''}")
    )
    words = [f"{'+'.join(step.nodes) or '-':40s} {what:24s}"]
    if seconds is not None:
        rate = 2 * step.macs / seconds / 1e9 if seconds else 0
        words.append(f"{1e3 * seconds:8.3f} ms {rate:7.1f} GFLOP/s")
    words.append("; ".join(step.notes))
    return " ".join(words)


def _bytes(count: int) -> str:
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"
