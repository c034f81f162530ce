"""`striate zoo`: all networks in a table, or the layers of one."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import OptionError

if TYPE_CHECKING:
    from rich.table import Table
    from torch import nn

    from ..zoo import NetInfo

PIPE_WIDTH = 200
"""Columns where the output is no terminal, so that a row stays one line for grep."""


def zoo(
    name: Annotated[
        str | None, typer.Argument(help="A network; without it all are listed.", show_default=False)
    ] = None,
    in_channels: Annotated[
        int | None, typer.Option(help="Channels of the input; default: as published.")
    ] = None,
    num_classes: Annotated[
        int | None, typer.Option(help="Classes told apart; default: as published.")
    ] = None,
    width: Annotated[
        float | None, typer.Option(help="Factor on the hidden channels; default: 1.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the networks, or the layers of one with their output shapes."""
    from .. import zoo

    given = {"in_channels": in_channels, "num_classes": num_classes, "width": width}
    given = {option: value for option, value in given.items() if value is not None}
    if name is None:
        _refuse_options_without_net(given)
        nets = [_described(zoo.info(each), {}) for each in zoo.list()]
        _print_json(nets) if as_json else _print_table(_net_table(nets))
        return
    net = _described(zoo.info(name), given)
    net["layers"] = layers(_build_shell(name, given), net["input_shape"])
    if as_json:
        _print_json(net)
        return
    typer.echo(_headline(net))
    _print_table(_layer_table(net["layers"]))


def layers(net: nn.Module, input_shape: tuple[int, ...]) -> list[dict[str, Any]]:
    """Run one input through a network and note what each layer gives.

    Args:
        net: On torch's `meta` device, where nothing is computed.
        input_shape: One input without the batch.
    Returns:
        For each call of a layer, in the order of the calls: path, type, output_shape (without the
        batch), and parameters, which a layer that is called again does not count again.
    Example:
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, device="meta"))
        >>> for layer in layers(net, (1, 2, 2)):
        ...     print(*layer.values())
        0 Flatten (4,) 0
        1 Linear (2,) 10
    """
    import torch

    calls: list[dict[str, Any]] = []
    paths = {layer: path for path, layer in net.named_modules()}
    uncounted = {id(parameter) for parameter in net.parameters()}

    def note(layer: nn.Module, _: Any, output: torch.Tensor) -> None:
        own = [p for p in layer.parameters(recurse=False) if id(p) in uncounted]
        uncounted.difference_update(map(id, own))
        calls.append(
            {
                "path": paths[layer],
                "type": type(layer).__name__,
                "output_shape": tuple(output.shape[1:]),
                "parameters": sum(p.numel() for p in own),
            }
        )

    for layer in paths:
        is_leaf = next(layer.children(), None) is None
        if is_leaf or next(layer.parameters(recurse=False), None) is not None:
            layer.register_forward_hook(note)
    with torch.no_grad():
        net.eval()(torch.empty(1, *input_shape, device="meta"))
    return calls


def _refuse_options_without_net(given: dict[str, Any]) -> None:
    if given:
        options = " and ".join(f"--{option.replace('_', '-')}" for option in given)
        raise OptionError(
            f"zoo: {options} needs a network to change. Name one, as in `striate zoo lenet5 "
            f"--width 0.5`; `striate zoo` lists all."
        )


def _build_shell(name: str, given: dict[str, Any]) -> nn.Module:
    """Build a network without memory for its weights: even the largest takes milliseconds."""
    import torch

    from .. import zoo

    with torch.device("meta"):
        return zoo.create(name, **given)


def _described(info: NetInfo, given: dict[str, Any]) -> dict[str, Any]:
    shell = _build_shell(info.name, given)
    return {
        "name": info.name,
        "summary": info.summary,
        "paper": info.paper,
        "input_shape": (given.get("in_channels", info.input_shape[0]), *info.input_shape[1:]),
        "num_classes": given.get("num_classes", info.num_classes),
        "parameters": sum(p.numel() for p in shell.parameters()),
        "options": info.options,
    }


def _headline(net: dict[str, Any]) -> str:
    options = ", ".join(f"{key}={value!r}" for key, value in net["options"].items())
    lines = [
        f"{net['name']}: {net['summary']}",
        net["paper"],
        f"input {_by(net['input_shape'])}, {net['num_classes']:,} classes, "
        f"{net['parameters']:,} parameters",
    ]
    return "\n".join([*lines, *([f"further options in Python: {options}"] if options else [])])


def _net_table(nets: list[dict[str, Any]]) -> Table:
    table = _table("network", "input", "parameters", "published", "what it is")
    for net in nets:
        size = _by(net["input_shape"]), f"{net['parameters']:,}"
        table.add_row(net["name"], *size, _cited(net["paper"]), net["summary"])
    return table


def _layer_table(calls: list[dict[str, Any]]) -> Table:
    table = _table("layer", "type", "output", "parameters")
    for call in calls:
        shape, count = _by(call["output_shape"]), call["parameters"]
        table.add_row(call["path"], call["type"], shape, f"{count:,}" if count else "")
    return table


def _table(*columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        number = column == "parameters"
        table.add_column(
            column, justify="right" if number else "left", no_wrap=column != "what it is"
        )
    return table


def _print_table(table: Table) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(table)


def _print_json(content: Any) -> None:
    typer.echo(json.dumps(content, indent=2))


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _cited(paper: str) -> str:
    """Shorten `A, B, C 1998, Title` to `A et al. 1998`."""
    found = re.match(r"([^,]*?)(,.*?)? (\d{4}),", paper)
    assert found, paper
    first, others, year = found.groups()
    return f"{first} et al. {year}" if others else f"{first} {year}"
