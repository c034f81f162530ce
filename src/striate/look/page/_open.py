"""From the words of the command line to what is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import OptionError, StriateError
from ...inspection._resolve import is_file, parse_shape
from .._subject import Subject, is_run, open_subject
from ._examples import example_samples
from ._live import Watched
from ._samples import Sample, data_samples, file_samples
from ._session import Session

if TYPE_CHECKING:
    from ...data import Data


def open_session(
    model: str,
    files: Sequence[Path] = (),
    *,
    data: str | None = None,
    input: str | None = None,
    classes: Path | None = None,
    mean: str | None = None,
    std: str | None = None,
    net: str | None = None,
    exported: bool = False,
) -> Session:
    """Open a network and what it is looked at with.

    Args:
        model: What `open_subject` takes, in words.
        files: Inputs: files, or folders of them.
        data: A data set, as `striate train` takes it.
        input: The input's shape: 1x3x224x224.
        classes: A file with the names of the outputs, one a line.
        mean, std: Numbers with commas between.
        net: The user's own function that builds a run's network.
        exported: Whether the answers are recorded for a file.
    Raises:
        StriateError: One of them is not what it must be.
    """
    subject = open_subject(
        model,
        _shape(input),
        classes=_lines(classes),
        mean=_numbers("--mean", mean),
        std=_numbers("--std", std),
        net=net,
    )
    folder = Path(model) if is_run(model) else None
    loaded = _load(data, subject) if data else _own_data(folder, subject)
    return Session(
        subject,
        watched=Watched(folder, net) if folder and not exported else None,
        samples=_samples(subject, files, loaded),
        data=loaded,
        trained=folder is not None or is_file(model),
        exported=exported,
    )


def _samples(subject: Subject, files: Sequence[Path], data: Data | None) -> list[Sample]:
    found = file_samples(subject, files) + (data_samples(data) if data else [])
    return found or example_samples(subject)


def _load(spec: str, subject: Subject) -> Data:
    from ...data import load

    rate = subject.preprocess.sample_rate
    return load(spec, input_shape=subject.input_shape, sample_rate=rate)


def _own_data(folder: Path | None, subject: Subject) -> Data | None:
    """The data that a run was trained on, where they still are."""
    from ...data import load
    from ...data._locate import is_here
    from ...data._sources import SOURCES
    from ...train import Run

    if folder is None:
        return None
    config = Run.open(folder).config
    if config.data in SOURCES and config.data_dir is None and not is_here(config.data):
        return None  # nothing is downloaded that nobody asked for
    rate = subject.preprocess.sample_rate
    try:
        return load(
            config.data,
            data_dir=config.data_dir,
            input_shape=subject.input_shape,
            sample_rate=rate,
        )
    except StriateError:
        return None


def _shape(text: str | None) -> tuple[int, ...] | None:
    return None if text is None else parse_shape(text, "look", "--input")


def _numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    try:
        return None if text is None else tuple(map(float, text.split(",")))
    except ValueError:
        raise OptionError(
            f"look: {option} {text} must be one number, or one a channel with commas between."
        ) from None


def _lines(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    try:
        return tuple(path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"look: --classes {path} cannot be read: {error}.") from None
