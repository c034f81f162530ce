"""What every docstring example may use without importing it, and where the documents' write."""

from __future__ import annotations

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
