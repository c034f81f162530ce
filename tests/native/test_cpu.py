"""What the core says of the processor, against what the system says."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from striate import _core

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's files")


@linux
@pytest.mark.skipif(platform.machine() != "x86_64", reason="compares the names of x86 extensions")
def test_features_are_those_the_kernel_lists() -> None:
    flags = next(
        line.partition(":")[2].split()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("flags")
    )
    known = {"avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512dq", "avx512vl"}
    known |= {"avx512_vnni", "avx512_bf16", "amx_int8"}
    assert set(_core.cpu_features()) == known & set(flags)


def test_isa_is_the_best_that_all_its_features_allow() -> None:
    features = set(_core.cpu_features())
    if features >= {"avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl"}:
        expected = "avx512"
    else:
        expected = "avx2" if features >= {"avx2", "fma"} else "portable"
    assert _core.cpu_isa() == expected


def test_caches_grow_with_their_level() -> None:
    caches = _core.cpu_caches()
    known = [size for size in (caches.l1_bytes, caches.l2_bytes, caches.l3_bytes) if size]
    assert known == sorted(known)
    assert all(size % 1024 == 0 for size in known)


def test_cores_count_what_the_affinity_mask_allows() -> None:
    cores = _core.cpu_cores()
    assert cores.online == os.cpu_count()
    assert 1 <= cores.usable <= cores.physical <= cores.allowed == len(cores.order)
    if hasattr(os, "sched_getaffinity"):
        assert set(cores.order) == os.sched_getaffinity(0)


@linux
def test_a_process_bound_to_one_core_runs_one_thread() -> None:
    code = """
import os, striate
from striate import _core
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
print(_core.cpu_cores().usable, striate.get_num_threads())
"""
    environment = {name: text for name, text in os.environ.items() if name != "STRIATE_NUM_THREADS"}
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    ).stdout
    assert output == "1 1\n"


def write(root: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return str(root)


@linux
@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "150000 100000"}, 1.5),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "max 100000"}, 0),
        ({"proc/self/cgroup": "0::/elsewhere", "sys/fs/cgroup/cpu.max": "50000 100000"}, 0.5),
        (
            {
                "proc/self/cgroup": "0::/job/step",
                "sys/fs/cgroup/job/cpu.max": "300000 100000",
                "sys/fs/cgroup/job/step/cpu.max": "max 100000",
            },
            3,
        ),
        (
            {
                "proc/self/cgroup": "5:memory:/\n4:cpu,cpuacct:/docker/x\n0::/",
                "sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us": "200000",
                "sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us": "100000",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            2,
        ),
        ({"proc/self/cgroup": "nonsense"}, 0),
        ({}, 0),
    ],
    ids=["v2", "no limit", "container", "parent", "v1", "nonsense", "no files"],
)
def test_quota_is_the_least_of_the_groups_around(
    tmp_path: Path, files: dict[str, str], quota: float
) -> None:
    cores = _core.cpu_cores(write(tmp_path, files))
    assert cores.quota == quota
    if quota:
        assert cores.usable == min(-(-quota // 1), cores.physical)


@linux
def test_two_threads_of_one_core_count_once(tmp_path: Path) -> None:
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        pytest.skip("needs two cores to pair")
    first, second, *rest = allowed
    files = {
        f"sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list": f"{first},{second}"
        for core in (first, second)
    }
    cores = _core.cpu_cores(write(tmp_path, files))
    assert cores.physical == len(allowed) - 1
    assert cores.order == [first, *rest, second]
