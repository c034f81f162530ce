"""`striate info`: facts as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import striate
from striate import _core
from striate.cli import info
from striate.cli._app import app


def test_json_holds_versions_threads_and_the_processor() -> None:
    result = CliRunner().invoke(app, ["info", "--json"])
    facts = json.loads(result.stdout)
    assert facts["striate"] == striate.__version__
    assert facts["python"] == platform.python_version()
    assert facts["packages"]["numpy"] == np.__version__
    assert facts["threads"]["striate"] == striate.get_num_threads()
    assert facts["cpu"]["isa"] == _core.cpu_isa()
    assert facts["cpu"]["features"] == _core.cpu_features()


def test_extras_are_those_of_the_package_metadata() -> None:
    extras = info._extras()
    assert {"torch", "data", "train"} <= set(extras)
    assert extras["torch"] == ["torch", "safetensors"]
    assert "striate" not in {name for group in extras.values() for name in group}


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = info._version
    monkeypatch.setattr(info, "_version", lambda name: None if name == "pooch" else installed(name))
    facts = info.describe()
    assert facts["packages"]["pooch"] is None
    assert facts["missing"]["data"] == ["pooch"]
    rows = dict(info._rows(facts))
    assert "data: pooch missing; pip install 'striate[data]'" in rows["Extras"]
    assert "pooch" not in rows["Packages"]


def test_without_torch_devices_are_unknown_and_torch_is_not_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed = info._version
    monkeypatch.setattr(info, "_version", lambda name: None if name == "torch" else installed(name))
    monkeypatch.setitem(sys.modules, "torch", None)  # an import of it would raise
    rows = dict(info._rows(info.describe()))
    assert rows["CUDA devices"] == "unknown without torch"
    assert "torch" not in rows["Threads"]


def facts_of(cpu: dict[str, Any]) -> dict[str, Any]:
    return {
        "striate": "1",
        "python": "3.11",
        "system": "Linux 6",
        "cpu": cpu,
        "threads": {"striate": 8, "torch": 4},
        "devices": [{"name": "H100", "memory_bytes": 80 * 2**30}],
        "packages": {"numpy": "2"},
        "missing": {},
    }


def test_rows_put_the_machine_into_words() -> None:
    cpu = {
        "brand": "Some CPU",
        "isa": "portable",
        "features": [],
        "cores": {"online": 64, "allowed": 16, "physical": 8},
        "quota": 2.5,
        "caches": {"l1": 48 * 1024, "l2": 1536 * 1024, "l3": 0},
    }
    rows = dict(info._rows(facts_of(cpu)))
    assert rows["Cores"] == (
        "8 physical, 16 logical of the machine's 64 (affinity mask), 2.5 cores' time (cgroup quota)"
    )
    assert rows["Caches"] == "L1 48 KiB, L2 1.5 MiB"
    assert rows["Threads"] == "striate 8, torch 4"
    assert rows["CUDA devices"] == "H100, 80 GiB"
    assert rows["Instructions"].startswith("portable (the processor has no extension")


def test_the_table_shows_every_row() -> None:
    output = CliRunner().invoke(app, ["info"]).stdout
    for name, _ in info._rows(info.describe()):
        assert f"\n{name}" in f"\n{output}"


def test_a_bad_number_of_threads_is_an_error_and_not_a_table() -> None:
    # In the environment of a new process: the pool of this one has its number already.
    result = subprocess.run(
        [sys.executable, "-m", "striate", "info"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"STRIATE_NUM_THREADS": "many"},
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: STRIATE_NUM_THREADS='many' must be a whole number")
