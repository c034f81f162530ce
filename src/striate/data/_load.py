"""One door to all data sets: `load("mnist")`, `load("folder:photos", input_shape=(3, 64, 64))`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from ..errors import DataError, OptionError
from ._data import BrokenFile, Data
from ._dataset import ArrayDataset, Dataset, Subset
from ._files import Decode, FileDataset, Files, by_class
from ._fit import fit, fit_mode
from ._image import SUFFIXES as PICTURES
from ._image import decode_image, probe_image
from ._known import Raw, read_arrays, read_cifar, read_digits, read_mnist
from ._moments import measure
from ._split import split
from ._wav import SUFFIXES as SOUNDS
from ._wav import decode_wav, probe_wav

KNOWN = ("digits", "mnist", "fashion-mnist", "cifar10", "cifar100")
WITH_PATH = ("folder", "wav", "arrays")

# Decoded data up to this size are kept in memory.
MEMORY_BYTES = 1 << 30


def load(
    spec: str,
    *,
    data_dir: str | Path | None = None,
    input_shape: Sequence[int] | None = None,
    strict: bool = False,
    workers: int = 0,
) -> Data:
    """Load a data set, sized for a net.

    Args:
        spec: 'digits' (built in), 'mnist', 'fashion-mnist', 'cifar10', 'cifar100' (found on this
            machine or downloaded), 'folder:PATH' (a folder or zip of pictures, class per folder),
            'wav:PATH' (the same with WAV files) or 'arrays:FILE.npz'.
        data_dir: Where the files of a known data set are, in place of $STRIATE_DATA and the cache.
        input_shape: What the net takes, without the batch; None keeps the data's own.
        strict: Refuse data with broken files, instead of leaving those out with a warning.
        workers: Processes that decode files; 0 decodes here.
    Returns:
        The training and the test part, with the means and deviations of the training part.
    Raises:
        OptionError: There is no such data set.
        DataError: Its files are absent or damaged.
        ShapeError: It cannot be brought to `input_shape`.
    Example:
        >>> digits = load("digits", input_shape=(1, 32, 32))
        >>> len(digits.train), len(digits.test), digits.train.input_shape
        (1442, 355, (1, 32, 32))
    """
    name, _, path = spec.partition(":")
    shape = None if input_shape is None else tuple(input_shape)
    if name in WITH_PATH:
        if not path:
            raise OptionError(f"data: {name!r} needs a path: {name}:PATH.")
        if name == "arrays":
            return _in_memory(spec, read_arrays(path), shape, kind="array")
        reader = _read_pictures if name == "folder" else _read_sounds
        return reader(spec, path, shape, strict, workers)
    if name not in KNOWN or path:
        known = ", ".join((*KNOWN, *(f"{kind}:PATH" for kind in WITH_PATH)))
        raise OptionError(f"data: there is no data set {spec!r}. There are {known}.")
    if name == "digits":
        raw = read_digits()
    elif name.startswith("cifar"):
        raw = read_cifar(name, data_dir)
    else:
        raw = read_mnist(name, data_dir)
    return _in_memory(spec, raw, shape, kind="image")


def _in_memory(spec: str, raw: Raw, shape: tuple[int, ...] | None, kind: str) -> Data:
    parts = {
        "train": ArrayDataset(raw.train_inputs, raw.train_labels, raw.classes, name="train"),
        "test": ArrayDataset(raw.test_inputs, raw.test_labels, raw.classes, name="test"),
    }
    return _sized(spec, parts, shape, kind)


def _sized(
    spec: str,
    parts: dict[str, ArrayDataset],
    shape: tuple[int, ...] | None,
    kind: str,
    sample_rate: int | None = None,
    broken: Sequence[BrokenFile] = (),
) -> Data:
    """Fit data in memory to the net, after measuring them as they are."""
    train = parts["train"]
    source = train.input_shape
    shape = shape or source
    moments = measure(train, shape[0])
    fitted = {name: _fitted(part, shape) for name, part in parts.items()}
    return Data(
        name=spec,
        classes=train.classes,
        input_shape=shape,
        mean=moments.mean,
        std=moments.std,
        kind=kind,
        source_shape=source,
        sample_rate=sample_rate,
        broken=tuple(broken),
        **fitted,
    )


def _fitted(part: ArrayDataset, shape: tuple[int, ...]) -> Dataset:
    if part.input_shape == shape:
        return part
    pieces = [fit(piece, shape) for piece in part.inputs.split(4096)]
    names = [part.name_of(i) for i in range(len(part))]
    return ArrayDataset(torch.cat(pieces), part.labels, part.classes, names=names)


def _read_pictures(
    spec: str, path: str, shape: tuple[int, ...] | None, strict: bool, workers: int
) -> Data:
    files = Files(path, PICTURES)
    classes, parts = by_class(files)
    source: tuple[int, ...] | None = _common_shape(files, parts)
    if shape is None and source is None:
        raise DataError(
            f"{path}: the pictures have different sizes, and the net does not say which it takes. "
            f"Give one: --input 3x64x64, or input_shape=(3, 64, 64)."
        )
    # Pictures of one size are decoded as they are; of many sizes, right to what the net takes.
    if shape is not None and (source is None or fit_mode(source, shape) == "resize"):
        source = shape
    assert source is not None
    decode = partial(decode_image, shape=source)
    return _from_files(spec, files, classes, parts, decode, source, shape, strict, workers)


def _common_shape(
    files: Files, parts: dict[str, list[tuple[str, int]]]
) -> tuple[int, int, int] | None:
    """Find the shape of the first pictures, if it is the same for all of them."""
    found = set()
    for name, _ in next(iter(parts.values()))[:: max(1, len(files.names) // 32)]:
        try:
            found.add(probe_image(files.read(name)))
        except DataError:
            continue  # broken ones are told when they are decoded
    sizes = {size[1:] for size in found}
    return (max(size[0] for size in found), *sizes.pop()) if len(sizes) == 1 else None


def _read_sounds(
    spec: str, path: str, shape: tuple[int, ...] | None, strict: bool, workers: int
) -> Data:
    files = Files(path, SOUNDS)
    classes, parts = by_class(files)
    rate = _sample_rate(files)
    source = shape or (1, rate)
    decode = partial(decode_wav, shape=source, sample_rate=rate)
    return _from_files(
        spec, files, classes, parts, decode, source, shape, strict, workers, sample_rate=rate
    )


def _sample_rate(files: Files) -> int:
    for name in files.names:
        try:
            return probe_wav(files.read(name))
        except DataError:
            continue
    raise DataError(f"{files.path} holds no WAV file that can be read.")


def _from_files(
    spec: str,
    files: Files,
    classes: tuple[str, ...],
    parts: dict[str, list[tuple[str, int]]],
    decode: Decode,
    source: tuple[int, ...],
    shape: tuple[int, ...] | None,
    strict: bool,
    workers: int,
    sample_rate: int | None = None,
) -> Data:
    sets = {
        part: FileDataset(
            files,
            [name for name, _ in members],
            torch.tensor([label for _, label in members]),
            classes,
            decode,
            source,
        )
        for part, members in parts.items()
    }
    kind = "image" if sample_rate is None else "signal"
    count = sum(map(len, sets.values()))
    item_bytes = math.prod(source) * (1 if sample_rate is None else 4)
    if count * item_bytes > MEMORY_BYTES:
        return _on_demand(spec, sets, source, shape, kind, sample_rate, workers)
    broken: list[BrokenFile] = []
    decoded: dict[str, ArrayDataset] = {}
    for part, dataset in sets.items():
        decoded[part], failed = dataset.in_memory(workers)
        broken += failed
    _tell_broken(files, broken, strict)
    if "test" not in decoded:
        whole = decoded.pop("validation", None) or decoded.pop("", None) or decoded["train"]
        if "train" in decoded and whole is not decoded["train"]:
            decoded["test"] = whole  # a val folder without a test folder is what is tested on
        else:
            rest, test = split(whole.labels)
            decoded = {"train": _taken(whole, rest), "test": _taken(whole, test)}
    return _sized(spec, decoded, shape, kind, sample_rate, broken)


def _taken(whole: ArrayDataset, indices: torch.Tensor) -> ArrayDataset:
    names = [whole.name_of(int(i)) for i in indices]
    return ArrayDataset(whole.inputs[indices], whole.labels[indices], whole.classes, names=names)


def _on_demand(
    spec: str,
    sets: dict[str, FileDataset],
    source: tuple[int, ...],
    shape: tuple[int, ...] | None,
    kind: str,
    sample_rate: int | None,
    workers: int,
) -> Data:
    """Keep too large a set in its files; its moments come from a sample of them."""
    if shape is not None and shape != source:
        raise DataError(
            f"{spec}: {sum(map(len, sets.values())):,} files of {source} are too many for memory "
            f"and cannot be fitted to {shape}. Give --input with the files' own size."
        )
    parts: dict[str, Dataset] = dict(sets)
    if "test" not in parts:
        whole = parts.get("train") or parts[""]
        held = parts.pop("validation", None)
        rest, test = split(whole.labels)
        parts = (
            {"train": whole, "test": held}
            if held
            else {
                "train": Subset(whole, rest),
                "test": Subset(whole, test),
            }
        )
    train = parts["train"]
    sample = Subset(train, range(0, len(train), max(1, len(train) // 2000)))
    moments = measure(sample, source[0])
    return Data(
        name=spec,
        classes=train.classes,
        input_shape=source,
        mean=moments.mean,
        std=moments.std,
        kind=kind,
        source_shape=source,
        sample_rate=sample_rate,
        **parts,  # type: ignore[arg-type]
    )


def _tell_broken(files: Files, broken: list[BrokenFile], strict: bool) -> None:
    if not broken:
        return
    shown = "; ".join(f"{item.name}: {item.reason}" for item in broken[:5])
    more = f" and {len(broken) - 5} more" if len(broken) > 5 else ""
    text = f"{files.path}: {len(broken)} of {len(files.names)} files are broken: {shown}{more}"
    if strict:
        raise DataError(f"{text}. Remove them, or leave --strict out to go on without them.")
    warnings.warn(f"{text}. They are left out.", stacklevel=4)
