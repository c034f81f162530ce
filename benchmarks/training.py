"""Steps of training, batch by batch, in every engine that is installed.

    python benchmarks/training.py [--nets lenet5 resnet20 ...] [--threads 1 2] [--batch 64]
                                  [--rounds 20] [--turn 0.5] [--engines ...] [--json FILE]

A step is the forward pass in training mode, mean cross-entropy, the backward pass and SGD with
momentum, in float32, on one batch that stays. Processes, turns and medians are `inference.py`'s;
the loss and all gradients of the first step are compared with torch's in float64 first. Dropout and
stochastic depth are left out: engines draw differently. Ratios are the engine's time over
Striate's; `most MiB` is the most memory that was resident in an engine's process, `in steps` the
same without what getting ready took.

`make peers` installs the other engines; run it then with `.venv-peers/bin/python`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from peers import TRAINERS, Report, fill, race, write_training
from torch import nn

from striate import zoo


@dataclass(frozen=True)
class Net:
    """A network and the batches it is trained with.

    Args:
        make: Makes it.
        shape: Of an image.
        batch: Images in a step, if nothing else is said.
    """

    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    batch: int


def vgg_cifar() -> nn.Module:
    """VGG-11 for 32x32 images: its eight convolutions with batch norm, and one linear layer."""
    return nn.Sequential(zoo.vgg11(batch_norm=True).features, nn.Flatten(), nn.Linear(512, 10))


NETS = {
    "lenet5": Net(zoo.lenet5, (1, 32, 32), 64),
    "resnet20": Net(zoo.resnet20, (3, 32, 32), 128),
    "vgg_cifar": Net(vgg_cifar, (3, 32, 32), 64),
    "resnet18": Net(zoo.resnet18, (3, 64, 64), 32),
    "mobilenet_v2": Net(lambda: zoo.mobilenet_v2(dropout=0.0), (3, 96, 96), 32),
    "convnext_tiny": Net(lambda: zoo.convnext_tiny(stochastic_depth=0.0), (3, 64, 64), 16),
    "m5": Net(zoo.m5, (1, 8000), 32),
    "c3d_small": Net(zoo.c3d_small, (3, 16, 56, 56), 8),
}


def main() -> None:
    """Race, and print a table a network."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nets", nargs="+", default=[*NETS], choices=NETS, metavar="NET")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--batch", nargs="+", type=int, help="images a step (default: by net)")
    parser.add_argument("--rounds", type=int, default=20, help="turns of each engine (default 20)")
    parser.add_argument("--turn", type=float, default=0.5, help="seconds a turn (default 0.5)")
    parser.add_argument("--engines", nargs="+", default=[*TRAINERS], choices=TRAINERS)
    parser.add_argument("--json", type=Path, help="write all numbers into this file")
    options = parser.parse_args()
    engines = [TRAINERS[name] for name in options.engines]
    report = Report(options.json, engines)
    for name in options.nets:
        net = NETS[name]
        for batch in options.batch or [net.batch]:
            shape = (batch, *net.shape)
            with tempfile.TemporaryDirectory() as folder:
                task = write_training(fill(net.make(), shape), shape, Path(folder))
                for threads in options.threads:
                    limits = {"threads": threads, "rounds": options.rounds, "turn_s": options.turn}
                    results = race(task, engines, **limits)
                    report.add(name, task, threads, results, images=batch)
    report.summarize()


if __name__ == "__main__":
    main()
