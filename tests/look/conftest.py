"""What a server looks at that is only to start and to stop."""

from __future__ import annotations

from pathlib import Path

import pytest

from striate import capture, zoo


@pytest.fixture(scope="session")
def lenet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LeNet-5 as a graph file: a process that reads it needs no tracer, whose import takes long."""
    path = tmp_path_factory.mktemp("graphs") / "lenet5.striate"
    capture(zoo.create("lenet5").eval(), (1, 1, 32, 32)).save(path)
    return path
