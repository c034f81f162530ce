"""torchvision without its compiled operators: there is no CPU build of it for every torch.

Its networks are plain Python and need none of them, but importing it declares what they return, so
their names have to exist.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import torch

_LIBRARIES: list[torch.library.Library] = []


@pytest.fixture(scope="session", autouse=True)
def _operators() -> None:
    found = importlib.util.find_spec("torchvision")
    if found is None or not found.submodule_search_locations or _LIBRARIES:
        return
    folder = Path(found.submodule_search_locations[0])
    if any(folder.glob("_C*.so")) and torch.version.cuda is not None:
        return
    declared = (folder / "_meta_registrations.py").read_text()
    names = set(re.findall(r"torchvision::(\w+)", declared))
    names |= set(re.findall(r'register_meta\("(\w+)"', declared))
    library = torch.library.Library("torchvision", "DEF")
    for name in sorted(names):
        library.define(f"{name}(Tensor input) -> Tensor")
    _LIBRARIES.append(library)
