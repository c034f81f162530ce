"""The command line: one command a module, loaded when it is called."""

from __future__ import annotations

from ._app import main as main
