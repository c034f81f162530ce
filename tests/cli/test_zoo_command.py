"""`striate zoo`: the table of networks and the layers of one."""

from __future__ import annotations

import json

import pytest
import torch
import typer
from typer.testing import CliRunner, Result

from striate import OptionError
from striate import zoo as nets
from striate.cli.zoo import _cited, layers, zoo

app = typer.Typer()
app.command()(zoo)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_every_network_has_a_line_with_its_input_and_parameters() -> None:
    lines = {line.split()[0]: line.split() for line in run().stdout.splitlines() if line.strip()}
    assert set(nets.list()) <= set(lines)
    assert lines["lenet5_1998"][1:3] == ["1x32x32", "60,000"]
    assert "1998" in lines["lenet5_1998"]


def test_json_lists_what_info_knows() -> None:
    listed = {net["name"]: net for net in json.loads(run("--json").stdout)}
    assert list(listed) == list(nets.list())
    assert listed["resnet20"]["parameters"] == 269_722
    assert listed["vgg16"]["options"] == {"batch_norm": False, "dropout": 0.5}


def test_layers_of_lenet5_1998_carry_the_papers_parameters() -> None:
    rows = [line.split() for line in run("lenet5_1998").stdout.splitlines()]
    assert ["c3", "TableConv2d", "16x10x10", "1,516"] in rows
    assert ["s4", "Subsample2d", "16x5x5", "32"] in rows
    assert ["output", "RBF", "10"] in rows


@pytest.mark.parametrize("name", nets.list())
def test_layers_add_up_to_the_networks_parameters(name: str) -> None:
    net = json.loads(run(name, "--json").stdout)
    assert sum(layer["parameters"] for layer in net["layers"]) == net["parameters"] > 0
    assert net["layers"][-1]["output_shape"][0] == net["num_classes"] or name == "unet"


def test_channels_classes_and_width_change_the_network() -> None:
    options = ("--in-channels", "3", "--num-classes", "4", "--width", "0.5")
    net = json.loads(run("lenet5", *options, "--json").stdout)
    assert net["input_shape"] == [3, 32, 32]
    assert net["layers"][0]["output_shape"] == [3, 28, 28]  # half of C1's six maps
    assert net["layers"][-1]["output_shape"] == [4]
    assert "input 3x32x32, 4 classes" in run("lenet5", *options).stdout


def test_options_without_a_network_are_refused() -> None:
    result = run("--width", "2")
    assert isinstance(result.exception, OptionError)
    assert "--width needs a network" in str(result.exception)


def test_an_unknown_network_is_refused() -> None:
    assert "resnet18" in str(run("resnet19").exception)


def test_a_layer_that_runs_twice_counts_once() -> None:
    linear = torch.nn.Linear(3, 3, device="meta")
    counts = [layer["parameters"] for layer in layers(torch.nn.Sequential(linear, linear), (3,))]
    assert counts == [12, 0]


@pytest.mark.parametrize(
    ("paper", "cited"),
    [
        ("Krizhevsky 2014, One weird trick", "Krizhevsky 2014"),
        ("Dai et al. 2016, Raw, 1D nets", "Dai et al. 2016"),
        ("Lin, Chen, Yan 2013, Network in network", "Lin et al. 2013"),
    ],
)
def test_papers_are_cited_by_first_author(paper: str, cited: str) -> None:
    assert _cited(paper) == cited
