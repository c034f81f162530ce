"""What every docstring example may use, where the documents write, what all tests share."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _names_in_examples(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace["np"] = np
    try:
        import torch
    except ModuleNotFoundError:
        return
    doctest_namespace["torch"] = torch


@pytest.fixture(autouse=True)
def _documents_write_elsewhere(request: pytest.FixtureRequest) -> None:
    if request.path.suffix == ".md":
        request.getfixturevalue("monkeypatch").chdir(request.getfixturevalue("tmp_path"))


@pytest.fixture(scope="session", autouse=True)
def _networks_are_captured_once() -> Iterator[None]:
    """What is named alone, as `striate.inspect("lenet5")`, is the same graph each time."""
    try:
        from striate.inspection import _resolve
    except ModuleNotFoundError:
        yield
        return
    capture = _resolve._from_name
    kept = lru_cache(maxsize=8)(lambda name, shapes: capture(name, [*shapes]))

    def from_name(name: str, shapes: list[tuple[int, ...]]) -> Any:
        return capture(name, shapes) if ":" in name else kept(name, tuple(shapes))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_resolve, "_from_name", from_name)
        yield
