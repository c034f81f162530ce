"""Two small runs on the digits, and a few digits as files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from striate.cli import _app
from striate.data import load
from striate.train import Config, train


@pytest.fixture
def striate() -> Callable[..., Any]:
    """Run the command line in this process."""

    def run(*arguments: object, input: str | None = None) -> Any:
        return CliRunner().invoke(_app.app, [str(one) for one in arguments], input=input)

    return run


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs 'short' and 'long'."""
    folder = tmp_path_factory.mktemp("runs")
    digits = load("digits", input_shape=(1, 32, 32))
    for name, epochs in (("short", 1), ("long", 5)):
        train(Config.make(epochs=epochs, out=str(folder), name=name, threads=1), data=digits)
    return folder


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of five digits, each named after its class."""
    folder = tmp_path_factory.mktemp("pictures")
    test = load("digits").test
    for i in range(5):
        image = Image.fromarray(test.fetch([i])[0, 0].numpy())
        image.save(folder / f"{i}-is-{int(test.labels[i])}.png")
    return folder
