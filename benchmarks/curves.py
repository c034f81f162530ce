"""Whether training on native kernels goes the way that eager torch goes, batch by batch.

    python benchmarks/curves.py [--seeds 3] [--steps 50] [--images 12000] [lenet5] [resnet20]

Each net is trained by `striate train`'s loop with both engines: the same seed, so the same first
weights, batches and augmentation. Told are how far apart the losses of the first steps are, beside
how far torch moves away from itself when its convolutions sum in another order (oneDNN off), and
the test accuracy at the end, over the seeds. LeNet-5 has MNIST; ResNet-20 (where rounding grows
fastest: batch norms, a high learning rate) CIFAR-10's pictures; both only some, so that it is soon
done.
`STRIATE_DATA` names the folder of the data.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import tempfile
import warnings
from dataclasses import replace
from typing import Any

import torch

import striate
from striate.data import Data, Subset
from striate.train import Config, train
from striate.train._progress import Silent
from striate.train._setup import load_data

CIFAR = "folder:cifar10-jpg.zip"
OPTIONS: dict[str, dict[str, Any]] = {
    "lenet5": {"data": "mnist", "epochs": 2},
    "resnet20": {
        "data": CIFAR, "epochs": 8, "batch_size": 128, "lr": 0.1, "shift": 4, "flip": True,
        "workers": 0,
    },
}  # fmt: skip
IMAGES = {"lenet5": 12_000, "resnet20": 4_000}
"""How many of the training part are used; of the test part half as many."""


class EnoughError(Exception):
    """The steps that were asked for are done."""


class Losses(Silent):
    """The loss of each of the first steps, taken from the epoch's running mean.

    Args:
        steps: How many are kept.
        stop: Whether the run ends with them.
    """

    def __init__(self, steps: int, stop: bool = False) -> None:
        self.steps, self.stop = steps, stop
        self.values: list[float] = []
        self.told, self._epoch, self._sum, self._seen = "", 0, 0.0, 0

    def say(self, text: str) -> None:
        """Keep what is said of the engine."""
        self.told = self.told or text

    def step(self, epoch: int, loss: float, accuracy: float, samples: int) -> None:
        """Take the step's own loss out of the mean."""
        if epoch != self._epoch:
            self._epoch, self._sum, self._seen = epoch, 0.0, 0
        self._seen += samples
        if len(self.values) < self.steps:
            self.values.append((loss * self._seen - self._sum) / samples)
        elif self.stop:
            raise EnoughError
        self._sum = loss * self._seen


def some(data: Data, train: int, test: int) -> Data:
    """The data with fewer samples, spread evenly over the classes' order."""
    parts = ((data.train, train), (data.test, test))
    few = [
        Subset(part, list(range(0, len(part), max(1, len(part) // most)))[:most])
        for part, most in parts
    ]
    return replace(data, train=few[0], test=few[1])


def apart(a: list[float], b: list[float]) -> tuple[float, float]:
    """The largest difference of two curves, in parts of the loss: first step, and all steps."""
    shares = [abs(x - y) / y for x, y in zip(a, b, strict=True)]
    return shares[0], max(shares)


def compare(net: str, seeds: int, steps: int, given: dict[str, Any], images: int) -> None:
    """Train with both engines, seed by seed, and print."""
    base = {
        "net": net, "device": "cpu", "threads": torch.get_num_threads(),
        "data_dir": os.environ.get("STRIATE_DATA"), **given,
    }  # fmt: skip
    data = some(load_data(Config.make(**base)), images, images // 2)
    print(f"\n{net} on {len(data.train)} samples of {data.name}, {given['epochs']} epochs")
    print(
        f"{'seed':>4} {'first step':>11} {f'{steps} steps':>11} {'torch itself':>13} "
        f"{'striate':>8} {'torch':>8}"
    )
    ends: dict[str, list[float]] = {"striate": [], "torch": []}
    for seed in range(seeds):
        curves = {}
        for engine, accuracies in ends.items():
            curves[engine] = losses = Losses(steps)
            with tempfile.TemporaryDirectory() as out:
                config = Config.make(**base, engine=engine, seed=seed, out=out)
                run = train(config, data=data, progress=losses)
                accuracies.append(run.epochs()[-1]["test_accuracy"])
        again = Losses(steps, stop=True)
        with tempfile.TemporaryDirectory() as out, torch.backends.mkldnn.flags(enabled=False):
            config = Config.make(**base, engine="torch", seed=seed, out=out)
            with contextlib.suppress(EnoughError):
                train(config, data=data, progress=again)
        first, most = apart(curves["striate"].values, curves["torch"].values)
        print(
            f"{seed:4} {first:11.1e} {most:11.1e} "
            f"{apart(again.values, curves['torch'].values)[1]:13.1e} "
            f"{ends['striate'][-1]:8.2%} {ends['torch'][-1]:8.2%}",
            flush=True,
        )
    print("mean", end=" " * 38)
    print(" ".join(f"{statistics.mean(values):8.2%}" for values in ends.values()))
    print(curves["striate"].told)


def main() -> None:
    """Train, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="*", default=list(OPTIONS), help="lenet5, resnet20")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=50, help="whose losses are compared")
    parser.add_argument("--epochs", type=int, help="in place of 2 for LeNet-5, 8 for ResNet-20")
    parser.add_argument("--images", type=int, help="in place of 12,000 and 4,000")
    parser.add_argument("--threads", type=int, default=striate.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    warnings.filterwarnings("ignore", "TF32")  # torch, whenever oneDNN is turned off
    for net in arguments.nets:
        given = OPTIONS[net]
        if arguments.epochs:
            given = {**given, "epochs": arguments.epochs}
        compare(net, arguments.seeds, arguments.steps, given, arguments.images or IMAGES[net])


if __name__ == "__main__":
    main()
