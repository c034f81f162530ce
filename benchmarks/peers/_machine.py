"""What numbers depend on: processor, cores, versions."""

from __future__ import annotations

import os
import platform
import resource
from pathlib import Path
from typing import Any

INSTRUCTION_SETS = ("avx2", "fma", "avx512f", "avx512_vnni", "amx_tile", "asimd", "sve")


def describe_machine() -> dict[str, Any]:
    """Tell processor, instruction sets, cores, memory and load."""
    facts: dict[str, Any] = {"processor": "unknown", "instruction_sets": []}
    if (info := Path("/proc/cpuinfo")).exists():
        lines = info.read_text().splitlines()
        pairs = dict(reversed([line.split(":", 1) for line in lines if ":" in line]))
        named = {key.strip(): value.strip() for key, value in pairs.items()}
        facts["processor"] = named.get("model name", "unknown")
        flags = named.get("flags", named.get("Features", "")).split()
        facts["instruction_sets"] = [name for name in INSTRUCTION_SETS if name in flags]
    return facts | {
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_average": os.getloadavg()[0],
    }


def pick_cores(threads: int) -> list[int]:
    """Choose as many cores, of different physical cores while there are some, the highest first.

    The lowest core is left to the system where it can be: most interrupts go there.
    """
    allowed = sorted(os.sched_getaffinity(0), reverse=True)
    if threads > len(allowed):
        raise SystemExit(f"{threads} threads were asked for; this machine has {len(allowed)} cores")
    first = {_siblings(core): core for core in allowed}.values()
    return [*first, *(core for core in allowed if core not in first)][:threads]


def peak_resident_bytes() -> int:
    """Most memory that was resident since this program began.

    Linux's own mark, where there is one: ru_maxrss remembers the starting process as well.
    """
    if (status := Path("/proc/self/status")).exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def forget_peak() -> None:
    """Let `peak_resident_bytes` begin anew, where the system can."""
    if (marks := Path("/proc/self/clear_refs")).exists():
        marks.write_text("5")  # proc_pid_clear_refs(5): resets the peak resident set size


def _siblings(core: int) -> str:
    """Name the hardware threads of one physical core."""
    path = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    return path.read_text().strip() if path.exists() else str(core)
