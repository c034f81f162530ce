"""From a run to its report.html."""

from __future__ import annotations

from functools import partial
from importlib.resources import files
from pathlib import Path

from ..._extras import require
from ...data import Data
from .._files import write_atomic
from .._run import Run
from ._facts import gather
from ._svg import Markup
from ._text import count, percent, size


def write_report(run: Run, data: Data) -> Path:
    """Write the run's report.html: one file that needs no other, no script and no network.

    Names of classes and files are escaped, and the page forbids itself to load anything.

    Args:
        run: A run that has ended.
        data: The data it was trained on.
    Returns:
        The file's path.
    Raises:
        RunError: The run has not ended, its files are damaged or of other data, or the report
            cannot be written.
        MissingExtraError: jinja2 or Pillow is not installed.
    Example:
        >>> import tempfile
        >>> from striate import data
        >>> from striate.train import Config, train
        >>> digits = data.load("digits", input_shape=(1, 32, 32))
        >>> with tempfile.TemporaryDirectory() as out:
        ...     run = train(Config.make(epochs=1, out=out), data=digits)
        ...     write_report(run, digits).name
        'report.html'
    """
    jinja2 = require("jinja2", extra="train", purpose="The report")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"percent": percent, "percent2": partial(percent, digits=2)}
    environment.filters |= {"size": size, "count": count}
    folder = files(__package__)
    template = environment.from_string((folder / "page.html.j2").read_text(encoding="utf-8"))
    style = Markup((folder / "style.css").read_text(encoding="utf-8"))
    page = template.render(style=style, **gather(run, data))
    path = run.path / "report.html"
    # A file's name may hold bytes that are no text; they become question marks.
    write_atomic(path, page.encode("utf-8", errors="replace"))
    return path
