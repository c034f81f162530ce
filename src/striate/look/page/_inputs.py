"""New inputs: uploaded, drawn or chosen; and what a network says of one."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._subject import Activations, Subject
from ._answers import Answer, Ask, Json, Picture, RequestError
from ._maps import statistics
from ._pictures import thumbnail
from ._samples import Sample
from ._session import Session

MOST_PIXELS = 40_000_000
"""Of an uploaded picture: more are refused before they are decoded."""


def add_run(session: Session, ask: Ask) -> Answer:
    """Run what was uploaded (bytes), or a sample (a dict with its number)."""
    source = ask.body
    if isinstance(source, dict):
        number = source.get("sample")
        if type(number) is not int:
            raise RequestError('A sample is chosen by its number: {"sample": 0}.', 400)
        source = _sample(session, number).prepare(session.subject)
    elif not source:
        raise RequestError("The file is empty.", 400)
    else:
        check_size(session.subject, source)
    return Json(run_data(session, session.add(source)))


def get_run(session: Session, ask: Ask) -> Answer:
    """Tell of an input again; a training run's weights may have changed."""
    return Json(run_data(session, ask.path["run"]))


def sample_thumbnail(session: Session, ask: Ask) -> Answer:
    """A sample as a small picture."""
    return Picture(draw_sample(session, int(ask.path["sample"])))


def draw_sample(session: Session, number: int) -> bytes:
    """Draw a sample small, as PNG; once."""
    sample, subject = _sample(session, number), session.subject
    drawn: bytes = session.once(
        ("thumbnail", number), lambda: thumbnail(subject, sample.prepare(subject))
    )
    return drawn


def _sample(session: Session, number: int) -> Sample:
    if not 0 <= number < len(session.samples):
        raise RequestError(f"There is no sample {number}; there are {len(session.samples)}.")
    return session.samples[number]


def check_size(subject: Subject, content: bytes) -> None:
    """Refuse a picture whose header announces too many pixels."""
    if subject.preprocess.kind != "image":
        return
    from ..._image import picture_size

    width, height = picture_size(content)
    if width * height > MOST_PIXELS:
        raise RequestError(
            f"The picture has {width} x {height} pixels; at most {MOST_PIXELS:,} are taken here. "
            f"Make it smaller.",
            413,
        )


def run_data(session: Session, number: str) -> dict[str, Any]:
    """Tell of an input that was run: the prediction, and each layer's statistics."""
    run = session.run(number)
    subject = run.subject
    layers = [
        {"id": i, **statistics(run[node.name])}
        if node.outputs and node.outputs[0] in run.values
        else None
        for i, node in enumerate(subject.graph.nodes)
    ]
    data = {
        "id": number,
        "input_shape": run.input.shape[1:],
        "input_range": [run.input.min(), run.input.max()],
        "prediction": _prediction(run),
        "layers": layers,
    }
    if run.input.ndim == 4 and run.input.shape[1] in (1, 3):
        data["picture"] = f"api/runs/{number}/picture"
    return data


def _prediction(run: Activations) -> list[dict[str, Any]]:
    """The most probable classes, by softmax of the output."""
    if run.output.ndim != 1 or not np.isfinite(run.output).all():
        return []
    shifted = np.exp(run.output.astype(np.float64) - run.output.max())
    shares = shifted / shifted.sum()
    order = np.argsort(-shares, kind="stable")[:10]
    names = run.subject.class_name
    return [
        {"name": names(int(i)), "index": int(i), "probability": float(shares[i])} for i in order
    ]
