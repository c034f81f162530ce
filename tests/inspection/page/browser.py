"""Run a page in Chromium, without network, and ask it for what it shows."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")

_WATCH = """
window.trouble = [];
addEventListener("error", (event) => trouble.push(String(event.message)));
addEventListener("securitypolicyviolation", (event) => trouble.push(event.violatedDirective));
for (const name of ["log", "warn", "error"]) {
  console[name] = (...words) => trouble.push(words.join(" "));
}
"""

_ASK = """
const one = (selector) => document.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];
const texts = (selector) => all(selector).map((element) => element.textContent);
const press = (target, key) => {
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
};
const put = (selector, value, event = "input") => {
  one(selector).value = value;
  one(selector).dispatchEvent(new Event(event, { bubbles: true }));
};
const names = () => texts("#table tbody th");
const values = (title) => {
  const at = texts("#table thead th").findIndex((text) => text.startsWith(title));
  return all("#table tbody tr").map((row) => row.children[at].textContent);
};
const heads = () => all("#table thead button");
const sort = (title) => heads().find((button) => button.textContent.startsWith(title)).click();
const found = (() => { %s })();
const made = document.createElement("pre");
made.id = "found";
made.textContent = JSON.stringify({
  found: found ?? null, trouble, loaded: performance.getEntriesByType("resource").length,
});
document.body.append(made);
"""


def ask(page: str, folder: Path, script: str, *, fragment: str = "", width: int = 1400) -> Any:
    """Open a page from a file, run a script behind its own, and give what it returns.

    The page keeps its policy: only the hashes of the two scripts for the test are put into it.
    """
    asked = _ASK % script
    page = page.replace("script-src ", f"script-src {_digest(_WATCH)} {_digest(asked)} ", 1)
    page = page.replace("<head>", f"<head><script>{_WATCH}</script>", 1)
    page = page.replace("</body>", f'<script type="module">{asked}</script></body>')
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    dumped = _dump(path, folder, fragment, width)
    match = re.search(r'<pre id="found">(.*?)</pre>', dumped, re.DOTALL)
    assert match, f"the script did not run: {dumped[-2000:]}"
    answer = json.loads(html.unescape(match[1]))
    assert answer["trouble"] == []
    assert answer["loaded"] == 0
    return answer["found"]


def _dump(path: Path, folder: Path, fragment: str, width: int) -> str:
    assert BROWSER
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000",
        f"--user-data-dir={folder / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--window-size={width},1200", "--dump-dom", path.as_uri() + fragment,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def _digest(code: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'"
