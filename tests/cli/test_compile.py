"""`striate compile`: what it takes, writes and tells."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import striate as package

DOCUMENT = Path(__file__).parents[2] / "docs" / "engine.md"

Striate = Callable[..., Any]

NET = """
import torch
from torch import nn

def make_net():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())

class Two(nn.Module):
    def forward(self, a, b):
        return a + b % 2
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    path = tmp_path / "nets.py"
    path.write_text(NET)
    return str(path)


def facts(text: str) -> dict[str, str]:
    """The summary, by the words that its lines start with."""
    return dict(re.split(r"  +", line, maxsplit=1) for line in text.splitlines())  # type: ignore[misc]


def test_the_summary_tells_the_plan(striate: Striate, tmp_path: Path) -> None:
    path = tmp_path / "net.striate"
    done = striate("compile", "lenet5", "-o", path, "--threads", 1, "--isa", "portable8")
    assert done.exit_code == 0, done.output
    plan = package.runtime.load(path)
    told = facts(done.stdout)
    assert list(told) == ["plan", "steps", "arena", "weights", "file"]
    assert told["plan"] == "lenet5, 1x1x32x32 -> 1x10"
    assert told["steps"] == f"{len(plan._recipe.steps)} on portable8, 1 threads"
    assert told["arena"] == f"{plan.peak_bytes / 1024:.1f} KiB"
    assert told["file"].startswith(f"{path}, ")


def test_an_onnx_file_gives_what_torch_gives(striate: Striate, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed")
    net = package.zoo.create("lenet5").eval()
    package.capture(net, (1, 1, 32, 32)).to_onnx(tmp_path / "net.onnx")
    done = striate("compile", tmp_path / "net.onnx", "-o", tmp_path / "net.striate", "--batch", 3)
    assert done.exit_code == 0, done.output
    plan = package.runtime.load(tmp_path / "net.striate")
    assert plan.input_shapes == ((3, 1, 32, 32),)
    x = torch.randn(2, 1, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(plan(x), net(x), rtol=0, atol=1e-5)


def test_a_graphs_file_and_shapes(striate: Striate, own: str, tmp_path: Path) -> None:
    net = package.zoo.create("lenet5").eval()
    package.capture(net, (1, 1, 32, 32)).save(tmp_path / "graph.striate")
    for model, shapes, told in (
        (tmp_path / "graph.striate", ["4x1x32x32"], "4x1x32x32 -> 4x10"),
        (f"{own}:make_net", ["3x8x9"], "1x3x8x9 -> 1x4x6x7"),
        (f"{own}:Two", ["2x3", "2x3"], "2x3, 2x3 -> 2x3"),
    ):
        options = [word for shape in shapes for word in ("--shape", shape)]
        done = striate("compile", model, "-o", tmp_path / "net.striate", *options)
        assert done.exit_code == 0, done.output
        assert facts(done.stdout)["plan"].endswith(told)


def test_what_runs_in_numpy_is_told(striate: Striate, own: str, tmp_path: Path) -> None:
    shapes = ("--shape", "2x3", "--shape", "2x3")
    done = striate("compile", f"{own}:Two", "-o", tmp_path / "net.striate", *shapes)
    assert facts(done.stdout)["in NumPy"] == "1 steps, without a kernel: binary"


def test_options_reach_the_plan(striate: Striate, tmp_path: Path) -> None:
    path = tmp_path / "net.striate"
    net = ("compile", "resnet20", "-o", path)
    winograd = striate(*net, "--explain")
    assert "winograd" in winograd.stdout
    exact = striate(*net, "--precision", "exact", "--explain")
    assert "winograd" not in exact.stdout
    assert package.runtime.load(path)._recipe.precision == "exact"


def test_all_options_are_handed_on(
    striate: Striate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def compile(model: str, shapes: Any, **options: Any) -> Any:
        given.update(options, model=model, shapes=shapes)
        raise package.OptionError("enough")

    monkeypatch.setattr(package.engine, "compile", compile)
    words = "--prefer memory --tune --threads 3 --batch 5 --isa avx2 --precision exact"
    shapes = ("--shape", "1x2", "-i", "3x4")
    done = striate("compile", "lenet5", "-o", tmp_path / "a.striate", *words.split(), *shapes)
    assert done.stderr == "error: enough\n"
    assert given == {
        "model": "lenet5", "shapes": [(1, 2), (3, 4)], "prefer": "memory", "tune": True,
        "threads": 3, "batch": 5, "isa": "avx2", "precision": "exact",
    }  # fmt: skip


def test_a_profile_tells_times(striate: Striate, tmp_path: Path) -> None:
    done = striate("compile", "lenet5", "-o", tmp_path / "net.striate", "--profile")
    assert "GFLOP/s" in done.stdout
    assert facts(done.stdout.rpartition("\n\n")[2])["plan"] == "lenet5, 1x1x32x32 -> 1x10"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lenet55"], "there is no network 'lenet55'. Near it are lenet5"),
        (["nowhere.onnx"], "nowhere.onnx cannot be read"),
        (["lenet5", "--shape", "3xx"], "compile: --shape 3xx is no shape: 1x3x224x224 is"),
        (["lenet5", "--shape", "1x1x20x20"], "The smallest input that fits is 32x32"),
        (["lenet5", "--threads", "5000"], "threads=5000 must be from 1 to 1024"),
        (["lenet5", "--precision", "best"], "precision='best' must be 'fast' or 'exact'"),
        (["lenet5", "--prefer", "sleep"], "prefer='sleep' must be 'speed' or 'memory'"),
        (["lenet5", "--isa", "vax"], "isa='vax' does not run on this machine"),
    ],
)
def test_refusals_are_one_sentence(
    striate: Striate, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = striate("compile", *arguments, "-o", tmp_path / "net.striate")
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert not (tmp_path / "net.striate").exists()


def test_files_that_must_not_be_written(striate: Striate, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = striate("compile", "lenet5", "-o", tmp_path / "file" / "net.striate")
    assert done.exit_code == 2
    assert "net.striate cannot be written" in done.stderr
    graph = tmp_path / "graph.striate"
    package.capture(package.zoo.create("lenet5"), (1, 1, 32, 32)).save(graph)
    done = striate("compile", graph, "-o", graph)
    assert done.exit_code == 2
    assert "is the network itself: choose another name" in done.stderr
    assert len(package.Graph.load(graph)) == 12


def test_a_plan_is_no_network(striate: Striate, tmp_path: Path) -> None:
    path = tmp_path / "net.striate"
    striate("compile", "lenet5", "-o", path)
    for command in (("compile", path, "-o", tmp_path / "again.striate"), ("inspect", path)):
        done = striate(*command)
        assert done.exit_code == 2
        assert "it is a plan that Plan.save wrote" in done.stderr


def test_the_documents_commands_work(
    striate: Striate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed")
    monkeypatch.chdir(tmp_path)
    net = package.zoo.create("lenet5").eval()
    package.capture(net, (1, 1, 32, 32)).to_onnx("net.onnx")
    Path("nets.py").write_text(NET)
    Path("labels.txt").write_text("\n".join(map(str, range(10))))
    Image.new("L", (32, 32), 99).save("photo.png")
    Image.new("L", (60, 50), 99).save("large.jpg")
    np.save("x.npy", np.zeros((2, 1, 32, 32), np.float32))
    commands = re.findall(r"^    striate ((?:compile|run) .*)$", DOCUMENT.read_text("utf-8"), re.M)
    assert len(commands) >= 7
    for command in commands:
        done = striate(*command.split())
        assert done.exit_code == 0, (command, done.output)
    assert np.load("y.npy").shape == (2, 10)


def test_a_plan_runs_as_it_did_when_compiled(striate: Striate, own: str, tmp_path: Path) -> None:
    path = tmp_path / "net.striate"
    torch.manual_seed(3)
    striate("compile", f"{own}:make_net", "-o", path, "--shape", "1x3x8x9")
    torch.manual_seed(3)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU()).eval()
    x = np.random.default_rng(0).standard_normal((1, 3, 8, 9)).astype(np.float32)
    expected = package.compile(net, x.shape)(x)
    np.testing.assert_array_equal(package.runtime.load(path)(x), expected)
