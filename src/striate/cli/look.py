"""`striate look`: look into a network on a page of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import OptionError
from ._options import option

_NET, _PAGE, _FIGURES = "The network", "The page", "Figures instead of the page"
_TABLE = "A table instead of the page"


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
        option("A data set: digits, mnist, cifar10, folder:PATH, wav:PATH, arrays:FILE.npz", _NET),
    ] = None,
    input: Annotated[
        str | None, option("Shape of the input, as 1x3x224x224", _NET, "--input", "-i")
    ] = None,
    classes: Annotated[
        Path | None, option("Names of the outputs: a text file, one a line", _NET)
    ] = None,
    mean: Annotated[
        str | None, option("Taken off pixels of 0..1: one, or one a channel: 0.5,0.4,0.4", _NET)
    ] = None,
    std: Annotated[str | None, option("What they are divided by then", _NET)] = None,
    net: Annotated[
        str | None,
        option("For a run of your own net: package.module:function or file.py:function", _NET),
    ] = None,
    port: Annotated[int, option("Of the page; by default one that is free", _PAGE)] = 0,
    browser: Annotated[
        bool, option("Open the browser, or only print the link", _PAGE, "--browser/--no-browser")
    ] = True,
    export: Annotated[
        Path | None, option("Write the page with these images into one file instead", _PAGE)
    ] = None,
    save: Annotated[Path | None, option("Write figures into this folder", _FIGURES)] = None,
    layer: Annotated[
        list[str] | None, option("Of this layer; may be given several times", _FIGURES)
    ] = None,
    figures: Annotated[
        str | None,
        option(
            "Kinds with commas between: filters,maps,field,fields,slide,training,saliency,back,"
            "occlusion,cam,top,inputs,equivariance",
            _FIGURES,
        ),
    ] = None,
    format: Annotated[str | None, option("png, svg or pdf; of slide gif or html", _FIGURES)] = None,
    equivariance: Annotated[
        bool,
        option("Table: how far maps follow shifts, flips, rotations", _TABLE, "--equivariance"),
    ] = False,
    blur: Annotated[bool, option("Also with a BlurPool at every stride", _TABLE, "--blur")] = False,
    as_json: Annotated[bool, option("As JSON", _TABLE, "--json")] = False,
) -> None:
    """Look into a network: its maps, filters and units, for inputs of your own.

    A page on this machine alone, by a link with a secret in it; Ctrl-C stops it. The folder of a
    run is watched while it goes on. With --export the page is written into one file that needs no
    server, with --save figures are written as files; no page is opened then.
    """
    from ..look.page import listen, serve
    from ..look.page._open import open_session

    if save is None:
        _only_with_save(layer=layer, figures=figures, format=format)
    elif export is not None:
        raise OptionError("look: --export writes a page, --save figures: give one of them.")
    if equivariance and (save or export):
        raise OptionError(
            "look: --equivariance prints a table; for the figure use --save FOLDER --figures "
            "equivariance."
        )
    if (blur or as_json) and not equivariance:
        raise OptionError("look: --blur and --json belong to --equivariance.")
    quiet = save or export or equivariance
    if quiet and (port or not browser):
        raise OptionError("look: --port and --no-browser are of the page's server; none is asked.")
    listener = None if quiet else listen(port)  # first: a taken port is told at once
    session = open_session(
        model,
        images or [],
        data=data,
        input=input,
        classes=classes,
        mean=mean,
        std=std,
        net=net,
        exported=export is not None,
    )
    if equivariance:
        _equivariance(session, blur=blur, as_json=as_json)
    elif save is not None:
        given = bool(images or data)
        _save(session, model, save, layer or [], figures, format or "png", given)
    elif export is not None:
        _export(session, export)
    elif listener is not None:
        serve(session, listener, browse=browser, announce=_announce)


def _announce(link: str) -> None:
    typer.echo(f"Look at it here (Ctrl-C stops): {link}")


def _export(session: Any, path: Path) -> None:
    """Write the page with the answers for some samples in it."""
    from ..look.page import write_page
    from ..look.page._export import MOST_SAMPLES

    if len(session.samples) > MOST_SAMPLES:
        typer.echo(f"With the first {MOST_SAMPLES} of {len(session.samples)} images.", err=True)
        session.samples = session.samples[:MOST_SAMPLES]
    written = write_page(session, path)
    typer.echo(f"{written} ({written.stat().st_size / 1e6:.1f} MB)")


def _equivariance(session: Any, *, blur: bool, as_json: bool) -> None:
    """Print how far maps follow changes of the first images."""
    from ..look._save_sight import MOST, of_images

    chosen = [sample.prepare(session.subject) for sample in session.samples[:MOST]]
    if len(session.samples) > MOST:
        typer.echo(f"Of the first {MOST} of {len(session.samples)} images.", err=True)
    report = of_images(session.subject, chosen, blur=blur)
    typer.echo(report.to_json() if as_json else report.to_text())


def _only_with_save(**options: Any) -> None:
    given = [name for name, value in options.items() if value]
    if given:
        raise OptionError(f"look: --{given[0]} says which figures to write; add --save FOLDER.")


def _save(
    session: Any,
    model: str,
    folder: Path,
    layers: list[str],
    figures: str | None,
    format: str,
    given: bool,
) -> None:
    """Write figures of the images that were given, or of one built-in one, and name each file."""
    from ..look._save import IMAGES, Wanted, save_figures
    from ..look._subject import is_run

    chosen = session.samples[: IMAGES if given else 1]
    if given and len(session.samples) > IMAGES:
        typer.echo(f"Figures of the first {IMAGES} of {len(session.samples)} images.", err=True)
    wanted = Wanted(
        session.subject,
        tuple((Path(s.label).stem or s.label, s.prepare(session.subject)) for s in chosen),
        tuple(layers),
        session.data,
        Path(model) if is_run(model) else None,
    )
    kinds = [kind.strip() for kind in (figures or "").split(",") if kind.strip()]
    for path in save_figures(wanted, folder, kinds=kinds, format=format):
        typer.echo(str(path))
