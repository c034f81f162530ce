"""How a training run went, as figures: curves, confusion matrix, filters over the epochs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import RunError
from . import _style as style
from ._filter_history import FilterHistory, filter_history
from ._picture import Picture
from ._subject import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..train import Run

_PARTS = {"train": "training", "val": "validation", "test": "test"}
_DASHES = {"train": (0, (3, 1.5)), "val": (0, (1, 1)), "test": "-"}


@dataclass(frozen=True, eq=False)
class Curves(Picture):
    """Loss and accuracy by epoch.

    Args:
        name: The run's.
        epochs: The epochs that were measured.
        loss, accuracy: Of each part of the data, 'train', 'val' and 'test' as far as they were
            measured; NaN where not. Loss in nats, accuracy from 0 to 1.
        kept: The epoch whose weights were kept; None while the run goes on.
    """

    name: str
    epochs: tuple[int, ...]
    loss: dict[str, tuple[float, ...]]
    accuracy: dict[str, tuple[float, ...]]
    kept: int | None = None

    def _draw(self) -> Figure:
        figure = style.new_figure(height=2.5, title=self.name)
        left, right = figure.subplots(1, 2)
        self._lines(left, self.loss, "loss (cross-entropy, nats)", 1.0)
        self._lines(right, self.accuracy, "accuracy (%)", 100.0)
        left.set_ylim(bottom=0)
        right.legend(frameon=False, loc="lower right")
        return figure

    def _lines(
        self, axes: Axes, curves: dict[str, tuple[float, ...]], title: str, unit: float
    ) -> None:
        from matplotlib.ticker import MaxNLocator

        shades = {"train": style.GREY, "val": style.colour(style.NEGATIVE)}
        for part, values in curves.items():
            axes.plot(
                self.epochs,
                [unit * value for value in values],
                color=shades.get(part, style.colour(style.POSITIVE)),
                linestyle=_DASHES[part],
                marker="." if len(self.epochs) < 20 else "",
                label=_PARTS[part],
            )
        if self.kept is not None and self.kept != self.epochs[-1]:
            axes.axvline(self.kept, color=style.FAINT, linewidth=0.8, label="kept")
        axes.set_xlabel("epoch")
        axes.set_ylabel(title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))


@dataclass(frozen=True, eq=False)
class Confusion(Picture):
    """Which classes were taken for which, on the test data.

    Args:
        name: The run's.
        classes: In the order of the outputs.
        counts: Samples of class i that were called class j, at [i, j].
    """

    name: str
    classes: tuple[str, ...]
    counts: Floats

    @property
    def accuracy(self) -> float:
        """Share of the samples that were called what they are."""
        return float(np.trace(self.counts) / max(self.counts.sum(), 1))

    def _draw(self) -> Figure:
        n = len(self.classes)
        side = min(max(2.4, 0.32 * n + 1.2), style.PAGE)
        errors = int(self.counts.sum() - np.trace(self.counts))
        title = f"{self.name}: {100 * self.accuracy:.2f} % right, {errors} errors"
        figure = style.new_figure(side + 0.6, side + 0.3, title)
        axes = figure.subplots()
        shares = self.counts / self.counts.sum(1, keepdims=True).clip(min=1)
        # Right ones blue; mistakes orange by the root of their share, so that one is seen.
        shades = np.where(np.eye(n, dtype=bool), -shares, np.sqrt(shares))
        axes.imshow(shades, style.diverging(), vmin=-1, vmax=1, interpolation="nearest")
        axes.set_xlabel("called")
        axes.set_ylabel("true")
        axes.spines[:].set_visible(False)
        if n > 30:
            return figure
        axes.set_xticks(
            range(n), self.classes, rotation=90 if max(map(len, self.classes)) > 3 else 0
        )
        axes.set_yticks(range(n), self.classes)
        for (i, j), count in np.ndenumerate(self.counts):
            if count:
                ink = "white" if abs(shades[i, j]) > 0.6 else style.INK
                text = axes.text(j, i, f"{count:.0f}", ha="center", va="center", fontsize=6)
                text.set(color=ink, in_layout=False)
        return figure


@dataclass(frozen=True, eq=False)
class Training:
    """The figures of a run, as far as its folder has the data.

    Args:
        curves: By epoch.
        confusion: On the test data; None before the run has ended.
        filters: Of the first convolution, epoch by epoch; None where there is none.
    """

    curves: Curves
    confusion: Confusion | None
    filters: FilterHistory | None


def training(run: str | PathLike[str]) -> Training:
    """Draw how a training run went, from its folder.

    Args:
        run: The folder.
    Raises:
        RunError: It is no run's folder, is damaged, or no epoch has ended yet.
    """
    from ..train import Run

    opened = Run.open(Path(run))
    return Training(_curves(opened), _confusion(opened), filter_history(opened))


def _curves(run: Run) -> Curves:
    epochs = run.epochs()
    if not epochs:
        raise RunError(f"{run.path}: no epoch has ended yet, so there is nothing to draw.")

    def values(what: str) -> dict[str, tuple[float, ...]]:
        found = {p: tuple(float(e.get(f"{p}_{what}", math.nan)) for e in epochs) for p in _PARTS}
        return {part: line for part, line in found.items() if any(map(math.isfinite, line))}

    final = run.final() or {}
    numbers = tuple(int(entry["epoch"]) for entry in epochs)
    return Curves(run.name, numbers, values("loss"), values("accuracy"), final.get("best_epoch"))


def _confusion(run: Run) -> Confusion | None:
    from ..train._checkpoint import load_tensors
    from ..train._score import Score

    path = run.path / "predictions.safetensors"
    if not path.is_file():
        return None
    try:
        saved = load_tensors(path)[0]["test"]
        score = Score.of(saved["labels"], saved["logits"].argmax(1), run.classes)
    except (KeyError, RuntimeError) as error:
        raise RunError(f"{path} is damaged: {error}.") from None
    return Confusion(run.name, run.classes, score.confusion.numpy().astype(np.float64))


def figures_of(run: str | PathLike[str]) -> list[tuple[str, Picture]]:
    """Name the figures of a run that its folder has the data for."""
    found = training(run)
    named = (
        ("training-curves", found.curves),
        ("training-confusion", found.confusion),
        ("training-filters", found.filters),
    )
    return [(name, picture) for name, picture in named if picture is not None]
