"""From a net's name to the net: the zoo's, or a function in the user's own code."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from torch import nn

from . import zoo
from .errors import OptionError


def published_shape(net: str, net_options: dict[str, Any]) -> tuple[int, ...] | None:
    """Give what a network of the zoo takes, with other channels if asked; None for users' nets."""
    if ":" in net:
        return None
    shape = zoo.info(net).input_shape
    return (net_options.get("in_channels") or shape[0], *shape[1:])


def build_net(net: str, net_options: dict[str, Any], num_classes: int) -> nn.Module:
    """Build a network by name; a zoo network gets as many outputs as there are classes.

    Raises:
        OptionError: There is no such network, or its function does not give one.
    """
    if ":" not in net:
        return zoo.create(net, **{"num_classes": num_classes, **net_options})
    function = _find(net)
    if isinstance(function, nn.Module):
        return function
    try:
        built = function(**net_options)
    except TypeError as error:
        raise OptionError(
            f"{net}: {error}. It is called with net_options, or without any argument."
        ) from error
    except Exception as error:
        raise OptionError(f"{net} raised {type(error).__name__}: {error}") from error
    if not isinstance(built, nn.Module):
        raise OptionError(
            f"{net} gave {type(built).__name__}; it must be a function that returns a "
            f"torch.nn.Module."
        )
    return built


def _find(net: str) -> Any:
    where, _, name = net.rpartition(":")
    try:
        module = _load_file(Path(where)) if where.endswith(".py") else _load_module(where)
    except (ImportError, OSError) as error:
        raise OptionError(
            f"{net}: {where} cannot be imported: {error}. Give package.module:function from the "
            f"folder that holds the package, or path/to/file.py:function."
        ) from None
    if not callable(found := getattr(module, name, None)):
        raise OptionError(f"{net}: {where} has no function {name!r}.")
    return found


def _load_module(name: str) -> Any:
    if "" not in sys.path:
        sys.path.insert(0, "")  # the folder the user stands in, as with `python -m`
    return importlib.import_module(name)


def _load_file(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path.resolve())
    if spec is None or spec.loader is None or not path.is_file():
        raise ImportError("there is no such file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
