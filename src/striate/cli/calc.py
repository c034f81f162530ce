"""`striate calc`: the arithmetic of a layer or a stack, each formula with the numbers in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import OptionError

if TYPE_CHECKING:
    from ..calc import Calculation

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Work out a layer: sizes, parameters, MACs, connections, receptive fields.",
)

_Shape = Annotated[
    str,
    typer.Option(
        "--input", "-i", help="Channels and sizes: 3x32x32, 1x100, 1x8x32x32.", show_default=False
    ),
]
_Filters = Annotated[
    int,
    typer.Option("--filters", "-f", help="Filters: channels of the output.", show_default=False),
]
_Kernel = Annotated[
    str, typer.Option("--kernel", "-k", help="Taps on each axis: 3, or 3x5.", show_default=False)
]
_Stride = Annotated[str, typer.Option("--stride", "-s", help="From output to output: 2, or 2x1.")]
_Padding = Annotated[
    str,
    typer.Option("--padding", "-p", help="1, 1x2 an axis, 0,1 (before,after), same or valid."),
]
_Dilation = Annotated[str, typer.Option("--dilation", "-d", help="From tap to tap: 2, or 2x1.")]
_Groups = Annotated[int, typer.Option("--groups", "-g", help="Groups the channels are split into.")]
_Bias = Annotated[bool, typer.Option("--bias/--no-bias", help="Learn a bias.")]
_Batch = Annotated[int, typer.Option("--batch", "-n", help="Inputs in a batch.")]
_Type = Annotated[str, typer.Option("--dtype", help="float32, float64, float16, bfloat16, int8.")]
_Exact = Annotated[bool, typer.Option("--exact", help="Refuse a stride that leaves pixels over.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def conv(
    input: _Shape,
    filters: _Filters,
    kernel: _Kernel,
    stride: _Stride = "1",
    padding: _Padding = "0",
    dilation: _Dilation = "1",
    groups: _Groups = 1,
    bias: _Bias = True,
    batch: _Batch = 1,
    dtype: _Type = "float32",
    exact: _Exact = False,
    as_json: _Json = False,
) -> None:
    """Work out a convolution."""
    from .. import calc
    from ..calc._parse import parse_padding, parse_shape, parse_size

    result = calc.conv(
        parse_shape(input, "conv"),
        filters,
        parse_size(kernel, "kernel", "conv"),
        stride=parse_size(stride, "stride", "conv"),
        padding=parse_padding(padding, "conv"),
        dilation=parse_size(dilation, "dilation", "conv"),
        groups=groups,
        bias=bias,
        batch_size=batch,
        dtype=dtype,
        exact=exact,
    )
    _print(result, as_json)


@app.command()
def conv_transpose(
    input: _Shape,
    filters: _Filters,
    kernel: _Kernel,
    stride: _Stride = "1",
    padding: _Padding = "0",
    output_padding: Annotated[
        str, typer.Option("--output-padding", help="Pixels added at the end: 1, or 1x0.")
    ] = "0",
    dilation: _Dilation = "1",
    groups: _Groups = 1,
    bias: _Bias = True,
    batch: _Batch = 1,
    dtype: _Type = "float32",
    as_json: _Json = False,
) -> None:
    """Work out a transposed convolution."""
    from .. import calc
    from ..calc._parse import parse_padding, parse_shape, parse_size

    subject = "conv-transpose"
    result = calc.conv_transpose(
        parse_shape(input, subject),
        filters,
        parse_size(kernel, "kernel", subject),
        stride=parse_size(stride, "stride", subject),
        padding=parse_padding(padding, subject),
        output_padding=parse_size(output_padding, "output_padding", subject),
        dilation=parse_size(dilation, "dilation", subject),
        groups=groups,
        bias=bias,
        batch_size=batch,
        dtype=dtype,
    )
    _print(result, as_json)


@app.command()
def pool(
    input: _Shape,
    kernel: _Kernel,
    kind: Annotated[
        str, typer.Option(help="max, avg, or subsample: LeNet-5's, with two weights a channel.")
    ] = "max",
    stride: Annotated[
        str | None, typer.Option("--stride", "-s", help="Default: the kernel.", show_default=False)
    ] = None,
    padding: _Padding = "0",
    dilation: _Dilation = "1",
    ceil_mode: Annotated[
        bool, typer.Option("--ceil-mode", help="Keep a last window that hangs over the end.")
    ] = False,
    batch: _Batch = 1,
    dtype: _Type = "float32",
    exact: _Exact = False,
    as_json: _Json = False,
) -> None:
    """Work out a pooling."""
    from .. import calc
    from ..calc._parse import parse_padding, parse_shape, parse_size

    result = calc.pool(
        parse_shape(input, "pool"),
        parse_size(kernel, "kernel", "pool"),
        kind=kind,
        stride=None if stride is None else parse_size(stride, "stride", "pool"),
        padding=parse_padding(padding, "pool"),
        dilation=parse_size(dilation, "dilation", "pool"),
        ceil_mode=ceil_mode,
        batch_size=batch,
        dtype=dtype,
        exact=exact,
    )
    _print(result, as_json)


@app.command()
def norm(
    input: _Shape,
    kind: Annotated[str, typer.Option(help="batch, layer, group or instance.")] = "batch",
    groups: Annotated[
        int, typer.Option("--groups", "-g", help="Groups of channels, for group norm.")
    ] = 32,
    affine: Annotated[
        bool | None,
        typer.Option("--affine/--no-affine", help="Learn weight and bias; default: as torch does."),
    ] = None,
    batch: _Batch = 32,
    dtype: _Type = "float32",
    as_json: _Json = False,
) -> None:
    """Work out a normalisation: what is averaged over which axes."""
    from .. import calc
    from ..calc._parse import parse_shape

    shape = parse_shape(input, "norm")
    result = calc.norm(shape, kind, groups=groups, affine=affine, batch_size=batch, dtype=dtype)
    _print(result, as_json)


@app.command()
def linear(
    input: Annotated[
        str,
        typer.Option(
            "--input", "-i", help="Features, or a map that is flattened.", show_default=False
        ),
    ],
    outputs: Annotated[int, typer.Option("--outputs", "-o", help="Outputs.", show_default=False)],
    bias: _Bias = True,
    batch: _Batch = 1,
    dtype: _Type = "float32",
    as_json: _Json = False,
) -> None:
    """Work out a fully connected layer."""
    from .. import calc
    from ..calc._parse import parse_shape

    shape = parse_shape(input, "linear")
    _print(calc.linear(shape, outputs, bias=bias, batch_size=batch, dtype=dtype), as_json)


@app.command()
def stack(
    layers: Annotated[
        list[str],
        typer.Argument(
            help="Layers such as conv3p1, pool2, up2, conv3d2x4: conv, pool or up (a transposed "
            "convolution), the kernel, s stride, p padding (or psame), d dilation, x times. The "
            "stride of pool and up is the kernel unless given.",
            show_default=False,
        ),
    ],
    input: Annotated[
        str, typer.Option("--input", "-i", help="Pixels of the axis: 32.", show_default=False)
    ],
    exact: _Exact = False,
    as_json: _Json = False,
) -> None:
    """Work out and draw the receptive fields of a stack of layers, along one axis."""
    from .. import calc
    from ..calc._parse import parse_size

    n = parse_size(input, "input", "stack")
    if not isinstance(n, int):
        raise OptionError(
            f"input={input!r} has {len(n)} numbers; a stack is worked out along one axis. Give the "
            f"pixels of one, as in --input {n[-1]}.",
            subject="stack",
        )
    _print(calc.stack(n, layers, exact=exact), as_json)


def _print(result: Calculation, as_json: bool) -> None:
    typer.echo(json.dumps(result.as_dict(), indent=2) if as_json else str(result))
