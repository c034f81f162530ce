"""The built-in handwritten digits, which need no network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from .._extras import require
from ._parts import Parts, in_memory, split_in_two

TEN_DIGITS = tuple("0123456789")


def read_digits() -> Parts:
    """Read scikit-learn's 1797 digits of 8x8 pixels; `split` takes 355 of them for the test.

    Source: Alpaydin and Kaynak 1998, "Optical recognition of handwritten digits", UCI repository.
    """
    # 64 levels of grey, 0..16, and the label. The file alone: to import the package takes seconds.
    rows = np.loadtxt(_folder() / "digits.csv.gz", delimiter=",", dtype=np.int64)
    images = torch.from_numpy(rows[:, :-1]).view(-1, 1, 8, 8)
    scaled = images.mul(255 / 16).round().to(torch.uint8)
    train, test = split_in_two(scaled, torch.from_numpy(rows[:, -1]))
    return in_memory(train, test, TEN_DIGITS)


def _folder() -> Path:
    """Where scikit-learn keeps its data sets."""
    spec = find_spec("sklearn")
    found = spec or require("sklearn", extra="train", purpose="The built-in digits").__spec__
    return Path(str(found and found.origin)).parent / "datasets" / "data"
