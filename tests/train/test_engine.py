"""What computes a run: native kernels where they can, else torch, and it says why."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from striate import OptionError
from striate.data import Data, Subset, load
from striate.train import Config, Interrupted, Run, train
from striate.train._engine import choose_engine
from striate.train._progress import Silent

NETS = f"{Path(__file__).parent / 'nets.py'}:"


class Listener(Silent):
    """Remember what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(scope="module")
def digits() -> Data:
    """A tenth of the digits: two full batches and a smaller one."""
    data = load("digits")
    first, last = (
        Subset(part, [*range(count)]) for part, count in ((data.train, 150), (data.test, 40))
    )
    return replace(data, train=first, test=last)


def run(out: Path, data: Data, listener: Listener | None = None, **options: Any) -> tuple[Run, str]:
    listener = listener or Listener()
    given = {"net": NETS + "with_dropout_and_norm", "epochs": 2, "batch_size": 64, "threads": 1}
    given |= {"optimizer": "sgd", "lr": 0.05, "weight_decay": 1e-3, "device": "cpu"}
    config = Config.make(out=str(out), **{**given, **options})
    return train(config, data=data, progress=listener), listener.lines[0]


def weights(run: Run) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(run.path / "weights.safetensors")


@pytest.mark.parametrize(
    ("options", "fused"),
    [
        pytest.param({}, True, marks=pytest.mark.slow),
        ({"optimizer": "adamw", "lr": 0.003, "label_smoothing": 0.1, "ema": 0.9}, True),
        pytest.param({"optimizer": "adam", "lr": 0.003}, False, marks=pytest.mark.slow),
        ({"clip_grad": 1.0, "class_weights": "balanced", "momentum": 0.0}, False),
    ],
    ids=str,
)
def test_it_trains_as_torch_does(
    tmp_path: Path, digits: Data, options: dict[str, Any], fused: bool
) -> None:
    ours, told = run(tmp_path, digits, **options)
    theirs, torch_told = run(tmp_path, digits, engine="torch", **options)
    assert torch_told == "engine: torch, as asked for"
    assert told.startswith("engine: native kernels, ")
    assert ("loss and update fused" in told) == fused
    for key, tensor in weights(theirs).items():
        # Adam divides by the gradient's size, and so makes much of rounding where it is 0.
        torch.testing.assert_close(weights(ours)[key], tensor, rtol=1e-3, atol=1e-3)
    for a, b in zip(ours.epochs(), theirs.epochs(), strict=True):
        assert a["train_loss"] == pytest.approx(b["train_loss"], rel=1e-4)
        assert a["test_loss"] == pytest.approx(b["test_loss"], rel=1e-3)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"amp": True}, "engine: torch, since amp computes in bfloat16"),
        ({"net": NETS + "that_branches"}, "engine: torch, since the net cannot be compiled: "),
    ],
    ids=str,
)
def test_what_it_cannot_is_left_to_torch(
    tmp_path: Path, digits: Data, options: dict[str, Any], told: str
) -> None:
    done, line = run(tmp_path, digits, epochs=1, **options)
    assert line.startswith(told)
    assert done.final() is not None


def test_operations_without_a_kernel_are_left_to_torch(tmp_path: Path, digits: Data) -> None:
    _, line = run(tmp_path, digits, epochs=1, net=NETS + "with_a_rare_layer")
    assert line.startswith("engine: torch, since native kernels are missing for ")
    assert "product_gradient (1)" in line


def test_a_run_from_before_there_was_a_choice_goes_on_with_torch(
    tmp_path: Path, digits: Data
) -> None:
    done, _ = run(tmp_path, digits, epochs=1, engine="torch")
    path = done.path / "config.toml"
    path.write_text(path.read_text().replace('engine = "torch"\n', ""))
    assert Run.open(done.path).config.engine == "torch"


def test_a_budget_is_kept_also_when_resumed(tmp_path: Path, digits: Data) -> None:
    def mb(told: str) -> float:
        found = re.search(r"engine: native kernels, .* ([\d.]+) MB a step", told)
        assert found
        return float(found[1])

    class Stop(Listener):
        def step(self, *_: Any) -> None:
            os.kill(os.getpid(), signal.SIGINT)

    net = {"net": NETS + "with_wide_maps", "epochs": 1}
    kept = mb(run(tmp_path, digits, checkpoint="1GB", **net)[1])
    budget = f"{0.8 * kept:.1f}MB"
    whole, told = run(tmp_path, digits, checkpoint=budget, **net)
    assert mb(told) <= 0.8 * kept
    with pytest.raises(Interrupted) as stopped:
        run(tmp_path, digits, Stop(), checkpoint=budget, **net)
    listener = Listener()
    resumed = train(resume=stopped.value.path, data=digits, progress=listener)
    assert listener.lines[0] == told
    for key, tensor in weights(whole).items():
        assert torch.equal(weights(resumed)[key], tensor)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "torch"}, "engine='torch' takes none"),
        ({"amp": True}, "this run is on torch, since amp computes in bfloat16. Leave it out"),
        ({"net": NETS + "with_a_rare_layer"}, "this run is on torch, since native kernels are mis"),
        ({"checkpoint": "10kB"}, "checkpoint=10,000 bytes are too few"),
    ],
    ids=str,
)
def test_a_budget_is_of_native_kernels(
    tmp_path: Path, digits: Data, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        run(tmp_path, digits, **{"checkpoint": "auto", **options})


def test_a_process_without_samples_has_nothing_to_compile() -> None:
    net = torch.nn.Linear(2, 2)
    found = choose_engine(Config.make(), net, torch.device("cpu"), shapes=[], judged=[])
    assert found.module is net
    assert found.told == "engine: torch, for want of samples"


@pytest.mark.parametrize("engine", ["striate", "torch"])
def test_torch_leaves_the_cores_to_native_kernels_and_gets_them_back(
    tmp_path: Path, digits: Data, engine: str
) -> None:
    found = []

    class Watch(Silent):
        def step(self, *told: Any) -> None:
            found.append(torch.get_num_threads())

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        config = Config.make(
            net=NETS + "with_norm", epochs=1, engine=engine, device="cpu", out=str(tmp_path)
        )
        train(config, data=digits, progress=Watch())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(found) == {1 if engine == "striate" else 2}
