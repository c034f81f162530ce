"""What has been found to train each network well: the defaults of `striate train`.

A recipe is put together from what suits the data and what suits the net on those data; the later
line wins. How the numbers were found, and what they reach, is told in docs/training.md.
"""

from __future__ import annotations

from typing import Any

# What small nets on small pictures like: a short, hot cycle, and targets that are not too sure.
_SMALL = {
    "optimizer": "adamw",
    "lr": 0.003,
    "weight_decay": 0.05,
    "schedule": "onecycle",
    "label_smoothing": 0.1,
}

_BY_DATA: dict[str, dict[str, Any]] = {
    "digits": {**_SMALL, "epochs": 40, "batch_size": 32, "shift": 2, "rotate": 10.0},
    "mnist": {**_SMALL, "epochs": 10, "shift": 2, "rotate": 10.0},
    "fashion-mnist": {**_SMALL, "epochs": 20, "shift": 2, "flip": True},
    "cifar10": {"epochs": 100, "batch_size": 128, "lr": 0.1, "shift": 4, "flip": True},
    "cifar100": {"epochs": 100, "batch_size": 128, "lr": 0.1, "shift": 4, "flip": True},
    "folder": {"epochs": 30, "shift": 4, "flip": True, "workers": 2},
    "wav": {"epochs": 30, "shift": 800, "gain": 6.0, "workers": 2},
}

_BY_NET: dict[str, dict[str, Any]] = {
    "lenet5_1998": {
        "optimizer": "sgd",
        "lr": 0.002,
        "weight_decay": 0.0,
        "label_smoothing": 0.0,
        "batch_size": 32,
        "shift": 1,
        "rotate": 5.0,
    },
    "m5": {"optimizer": "adamw", "lr": 0.003, "weight_decay": 1e-2, "schedule": "onecycle"},
    "convnext_tiny": {"optimizer": "adamw", "lr": 1e-3, "weight_decay": 0.05},
    "mobilenet_v2": {"weight_decay": 4e-5},
}


def recipe_for(net: str, data: str) -> dict[str, Any]:
    """Look the defaults up for a network on a data set.

    Example:
        >>> recipe_for("lenet5", "digits")["epochs"]
        40
    """
    return {**_BY_DATA.get(data.partition(":")[0], {}), **_BY_NET.get(net, {})}
