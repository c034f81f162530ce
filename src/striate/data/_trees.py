"""Pictures and sounds with a folder for each class, in a folder or in a zip archive."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import torch

from .._image import SUFFIXES as PICTURES
from .._image import decode_image, probe_image
from ..errors import DataError, OptionError
from ._classes import Sorted, sort_files
from ._file_dataset import BrokenFile, Decode, FileDataset, Survey
from ._files import Files, open_files
from ._fit import fit_mode
from ._parts import Parts
from ._wav import SUFFIXES as SOUNDS
from ._wav import decode_wav, probe_wav

_PROBES = 64  # files looked at to learn what all are like


@dataclass(frozen=True)
class Reading:
    """How files are to be read: what the user of `load` has asked for."""

    input_shape: tuple[int, ...] | None = None
    sample_rate: int | None = None
    strict: bool = False
    workers: int = 0
    memory_bytes: int = 1 << 30


def read_pictures(path: Path, reading: Reading) -> Parts:
    """Read pictures, each resized to cover the target and cropped at the centre.

    Pictures that are all of one size, a little smaller than what the net takes, keep it here, so
    that they are padded like MNIST's.
    """
    files = open_files(path, PICTURES)
    found = sort_files(files)
    shape = reading.input_shape
    if shape is not None and (len(shape) != 3 or shape[0] not in (1, 3)):
        raise OptionError(
            f"{path}: pictures become (1, H, W) in grey or (3, H, W) in colour, and the net takes "
            f"{shape}. Use a net for pictures with in_channels=1 or 3."
        )
    source = common_shape(files, found)
    if shape is None and source is None:
        raise DataError(
            f"{path}: the pictures have different sizes, and nothing says which the net takes. "
            f"Say it with --input 3x64x64, or input_shape=(3, 64, 64)."
        )
    if shape is not None:
        keeps = source is not None and fit_mode(source, shape) != "resize"
        source = (shape[0], *source[1:]) if source and keeps else (shape[0], shape[1], shape[2])
    assert source is not None
    decode = partial(decode_image, shape=source)
    return _read(files, found, decode, source, reading, "image", None)


def common_shape(files: Files, found: Sorted) -> tuple[int, int, int] | None:
    """Find the (C, H, W) of the training pictures, if a sample of them is all of one size.

    Raises:
        DataError: None of the sample can be read.
    """
    shapes = set()
    members = found.parts["train"]
    sample = members[:: max(1, len(members) // _PROBES)]
    for member in sample:
        try:
            shapes.add(probe_image(files.read(member.name)))
        except DataError as error:
            last = f"{member.name}: {error}"  # told again when all are decoded
    if not shapes:
        raise DataError(f"{files.path}: {len(sample)} pictures were tried, none is whole. {last}")
    if len({shape[1:] for shape in shapes}) > 1:
        return None
    return max(shapes)  # in colour, if one is


def read_sounds(path: Path, reading: Reading) -> Parts:
    """Read WAV files as one channel of a fixed length: the net's, or a second."""
    files = open_files(path, SOUNDS)
    found = sort_files(files)
    shape = reading.input_shape
    if shape is not None and (len(shape) != 2 or shape[0] != 1):
        raise OptionError(
            f"{path}: sounds become (1, L), one channel of L samples, and the net takes {shape}. "
            f"Use a net for signals with in_channels=1, such as m5."
        )
    if reading.sample_rate is not None and reading.sample_rate < 1:
        raise OptionError(f"sample_rate={reading.sample_rate} must be 1 Hz or more.")
    rate = reading.sample_rate or _first_rate(files, found)
    source = shape or (1, rate)
    resample = reading.sample_rate is not None
    decode = partial(decode_wav, shape=source, sample_rate=rate, resample=resample)
    return _read(files, found, decode, source, reading, "signal", rate)


def _first_rate(files: Files, found: Sorted) -> int:
    for member in found.parts["train"]:
        try:
            return probe_wav(files.read(member.name))
        except DataError:
            continue  # told when it is decoded
    raise DataError(f"{files.path} holds no WAV file that can be read.")


def _read(
    files: Files,
    found: Sorted,
    decode: Decode,
    shape: tuple[int, ...],
    reading: Reading,
    kind: Literal["image", "signal"],
    sample_rate: int | None,
) -> Parts:
    dtype = torch.uint8 if kind == "image" else torch.float32
    count = sum(map(len, found.parts.values()))
    in_memory = count * math.prod(shape) * dtype.itemsize <= reading.memory_bytes
    number = {label: index for index, label in enumerate(found.classes)}
    surveys: dict[str, Survey] = {}
    for part, members in found.parts.items():
        labels = torch.tensor([number[member.label] for member in members])
        names = [member.name for member in members]
        dataset = FileDataset(files, names, labels, found.classes, decode, shape, dtype)
        surveys[part] = dataset.survey(in_memory=in_memory, workers=reading.workers)
    broken = [item for survey in surveys.values() for item in survey.broken]
    broken += [BrokenFile(name, "the file lies in no class's folder.") for name in found.strays]
    _tell(files, broken, reading.strict)
    if empty := [part for part, survey in surveys.items() if not len(survey.dataset)]:
        raise DataError(f"{files.path}: no file of the {empty[0]} part can be read.")
    return Parts(
        train=surveys["train"].dataset,
        test=surveys["test"].dataset,
        validation=surveys["validation"].dataset if "validation" in surveys else None,
        kind=kind,
        sample_rate=sample_rate,
        broken=tuple(broken),
        moments=surveys["train"].moments,
    )


def _tell(files: Files, broken: Sequence[BrokenFile], strict: bool) -> None:
    if not broken:
        return
    shown = "\n".join(f"  {item.name}: {item.reason}" for item in broken[:5])
    more = f"\n  and {len(broken) - 5:,} more" if len(broken) > 5 else ""
    few = "1 file" if len(broken) == 1 else f"{len(broken):,} files"
    text = f"{files.path}: {few} of {len(files.names):,} cannot be used:\n{shown}{more}"
    if strict:
        raise DataError(
            f"{text}\nRemove or mend them, or leave --strict out to go on without them."
        )
    # Six calls up is the user's line: _tell, _read, read_pictures, load's _read, load.
    warnings.warn(f"{text}\nThe others are used.", stacklevel=6)
