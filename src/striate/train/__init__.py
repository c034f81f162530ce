"""Training: recipes, the loop, checkpoints, runs and their reports."""

from __future__ import annotations

from .. import _torch as _torch
from ._config import Config as Config
from ._evaluate import Evaluation as Evaluation
from ._evaluate import evaluate as evaluate
from ._loop import train as train
from ._predict import Prediction as Prediction
from ._predict import predict as predict
from ._run import Run as Run
from ._runs import Summary as Summary
from ._runs import list_runs as list_runs
from ._score import ClassScore as ClassScore
from ._score import Score as Score
from ._score_run import Outcome as Outcome
from ._score_run import score_run as score_run
from ._stopping import Interrupted as Interrupted
