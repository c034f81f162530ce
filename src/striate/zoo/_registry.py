"""The table of networks: what each is, who published it, what it takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from torch import nn

from ..errors import OptionError

P = ParamSpec("P")
Net = TypeVar("Net", bound=nn.Module)

# What the builders' arguments of these names must be; `register` has them checked.
_COUNTS = ("in_channels", "num_classes", "depth", "stride")
_PROBABILITIES = ("dropout", "stochastic_depth")
_WIDEST = 1000


@dataclass(frozen=True)
class NetInfo:
    """What the zoo knows of a network without building it.

    Attributes:
        name: What `create` and the command line call it.
        paper: Authors, year, title and where it appeared.
        input_shape: One input without the batch, as published: (C, L), (C, H, W), (C, D, H, W).
        num_classes: Outputs as published.
        summary: One line on what is characteristic.
        options: Further arguments of the builder, with their defaults.
    """

    name: str
    paper: str
    input_shape: tuple[int, ...]
    num_classes: int
    summary: str
    options: dict[str, Any]


_BUILDERS: dict[str, Callable[..., nn.Module]] = {}
_INFO: dict[str, NetInfo] = {}


def register(
    paper: str, input_shape: tuple[int, ...], num_classes: int
) -> Callable[[Callable[P, Net]], Callable[P, Net]]:
    """Put a builder into the table, under its own name; its docstring's first line describes it.

    From then on the builder checks its arguments, however it is called.
    """

    def enter(builder: Callable[P, Net]) -> Callable[P, Net]:
        name, signature = builder.__name__, inspect.signature(builder)

        @wraps(builder)
        def checked(*args: P.args, **kwargs: P.kwargs) -> Net:
            for key, value in signature.bind(*args, **kwargs).arguments.items():
                _check(name, key, value)
            return builder(*args, **kwargs)

        common = ("in_channels", "num_classes", "width")
        parameters = signature.parameters.values()
        options = {p.name: p.default for p in parameters if p.name not in common}
        summary = (builder.__doc__ or "").partition("\n")[0]
        _BUILDERS[name] = checked
        _INFO[name] = NetInfo(name, paper, input_shape, num_classes, summary, options)
        return checked

    return enter


def _check(name: str, key: str, value: Any) -> None:
    """Refuse a value that no network can be built with."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    number = whole or isinstance(value, float)
    if key in _COUNTS and not (whole and value >= 1):
        needed = "must be a whole number of 1 or more"
    elif key in _PROBABILITIES and not (number and 0 <= value < 1):
        needed = "must be a probability of 0 or more, below 1"
    elif key == "width" and not (number and 0 < value <= _WIDEST):
        needed = f"must be a factor above 0, at most {_WIDEST}: 1 is as published, 0.5 half as wide"
    elif key == "batch_norm" and not isinstance(value, bool):
        needed = "must be True or False"
    else:
        return
    raise OptionError(f"{name}: {key}={value!r} {needed}.")


def list() -> Sequence[str]:
    """Name all networks of the zoo, in alphabetical order.

    Example:
        >>> from striate import zoo
        >>> zoo.list()[:3]
        ['alexnet', 'c3d_small', 'convnext_tiny']
    """
    return sorted(_BUILDERS)


def info(name: str) -> NetInfo:
    """Tell what a network is, without building it.

    Raises:
        OptionError: No network of that name.
    Example:
        >>> from striate import zoo
        >>> zoo.info("lenet5").input_shape
        (1, 32, 32)
    """
    if name not in _INFO:
        plain = str(name).lower().replace("-", "_")
        near = get_close_matches(plain, _INFO, n=3, cutoff=0.5)
        hint = f"Near it are {', '.join(near)}" if near else f"There are {', '.join(list())}"
        raise OptionError(f"zoo: there is no network {name!r}. {hint}.")
    return _INFO[name]


def create(
    name: str,
    *,
    in_channels: int | None = None,
    num_classes: int | None = None,
    width: float | None = None,
    **options: Any,
) -> nn.Module:
    """Build a network of the zoo by its name, with fresh weights.

    Args:
        name: One of `list()`.
        in_channels, num_classes: Channels read and classes told apart; None is as published.
        width: Factor on the number of channels in every hidden layer; None is as published.
        options: The network's own arguments: `info(name).options`.
    Raises:
        OptionError: No network, or no option, of that name; a number out of range.
    Example:
        >>> from striate import zoo
        >>> zoo.create("lenet5", num_classes=26).output.out_features
        26
    """
    known = info(name).options
    for option in options:
        if option not in known:
            hint = f"It takes {', '.join(known)}" if known else "It takes none of its own"
            raise OptionError(f"{name}: there is no option {option!r}. {hint}.")
    common = {"in_channels": in_channels, "num_classes": num_classes, "width": width}
    given = {key: value for key, value in common.items() if value is not None}
    parameters = inspect.signature(_BUILDERS[name]).parameters
    if "width" in given and "width" not in parameters:
        raise OptionError(f"{name}: its width is part of its definition and cannot be changed.")
    return _BUILDERS[name](**given, **options)


def scaled(channels: int, width: float, divisor: int = 1) -> int:
    """Scale a number of channels, rounded to the nearest multiple of `divisor`, at least one.

    Rounding down never takes off more than a tenth.

    Example:
        >>> scaled(16, 0.5), scaled(32, 1.4, divisor=8)
        (8, 48)

    Source: Sandler et al. 2018, the reference implementation's `_make_divisible`.
    """
    target = channels * width
    rounded = max(divisor, int(target + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * target else rounded
