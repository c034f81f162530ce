"""`striate run`: a plan's file on a picture or an array; it takes NumPy alone, and no torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import OptionError

if TYPE_CHECKING:
    import numpy as np

    from ..runtime import Plan
    from ..runtime._recipe import Tensor

    Array = np.ndarray[Any, Any]


def run(
    plan: Annotated[
        Path, typer.Argument(help="A file that `striate compile` wrote.", show_default=False)
    ],
    files: Annotated[
        list[Path],
        typer.Argument(help="For each input a picture or a .npy file.", show_default=False),
    ],
    top: Annotated[int, typer.Option(min=1, help="Largest outputs to print.")] = 5,
    labels: Annotated[
        Path | None,
        typer.Option(help="Names of the outputs: a text file, one a line.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write what comes out: .npy, or .npz for several outputs.",
            show_default=False,
        ),
    ] = None,
    resize: Annotated[
        bool,
        typer.Option("--resize", help="Resize a picture to cover the input, and crop its centre."),
    ] = False,
    mean: Annotated[
        str, typer.Option(help="Taken off a picture's pixels of 0..1: one, or one a channel.")
    ] = "0",
    std: Annotated[
        str, typer.Option(help="What they are divided by then: 0.229,0.224,0.225.")
    ] = "1",
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, help="Threads, at most the plan's own; default: these.", show_default=False
        ),
    ] = None,
) -> None:  # fmt: skip
    """Run a plan, and print its largest outputs."""
    from ..runtime import load

    loaded = load(plan, threads=threads)
    tensors = loaded._recipe.inputs
    if len(files) != len(tensors):
        named = ", ".join(f"{t.name} ({_by(t.shape)})" for t in tensors)
        raise OptionError(
            f"run: {plan} takes {len(tensors)} inputs, {named}; {len(files)} files were given."
        )
    names = None if labels is None else _lines(labels)
    given = [
        _read(file, tensor, resize=resize, mean=mean, std=std)
        for file, tensor in zip(files, tensors, strict=True)
    ]
    found = loaded(*given)
    outputs = found if isinstance(found, tuple) else (found,)
    if output is not None:
        _write(output, loaded, outputs)
        typer.echo(output)
        return
    for tensor, array in zip(loaded._recipe.outputs, outputs, strict=True):
        if len(outputs) > 1:
            typer.echo(f"{tensor.name}:")
        _print(array, top, names)


def _read(file: Path, tensor: Tensor, *, resize: bool, mean: str, std: str) -> Array:
    import numpy as np

    from ..errors import DataError

    try:
        if file.suffix != ".npy":
            return _picture(file, tensor, resize=resize, mean=mean, std=std)
        try:
            array: Array = np.load(file, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise DataError(f"{file}: the file cannot be read as .npy: {error}") from None
        return array[None] if array.ndim == len(tensor.shape) - 1 else array
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror or error}.") from None


def _picture(file: Path, tensor: Tensor, *, resize: bool, mean: str, std: str) -> Array:
    """Decode a picture; (N, C, H, W) in float32."""
    import numpy as np

    from .._image import decode_image, probe_image
    from ..errors import DataError

    shape = tensor.shape
    if len(shape) != 4 or shape[1] not in (1, 3) or tensor.dtype != "float32":
        raise OptionError(
            f"run: the input {tensor.name} is {tensor.dtype} {_by(shape)}, which no picture fills. "
            f"Give a .npy file."
        )
    content = file.read_bytes()
    try:
        size = probe_image(content)[1:]
        if size != shape[2:] and not resize:
            raise OptionError(
                f"run: {file} is {_by(size)} (height x width); the plan takes {_by(shape[2:])}. "
                f"With --resize it is resized to cover that, and its centre is cropped."
            )
        pixels = decode_image(content, shape[1:])
    except DataError as error:
        raise DataError(f"{file}: {error}") from None
    scaled = pixels.astype(np.float32) / np.float32(255)
    channels = shape[1]
    centre = _numbers("--mean", mean, channels)
    spread = _numbers("--std", std, channels)
    if not spread.all():
        raise OptionError(f"run: --std {std} must not be 0.")
    result: Array = (scaled - centre) / spread
    return result[None]


def _numbers(option: str, text: str, channels: int) -> Array:
    import numpy as np

    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, channels) or not np.isfinite(numbers).all():
        raise OptionError(
            f"run: {option} {text} must be one number, or one for each of {channels} channels with "
            f"commas between."
        )
    return np.array(numbers, np.float32)[:, None, None]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"run: --labels {path} cannot be read: {error}.") from None


def _write(path: Path, plan: Plan, outputs: tuple[Array, ...]) -> None:
    import numpy as np

    from .._files import writing

    wanted = ".npy" if len(outputs) == 1 else ".npz"
    if path.suffix != wanted:
        raise OptionError(
            f"run: --output {path} must end in {wanted}: the plan has {len(outputs)} outputs."
        )
    names = [tensor.name for tensor in plan._recipe.outputs]
    with writing(path, OptionError) as file:
        if len(outputs) == 1:
            np.save(file, outputs[0])
        else:
            arrays: dict[str, Any] = dict(zip(names, outputs, strict=True))
            np.savez(file, **arrays)


def _print(array: Array, top: int, names: list[str] | None) -> None:
    """The largest numbers of each vector of an output; of a map, what it is."""
    import numpy as np

    from ._console import printable

    if array.ndim != 2 or array.dtype.kind != "f":
        typer.echo(f"{array.dtype} {_by(array.shape)}, {_range(array)}")
        return
    if names is not None and len(names) != array.shape[1]:
        raise OptionError(
            f"run: --labels names {len(names)} outputs; the plan has {array.shape[1]}."
        )
    for number, row in enumerate(array):
        if len(array) > 1:
            typer.echo(f"[{number}]")
        for index in np.argsort(-row, kind="stable")[:top]:
            name = "" if names is None else f"  {printable(names[index])}"
            typer.echo(f"{index:>6} {row[index]:>12.5g}{name}")


def _range(array: Array) -> str:
    return f"from {array.min():.5g} to {array.max():.5g}" if array.size else "empty"


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
