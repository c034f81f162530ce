"""`striate calc`: what it prints, the documentation's examples, JSON, refusals."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DOCUMENT = Path(__file__).parents[2] / "docs" / "calc.md"

Striate = Callable[..., Any]

COMMANDS = {
    "conv": "conv --input 3x32x32 --filters 10 --kernel 5 --padding 2",
    "conv-grouped": "conv -i 64x56x28 -f 128 -k 3x5 -s 2 -p same -d 1x2 -g 4 --no-bias -n 8",
    "conv-volume": "conv -i 1x8x16x16 -f 4 -k 3 -p 1,0x1x1 --dtype float16",
    "conv-signal": "conv -i 1x100 -f 8 -k 7 -s 3",
    "conv-misfit": "conv --input 1x7x7 --filters 1 --kernel 3 --stride 3",
    "conv-transpose": "conv-transpose -i 64x14x14 -f 32 -k 3 -s 2 -p 1 --output-padding 1",
    "pool": "pool --input 64x112x112 --kernel 3 --stride 2 --ceil-mode",
    "linear": "linear --input 16x5x5 --outputs 120",
    "norm-batch": "norm --input 64x56x56 --kind batch --batch 8",
    "norm-layer": "norm --input 96 --kind layer",
    "norm-instance": "norm --input 64x56x56 --kind instance --affine",
    "norm-one": "norm --input 64x1x1 --batch 1",
    "stack": "stack --input 32 conv3 pool2s2 conv3p1 conv3d2 up2s2",
    "stack-padding": "stack --input 7 conv3p1x4",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_prints(name: str, striate: Striate, golden: Callable[[str, str], None]) -> None:
    result = striate("calc", *COMMANDS[name].split())
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 80
    golden(f"calc-{name}.txt", result.stdout)


@pytest.mark.parametrize(
    ("command", "shown"),
    re.findall(r"^    \$ striate (.*)\n((?:    .*\n|\n)+)", DOCUMENT.read_text(), re.M),
)
def test_the_document_shows_what_is_printed(command: str, shown: str, striate: Striate) -> None:
    printed = striate(*command.split()).stdout
    assert (
        "".join(row.removeprefix("    ") for row in shown.splitlines(True)).strip()
        == printed.strip()
    )


@pytest.mark.parametrize("command", COMMANDS.values())
def test_json_has_formulas_and_results(command: str, striate: Striate) -> None:
    content = json.loads(striate("calc", *command.split(), "--json").stdout)
    assert set(content) == {"title", "lines", "notes"}
    for line in content["lines"]:
        assert set(line) == {"label", "formula", "numbers", "result", "unit"}


def test_json_has_plain_numbers(striate: Striate) -> None:
    content = json.loads(striate("calc", *COMMANDS["conv"].split(), "--json").stdout)
    results = {line["label"]: line["result"] for line in content["lines"]}
    assert (results["output"], results["MACs"]) == ([10, 32, 32], 768_000)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("conv -i 3x32xx -f 1 -k 3", "conv: input='3x32xx' is no shape; it must be whole numbers"),
        ("conv -i 3x0x32 -f 1 -k 3", "conv: input 3x0x32 has a size of 0; channels and sizes"),
        ("conv -i 6x8x8 -f 8 -k 3 -g 4", "groups=4 must divide in_channels=6 and filters=8"),
        ("conv -i 1x7x7 -f 1 -k 3 -s 3 --exact", "does not fit: on each axis, a window of 3 with"),
        ("conv -i 1x7x7 -f 1 -k three", "conv: kernel='three' is not known; it must be a whole"),
        ("conv -i 1x7x7 -f 1 -k 3 -p most", "conv: padding='most' is not known. Write same, valid"),
        ("conv -i 1x7x7 -f 1 -k 3 --dtype int4", "conv: dtype='int4' is not known. Use float64"),
        ("conv-transpose -i 7 -f 1 -k 3", "conv-transpose: input 7 has 1 number; needed are the"),
        (
            "pool -i 1x7x7 -k 3 --kind min",
            "pool: kind='min' is not known. Use max, avg, subsample.",
        ),
        ("norm -i 48x7x7 --kind group", "norm: groups=32 must divide channels=48. Here groups can"),
        ("linear -i 3x -o 4", "linear: input='3x' is no shape"),
        ("stack -i 3x32x32 conv3", "a stack is worked out along one axis. Give the pixels of one"),
        ("stack -i 32 dense3", "stack: layer 'dense3' is not known. Write conv, pool or up"),
    ],
)
def test_refusals_are_one_sentence(command: str, message: str, striate: Striate) -> None:
    result = striate("calc", *command.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert message in result.stderr


def test_needs_neither_torch_nor_numpy() -> None:
    code = "import sys, striate.calc; striate.calc.stack(9, ['conv3']); print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"torch", "numpy", "typer", "rich"} & set(result.stdout.split())
