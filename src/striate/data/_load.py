"""One door to all data sets: `load("mnist")`, `load("folder:photos", input_shape=(3, 64, 64))`."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from ..errors import OptionError
from ._arrays import read_arrays
from ._cifar import read_cifar
from ._data import Data
from ._digits import read_digits
from ._fitted import fitted
from ._mnist import read_mnist
from ._moments import measure
from ._parts import Parts
from ._trees import Reading, read_pictures, read_sounds

KNOWN = {
    "digits": "1,797 handwritten digits of 8x8, built in (scikit-learn)",
    "mnist": "70,000 handwritten digits of 28x28",
    "fashion-mnist": "70,000 pictures of clothes, 28x28, in MNIST's form",
    "cifar10": "60,000 colour pictures of 32x32 in 10 classes",
    "cifar100": "60,000 colour pictures of 32x32 in 100 classes",
}
WITH_PATH = {
    "folder": "pictures with a folder for each class, in a folder or a .zip",
    "wav": "WAV files with a folder for each class, in a folder or a .zip",
    "arrays": "x_train, y_train, x_test, y_test, or x and y, in an .npz file",
}


def load(
    spec: str = "digits",
    *,
    data_dir: str | PathLike[str] | None = None,
    input_shape: Sequence[int] | None = None,
    sample_rate: int | None = None,
    strict: bool = False,
    workers: int = 0,
    memory_bytes: int = 1 << 30,
) -> Data:
    """Load a data set, sized for a net.

    Args:
        spec: 'digits', 'mnist', 'fashion-mnist', 'cifar10', 'cifar100', 'folder:PATH' of pictures,
            'wav:PATH' of sounds, or 'arrays:FILE.npz'. `striate data list` tells about them.
        data_dir: Where the files are, in place of $STRIATE_DATA and the cache of downloads; a PATH
            that is not found from here is looked for there too.
        input_shape: What the net takes, without the batch; None keeps the data's own.
        sample_rate: Bring sounds to this rate, in Hz. Without it all must have the same.
        strict: Refuse data with broken files, instead of leaving those out with a warning.
        workers: Processes that decode files; 0 decodes in this one.
        memory_bytes: Decoded data up to this size are kept in memory. Larger ones are read from
            their files as they are needed (after one pass to find broken ones).
    Returns:
        The training and the test part, with the training part's means and deviations.
    Raises:
        OptionError: There is no such data set, or it cannot have what is asked for.
        DataError: Its files are absent or damaged.
        ShapeError: It cannot be brought to `input_shape`.
    Example:
        >>> digits = load("digits", input_shape=(1, 32, 32))
        >>> len(digits.train), len(digits.test), digits.train.input_shape
        (1442, 355, (1, 32, 32))
    """
    shape = None if input_shape is None else tuple(input_shape)
    if shape is not None and (len(shape) not in (2, 3, 4) or min(shape) < 1):
        raise OptionError(
            f"data: input_shape={shape} must be (C, L), (C, H, W) or (C, D, H, W), each 1 or more."
        )
    folder = None if data_dir is None else Path(data_dir).expanduser()
    reading = Reading(shape, sample_rate, strict, workers, memory_bytes)
    parts = _read(spec, folder, reading)
    return _assemble(spec, parts, shape or parts.train.input_shape, memory_bytes)


def path_of(spec: str, data_dir: Path | None) -> Path:
    """Find the PATH of 'folder:PATH' from here, or in `data_dir`."""
    path = Path(spec.partition(":")[2]).expanduser()
    if data_dir is not None and not path.exists() and (data_dir / path).exists():
        return data_dir / path
    return path


def _read(spec: str, data_dir: Path | None, reading: Reading) -> Parts:
    name, colon, given = spec.partition(":")
    if reading.sample_rate is not None and name != "wav":
        raise OptionError(f"data: sample_rate is for wav:PATH; {spec!r} has none.")
    if name in WITH_PATH:
        if not given:
            raise OptionError(f"data: {name!r} needs a path: {name}:PATH.")
        path = path_of(spec, data_dir)
        if name == "arrays":
            return read_arrays(path)
        return read_pictures(path, reading) if name == "folder" else read_sounds(path, reading)
    if name not in KNOWN or colon:
        known = ", ".join((*KNOWN, *(f"{kind}:PATH" for kind in WITH_PATH)))
        raise OptionError(f"data: there is no data set {spec!r}. There are {known}.")
    if name == "digits":
        return read_digits()
    return read_cifar(name, data_dir) if name.startswith("cifar") else read_mnist(name, data_dir)


def _assemble(spec: str, parts: Parts, shape: tuple[int, ...], memory_bytes: int) -> Data:
    """Measure the training part as it is, and fit all parts to the net."""
    source = parts.train.input_shape
    held = parts.validation
    fit_train = fitted(parts.train, shape, memory_bytes)
    moments = parts.moments or measure(parts.train, shape[0])
    return Data(
        name=spec,
        train=fit_train,
        test=fitted(parts.test, shape, memory_bytes),
        validation=None if held is None else fitted(held, shape, memory_bytes),
        classes=parts.train.classes,
        input_shape=shape,
        mean=moments.mean,
        std=moments.std,
        kind=parts.kind,
        source_shape=source,
        sample_rate=parts.sample_rate,
        broken=parts.broken,
    )
