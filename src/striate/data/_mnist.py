"""MNIST, and Fashion-MNIST, which took its form over."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ..errors import DataError
from ._digits import TEN_DIGITS
from ._idx import read_idx
from ._locate import locate
from ._parts import Parts, in_memory

_CLASSES = {
    "mnist": TEN_DIGITS,
    "fashion-mnist": (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
}


def read_mnist(name: str, data_dir: Path | None) -> Parts:
    """Read 60,000 + 10,000 grey pictures of 28x28: 'mnist' or 'fashion-mnist'.

    Source: LeCun, Bottou, Bengio, Haffner 1998; Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747.
    """
    paths = locate(name, data_dir)
    train = _read_part(name, paths, "train")
    test = _read_part(name, paths, "t10k")
    return in_memory(train, test, _CLASSES[name])


def _read_part(name: str, paths: dict[str, Path], part: str) -> tuple[Tensor, Tensor]:
    images_path = paths[f"{part}-images-idx3-ubyte.gz"]
    labels_path = paths[f"{part}-labels-idx1-ubyte.gz"]
    remedy = f"Delete it and run `striate data get {name}`."
    images = read_idx(images_path, (None, 28, 28), remedy=remedy)
    labels = read_idx(labels_path, (None,), remedy=remedy)
    if len(images) != len(labels):
        raise DataError(
            f"{name}: {images_path} holds {len(images):,} pictures and {labels_path} "
            f"{len(labels):,} labels; they are not of one set. Delete both and run "
            f"`striate data get {name}`."
        )
    if len(labels) and labels.max() > 9:
        wrong = int((labels > 9).nonzero()[0])
        raise DataError(
            f"{labels_path}: label {int(labels[wrong])} of picture {wrong} is not one of 0 .. 9. "
            f"{remedy}"
        )
    return images.unsqueeze(1), labels
