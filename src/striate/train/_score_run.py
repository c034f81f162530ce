"""How well a run's net does on data: its own, or others with the same classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from ..data import Batches, Data, Dataset, load
from ..data._fitted import Fitted
from ..errors import DataError, OptionError
from ._evaluate import evaluate
from ._run import Run
from ._score import Score
from ._setup import pick_device

PARTS = ("test", "train", "validation", "all")


@dataclass(frozen=True)
class Outcome:
    """How a net did.

    Attributes:
        data, part: On what.
        loss: Mean cross-entropy, in nats.
        score: Which classes were taken for which.
    """

    data: str
    part: str
    loss: float
    score: Score


def score_run(
    run: Run,
    data: str | None = None,
    *,
    data_dir: str | Path | None = None,
    part: str = "test",
    batch_size: int = 256,
    device: str = "auto",
    net: str | None = None,
) -> Outcome:
    """Measure a run's net on data, prepared as `predict` prepares files.

    The data's classes are matched with the net's by their names; they may be in another order, and
    fewer.

    Args:
        run: A finished run.
        data: A data set as for `striate.data.load`; None is the one the run was trained on.
        data_dir: Where its files are.
        part: 'test', 'train', 'validation' or 'all'.
        batch_size: Samples that go through the net at once.
        device: 'auto', 'cpu', 'cuda' or 'cuda:1'.
        net: The user's own function that builds the net, see `Run.model`.
    Raises:
        DataError: The data are absent or damaged, or have classes that the net does not know.
        OptionError: There is no such part, device or data set.
        RunError: The run's weights are absent or damaged, or the net is not one of the zoo.
    Example:
        >>> import tempfile
        >>> from striate.train import Config, score_run, train
        >>> with tempfile.TemporaryDirectory() as out:
        ...     score_run(train(Config.make(epochs=1, out=out))).score.samples
        355
    """
    if part not in PARTS:
        raise OptionError(f"evaluate: part={part!r} is not one of {', '.join(PARTS)}.")
    place, own = pick_device(device), data is None
    spec, preprocess = data or run.config.data, run.preprocess
    loaded = load(
        spec,
        data_dir=data_dir or (run.config.data_dir if own else None),
        input_shape=preprocess.source_shape,
        sample_rate=preprocess.sample_rate if spec.startswith("wav:") else None,
        workers=run.config.workers,
    )
    model = run.model(net=net).to(place)
    outcomes = [
        evaluate(
            model,
            Batches(AsTrained(piece, run), batch_size, mean=preprocess.mean, std=preprocess.std),
            place,
        )
        for piece in _pieces(loaded, part)
    ]
    labels = torch.cat([outcome.labels for outcome in outcomes])
    called = torch.cat([outcome.logits.argmax(1) for outcome in outcomes])
    loss = sum(outcome.loss * len(outcome.labels) for outcome in outcomes) / len(labels)
    return Outcome(spec, part, loss, Score.of(labels, called, run.classes))


class AsTrained(Fitted):
    """A data set as a run's net takes it: of its size, with its numbers for the classes.

    Raises:
        DataError: It has classes that the net does not know.
    """

    def __init__(self, dataset: Dataset, run: Run) -> None:
        super().__init__(dataset, run.preprocess.input_shape)
        if unknown := [name for name in dataset.classes if name not in run.classes]:
            raise DataError(
                f"the data have classes that the net does not know: {_listed(unknown)}. The "
                f"data's are {_listed(dataset.classes)}; the net's are {_listed(run.classes)}. "
                f"Rename the folders, or evaluate on data with the net's classes."
            )
        numbers = torch.tensor([run.classes.index(name) for name in dataset.classes])
        self.labels, self.classes = numbers[dataset.labels], run.classes


def _pieces(data: Data, part: str) -> list[Dataset]:
    known = {"train": data.train, "validation": data.validation, "test": data.test}
    found = [known[name] for name in (known if part == "all" else (part,))]
    pieces = [piece for piece in found if piece is not None]
    if not pieces:
        raise OptionError(f"evaluate: {data.name} has no {part} part of its own. Use 'test'.")
    return pieces


def _listed(names: list[str] | tuple[str, ...], most: int = 20) -> str:
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
