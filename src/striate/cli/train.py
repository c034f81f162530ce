"""`striate train`: train a network, from recipe, file and options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ._options import option

_DATA, _OPTIM, _AUGMENT, _MACHINE = "Net and data", "Optimization", "Augmentation", "Machine"


def train(
    net: Annotated[
        str | None,
        typer.Argument(
            help="A network of the zoo (`striate zoo`), package.module:function or file.py:function"
        ),
    ] = None,
    data: Annotated[
        str | None,
        option(
            "digits, mnist, fashion-mnist, cifar10, cifar100, folder:PATH, wav:PATH, "
            "arrays:FILE.npz",
            _DATA,
        ),
    ] = None,
    data_dir: Annotated[str | None, option("Folder of the data set's files", _DATA)] = None,
    input: Annotated[
        str | None, option("What the net takes, as 3x64x64; default: the net's own", _DATA)
    ] = None,
    in_channels: Annotated[int | None, option("Channels the net reads", _DATA)] = None,
    width: Annotated[float | None, option("Factor on the net's channels", _DATA)] = None,
    val_split: Annotated[
        float | None, option("Share of the training data kept for validation", _DATA)
    ] = None,
    strict: Annotated[
        bool | None, option("Refuse data with broken files", _DATA, "--strict/--no-strict")
    ] = None,
    epochs: Annotated[int | None, option("Passes over the training data", _OPTIM)] = None,
    batch_size: Annotated[int | None, option("Samples a step, over all processes", _OPTIM)] = None,
    optimizer: Annotated[str | None, option("sgd, adam or adamw", _OPTIM)] = None,
    lr: Annotated[float | None, option("Largest learning rate", _OPTIM)] = None,
    momentum: Annotated[float | None, option("Of sgd", _OPTIM)] = None,
    weight_decay: Annotated[float | None, option("On weights, not on biases", _OPTIM)] = None,
    schedule: Annotated[str | None, option("cosine, onecycle or constant", _OPTIM)] = None,
    warmup_epochs: Annotated[float | None, option("Epochs in which the rate rises", _OPTIM)] = None,
    label_smoothing: Annotated[
        float | None, option("Share of the target spread over all classes", _OPTIM)
    ] = None,
    class_weights: Annotated[
        str | None, option("'balanced', or one number a class: 1,2,0.5", _OPTIM)
    ] = None,
    ema: Annotated[
        float | None, option("Decay of a moving average of the weights, as 0.999", _OPTIM)
    ] = None,
    clip_grad: Annotated[float | None, option("Largest norm of the gradient", _OPTIM)] = None,
    early_stop: Annotated[
        int | None, option("Epochs without a better validation loss", _OPTIM)
    ] = None,
    target: Annotated[
        float | None, option("Stop at this test accuracy, in percent", _OPTIM)
    ] = None,
    shift: Annotated[int | None, option("Largest shift, in pixels or samples", _AUGMENT)] = None,
    flip: Annotated[
        bool | None, option("Mirror half of the images", _AUGMENT, "--flip/--no-flip")
    ] = None,
    cutout: Annotated[int | None, option("Side of a blanked square, in pixels", _AUGMENT)] = None,
    rotate: Annotated[float | None, option("Largest rotation, in degrees", _AUGMENT)] = None,
    gain: Annotated[float | None, option("Largest change of loudness, in dB", _AUGMENT)] = None,
    seed: Annotated[int | None, option("Of weights, order and augmentation", _MACHINE)] = None,
    device: Annotated[str | None, option("auto, cpu, cuda or cuda:1", _MACHINE)] = None,
    engine: Annotated[
        str | None, option("striate (native kernels, on a CPU) or torch", _MACHINE)
    ] = None,
    checkpoint: Annotated[
        str | None,
        option("Compute maps again to save memory: auto, or a step's limit as 512MB", _MACHINE),
    ] = None,
    threads: Annotated[int | None, option("CPU threads of each process", _MACHINE)] = None,
    amp: Annotated[
        bool | None, option("Compute in bfloat16 where it is safe", _MACHINE, "--amp/--no-amp")
    ] = None,
    workers: Annotated[int | None, option("Processes that decode files", _MACHINE)] = None,
    checkpoint_every: Annotated[int | None, option("Steps between checkpoints", _MACHINE)] = None,
    out: Annotated[str | None, option("Folder of the runs; default: runs", _MACHINE)] = None,
    name: Annotated[str | None, option("Name of this run's folder in it", _MACHINE)] = None,
    config: Annotated[Path | None, option("Options from a TOML file", _MACHINE)] = None,
    resume: Annotated[Path | None, option("Go on with a run that was stopped", _MACHINE)] = None,
) -> None:
    """Train a network; alone: LeNet-5 on the built-in digits.

    What is not given comes from the file of --config, and what is not there from the recipe for
    the net and the data. Every run leaves a folder with weights, numbers and a report.
    """
    given = {k: v for k, v in locals().items() if v is not None}
    from ..errors import OptionError
    from ..train import Config, Interrupted
    from ..train import train as run_training
    from ..train._config import read_toml
    from ..train._distributed import rank
    from ..train._progress import Reporter, Silent

    progress = Reporter() if rank() == 0 else Silent()
    if resume is not None:
        if len(given) > 1:
            others = ", ".join(sorted(set(given) - {"resume"}))
            raise OptionError(
                f"train: --resume goes on with the run's own options; {others} cannot be changed."
            )
        settings = None
    else:
        given.pop("config", None)
        base = read_toml(config) if config else {}
        settings = Config.make(**_merged(base, given))
        progress.say(f"{settings.net} on {settings.data}")
    try:
        run = run_training(settings, resume=resume, progress=progress)
    except Interrupted as stop:
        progress.say(str(stop))
        raise typer.Exit(130) from None
    final = run.final()
    if rank() == 0 and final is not None:
        progress.say(
            f"\ntest accuracy {final['test_accuracy']:.2%} after {final['epochs']} epochs in "
            f"{final['seconds']:.1f} s\nreport: {run.path / 'report.html'}"
        )


def _merged(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Put the command line's options over the file's."""
    options = {**base.get("net_options", {})}
    for name in ("in_channels", "width"):
        if name in given:
            options[name] = given.pop(name)
    if "input" in given:
        given["input_shape"] = _shape(given.pop("input"))
    if "class_weights" in given and given["class_weights"] != "balanced":
        given["class_weights"] = _numbers(given["class_weights"])
    return {**base, **given, "net_options": options}


def _shape(text: str) -> tuple[int, ...]:
    from ..errors import OptionError

    sizes = text.lower().split("x")
    if len(sizes) not in (2, 3, 4) or not all(size.isdigit() and int(size) for size in sizes):
        raise OptionError(
            f"train: --input {text} is no shape: 3x64x64 is channels, height, width; 1x8000 is "
            f"channels and length."
        )
    return tuple(map(int, sizes))


def _numbers(text: str) -> tuple[float, ...]:
    from ..errors import OptionError

    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        raise OptionError(
            f"train: --class-weights {text} is neither 'balanced' nor numbers as 1,2,0.5."
        ) from None
