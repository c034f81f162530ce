"""`striate inspect`: what a network costs, needs and sees, layer by layer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import OptionError
from ._options import option

if TYPE_CHECKING:
    from ..inspection import Report

_TABLE, _ONE, _FILES, _NET = "The table", "Instead of the table", "Files", "The network"


def inspect(
    model: Annotated[
        str,
        typer.Argument(
            help="A network of the zoo (`striate zoo`), file.onnx, file.striate, "
            "package.module:function or file.py:function.",
            show_default=False,
        ),
    ],
    input: Annotated[
        list[str] | None,
        option("Shape of the input, as 1x3x224x224; once for each", _NET, "--input", "-i"),
    ] = None,
    training: Annotated[
        bool, option("Look at the net in training mode", _NET, "--training")
    ] = False,
    optimizer: Annotated[
        str, option("Whose state training memory counts: sgd, momentum, adam, adamw", _NET)
    ] = "momentum",
    memory: Annotated[
        float, option("GB of memory for which the largest batch is told; default: 8", _NET)
    ] = 8.0,
    depth: Annotated[
        int | None,
        option("Fold layers deeper than this into their block", _TABLE, "--depth", "-d"),
    ] = None,
    columns: Annotated[
        str | None,
        option(
            "Columns, as macs,params; or a set: cost, memory, field, lecture, all",
            _TABLE,
            "--columns",
            "-c",
        ),
    ] = None,
    sort: Annotated[
        str | None, option("Column to sort by, the largest first", _TABLE, "--sort", "-s")
    ] = None,
    advice: Annotated[
        bool | None,
        option("Write the advice out, or leave it out", _TABLE, "--advice/--no-advice"),
    ] = None,
    layer: Annotated[str | None, option("All about this layer, or this block", _ONE)] = None,
    unit: Annotated[
        str | None, option("What one unit sees of the input, as layer4.1:3,3", _ONE)
    ] = None,
    of: Annotated[
        str | None, option("With --layer and --unit: look at this layer's map instead", _ONE)
    ] = None,
    against: Annotated[
        str | None, option("Another network: what differs between the two", _ONE)
    ] = None,
    sizes: Annotated[
        bool, option("Which input sizes fit, and lose no pixel", _ONE, "--sizes")
    ] = False,
    measure: Annotated[
        bool,
        option("Time each layer, and measure memory beside the prediction", _ONE, "--measure"),
    ] = False,
    as_json: Annotated[bool, option("Print JSON", _FILES, "--json")] = False,
    csv: Annotated[Path | None, option("Write the rows as CSV; - prints", _FILES)] = None,
    markdown: Annotated[Path | None, option("Write the table; - prints", _FILES)] = None,
    html: Annotated[Path | None, option("Write a page to look into; - prints", _FILES)] = None,
) -> None:
    """Report on a network: sizes, parameters, MACs, memory, receptive fields.

    Each quantity is defined in docs/inspect.md; nothing is computed but shapes, so that it takes no
    longer for large inputs.
    """
    asked = {"layer": layer, "unit": unit, "against": against, "sizes": sizes, "measure": measure}
    _refuse_together(asked, of)
    table = {"depth": depth, "columns": None if layer else columns, "sort": sort}
    _refuse_table_options(asked, {**table, "advice": advice}, (csv, markdown, html))
    if memory <= 0:
        raise OptionError(f"inspect: --memory {memory:g} must be more than 0 GB.")
    from ..inspection._resolve import parse_shape

    shapes = [parse_shape(text, "inspect", "--input") for text in input or ()]
    report, module = _report(model, shapes, training=training, optimizer=optimizer, build=measure)
    if layer is not None:
        _show_layer(report, layer, of, as_json, columns)
    elif unit is not None:
        _show_unit(report, unit, of, as_json)
    elif against is not None:
        other, _ = _report(against, shapes, training=training, optimizer=optimizer)
        _show_comparison(report, other, as_json)
    elif sizes:
        _show_sizes(report, as_json)
    elif measure:
        _show_measurement(report, module, as_json)
    else:
        options = {
            "columns": columns,
            "depth": depth,
            "sort": sort,
            "gigabytes": memory,
            "advice": advice is None,
        }
        written = _write_files(report, {"csv": csv, "markdown": markdown, "html": html}, options)
        if as_json:
            _print_json(report.as_dict())
        elif not written:
            _show_table(report, options, advice)


def _refuse_table_options(
    asked: dict[str, Any], table: dict[str, Any], files: tuple[Path | None, ...]
) -> None:
    """Options of the table have no meaning for what is shown instead of it."""
    instead = next((name for name, value in asked.items() if value), None)
    given = [f"--{name}" for name, value in table.items() if value is not None]
    names = ("--csv", "--markdown", "--html")
    given += [name for name, file in zip(names, files, strict=True) if file is not None]
    if instead and given:
        raise OptionError(
            f"inspect: {given[0]} belongs to the table, which --{instead} replaces. Leave one out."
        )


def _refuse_together(asked: dict[str, Any], of: str | None) -> None:
    given = [f"--{name}" for name, value in asked.items() if value not in (None, False)]
    if len(given) > 1:
        raise OptionError(f"inspect: {' and '.join(given)} show different things: give one.")
    if of is not None and not {"--layer", "--unit"} & set(given):
        raise OptionError(
            "inspect: --of names the layer that is looked at; it needs --layer or --unit to tell "
            "from where."
        )


def _report(
    model: str,
    shapes: list[tuple[int, ...]],
    *,
    training: bool,
    optimizer: str,
    build: bool = False,
) -> tuple[Report, Any]:
    """Report on a network; where torch is to run it, or its mode matters, with its module."""
    from ..inspection import inspect as report_on_model

    if not training and not build:
        return report_on_model(model, shapes or None, optimizer=optimizer), None
    option = "--training" if training else "--measure"
    if model.endswith((".onnx", ".striate")):
        raise OptionError(
            f"inspect: {option} needs a torch module: a network of the zoo, "
            f"package.module:function or file.py:function. {model} is a file of a graph."
        )
    from ..graph import capture
    from ..inspection._inspect import report_on
    from ..inspection._report import check_optimizer
    from ..inspection._resolve import module_of

    check_optimizer(optimizer)
    module, batched = module_of(model, shapes)
    return report_on(capture(module.train(training), *batched, name=model), optimizer), module


def _show_table(report: Report, options: dict[str, Any], advice: bool | None) -> None:
    from ..inspection.render import advice_text, terminal_table
    from ._console import console

    printer = console()
    width = printer.width if printer.is_terminal else None
    table = terminal_table(report, width=width, **options)
    printer.print(table, soft_wrap=True)
    if advice:
        typer.echo(f"\n{advice_text(report, width=width)}")


def _write_files(
    report: Report, paths: dict[str, Path | None], options: dict[str, Any]
) -> list[Path]:
    """Write what was asked for, and tell where it is; `-` is the standard output."""
    writers = {
        "csv": report.to_csv,
        "markdown": lambda path=None: report.to_markdown(path, **options),
        "html": report.to_html,
    }
    written = []
    for name, path in paths.items():
        if path is None:
            continue
        written.append(path)
        if str(path) == "-":
            typer.echo(writers[name](), nl=False)
        else:
            writers[name](path)
            typer.echo(path)
    return written


def _show_layer(
    report: Report, layer: str, of: str | None, as_json: bool, columns: str | None
) -> None:
    """A page on one layer; of a block, the table of its layers."""
    from ..inspection.render import block_table, layer_text, rows_of
    from ._console import console

    rows = rows_of(report, layer)
    looked_at = None if of is None else _last(report, of)
    if of is not None and (as_json or len(rows) > 1):
        raise OptionError(
            "inspect: --of with --layer is told on the page about one layer; "
            + ("--json has none." if as_json else f"{layer} is a block of {len(rows)} layers.")
        )
    if as_json:
        names = {row.name for row in rows}
        _print_json([row for row in report.as_dict()["rows"] if row["name"] in names])
        return
    printer = console()
    width = printer.width if printer.is_terminal else None
    if len(rows) == 1:
        typer.echo(layer_text(report, rows[0].name, of=looked_at, width=width or 100))
    else:
        typer.echo(block_table(report, rows, columns=columns, width=width))


def _show_unit(report: Report, unit: str, of: str | None, as_json: bool) -> None:
    from ..inspection import look_at_unit
    from ..inspection.render import unit_dict, unit_text
    from ._console import console

    name, place = _place(report, unit)
    found = look_at_unit(
        report.graph, _last(report, name), place, None if of is None else _last(report, of)
    )
    if as_json:
        _print_json(unit_dict(found))
        return
    printer = console()
    typer.echo(unit_text(found, width=printer.width if printer.is_terminal else 80))


def _place(report: Report, text: str) -> tuple[str, tuple[int, ...]]:
    """Split `layer4.1:3,3` into the layer and the place in its map."""
    if any(text in (row.name, row.path) for row in report.rows):
        return text, ()
    name, _, numbers = text.rpartition(":")
    try:
        place = tuple(int(number) for number in numbers.split(","))
    except ValueError:
        name = ""
    if not name:
        raise OptionError(
            f"inspect: --unit {text} names no unit: layer4.1:3,3 is row 3, column 3 of the map "
            f"that layer4.1 makes."
        )
    return name, place


def _last(report: Report, name: str) -> str:
    """The operation that makes what a layer or a block gives."""
    from ..inspection.render import rows_of

    return name if name in report.input_shapes else rows_of(report, name)[-1].name


def _show_comparison(a: Report, b: Report, as_json: bool) -> None:
    from ..inspection._compare import compare
    from ._console import console

    comparison = compare(a, b)
    if as_json:
        _print_json(comparison.as_dict())
        return
    printer = console()
    typer.echo(comparison.to_text(width=printer.width if printer.is_terminal else 120))


def _show_sizes(report: Report, as_json: bool) -> None:
    from ..inspection import find_sizes

    sizes = find_sizes(report.graph)
    if as_json:
        told = {"smallest": sizes.smallest, "legal": sizes.legal, "lossless": sizes.lossless}
        _print_json(told)
    else:
        typer.echo(sizes.to_text())


def _show_measurement(report: Report, module: Any, as_json: bool) -> None:
    from dataclasses import asdict

    from ..inspection import measure

    measurement = measure(module, report.graph)
    if as_json:
        _print_json(asdict(measurement))
    else:
        typer.echo(measurement.to_text())


def _print_json(content: Any) -> None:
    typer.echo(json.dumps(content, indent=2, allow_nan=False))
