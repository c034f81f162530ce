"""`striate data`: what data sets there are, fetching one, looking at one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from ..data import Data

app = typer.Typer(add_completion=False, no_args_is_help=True, help="List, fetch or show data sets.")

_Folder = Annotated[
    str | None,
    typer.Option("--data-dir", help="Folder of the data, in place of $STRIATE_DATA and the cache."),
]

_MANY = 40
"""Classes that are listed; of more, the first of them."""


@app.command("list")
def list_() -> None:
    """List the data sets that --data takes, and where their files are looked for."""
    from ..data._load import KNOWN, WITH_PATH
    from ..data._locate import places

    forms = {**KNOWN, **{f"{kind}:PATH": text for kind, text in WITH_PATH.items()}}
    for name, text in forms.items():
        typer.echo(f"{name:<14} {text}")
    folders = ", ".join(str(folder) for folder in places())
    typer.echo(
        f"\nFiles are looked for in {folders}. What is not there is downloaded into the last."
    )


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="mnist, fashion-mnist, cifar10 or cifar100.")],
    data_dir: _Folder = None,
) -> None:
    """Download a data set, unless it is there; a download that was cut goes on."""
    from .. import data

    for path in data.get(name, data_dir).values():
        typer.echo(path)


@app.command()
def show(
    spec: Annotated[str, typer.Argument(help="A data set, as for `striate train --data`.")],
    data_dir: _Folder = None,
    input_shape: Annotated[
        str | None, typer.Option("--input", help="Size to bring the data to, such as 3x64x64.")
    ] = None,
    sample_rate: Annotated[
        int | None, typer.Option(help="Rate to bring sounds to, in Hz.", min=1)
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that decode files.", min=0)] = 0,
) -> None:
    """Show the sizes, the classes, the means and the broken files of a data set."""
    import warnings

    from rich.console import Console

    from ..data import load

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # broken files are listed below
        data = load(
            spec,
            data_dir=data_dir,
            input_shape=_parse_shape(input_shape),
            sample_rate=sample_rate,
            workers=workers,
        )
    console = Console(highlight=False)
    for line in _headlines(data):
        console.print(line, markup=False, soft_wrap=True)
    console.print(_class_table(data))
    if data.broken:
        few = "1 file" if len(data.broken) == 1 else f"{len(data.broken):,} files"
        console.print(f"{few} cannot be used:", style="red")
    for item in data.broken:
        console.print(f"  {item.name}: {item.reason}", markup=False, soft_wrap=True)


def _parse_shape(text: str | None) -> tuple[int, ...] | None:
    from ..errors import OptionError

    if text is None:
        return None
    try:
        return tuple(int(word) for word in text.split("x"))
    except ValueError:
        raise OptionError(f"--input {text} must be whole numbers, such as 3x64x64.") from None


def _headlines(data: Data) -> list[str]:
    size = "x".join(map(str, data.input_shape))
    rate = f", {data.sample_rate:,} samples a second" if data.sample_rate else ""
    mean, std = (", ".join(f"{x:.4f}" for x in values) for values in (data.mean, data.std))
    return [
        f"{data.name}: {len(data.classes):,} classes, inputs of {size}{rate}",
        f"mean {mean}, standard deviation {std} (of each channel of the training part, in 0..1)",
        "",
    ]


def _class_table(data: Data) -> Table:
    import torch
    from rich import box
    from rich.table import Table
    from rich.text import Text

    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    held = {part: dataset for part, dataset in parts.items() if dataset is not None}
    count = len(data.classes)
    counts = [torch.bincount(dataset.labels, minlength=count) for dataset in held.values()]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=True)
    table.add_column("class", footer="all")
    for part, dataset in held.items():
        table.add_column(part, footer=f"{len(dataset):,}", justify="right")
    for number, name in enumerate(data.classes[:_MANY]):
        table.add_row(Text(name), *(f"{int(column[number]):,}" for column in counts))
    if count > _MANY:
        table.add_row(f"and {count - _MANY:,} more")
    return table
