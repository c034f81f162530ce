"""`striate data`: what data sets there are, fetching them, looking at one."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(add_completion=False, help="List, fetch and look at data sets.")

_DIR = typer.Option("--data-dir", help="Folder of the files, in place of the usual ones")


@app.command("list")
def list_() -> None:
    """List the data sets that can be loaded by name, and where downloads go."""
    from rich.console import Console

    from ..data._load import KNOWN
    from ..data._locate import cache_dir

    console = Console(highlight=False)
    for name in KNOWN:
        console.print(f"{name:14} {'built in' if name == 'digits' else 'found or downloaded'}")
    for form in ("folder:PATH", "wav:PATH", "arrays:FILE.npz"):
        console.print(f"{form:14} your own")
    console.print(f"\nDownloads go to {cache_dir()}; $STRIATE_DATA is looked through first.")


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="mnist, fashion-mnist, cifar10 or cifar100")],
    data_dir: Annotated[str | None, _DIR] = None,
) -> None:
    """Download a data set; what has come is kept, so that a broken download goes on."""
    from pathlib import Path

    from rich.progress import DownloadColumn, Progress, TransferSpeedColumn

    from ..data._download import SOURCES, download
    from ..data._locate import cache_dir
    from ..errors import OptionError

    if name not in SOURCES:
        raise OptionError(f"data: {name!r} cannot be downloaded; {', '.join(SOURCES)} can.")
    folder = Path(data_dir) if data_dir else cache_dir() / name
    columns = ("{task.description}", DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns) as progress:
        for source in SOURCES[name]:
            task = progress.add_task(source.name, total=None)

            def show(done: int, total: int, task: int = task) -> None:
                progress.update(task, completed=done, total=total or None)  # type: ignore[arg-type]

            download(source, folder, show)
    typer.echo(f"{name} is in {folder}")


@app.command()
def show(
    spec: Annotated[str, typer.Argument(help="A data set, as --data of `striate train`")],
    data_dir: Annotated[str | None, _DIR] = None,
    workers: Annotated[int, typer.Option(help="Processes that decode files")] = 0,
) -> None:
    """Tell the sizes, the classes, the means and the broken files of a data set."""
    import torch
    from rich.console import Console
    from rich.table import Table

    from ..data import load

    data = load(spec, data_dir=data_dir, workers=workers)
    console = Console(highlight=False)
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    table = Table("class", *(part for part, held in parts.items() if held is not None), box=None)
    for number, name in enumerate(data.classes):
        counts = [(held.labels == number).sum() for held in parts.values() if held is not None]
        table.add_row(name, *(f"{int(count):,}" for count in counts))
    sums = [f"{len(held):,}" for held in parts.values() if held is not None]
    table.add_row("all", *sums, style="bold")
    console.print(table)
    numbers = [" ".join(f"{x:.4f}" for x in values) for values in (data.mean, data.std)]
    console.print(
        f"\ninput {'x'.join(map(str, data.input_shape))}   mean {numbers[0]}   "
        f"std {numbers[1]}   (per channel, over the training part, in 0..1)"
    )
    first = data.train.fetch(torch.arange(min(256, len(data.train)))).float()
    console.print(f"values {first.min():.4g} .. {first.max():.4g} in the first samples")
    for item in data.broken:
        console.print(f"broken: {item.name}: {item.reason}", style="red")
