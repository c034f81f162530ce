"""One browser a worker, and one page a file, which the tests move about: opening takes longest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .driving import CHROMIUM, SIZE, chromium, go, settled

At = Callable[[str], Any]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    pytest.importorskip("uvicorn", reason="uvicorn is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def window(browser: Any) -> Iterator[Any]:
    """A window of the browser; what goes wrong on its pages stands in its `trouble`."""
    context = browser.new_context(viewport=SIZE)
    context.trouble = []

    def watch(page: Any) -> None:
        page.on("pageerror", lambda error: context.trouble.append(f"{error}\n{error.stack}"))
        page.on(
            "console",
            lambda told: context.trouble.append(told.text) if told.type == "error" else None,
        )

    context.on("page", watch)
    yield context
    context.close()


@pytest.fixture
def trouble(window: Any) -> Iterator[list[str]]:
    """Any error on a page fails the test at its end."""
    window.trouble.clear()
    yield window.trouble
    assert window.trouble == []


@pytest.fixture(scope="module")
def tab(window: Any, link: str) -> Any:
    """The file's own page."""
    page = window.new_page()
    page.goto(link)
    settled(page)
    return page


@pytest.fixture
def at(tab: Any, trouble: list[str]) -> At:
    """Move the page to a deep link, as it looks when it is opened there."""

    def move(fragment: str) -> Any:
        tab.click("#tab-maps")
        if tab.locator("#whatif-banner-reset").is_visible():
            tab.click("#whatif-banner-reset")
        go(tab, fragment)
        return tab

    return move


ALIKE = {"exclude": [["#products .products:nth-child(n + 2)"], ["#samples li:nth-child(n + 3)"]]}
"""Tables of numbers like the first: the contrast of every cell takes seconds to find out."""


def serious(page: Any, within: str | None = None, **options: Any) -> list[str]:
    """What axe-core finds that is serious or critical."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    options["resultTypes"] = ["violations"]
    found = axe.Axe().run(page, context=within or ALIKE, options=options).response["violations"]
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes'][:4]]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.fixture(scope="session")
def lenet_run(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Path:
    """LeNet-5, trained for a few seconds on the built-in digits."""
    pytest.importorskip("torch")
    from striate.train import Config, train

    out = tmp_path_factory.mktemp("runs")
    config = Config.make(net="lenet5", data="digits", epochs=3, out=str(out), threads=1)
    return train(config).path
