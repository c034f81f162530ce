"""Optional packages: imported when first needed, and named with their extra when missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from .errors import MissingExtraError


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import `module`, or say which extra of Striate brings it.

    Args:
        module: The module's import name.
        extra: The extra that lists it in pyproject.toml; empty where none does.
        purpose: What needs it, as the subject of the error's sentence.
    Raises:
        MissingExtraError: The package is not installed.
    Example:
        >>> require("json", extra="data", purpose="this example").__name__
        'json'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        top = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != top:
            raise  # it is installed, and something it imports is not
        wanted = f"'striate[{extra}]'" if extra else top
        raise MissingExtraError(
            f"{purpose} needs the package '{top}', which is not installed. "
            f"Install it with: pip install {wanted}",
            name=top,
        ) from None
