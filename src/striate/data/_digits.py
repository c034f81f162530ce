"""The built-in handwritten digits, which need no network."""

from __future__ import annotations

import torch

from .._extras import require
from ._parts import Parts, in_memory, split_in_two

TEN_DIGITS = tuple("0123456789")


def read_digits() -> Parts:
    """Read scikit-learn's 1797 digits of 8x8 pixels; `split` takes 355 of them for the test.

    Source: Alpaydin and Kaynak 1998, "Optical recognition of handwritten digits", UCI repository.
    """
    datasets = require("sklearn.datasets", extra="train", purpose="The built-in digits")
    digits = datasets.load_digits()
    # 0..16 levels of grey become 0..255.
    images = torch.from_numpy(digits.images).mul(255 / 16).round().to(torch.uint8).unsqueeze(1)
    train, test = split_in_two(images, torch.from_numpy(digits.target))
    return in_memory(train, test, TEN_DIGITS)
