"""What a run needs before its first step: the device, the data and their parts."""

from __future__ import annotations

import torch

from .._nets import published_shape
from ..data import Data, Dataset, Subset, load
from ..data._split import split
from ..errors import OptionError
from ._config import Config


def load_data(config: Config) -> Data:
    """Load the data, sized as asked for, or as the net takes them."""
    shape = config.input_shape or published_shape(config.net, config.net_options)
    return load(
        config.data,
        data_dir=config.data_dir,
        input_shape=shape,
        strict=config.strict,
        workers=config.workers,
    )


def pick_device(name: str) -> torch.device:
    """Find the device by its name; 'auto' takes a GPU if there is one.

    Raises:
        OptionError: There is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise OptionError(f"train: device={name!r} is not one: use cpu, cuda or cuda:1.") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise OptionError(f"train: device={name!r} was asked for, and torch sees no GPU here.")
    return device


def parts(config: Config, data: Data) -> tuple[Dataset, Dataset | None]:
    """Give what to train on and what to choose the best epoch by, if anything."""
    if not config.val_split:
        return data.train, data.validation
    rest, chosen = split(data.train.labels, config.val_split)
    return Subset(data.train, rest), Subset(data.train, chosen)
