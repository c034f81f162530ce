"""examples/lenet5_by_hand.py: the network it builds is the zoo's, and it learns."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
import torch

from striate import zoo

EXAMPLE = Path(__file__).parents[2] / "examples" / "lenet5_by_hand.py"


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLE))


def test_by_hand_and_from_the_zoo_are_one_network(example: dict[str, Any]) -> None:
    by_hand, from_zoo = example["build"](), zoo.lenet5_1998()
    by_hand.load_state_dict(from_zoo.state_dict())
    x = torch.randn(2, 1, 32, 32)
    assert torch.equal(by_hand(x), from_zoo(x))


def test_sizes_and_connections_are_the_papers(
    example: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    example["compare_with_paper"](example["build"]())
    assert ["c1", "6x28x28", "156", "122,304"] in map(
        str.split, capsys.readouterr().out.splitlines()
    )


def test_it_learns_the_digits(example: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    example["main"].__globals__["EPOCHS"] = 5
    example["main"]()
    accuracy = float(capsys.readouterr().out.split()[-1].rstrip("%"))
    assert accuracy > 90
