"""What a report tells, gathered from a run's folder and its data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from markupsafe import Markup
from torch import Tensor, nn

from ...data import Data
from .._checkpoint import load_tensors
from .._run import Run
from ._charts import Series, line_chart
from ._pictures import show_filter, show_input, show_map

MOST_CLASSES = 30
_MOST_FILTERS, _MOST_MAPS, _MOST_LAYERS, _MOST_IMAGES = 32, 12, 8, 3


@dataclass(frozen=True)
class Sample:
    """A test input with what was made of it."""

    picture: Markup
    name: str
    truth: str
    guess: str
    probability: float


@dataclass(frozen=True)
class Layer:
    """Maps of one layer for one input."""

    name: str
    size: str
    maps: list[Markup]
    more: int


def curves(run: Run) -> list[Markup]:
    """Draw loss, accuracy and learning rate over the epochs."""
    entries = run.epochs()
    epochs = [entry["epoch"] for entry in entries]

    def of(what: str) -> list[Series]:
        names = {"train": "training", "val": "validation", "test": "test"}
        return [
            Series(name, epochs, [entry[f"{part}_{what}"] for entry in entries], colour)
            for colour, (part, name) in enumerate(names.items())
            if all(f"{part}_{what}" in entry for entry in entries)
        ]

    rate = [Series("learning rate", epochs, [entry["lr"] for entry in entries], 3)]
    return [
        line_chart(of("loss"), "epoch", "loss (cross-entropy, nats)"),
        line_chart(of("accuracy"), "epoch", "accuracy", percent=True),
        line_chart(rate, "epoch", "learning rate"),
    ]


def confusion(logits: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Count the test samples by their class (rows) and the predicted one (columns)."""
    places = labels * classes + logits.argmax(1)
    return torch.bincount(places, minlength=classes * classes).view(classes, classes)


def by_class(matrix: Tensor, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Give each class's number of samples, precision and recall; None where nothing was counted."""
    right, rows, columns = matrix.diagonal(), matrix.sum(1), matrix.sum(0)
    return [
        {
            "name": name,
            "samples": int(rows[i]),
            "precision": float(right[i] / columns[i]) if columns[i] else None,
            "recall": float(right[i] / rows[i]) if rows[i] else None,
        }
        for i, name in enumerate(classes)
    ]


def most_confused(matrix: Tensor, classes: tuple[str, ...], most: int = 12) -> list[dict[str, Any]]:
    """List the pairs of classes that were taken for each other most often."""
    wrong = matrix.clone().fill_diagonal_(0)
    counts, places = wrong.flatten().sort(descending=True, stable=True)
    pairs = [(int(c), int(p)) for c, p in zip(counts[:most], places[:most], strict=True) if c]
    return [
        {"truth": classes[p // len(classes)], "guess": classes[p % len(classes)], "count": c}
        for c, p in pairs
    ]


def samples(data: Data, logits: Tensor, indices: Tensor) -> list[Sample]:
    """Show test inputs with their true and their predicted class."""
    probabilities = logits.softmax(1)
    shown = []
    for index in indices.tolist():
        guess = int(logits[index].argmax())
        name = data.test.name_of(index)
        shown.append(
            Sample(
                show_input(data.test.fetch([index])[0], name),
                name,
                data.classes[int(data.test.labels[index])],
                data.classes[guess],
                float(probabilities[index, guess]),
            )
        )
    return shown


def worst_mistakes(logits: Tensor, labels: Tensor, most: int = 18) -> Tensor:
    """Find the mistakes that were made with the most confidence, worst first."""
    confidence, guess = logits.softmax(1).max(1)
    wrong = (guess != labels).nonzero().flatten()
    return wrong[confidence[wrong].argsort(descending=True)][:most]


def first_filters(run: Run) -> dict[str, Any] | None:
    """Show the filters of the first convolution before and after training, on one scale."""
    net = run.model()
    convolutions = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
    name = next((n for n, m in net.named_modules() if isinstance(m, convolutions)), None)
    if name is None:
        return None
    after = net.state_dict()[f"{name}.weight"]
    before = load_tensors(run.path / "initial.safetensors")[0][""][f"{name}.weight"]
    limit = max(float(before.abs().max()), float(after.abs().max())) or 1.0
    return {
        "layer": name,
        "limit": limit,
        "signed": after.dim() == 4 and after.shape[1] != 3,
        "more": max(0, len(after) - _MOST_FILTERS),
        "size": "x".join(map(str, after.shape[2:])),
        "before": _filters(before, limit, "before training"),
        "after": _filters(after, limit, "after training"),
    }


def _filters(weight: Tensor, limit: float, when: str) -> list[Markup]:
    few = weight[:_MOST_FILTERS]
    return [show_filter(w, limit, f"filter {i} {when}") for i, w in enumerate(few)]


@torch.no_grad()
def feature_maps(run: Run, data: Data) -> list[tuple[Sample, list[Layer]]]:
    """Send the first test inputs of a few classes through the net, and keep the maps."""
    net = run.model()
    labels = data.test.labels
    chosen = [int((labels == c).nonzero()[0]) for c in labels.unique()[:_MOST_IMAGES]]
    batch = data.preprocess.apply(data.test.fetch(chosen))
    kept: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.dim() == batch.dim() and output.shape[2] > 1:
                kept[name] = output.clone()

        return hook

    leaves = [(name, module) for name, module in net.named_modules() if not list(module.children())]
    hooks = [module.register_forward_hook(keep(name)) for name, module in leaves]
    try:
        logits = net(batch).flatten(1)
    finally:
        for each in hooks:
            each.remove()
    names = list(kept)
    step = max(1, -(-len(names) // _MOST_LAYERS))
    whole = torch.zeros(len(labels), logits.shape[1])
    whole[chosen] = logits
    shown = samples(data, whole, torch.tensor(chosen))
    return [
        (sample, [_layer(name, kept[name][i]) for name in names[::step]])
        for i, sample in enumerate(shown)
    ]


def _layer(name: str, maps: Tensor) -> Layer:
    """Show the most active maps of a layer, on the layer's own scale."""
    strength = maps.flatten(1).abs().mean(1)
    few = strength.argsort(descending=True)[:_MOST_MAPS].sort().values
    limit = float(maps.abs().max()) or 1.0
    size = "x".join(map(str, maps.shape))
    pictures = [show_map(maps[c], limit, f"{name}, map {int(c)}") for c in few]
    return Layer(name, size, pictures, len(maps) - len(few))
