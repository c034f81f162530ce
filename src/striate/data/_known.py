"""The data sets that everybody knows: scikit-learn's digits, MNIST and its kin, CIFAR."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .._extras import require
from ..errors import DataError
from ._idx import read_idx
from ._locate import locate
from ._split import split


@dataclass(frozen=True)
class Raw:
    """A data set in memory, as its files have it; inputs are uint8 or float32."""

    train_inputs: Tensor
    train_labels: Tensor
    test_inputs: Tensor
    test_labels: Tensor
    classes: tuple[str, ...]


_TEN_DIGITS = tuple("0123456789")
_FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


def read_digits() -> Raw:
    """Read scikit-learn's 1797 handwritten digits of 8x8 pixels; the test part is `split`'s fifth.

    Source: Alpaydin, Kaynak 1998, "Optical recognition of handwritten digits", UCI repository.
    """
    purpose = "The built-in digits"
    digits = require("sklearn.datasets", extra="train", purpose=purpose).load_digits()
    # 0..16 levels of grey become 0..255.
    pixels = torch.from_numpy(digits.images).mul(255 / 16).round().to(torch.uint8).unsqueeze(1)
    labels = torch.from_numpy(digits.target).long()
    rest, test = split(labels)
    return Raw(pixels[rest], labels[rest], pixels[test], labels[test], _TEN_DIGITS)


def read_mnist(name: str, data_dir: str | Path | None) -> Raw:
    """Read 60,000 + 10,000 grey pictures of 28x28: 'mnist' or 'fashion-mnist'."""
    files = [
        f"{part}-{what}-idx{axes}-ubyte.gz"
        for part in ("train", "t10k")
        for what, axes in (("images", 3), ("labels", 1))
    ]
    paths = locate(name, files, data_dir)
    remedy = f"Delete it and run `striate data get {name}`."
    tensors = []
    for file in files:
        shape = (None, 28, 28) if "images" in file else (None,)
        tensors.append(read_idx(paths[file], shape, remedy=remedy))
    for images, labels, file in zip(tensors[::2], tensors[1::2], files[::2], strict=True):
        if len(images) != len(labels):
            raise DataError(
                f"{name}: {paths[file]} holds {len(images)} pictures, its labels' file "
                f"{len(labels)} labels. They are not of the same set. {remedy}"
            )
    train, train_labels, test, test_labels = tensors
    classes = _FASHION if name == "fashion-mnist" else _TEN_DIGITS
    return Raw(
        train.unsqueeze(1), train_labels.long(), test.unsqueeze(1), test_labels.long(), classes
    )


@dataclass(frozen=True)
class _CifarLayout:
    archive: str
    train: tuple[str, ...]
    test: str
    names: str
    label_bytes: int
    records: int


_CIFAR = {
    "cifar10": _CifarLayout(
        "cifar-10-binary.tar.gz",
        tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
        "test_batch.bin",
        "batches.meta.txt",
        label_bytes=1,
        records=10_000,
    ),
    "cifar100": _CifarLayout(
        "cifar-100-binary.tar.gz",
        ("train.bin",),
        "test.bin",
        "fine_label_names.txt",
        label_bytes=2,  # the coarse label, then the fine one, which is taken
        records=10_000,
    ),
}
_LARGEST_MEMBER = 1 << 28


def read_cifar(name: str, data_dir: str | Path | None) -> Raw:
    """Read 50,000 + 10,000 colour pictures of 32x32 from the official binary archive.

    A record is the label (for cifar100 the coarse and the fine one) and 3072 bytes, channel by
    channel, row by row.

    Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images".
    """
    layout = _CIFAR[name]
    path = locate(name, [layout.archive], data_dir)[layout.archive]
    members = _members(path, {*layout.train, layout.test, layout.names}, name)
    parts = [_records(members[m], layout, m, name) for m in (*layout.train, layout.test)]
    *train, (test_images, test_labels) = parts
    classes = tuple(members[layout.names].decode("ascii", "replace").split())
    images = torch.cat([images for images, _ in train])
    labels = torch.cat([labels for _, labels in train])
    return Raw(images, labels, test_images, test_labels, classes)


def _members(path: Path, wanted: set[str], name: str) -> dict[str, bytes]:
    """Read members of a tar archive by their last name; nothing is unpacked to the disk."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                last = member.name.rpartition("/")[2]
                if last in wanted and member.isfile() and member.size <= _LARGEST_MEMBER:
                    stream = archive.extractfile(member)
                    assert stream is not None
                    found[last] = stream.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(
            f"{name}: {path} is damaged: {error}. Delete it and run `striate data get {name}`."
        ) from None
    if missing := sorted(wanted - set(found)):
        raise DataError(f"{name}: {path} holds no {', '.join(missing)}; it is another archive.")
    return found


def _records(content: bytes, layout: _CifarLayout, member: str, name: str) -> tuple[Tensor, Tensor]:
    size = layout.label_bytes + 3072
    if not content or len(content) % size:
        raise DataError(
            f"{name}: {member} holds {len(content):,} bytes, which is no multiple of {size:,}: "
            f"{layout.records:,} records of {size:,} bytes make {layout.records * size:,}. The "
            f"file is cut short: delete it and run `striate data get {name}`."
        )
    table = torch.frombuffer(bytearray(content), dtype=torch.uint8).view(-1, size)
    labels = table[:, layout.label_bytes - 1].long()
    return table[:, layout.label_bytes :].reshape(-1, 3, 32, 32).contiguous(), labels


def read_arrays(path: str) -> Raw:
    """Read an .npz file of x_train, y_train, x_test, y_test, or of x, y, which are split.

    x holds uint8 (0..255) or floating-point inputs (N, C, ...), or grey images (N, H, W); y whole
    numbers from 0. The classes are named by their numbers.

    Raises:
        DataError: The file is damaged, or its arrays do not go together.
    """
    import zipfile

    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise DataError(f"arrays: {path} cannot be read as .npz: {error}") from None
    if {"x_train", "y_train", "x_test", "y_test"} <= set(arrays):
        values = [arrays[key] for key in ("x_train", "y_train", "x_test", "y_test")]
    elif {"x", "y"} <= set(arrays):
        values = [arrays["x"], arrays["y"]]
    else:
        raise DataError(
            f"arrays: {path} holds {', '.join(sorted(arrays)) or 'nothing'}; x_train, y_train, "
            f"x_test, y_test or x, y are needed."
        )
    inputs = [_inputs(x, path) for x in values[::2]]
    labels = [_labels(y, len(x), path) for x, y in zip(inputs, values[1::2], strict=True)]
    if len(inputs) == 1:
        rest, test = split(labels[0])
        inputs = [inputs[0][rest], inputs[0][test]]
        labels = [labels[0][rest], labels[0][test]]
    classes = tuple(map(str, range(int(max(y.max() for y in labels if len(y))) + 1)))
    return Raw(inputs[0], labels[0], inputs[1], labels[1], classes)


def _inputs(values: object, path: str) -> Tensor:
    import numpy as np

    array = np.asarray(values)
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise DataError(f"arrays: {path}: x holds {array.dtype}; uint8 or floats are needed.")
    if array.ndim not in (3, 4, 5) or not array.size:
        raise DataError(
            f"arrays: {path}: x has the shape {array.shape}; (N, H, W), (N, C, L), (N, C, H, W) or "
            f"(N, C, D, H, W) is needed."
        )
    tensor = torch.from_numpy(array if array.dtype == np.uint8 else array.astype(np.float32))
    grey = tensor.dim() == 3 and tensor.shape[1] > 4 and tensor.shape[2] > 4
    return tensor.unsqueeze(1) if grey else tensor


def _labels(values: object, count: int, path: str) -> Tensor:
    import numpy as np

    array = np.asarray(values)
    if array.dtype.kind not in "iu" or array.shape != (count,) or (array.size and array.min() < 0):
        raise DataError(
            f"arrays: {path}: y has the shape {array.shape} and type {array.dtype}; {count} whole "
            f"numbers from 0 are needed, one an input."
        )
    return torch.from_numpy(array.astype(np.int64))
