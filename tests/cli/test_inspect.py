"""`striate inspect`: what it prints and writes, the documentation's examples, refusals."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import striate as package

DOCUMENT = Path(__file__).parents[2] / "docs" / "inspect.md"

Striate = Callable[..., Any]

EXAMPLE = re.compile(r"^    \$ striate (.*)\n((?:    .*\n|\n(?=    ))*)", re.M)
"""A command in the document, and what it prints."""

COMMANDS = {
    "table": "lenet5 --no-advice",
    "depth": "resnet18 --depth 1 --sort macs --columns cost --no-advice --memory 16",
    "layer": "lenet5 --layer c3 --of s2",
    "block": "resnet18 --layer layer1.0 --columns macs,rf",
    "unit": "lenet5 --unit s4:2,2",
    "markdown": "lenet5 --columns params,macs --markdown - --no-advice",
}

NET = """
from torch import nn

def make_net():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4), nn.Dropout())

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
    def forward(self, a, b):
        return self.conv(a) + b.mean()
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    path = tmp_path / "nets.py"
    path.write_text(NET)
    return str(path)


@pytest.mark.parametrize("name", COMMANDS)
def test_prints(name: str, striate: Striate, golden: Callable[[str, str], None]) -> None:
    result = striate("inspect", *COMMANDS[name].split())
    assert result.exit_code == 0, result.output
    golden(f"inspect-{name}.txt", result.stdout)


def test_the_document_shows_what_is_printed(
    striate: Striate, request: pytest.FixtureRequest
) -> None:
    def printed(command: str) -> str:
        result = striate(*command.split())
        assert result.exit_code == 0, result.output
        lines = [f"    {line}".rstrip() for line in result.stdout.rstrip().splitlines()]
        return f"    $ striate {command}\n" + "\n".join(lines) + "\n"

    text = DOCUMENT.read_text(encoding="utf-8")
    fresh = EXAMPLE.sub(lambda match: printed(match[1]), text)
    if request.config.getoption("--update"):
        DOCUMENT.write_text(fresh, encoding="utf-8")
    assert len(EXAMPLE.findall(text)) >= 4
    assert fresh == DOCUMENT.read_text(encoding="utf-8")


def test_the_document_defines_every_column() -> None:
    from striate.inspection.render._columns import COLUMNS, SETS

    text = DOCUMENT.read_text(encoding="utf-8")
    assert [key for key in (*COLUMNS, *SETS) if f"`{key}`" not in text] == []


def test_a_pipe_gets_whole_lines(striate: Striate) -> None:
    lines = striate("inspect", "resnet18", "--columns", "all", "--no-advice").stdout.splitlines()
    assert len(lines[0]) > 300
    assert "…" not in "".join(lines)


def test_json_is_the_report(striate: Striate) -> None:
    content = json.loads(striate("inspect", "lenet5", "--json").stdout)
    assert content == package.inspect("lenet5").as_dict()


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        (["--unit", "s4:0,0"], {"layer", "place", "of", "input_size", "box", "visible", "center",
                                "padding_share", "infinite_by"}),
        (["--sizes"], {"smallest", "legal", "lossless"}),
    ],
)  # fmt: skip
def test_json_of_parts(options: list[str], keys: set[str], striate: Striate) -> None:
    assert set(json.loads(striate("inspect", "lenet5", *options, "--json").stdout)) == keys


def test_json_of_a_layer_is_its_row(striate: Striate) -> None:
    (row,) = json.loads(striate("inspect", "lenet5", "--layer", "c1", "--json").stdout)
    assert (row["name"], row["macs"]) == ("c1", 117_600)


def test_files_are_written_and_named(striate: Striate, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.csv", "a.md", "a.html")]
    options = zip(("--csv", "--markdown", "--html"), paths, strict=True)
    result = striate("inspect", "lenet5", *(word for pair in options for word in pair))
    assert result.stdout.splitlines() == [str(path) for path in paths]
    assert paths[0].read_text().startswith("name,module,kind")
    assert paths[1].read_text().startswith("| layer | kind |")
    assert paths[2].read_text().startswith("<!doctype html>")


def test_a_file_that_cannot_be_written_is_told(striate: Striate, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = striate("inspect", "lenet5", "--csv", tmp_path / "file" / "a.csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "a.csv cannot be written" in result.stderr


def test_advice_is_counted_written_or_left_out(striate: Striate) -> None:
    counted = striate("inspect", "lenet5").stdout
    written = striate("inspect", "lenet5", "--advice").stdout
    left_out = striate("inspect", "lenet5", "--no-advice").stdout
    assert re.search(r"^advice +\d+ notes?: ", counted, re.M)
    assert re.search(r"^(hint|warning): \w+ \(.+\): ", written, re.M)
    assert "advice" not in left_out


def test_own_networks_are_built_from_a_file(own: str, striate: Striate) -> None:
    result = striate("inspect", f"{own}:make_net", "-i", "3x8x8", "--columns", "params")
    assert result.exit_code == 0, result.output
    assert "1x3x8x8 -> 1x4x6x6" in result.stdout


def test_several_inputs_are_given_one_by_one(own: str, striate: Striate) -> None:
    result = striate("inspect", f"{own}:Two", "-i", "1x3x8x8", "-i", "1x5")
    assert result.exit_code == 0, result.output
    assert "1x3x8x8, 1x5 -> 1x4x6x6" in result.stdout


def test_training_mode_is_another_graph(own: str, striate: Striate) -> None:
    def report(*options: str) -> Any:
        arguments = (f"{own}:make_net", "-i", "2x3x8x8", "--json", *options)
        return json.loads(striate("inspect", *arguments).stdout)

    test, train = report(), report("--training")
    assert (test["training"], train["training"]) == (False, True)
    assert test["name"] == train["name"]
    assert train["rows"][2]["details"] == "statistics of the batch"
    # Both tell the same training, in which dropout is on.
    assert test["totals"]["saved_for_backward"] == train["totals"]["saved_for_backward"]


def test_an_onnx_file_gives_the_networks_numbers(striate: Striate, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed")
    net = package.zoo.create("lenet5").eval()
    package.capture(net, (1, 1, 32, 32)).to_onnx(tmp_path / "net.onnx")
    content = json.loads(striate("inspect", tmp_path / "net.onnx", "--json").stdout)
    assert (content["totals"]["params"], content["totals"]["macs"]) == (61_706, 416_520)


def test_a_graph_file_gives_the_networks_numbers(striate: Striate, tmp_path: Path) -> None:
    net = package.zoo.create("lenet5").eval()
    package.capture(net, (1, 1, 32, 32)).save(tmp_path / "net.striate")
    arguments = ("inspect", tmp_path / "net.striate", "--input", "4x1x32x32", "--json")
    content = json.loads(striate(*arguments).stdout)
    assert content["totals"]["macs"] == 4 * 416_520


def test_lenet_of_1998_has_the_papers_connections(striate: Striate) -> None:
    options = ("--columns", "connections,trainable", "--no-advice")
    printed = striate("inspect", "lenet5_1998", *options).stdout
    (total,) = [line.split() for line in printed.splitlines() if line.startswith("total")]
    assert total == ["total", "340,908", "60,000"]


def test_a_comparison_names_both(striate: Striate) -> None:
    result = striate("inspect", "resnet18", "--against", "lenet5")
    assert result.exit_code == 0, result.output
    assert "lenet5" in result.stdout
    content = striate("inspect", "resnet18", "--against", "lenet5", "--json")
    assert json.loads(content.stdout)


def test_measuring_tells_time_and_memory(striate: Striate) -> None:
    content = json.loads(striate("inspect", "lenet5", "--measure", "--json").stdout)
    assert content["measured_peak_bytes"] == content["predicted_peak_bytes"]
    assert {row["name"] for row in content["rows"]} >= {"c1", "c3", "f6"}
    assert "forward pass" in striate("inspect", "lenet5", "--measure").stdout


def test_sizes_are_told(striate: Striate) -> None:
    result = striate("inspect", "lenet5", "--sizes")
    assert result.exit_code == 0, result.output
    assert "32" in result.stdout


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("lenet55", "there is no network 'lenet55'. Near it are lenet5"),
        ("lenet5 --layer c33", "there is no layer 'c33'. Did you mean 'c3'"),
        ("lenet5 --columns maks", "column 'maks' is not known. Did you mean macs"),
        ("lenet5 --sort parms", "column 'parms' is not known. Did you mean params"),
        ("lenet5 --depth 0", "depth=0 must be 1 or more"),
        ("lenet5 --input 3xx", "--input 3xx is no shape: 1x3x224x224 is batch, channels"),
        ("lenet5 --optimizer lion", "optimizer='lion' is not known. Known are sgd, momentum"),
        ("lenet5 --training --optimizer lion", "optimizer='lion' is not known"),
        ("lenet5 --memory 0", "--memory 0 must be more than 0 GB"),
        ("lenet5 --unit c1", "c1: its map is 28x28; a unit of it has 2 numbers"),
        ("lenet5 --unit nowhere", "--unit nowhere names no unit: layer4.1:3,3 is row 3"),
        ("lenet5 --unit c1:99,0", "there is no unit (99, 0); its map is 28x28"),
        ("lenet5 --unit c1:0,0 --of c3", "'c1' does not depend on 'c3'"),
        ("resnet18 --layer layer1 --of conv1", "one layer; layer1 is a block of 14 layers"),
        ("lenet5 --layer c3 --of c1 --json", "the page about one layer; --json has none"),
        ("lenet5 --of c1", "--of names the layer that is looked at; it needs --layer or --unit"),
        ("lenet5 --sizes --layer c1", "--layer and --sizes show different things: give one"),
        ("net.onnx --measure", "--measure needs a torch module"),
        ("net.striate --training", "--training needs a torch module"),
        ("lenet5 --input 1x30x30", "30"),
    ],
)
def test_refusals_are_one_sentence(command: str, message: str, striate: Striate) -> None:
    result = striate("inspect", *command.split())
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
