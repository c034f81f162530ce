"""Make the pictures of docs/look-page.md: `python docs/screenshots.py [RUN]`.

RUN is the folder of a run of LeNet-5; without one it is trained first, in about half a minute.
Playwright, Pillow and Chromium take the pictures.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parent / "images"


@contextmanager
def served(*arguments: str) -> Iterator[str]:
    """Run `striate look`; give its link."""
    command = [sys.executable, "-m", "striate", "look", *arguments, "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found, "the server prints no link"
        yield found[0]
    finally:
        process.terminate()
        process.wait()


def keep(page: Page, name: str) -> None:
    """Write what is on the screen."""
    page.wait_for_timeout(1500)  # pictures and curves that come after the numbers
    path = IMAGES / f"{name}.png"
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(path, optimize=True)
    print(f"{path}: {path.stat().st_size // 1024} KiB")


def opened(browser: Any, link: str, width: int, height: int, scheme: str = "light") -> Page:
    """Open a link, and wait for the chosen unit."""
    page: Page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.goto(link)
    page.wait_for_selector("#unit-value[data-value]:not([data-value=''])")
    return page


def lenet(browser: Any, link: str) -> None:
    """The whole page, a sum, what if, and a phone."""
    keep(opened(browser, f"{link}#layer=c1", 1440, 960), "page-lenet")
    page = opened(browser, f"{link}#layer=c3", 1440, 960)
    page.evaluate("document.getElementById('unit').scrollIntoView()")
    keep(page, "page-sum")
    page = opened(browser, f"{link}#layer=c3", 1440, 960, "dark")
    page.click("#tab-whatif")
    page.focus("#knob-size")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#outcome .remark, #outcome table")
    keep(page, "page-whatif")
    keep(opened(browser, f"{link}#layer=c3", 390, 844), "page-phone")


def resnet(browser: Any, link: str) -> None:
    """A deep network, some of its blocks unfolded."""
    page = opened(browser, f"{link}#layer=layer2.0.conv2", 1300, 600, "dark")
    page.evaluate("document.getElementById('tree-scroll').scrollTop = 150")
    keep(page, "page-resnet")


def main() -> None:
    """Take all pictures."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        run = sys.argv[1] if len(sys.argv) > 1 else f"{folder}/lenet5"
        if len(sys.argv) < 2:
            train = [sys.executable, "-m", "striate", "train", "--out", folder, "--name", "lenet5"]
            subprocess.run(train, check=True)
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with served(run) as link:
            lenet(browser, link)
        with served("resnet18") as link:
            resnet(browser, link)
        browser.close()


if __name__ == "__main__":
    main()
