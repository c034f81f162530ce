"""How long training takes to an accuracy: native kernels beside eager torch, with the same recipe.

    python benchmarks/time_to_accuracy.py [--net lenet5] [--data mnist] [--target 99] [--seeds 3]

Each seed is trained with both engines, one after the other, with the recipe's options, data in
memory, until an epoch ends with the test accuracy asked for. Seconds are by the clock from the
first step to the end of that epoch, with augmentation and the tests after each epoch; what is done
before the first step (the net is traced and compiled) and what making the batches alone takes
are told apart. `STRIATE_DATA` names the folder of the data.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from dataclasses import dataclass
from typing import Any

import torch

import striate
from striate.data import Augment, Data
from striate.train import Config, train
from striate.train._progress import Silent
from striate.train._setup import load_data


class Clock(Silent):
    """When a run was called, when it took its first step, and when its last epoch ended."""

    def __init__(self) -> None:
        self.called = time.perf_counter()
        self.told = ""

    def say(self, text: str) -> None:
        """Keep what is said of the engine."""
        self.told = self.told or text

    def start(self, steps: int, done: int) -> None:
        """Begin to count."""
        self.started = time.perf_counter()

    def epoch(self, entry: dict[str, Any], epochs: int) -> None:
        """Count up to the end of each epoch."""
        self.ended = time.perf_counter()


@dataclass(frozen=True)
class Outcome:
    """What a run took."""

    engine: str
    before: float
    seconds: float
    epochs: int
    accuracy: float
    told: str


def run(engine: str, seed: int, config: Config, data: Data, out: str) -> Outcome:
    """Train once."""
    given = {**vars(config), "engine": engine, "seed": seed, "out": out}
    clock = Clock()
    done = train(Config.make(**given), data=data, progress=clock)
    last = done.epochs()[-1]
    return Outcome(
        engine, clock.started - clock.called, clock.ended - clock.started, last["epoch"],
        last["test_accuracy"], clock.told,
    )  # fmt: skip


def batches_alone(config: Config, data: Data) -> float:
    """Seconds that the batches of an epoch take to make."""
    augment = Augment(config.shift, config.flip, config.cutout, config.rotate, config.gain)
    batches = data.batches(data.train, config.batch_size, shuffle=True, augment=augment)
    start = time.perf_counter()
    for _ in batches.epoch(1):
        pass
    return time.perf_counter() - start


def main() -> None:
    """Train, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--net", default="lenet5")
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--target", type=float, default=99.0, help="test accuracy, in percent")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="length of the schedule; the recipe's if absent")
    parser.add_argument("--threads", type=int, default=striate.get_num_threads())
    arguments = parser.parse_args()
    given = {"epochs": arguments.epochs} if arguments.epochs else {}
    config = Config.make(
        net=arguments.net, data=arguments.data, target=arguments.target, device="cpu",
        threads=arguments.threads, **given,
    )  # fmt: skip
    torch.set_num_threads(arguments.threads)
    data = load_data(config)
    print(
        f"{config.net} on {config.data}, {config.epochs} epochs planned, batches of "
        f"{config.batch_size}, {config.optimizer}, to {config.target:g} % on the test data\n"
        f"{platform.processor() or platform.machine()}, {arguments.threads} threads, torch "
        f"{torch.__version__}, Python {platform.python_version()}\n"
        f"batches alone: {batches_alone(config, data):.2f} s an epoch\n"
    )
    outcomes: list[Outcome] = []
    print(f"{'engine':8} {'seed':>4} {'before/s':>9} {'training/s':>11} {'epochs':>6} {'test':>8}")
    with tempfile.TemporaryDirectory() as out:
        for seed in range(arguments.seeds):
            for engine in ("striate", "torch"):
                found = run(engine, seed, config, data, out)
                outcomes.append(found)
                reached = "" if 100 * found.accuracy >= config.target else "  not reached"
                print(
                    f"{engine:8} {seed:4} {found.before:9.2f} {found.seconds:11.2f} "
                    f"{found.epochs:6} {found.accuracy:8.2%}{reached}",
                    flush=True,
                )
    times = {
        engine: statistics.median(o.seconds for o in outcomes if o.engine == engine)
        for engine in ("striate", "torch")
    }
    print(
        f"\n{outcomes[0].told}\nmedian: {times['striate']:.2f} s beside {times['torch']:.2f} s of "
        f"torch, {times['torch'] / times['striate']:.2f} times as fast"
    )


if __name__ == "__main__":
    main()
