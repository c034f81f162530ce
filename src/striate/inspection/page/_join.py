"""ES modules joined into one script, for pages that are one file."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping

_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|class|(?:async )?function) (\w+))", re.MULTILINE)


def join(modules: Mapping[str, str]) -> str:
    """Join modules into one script: each becomes a function that gives what it exports.

    Args:
        modules: Their code by file name, each after those it imports from. Imports name what they
            take (`import { a } from "./b.js";`), exports stand before a const, class or function.
    Example:
        >>> print(join({"a.js": "export const x = 1;", "b.js": 'import { x } from "./a.js";'}))
        const from_a = (() => {
        const x = 1;
        return { x };
        })();
        const from_b = (() => {
        const { x } = from_a;
        return {  };
        })();
    """
    return "\n".join(_joined(name, code) for name, code in modules.items())


def ordered(modules: Mapping[str, str], last: str) -> dict[str, str]:
    """Put modules in order, each after those it imports from; those that `last` needs.

    Example:
        >>> list(ordered({"b.js": 'import { x } from "./a.js";', "a.js": "", "c.js": ""}, "b.js"))
        ['a.js', 'b.js']
    """
    found: dict[str, str] = {}

    def visit(name: str, on_the_way: tuple[str, ...]) -> None:
        if name in on_the_way:
            raise ValueError(f"modules import each other: {' > '.join((*on_the_way, name))}")
        if name not in found:
            for _, needed in _IMPORT.findall(modules[name]):
                visit(f"{needed}.js", (*on_the_way, name))
            found[name] = modules[name]

    visit(last, ())
    return found


def digest(code: str) -> str:
    """What a content security policy names a script or a style by, behind `sha256-`."""
    return base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()


def _joined(name: str, code: str) -> str:
    gives = ", ".join(_EXPORT.findall(code))
    code = _EXPORT.sub("", _IMPORT.sub(r"const \1 = from_\2;", code))
    return (
        f"const from_{name.removesuffix('.js')} = (() => {{\n{code}\nreturn {{ {gives} }};\n}})();"
    )
