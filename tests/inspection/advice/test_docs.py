"""The examples in docs/advice.md print what they say; `--update` writes what they print."""

from __future__ import annotations

import contextlib
import doctest
import io
from pathlib import Path

import pytest

from striate.inspection.advice import RULES

PAGE = Path(__file__).parents[3] / "docs" / "advice.md"


def _printed(page: str) -> str:
    """Run the examples of a page, and put what each prints below it."""
    names: dict[str, object] = {}
    lines = page.split("\n")
    for example in reversed(doctest.DocTestParser().get_examples(page)):
        start = example.lineno + len(example.source.rstrip("\n").split("\n"))
        del lines[start : start + len(example.want.rstrip("\n").split("\n")) * bool(example.want)]
    bare = "\n".join(lines)
    examples = doctest.DocTestParser().get_examples(bare)
    outputs = []
    for example in examples:
        with contextlib.redirect_stdout(io.StringIO()) as text:
            exec(compile(example.source, "docs/advice.md", "single"), names)
        outputs.append(text.getvalue())
    for example, output in reversed(list(zip(examples, outputs, strict=True))):
        start = example.lineno + len(example.source.rstrip("\n").split("\n"))
        lines[start:start] = [f"    {line}".rstrip() for line in output.splitlines()]
    return "\n".join(lines)


def test_the_page_shows_what_its_examples_print(request: pytest.FixtureRequest) -> None:
    page = PAGE.read_text(encoding="utf-8")
    known = dict(RULES)
    try:
        printed = _printed(page)
    finally:
        RULES.clear()
        RULES.update(known)  # without the page's own rule
    if request.config.getoption("--update"):
        PAGE.write_text(printed, encoding="utf-8")
    assert printed == PAGE.read_text(encoding="utf-8")


def test_the_page_tells_of_every_rule() -> None:
    page = PAGE.read_text(encoding="utf-8")
    told = {line.removeprefix("### ") for line in page.split("\n") if line.startswith("### ")}
    assert told == set(RULES)
