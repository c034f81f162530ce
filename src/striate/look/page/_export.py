"""The page as one file, with the answers in it: it works from the disk, without a server."""

from __future__ import annotations

from html import escape
from pathlib import Path

from ..._files import writing
from ...errors import OptionError
from ...inspection.page._data import script_json
from ...inspection.page._join import digest, join, ordered
from ._record import record
from ._session import Session
from ._static import static_table

MOST_SAMPLES = 8
"""Whose answers one file holds; the first ones."""

POLICY = (
    "default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)

STYLE = '<link rel="stylesheet" href="style.css">'
SCRIPT = '<script type="module" src="main.js"></script>'
"""Where `index.html` names the page's files; each stands there once."""


def write_page(session: Session, path: Path) -> Path:
    """Write the page for the session's samples; the file appears whole or not at all.

    Raises:
        OptionError: The file cannot be written.
    """
    content = exported_page(session).encode()
    with writing(path, OptionError) as file:
        file.write(content)
    return path


def exported_page(session: Session) -> str:
    """Make the page: style, script and recorded answers inside, and a policy that loads nothing."""
    files = {name: content.decode() for name, (_, content) in static_table().items()}
    style = files["style.css"]
    modules = {name: code for name, code in files.items() if name.endswith(".js")}
    code = join(ordered(modules, "main.js"))
    policy = POLICY.format(script=digest(code), style=digest(style))
    page = files["index.html"]
    parts = {
        '<meta charset="utf-8">': '<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        "<title>Striate</title>": f"<title>{escape(session.subject.name)}: Striate</title>",
        STYLE: f"<style>{style}</style>",
        SCRIPT: '<script type="application/json" id="striate-recorded">'
        f'{script_json(record(session))}</script>\n<script type="module">{code}</script>',
    }
    for old, new in parts.items():
        before, found, after = page.partition(old)
        assert found, f"index.html must hold {old}"
        page = before + new + after
    return page
