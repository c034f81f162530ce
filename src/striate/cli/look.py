"""`striate look`: look into a network on a page of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

_NET, _PAGE = "The network", "The page"


def _option(help: str, panel: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, show_default=False, **more)


def look(
    model: Annotated[
        str,
        typer.Argument(
            help="A network of the zoo (`striate zoo`), the folder of a run, file.onnx, "
            "file.striate, package.module:function or file.py:function.",
            show_default=False,
        ),
    ],
    images: Annotated[
        list[Path] | None,
        typer.Argument(help="Files or folders to look at it with.", show_default=False),
    ] = None,
    data: Annotated[
        str | None,
        _option("A data set: digits, mnist, cifar10, folder:PATH, wav:PATH, arrays:FILE.npz", _NET),
    ] = None,
    input: Annotated[
        str | None, _option("Shape of the input, as 1x3x224x224", _NET, "--input", "-i")
    ] = None,
    classes: Annotated[
        Path | None, _option("Names of the outputs: a text file, one a line", _NET)
    ] = None,
    mean: Annotated[
        str | None, _option("Taken off pixels of 0..1: one, or one a channel: 0.5,0.4,0.4", _NET)
    ] = None,
    std: Annotated[str | None, _option("What they are divided by then", _NET)] = None,
    port: Annotated[int, _option("Of the page; by default one that is free", _PAGE)] = 0,
    browser: Annotated[
        bool, _option("Open the browser, or only print the link", _PAGE, "--browser/--no-browser")
    ] = True,
) -> None:
    """Look into a network: its maps, filters and units, for inputs of your own.

    A page on this machine alone, by a link with a secret in it; Ctrl-C stops it.
    """
    from ..look.page import listen, serve
    from ..look.page._open import open_session

    listener = listen(port)
    session = open_session(
        model, images or [], data=data, input=input, classes=classes, mean=mean, std=std
    )
    serve(session, listener, browse=browser, announce=_announce)


def _announce(link: str) -> None:
    typer.echo(f"Look at it here (Ctrl-C stops): {link}")
