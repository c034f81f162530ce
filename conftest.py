"""What every docstring example may use without importing it."""

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
