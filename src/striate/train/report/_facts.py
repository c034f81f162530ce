"""Everything the report shows, gathered from a run's folder and its data."""

from __future__ import annotations

import dataclasses
import json
import statistics
from pathlib import Path, PurePath
from typing import Any

import torch
from torch import Tensor, nn

from ...data import Data, Subset
from ...errors import RunError
from .._checkpoint import load_tensors
from .._config import Config
from .._evaluate import evaluate
from .._run import Run
from .._score import Score
from ._confusion import LARGEST, confusion_figure
from ._course import filter_course
from ._curves import accuracy_chart, loss_chart, lr_chart
from ._filters import first_filters
from ._maps import feature_maps
from ._samples import cards, examples, narrowest, worst
from ._text import count, duration, size

Entry = dict[str, Any]

MISTAKES, NARROW, PAIRS = 24, 12, 15
"""Samples, and pairs of classes, shown."""

_AUGMENT = ("shift", "flip", "cutout", "rotate", "gain")

_OWN = ("net", "data", "data_dir", "out", "name")
"""Options that no recipe could give."""


def gather(run: Run, data: Data) -> dict[str, Any]:
    """Give the template its values, drawings among them."""
    final = run.final()
    if final is None:
        raise RunError(f"{run.path} has not ended: go on with `striate train --resume {run.path}`.")
    model = run.model()
    labels, probabilities = _predictions(run, model, data)
    score = Score.of(labels, probabilities.argmax(1), data.classes)
    epochs = run.epochs()
    kept = final["best_epoch"] if "val_loss" in epochs[-1] else None
    return {
        "run": run,
        "title": f"{_plain(run.config.net)} on {_plain(run.config.data)}",
        "noun": _noun(data),
        "score": score,
        "stats": _stats(data, epochs, final),
        "notes": _notes(run, data, epochs, kept),
        "kept": kept,
        "augmented": any(getattr(run.config, name) for name in _AUGMENT),
        "charts": [
            loss_chart(epochs, kept),
            accuracy_chart(epochs, kept, len(labels)),
            lr_chart(epochs, run.config),
        ],
        "confusion": confusion_figure(score),
        "readable": len(score.classes) <= LARGEST,
        "pairs": score.confused(PAIRS),
        "weakest": sorted(score.per_class, key=lambda one: (one.f1 is None, one.f1 or 0.0)),
        "mistakes": cards(data.test, probabilities, worst(labels, probabilities, MISTAKES)),
        "narrow": cards(data.test, probabilities, narrowest(labels, probabilities, NARROW)),
        "config": _config_rows(run.config),
        "toml": run.config.to_toml(),
        "environment": _environment(run.path),
        **_inside(run, model, data, labels, probabilities),
    }


def _inside(
    run: Run, net: nn.Module, data: Data, labels: Tensor, probabilities: Tensor
) -> dict[str, Any]:
    """Look into the net: its first filters, and its maps of a few samples."""
    initial = run.path / "initial.safetensors"
    before = load_tensors(initial)[0].get("", {}) if initial.is_file() else {}
    chosen = examples(labels, probabilities)
    batch = next(iter(data.batches(Subset(data.test, chosen), len(chosen)).epoch()))
    return {
        "filters": first_filters(net, before),
        "course": filter_course(run.filters()),
        "maps": feature_maps(net, batch.inputs),
        "followed": cards(data.test, probabilities, chosen),
    }


def _predictions(run: Run, net: nn.Module, data: Data) -> tuple[Tensor, Tensor]:
    """Give the test labels, and the net's probabilities for them, saved or worked out again."""
    path = run.path / "predictions.safetensors"
    if path.is_file():
        try:
            saved = load_tensors(path)[0]["test"]
            labels, logits = saved["labels"], saved["logits"]
        except KeyError as error:
            raise RunError(f"{path} is damaged: it holds no {error}.") from None
        if not torch.equal(labels, data.test.labels):
            raise RunError(
                f"{path} is of {len(labels)} other test samples than the {len(data.test)} of "
                f"{data.name}. Give the data the run was trained on, or remove the file."
            )
    else:
        outcome = evaluate(net, data.batches(data.test, 256))
        labels, logits = outcome.labels, outcome.logits
    return labels, logits.double().softmax(1).nan_to_num(0.0)


def _noun(data: Data) -> str:
    return {2: "signal", 3: "image"}.get(len(data.input_shape), "volume")


def _plain(spec: str) -> str:
    """Shorten a spec with a path to the path's last part."""
    kind, colon, path = spec.partition(":")
    if not colon:
        return spec
    return PurePath(path).name if kind in ("folder", "wav", "arrays") else path


def _stats(data: Data, epochs: list[Entry], final: Entry) -> list[tuple[str, str]]:
    """Give the numbers under the headline, each with what it is."""
    rate = statistics.median(entry["images_per_s"] for entry in epochs)
    noun = _noun(data)
    return [
        (f"{final['parameters']:,}", "parameters"),
        (f"{len(epochs)}", "epoch" if len(epochs) == 1 else "epochs"),
        (duration(final["seconds"]), "of training"),
        (f"{rate:,.0f}", f"{noun}s a second"),
        (f"{len(data.train):,} + {len(data.test):,}", f"{noun}s, training + test"),
        (size(data.input_shape), "numbers in an input"),
    ]


def _notes(run: Run, data: Data, epochs: list[Entry], kept: int | None) -> list[str]:
    """Say what a reader of the headline should know."""
    config, notes = run.config, []
    if kept:
        notes.append(f"The weights are those of epoch {kept}, the best by validation loss.")
    elif config.ema:
        notes.append(f"The weights are a moving average with decay {config.ema:g}.")
    if config.target and 100 * epochs[-1]["test_accuracy"] >= config.target:
        notes.append(
            f"Training stopped when the test accuracy reached {config.target:g} %, so the test "
            f"data chose the moment and the accuracy is a little flattering."
        )
    if data.broken:
        shown = ", ".join(item.name for item in data.broken[:5])
        more = f" and {len(data.broken) - 5} more" if len(data.broken) > 5 else ""
        notes.append(f"{count(len(data.broken), 'broken file')} left out: {shown}{more}.")
    return notes


def _config_rows(config: Config) -> list[tuple[str, str, bool]]:
    """List the options: name, value, and whether it differs from the recipe."""
    recipe = Config.make(net=config.net, data=config.data)
    rows = []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if value is not None and value != {}:
            changed = field.name not in _OWN and value != getattr(recipe, field.name)
            rows.append((field.name, _written(value), changed))
    return rows


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_written(one)}" for key, one in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return size(value) if isinstance(value, tuple) else str(value)


def _environment(path: Path) -> list[tuple[str, str]]:
    try:
        found = json.loads((path / "environment.json").read_text(encoding="utf-8"))
        known = {key: str(value) for key, value in found.items() if value is not None}
    except (OSError, ValueError, AttributeError):
        return [("environment.json", "missing or damaged")]
    if "command" in known:
        known["command"] = _command(known["command"])
    return list(known.items())


def _command(typed: str) -> str:
    """Leave the folder out of the program's name."""
    program, space, rest = typed.partition(" ")
    return PurePath(program).name + space + rest
