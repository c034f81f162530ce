"""What drives the page in a real browser, for tests and for `benchmarks/look_page.py`."""

from __future__ import annotations

import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--in-process-gpu", "--disable-extensions"]
SIZE = {"width": 1280, "height": 900}
START = 120  # seconds: torch is slow to import on a busy machine


@contextmanager
def chromium() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


class Server:
    """`striate look` with these arguments, as a process of its own, until it is stopped."""

    def __init__(self, *arguments: object) -> None:
        command = [sys.executable, "-m", "striate", "look", *map(str, arguments), "--no-browser"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip

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

    def stop(self, times: int = 1) -> tuple[int, str, str]:
        """Press Ctrl-C; give the exit status, and what it still had to say."""
        for _ in range(times):
            self.process.send_signal(signal.SIGINT)
        try:
            out, err = self.process.communicate(timeout=60)
        finally:
            self.process.kill()
        return self.process.returncode, out, err


def settled(page: Any) -> None:
    """Wait until the chosen unit and the maps are on the screen."""
    page.wait_for_selector("#unit-value[data-value]:not([data-value=''])", timeout=30_000)
    page.evaluate("() => new Promise(requestAnimationFrame)")  # grids are drawn in the next frame
    page.wait_for_selector("#maps .grid[data-painted]:not([data-painted='0'])", timeout=30_000)


def go(page: Any, fragment: str) -> None:
    """Follow a deep link within the page: #layer=c3&unit=4:2,3&image=0."""
    # By way of no link: the one that stands there already would lead nowhere.
    page.evaluate("fragment => { location.hash = ''; location.hash = fragment; }", fragment)
    wanted = dict(part.split("=") for part in fragment.split("&"))
    expect(page, "layer-title", wanted["layer"])
    if "image" in wanted:
        number = int(wanted["image"]) + 1
        page.wait_for_selector(f"#samples li:nth-child({number}) [aria-pressed=true]")
    if "unit" in wanted:
        channel, _, place = wanted["unit"].partition(":")
        at = f" at ({', '.join(place.split(','))})" if place else ""
        expect(
            page, "unit-title", f"{'Channel' if at else 'Unit'} {channel}{at} of {wanted['layer']}"
        )
    settled(page)


def expect(page: Any, element: str, text: str) -> None:
    """Wait until an element of this id holds the text."""
    page.wait_for_function(
        "([id, text]) => document.getElementById(id).textContent === text", arg=[element, text]
    )


def click_then(page: Any, place: tuple[float, float], keys: tuple[str, ...]) -> None:
    """Click there in the maps and press keys on the unit's plane, with no time in between."""
    page.evaluate(
        """([x, y, keys]) => {
          const canvas = document.querySelector("#maps .grid canvas");
          const plane = document.querySelector("#own-plane .plane");
          const { left, top } = canvas.getBoundingClientRect();
          const at = { bubbles: true, clientX: left + x, clientY: top + y };
          canvas.dispatchEvent(new MouseEvent("click", at));
          for (const key of keys) {
            plane.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, key }));
          }
        }""",
        [*place, keys],
    )


def text(page: Any, selector: str) -> str:
    """What an element says, in one line."""
    return " ".join(page.locator(selector).first.text_content().split())


def number(page: Any, selector: str) -> float:
    """The exact number behind the one that is shown, which is rounded."""
    return float(page.locator(selector).first.get_attribute("data-value"))


def numbers(page: Any, selector: str) -> list[float]:
    """The exact numbers of all such elements."""
    found = page.locator(selector)
    return [float(n) for n in found.evaluate_all("all => all.map((one) => one.dataset.value)")]


def shown_number(text: str) -> float:
    """A number as the page writes it."""
    return float(text.replace("\u2212", "-"))
