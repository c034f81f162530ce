"""What is counted in a step, and the lines of `metrics.jsonl` that no epoch writes."""

from __future__ import annotations

import json
from contextlib import suppress

import numpy as np
from torch import Tensor

from ..errors import RunError
from ._evaluate import Evaluation
from ._files import append_line, write_atomic
from ._run import Run
from ._snapshot import Progress


def count_correct(logits: Tensor, labels: Tensor) -> int:
    """Count the samples whose largest logit is the right one, in NumPy: quicker for so few."""
    called = logits.detach().float().cpu().numpy().argmax(1)
    return int(np.count_nonzero(called == labels.cpu().numpy()))


def note_failure(run: Run, error: Exception) -> None:
    """Leave the reason in the run's folder, where `striate runs` finds it."""
    entry = {"kind": "failed", "error": str(error)}
    with suppress(RunError):  # a full disk is the reason, and is told already
        append_line(run.path / "metrics.jsonl", json.dumps(entry))


def note_end(run: Run, outcome: Evaluation, state: Progress, parameters: int) -> None:
    """Add the last line, of a run that came to its end.

    Args:
        run: Whose `metrics.jsonl` it is.
        outcome: Of the chosen weights on the test data.
        state: Where the run stands: after its last epoch.
        parameters: How many the net has.
    """
    entry = {
        "kind": "final",
        "test_accuracy": outcome.accuracy,
        "test_loss": outcome.loss,
        "epochs": state.epoch - 1,
        "best_epoch": state.best_epoch,
        "seconds": sum(e["seconds"] for e in run.epochs()),
        "parameters": parameters,
    }
    append_line(run.path / "metrics.jsonl", json.dumps(entry))


def cut_metrics(run: Run, lines: int) -> None:
    """Take back what was written after a checkpoint, if the run was killed in between.

    Args:
        run: Whose `metrics.jsonl` it is.
        lines: How many the checkpoint knows of.
    """
    path = run.path / "metrics.jsonl"
    if path.is_file():
        written = path.read_text(encoding="utf-8").splitlines(keepends=True)
        finals = [line for line in written[lines:] if '"kind": "final"' in line]
        write_atomic(path, "".join(written[:lines] + finals).encode())
