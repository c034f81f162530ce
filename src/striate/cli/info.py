"""`striate info`: what this installation and this machine have."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

# "torch>=2.4; extra == 'torch'", as the metadata of the installed package has it.
REQUIREMENT = re.compile(r"""(?P<name>[\w.-]+)(?P<rest>.*);\s*extra\s*==\s*['"](?P<extra>\w+)""")


def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show versions, the processor, threads, devices, and which extras are missing."""
    facts = describe()
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    from rich.console import Console

    Console().print(_table(facts))


def describe() -> dict[str, Any]:
    """Collect what `striate info` shows, as JSON would have it.

    Returns:
        `packages` has the version of each package Striate can use, or None where it is missing;
        `missing` the missing ones of each extra. Sizes are in bytes; `quota` is the processor time
        that the cgroup grants, in cores, or None without a limit; `devices` is None without torch.
    """
    from .. import __version__, get_num_threads

    extras = _extras()
    names = dict.fromkeys(["numpy", *(name for group in extras.values() for name in group)])
    packages = {name: _version(name) for name in names}
    torch = _torch() if packages.get("torch") else {}
    return {
        "striate": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "cpu": _cpu(),
        "threads": {"striate": get_num_threads(), "torch": torch.get("threads")},
        "devices": torch.get("devices"),
        "packages": packages,
        "missing": {
            extra: [name for name in group if packages[name] is None]
            for extra, group in extras.items()
        },
    }


def _cpu() -> dict[str, Any]:
    from .. import _core

    cores, caches = _core.cpu_cores(), _core.cpu_caches()
    return {
        "brand": _core.cpu_brand() or platform.machine(),
        "isa": _core.cpu_isa(),
        "features": _core.cpu_features(),
        "cores": {name: getattr(cores, name) for name in ("online", "allowed", "physical")},
        "quota": cores.quota or None,
        "caches": {name: getattr(caches, f"{name}_bytes") for name in ("l1", "l2", "l3")},
    }


def _torch() -> dict[str, Any]:
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    properties = [torch.cuda.get_device_properties(index) for index in range(count)]
    return {
        "threads": torch.get_num_threads(),
        "devices": [{"name": p.name, "memory_bytes": p.total_memory} for p in properties],
    }


def _extras() -> dict[str, list[str]]:
    """The packages each extra asks for, without those it takes over from another extra."""
    extras: dict[str, list[str]] = {}
    for text in importlib.metadata.requires("striate") or []:
        found = REQUIREMENT.match(text)
        if found and found["name"] != "striate":
            extras.setdefault(found["extra"], []).append(found["name"])
    return extras


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _table(facts: dict[str, Any]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column()
    for name, text in _rows(facts):
        table.add_row(name, Text(text))  # no markup: striate[torch] is meant as it stands
    return table


def _rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    cpu, threads, devices = facts["cpu"], facts["threads"], facts["devices"]
    caches = [f"{name.upper()} {_size(size)}" for name, size in cpu["caches"].items() if size]
    packages = [f"{name} {version}" for name, version in facts["packages"].items() if version]
    return [
        ("Striate", facts["striate"]),
        ("Python", f"{facts['python']} on {facts['system']}"),
        ("Processor", cpu["brand"]),
        ("Instructions", _instructions(cpu)),
        ("Cores", _cores(cpu)),
        ("Caches", ", ".join(caches) or "unknown"),
        ("Threads", ", ".join(f"{name} {count}" for name, count in threads.items() if count)),
        ("CUDA devices", _devices(devices)),
        ("Packages", ", ".join(packages)),
        ("Extras", "\n".join(_extra(*item) for item in facts["missing"].items()) or "unknown"),
    ]


def _instructions(cpu: dict[str, Any]) -> str:
    known = ", ".join(cpu["features"]) or "no extension that kernels are written for"
    return f"{cpu['isa']} (the processor has {known})"


def _devices(devices: list[dict[str, Any]] | None) -> str:
    if devices is None:
        return "unknown without torch"
    return "\n".join(f"{d['name']}, {_size(d['memory_bytes'])}" for d in devices) or "none"


def _cores(cpu: dict[str, Any]) -> str:
    cores = cpu["cores"]
    text = f"{cores['physical']} physical, {cores['allowed']} logical"
    if cores["allowed"] < cores["online"]:
        text += f" of the machine's {cores['online']} (affinity mask)"
    return text + (f", {cpu['quota']:g} cores' time (cgroup quota)" if cpu["quota"] else "")


def _extra(extra: str, missing: list[str]) -> str:
    if not missing:
        return f"{extra}: complete"
    return f"{extra}: {', '.join(missing)} missing; pip install 'striate[{extra}]'"


def _size(size_bytes: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if size_bytes < 1024:
            return f"{size_bytes:g} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.3g} GiB"
