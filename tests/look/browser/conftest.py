"""The page in a real browser: its server runs as a process of its own on a free port."""

from __future__ import annotations

import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu"]
START = 120  # seconds: torch is slow to import on a busy machine
Open = Callable[..., Any]


class Server:
    """`striate look` with these arguments, until it is stopped."""

    def __init__(self, *arguments: object) -> None:
        command = [sys.executable, "-m", "striate", "look", *map(str, arguments), "--no-browser"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )

    @property
    def link(self) -> str:
        """Wait for the link that is printed."""
        if not hasattr(self, "_link"):
            assert self.process.stdout
            with selectors.DefaultSelector() as ready:
                ready.register(self.process.stdout, selectors.EVENT_READ)
                assert ready.select(START), "the server prints no link"
            line = self.process.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+/[\w-]+/", line)
            assert found, f"no link in {line!r}"
            self._link = found[0]
        return self._link

    def stop(self) -> int:
        """Press Ctrl-C; give the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(*arguments: object) -> Server:
        started.append(Server(*arguments))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.stop()
        assert server.process.stdout
        server.process.stdout.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    pytest.importorskip("uvicorn", reason="uvicorn is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Open]:
    """Open a link in a window of its own; any error on the page fails the test at its end."""
    trouble: list[str] = []
    contexts = []

    def open_link(link: str, *, ready: bool = True, **options: Any) -> Any:
        options.setdefault("viewport", {"width": 1280, "height": 900})
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: trouble.append(f"{error}\n{error.stack}"))
        page.on("console", lambda told: trouble.append(told.text) if told.type == "error" else None)
        page.goto(link)
        if ready:
            settled(page)
        return page

    open_link.trouble = trouble  # type: ignore[attr-defined]
    yield open_link
    for context in contexts:
        context.close()
    assert trouble == []


def settled(page: Any) -> None:
    """Wait until the chosen unit and the maps are on the screen."""
    page.wait_for_selector("#unit-value[data-value]:not([data-value=''])", timeout=30_000)
    page.wait_for_selector("#maps .grid[data-painted]:not([data-painted='0'])", timeout=30_000)


def text(page: Any, selector: str) -> str:
    return " ".join(page.locator(selector).first.text_content().split())


def number(page: Any, selector: str) -> float:
    return float(page.locator(selector).first.get_attribute("data-value"))


def numbers(page: Any, selector: str) -> list[float]:
    """The exact numbers behind what is shown, which is rounded."""
    found = page.locator(selector)
    return [float(n) for n in found.evaluate_all("all => all.map((one) => one.dataset.value)")]


def shown_number(text: str) -> float:
    return float(text.replace("\u2212", "-"))


def go(page: Any, fragment: str) -> None:
    """Follow a deep link within the page."""
    page.evaluate("fragment => { location.hash = fragment; }", fragment)
    wanted = re.search(r"unit=(\d+)(?::([\d,]+))?", fragment)
    layer = re.search(r"layer=([^&]+)", fragment)
    assert layer
    page.wait_for_function(
        "name => document.getElementById('layer-title').textContent === name", arg=layer[1]
    )
    if wanted:
        place = f" at ({', '.join(wanted[2].split(','))})" if wanted[2] else ""
        kind = "Channel" if wanted[2] else "Unit"
        title = f"{kind} {wanted[1]}{place} of {layer[1]}"
        page.wait_for_function(
            "title => document.getElementById('unit-title').textContent === title", arg=title
        )
    settled(page)


def serious(page: Any, within: str | None = None) -> list[str]:
    """What axe-core finds that is serious or critical."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    found = axe.Axe().run(page, context=within).response["violations"]
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
