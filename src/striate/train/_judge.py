"""How good a run's weights are, epoch by epoch, and which are to be used."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..data import Batches, Data, Dataset
from . import _distributed as distributed
from ._config import Config
from ._evaluate import Evaluation, evaluate
from ._optim import MovingAverage
from ._snapshot import Progress


def in_order(config: Config, data: Data, part: Dataset) -> Batches:
    """The batches that a part of the data is judged by."""
    return data.batches(part, 256, workers=config.workers)


@dataclass(frozen=True)
class Judge:
    """What measures a run's weights.

    Attributes:
        config, data: Of the run.
        validation: The part that chooses the best epoch, if there is one.
        device: Where it runs.
        net: Whose weights are judged.
        module: The net as it is evaluated, perhaps compiled.
        average: The moving average of the weights, which is what would be used, if there is one.
    """

    config: Config
    data: Data
    validation: Dataset | None
    device: torch.device
    net: nn.Module
    module: nn.Module
    average: MovingAverage | None

    def test(self) -> Evaluation:
        """Measure the net's own weights on the test part."""
        return self._measure(self.module, self.data.test)

    def epoch(self) -> dict[str, float]:
        """Measure on the validation and the test part; the first process does, for all."""
        judged = {"test": self.data.test}
        if self.validation is not None:
            judged["val"] = self.validation
        values = [0.0] * (2 * len(judged))
        if distributed.rank() == 0:
            values = []
            with self._used_weights() as net:
                for part in judged.values():
                    outcome = self._measure(net, part)
                    values += [outcome.loss, outcome.accuracy]
        values = distributed.share(values)
        names = [f"{part}_{what}" for part in judged for what in ("loss", "accuracy")]
        return dict(zip(names, values, strict=True))

    def choose(self, entry: dict[str, Any], state: Progress) -> dict[str, Tensor] | None:
        """Note the best epoch by validation, or else the last; and whether it is time to stop.

        Args:
            entry: What the epoch was like.
            state: Of the run; here it is noted.
        Returns:
            The weights, if validation finds them the best so far.
        """
        best = None
        if entry.get("val_loss", -math.inf) < state.best_loss or "val_loss" not in entry:
            state.best_loss = entry.get("val_loss", math.inf)
            state.best_epoch = entry["epoch"]
            if "val_loss" in entry:
                with self._used_weights() as net:
                    best = {k: v.detach().clone() for k, v in net.state_dict().items()}
        config = self.config
        late = config.early_stop and entry["epoch"] - state.best_epoch >= config.early_stop
        reached = config.target and 100 * entry["test_accuracy"] >= config.target
        state.stopped = bool(late or reached)
        return best

    def _measure(self, net: nn.Module, part: Dataset) -> Evaluation:
        return evaluate(net, in_order(self.config, self.data, part), self.device)

    @contextmanager
    def _used_weights(self) -> Iterator[nn.Module]:
        """The net with the weights that would be used: the moving average's, if there is one."""
        if self.average is None:
            yield self.module
            return
        own = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        self.net.load_state_dict(self.average.state)
        try:
            yield self.module
        finally:
            self.net.load_state_dict(own)
