"""Put a run's report together and write it."""

from __future__ import annotations

import dataclasses
import json
import statistics
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..._extras import require
from ...data import Data
from ...errors import RunError
from .._checkpoint import load_tensors
from .._files import write_atomic
from .._run import Run
from . import _content as content


def write_report(run: Run, data: Data) -> Path:
    """Write report.html into a finished run's folder: curves, mistakes, filters, maps.

    The page is one file that works from the disk; names in it (of classes, of files) are escaped.

    Args:
        run: A run that has ended.
        data: Its data, for the pictures.
    Returns:
        The file.
    Raises:
        RunError: The run has not ended, or the file cannot be written.
    """
    final = run.final()
    if final is None:
        raise RunError(f"{run.path} has not ended: go on with `striate train --resume {run.path}`.")
    jinja = require("jinja2", extra="train", purpose="The report of a run")
    page = jinja.Environment(autoescape=True, undefined=jinja.StrictUndefined)
    page.filters["share"] = lambda part: "-" if part is None else f"{100 * part:.1f} %"
    template = page.from_string((files(__package__) / "report.html.jinja").read_text("utf-8"))
    html = template.render(_gather(run, data, final))
    write_atomic(run.path / "report.html", html.encode())
    return run.path / "report.html"


def _gather(run: Run, data: Data, final: dict[str, Any]) -> dict[str, Any]:
    tensors, _ = load_tensors(run.path / "predictions.safetensors")
    logits, labels = tensors["test"]["logits"], tensors["test"]["labels"]
    matrix = content.confusion(logits, labels, len(run.classes))
    few = len(run.classes) <= content.MOST_CLASSES
    environment = json.loads((run.path / "environment.json").read_text("utf-8"))
    return {
        "run": run,
        "final": final,
        "wrong": int((logits.argmax(1) != labels).sum()),
        "total": len(labels),
        "duration": _duration(final["seconds"]),
        "rate": statistics.median(entry["images_per_s"] for entry in run.epochs()),
        "curves": content.curves(run),
        "matrix": matrix.tolist() if few else None,
        "pairs": content.most_confused(matrix, run.classes),
        "by_class": content.by_class(matrix, run.classes),
        "mistakes": content.samples(data, logits, content.worst_mistakes(logits, labels)),
        "filters": content.first_filters(run),
        "maps": content.feature_maps(run, data),
        "command": f"striate train --config {run.path / 'config.toml'}",
        "recipe": [(k, v) for k, v in dataclasses.asdict(run.config).items() if _telling(v)],
        "environment": [(k, v) for k, v in environment.items() if v is not None],
        "striate": environment["striate"],
    }


def _telling(value: Any) -> bool:
    return value is not None and value is not False and value not in ({}, 0, 0.0)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
