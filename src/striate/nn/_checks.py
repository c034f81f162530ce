"""What more than one layer checks, and says when it is not so."""

from __future__ import annotations

from torch import Tensor

from ..errors import OptionError, ShapeError
from ..functional._axes import LAYOUT


def check_tensor(input: Tensor, subject: str) -> None:
    """Refuse what is no tensor."""
    if not isinstance(input, Tensor):
        raise OptionError(
            f"input is a {type(input).__name__}; it must be a torch.Tensor. "
            f"Use torch.as_tensor(input).",
            subject=subject,
        )


def check_positive(subject: str, **counts: int) -> None:
    """Refuse numbers of channels or features that are not whole and positive."""
    for name, value in counts.items():
        if not isinstance(value, int) or value < 1:
            raise OptionError(
                f"{name}={value!r} must be a whole number of 1 or more.", subject=subject
            )


def check_features(input: Tensor, axis: int, needed: int, name: str, subject: str) -> None:
    """Refuse an input with another number of channels than the layer was built for."""
    axis %= input.dim()
    channels = input.shape[axis]
    if channels == needed:
        return
    advice = f"Build it with {name}={channels}"
    spatial = input.dim() - 2
    if axis == 1 and spatial and input.shape[-1] == needed:
        last = LAYOUT[spatial].replace("C", "") + "C"
        order = (0, spatial + 1, *range(1, spatial + 1))
        advice = f"If it is {last}, move the channels with x.permute{order}"
    raise ShapeError(
        f"input {tuple(input.shape)} has {channels} channel{'s' * (channels != 1)}; the layer was "
        f"built with {name}={needed}. {advice}.",
        subject=subject,
    )
