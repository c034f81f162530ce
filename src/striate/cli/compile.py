"""`striate compile`: a network becomes a plan in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import OptionError

if TYPE_CHECKING:
    from ..engine import CompiledPlan


def compile(
    model: Annotated[
        str,
        typer.Argument(
            help="file.onnx, a graph's file.striate, package.module:function, file.py:function, or "
            "a network of the zoo.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The plan's file: net.striate.", show_default=False),
    ],
    shape: Annotated[
        list[str] | None,
        typer.Option(
            "--shape", "--input", "-i", help="Shape of the input, as 1x3x224x224; once for each.",
            show_default=False,
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(min=1, help="Images that run together; default: the shape's.",
                     show_default=False),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Threads to run on; default: this machine's cores.",
                     show_default=False),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="fast, or exact: without Winograd's algorithm and AMX's tiles.")
    ] = "fast",
    prefer: Annotated[
        str, typer.Option(help="speed, or memory: kernels with fewer packed weights.")
    ] = "speed",
    isa: Annotated[
        str | None,
        typer.Option(
            help="avx512, avx2, portable8 or portable16; default: the best of this machine.",
            show_default=False,
        ),
    ] = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Choose kernels by timing them here.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Tell each step, its kernel and why.")
    ] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="Run it, too, and tell what each step takes.")
    ] = False,
) -> None:  # fmt: skip
    """Compile a network into a plan, which `striate run` runs with NumPy alone."""
    from .. import engine
    from ..inspection._resolve import parse_shape

    if Path(model).exists() and output.exists() and output.samefile(model):
        raise OptionError(f"compile: --output {output} is the network itself: choose another name.")
    plan = engine.compile(  # type: ignore[call-overload]
        model,
        [parse_shape(text, "compile", "--shape") for text in shape or ()] or None,
        batch=batch,
        threads=threads,
        precision=precision,
        prefer=prefer,
        isa=isa,
        tune=tune,
    )
    plan.save(output)
    if explain or profile:
        typer.echo(f"{plan.explain(profile=profile)}\n")
    typer.echo("\n".join(f"{name:<9} {text}" for name, text in _summary(plan, output).items()))


def _summary(plan: CompiledPlan, path: Path) -> dict[str, str]:
    from ..inspection.render._numbers import memory

    steps = plan._recipe.steps
    islands = [step.op["kind"] for step in steps if step.op is not None]
    inputs, outputs = (
        ", ".join("x".join(map(str, shape)) for shape in shapes)
        for shapes in (plan.input_shapes, plan.output_shapes)
    )
    told = {
        "plan": f"{plan.name}, {inputs} -> {outputs}",
        "steps": f"{len(steps)} on {plan.target}, {plan.threads} threads",
        "arena": memory(plan.peak_bytes),
        "weights": memory(plan.weight_bytes),
        "file": f"{path}, {memory(path.stat().st_size)}",
    }
    if islands:
        told["in NumPy"] = f"{len(islands)} steps, without a kernel: {', '.join(islands)}"
    return told
