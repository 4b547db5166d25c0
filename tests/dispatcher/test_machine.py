# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import platform
import subprocess
import sys

import psutil
import pytest

from forge_events.dispatcher.machine import measure, name
from forge_events.nodes import Machine
from tests.conftest import ROOT

GB = 2**30

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has it")


class Memory:
    total = 8 * GB


@pytest.fixture(autouse=True)
def _four_cores_and_8_gb(request, monkeypatch):
    if "real" not in request.node.name:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
        monkeypatch.setattr(psutil, "virtual_memory", Memory)


def tree(root, cgroup, files):
    """Make the files of a machine, those of control groups below the folder that they are in."""
    written = {"proc/self/cgroup": cgroup, **{f"sys/fs/cgroup/{path}": text for path, text in files.items()}}
    for path, text in written.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{text}\n")


def test_where_nothing_limits_it_a_process_has_what_is_there(tmp_path):
    assert measure(tmp_path) == Machine(cpu=4, memory=8 * GB)


@pytest.mark.parametrize(
    ("files", "cpu", "memory"),
    [
        ({"cpu.max": "max 100000", "memory.max": "max"}, 4, 8 * GB),
        ({"cpu.max": "150000 100000", "memory.max": str(GB)}, 1.5, GB),
        ({"a/cpu.max": "50000 100000", "a/b/cpu.max": "max 100000", "a/b/memory.max": str(2 * GB)}, 0.5, 2 * GB),
        ({"a/memory.max": str(GB), "a/b/c/memory.max": str(2 * GB), "a/b/c/cpu.max": "25000 50000"}, 0.5, GB),
        ({"elsewhere/memory.max": "1", "elsewhere/cpu.max": "1 2"}, 4, 8 * GB),
        ({"cpu.max": "900000 100000", "memory.max": str(100 * GB)}, 4, 8 * GB),
        ({"cpu.max": "", "memory.max": "nonsense"}, 4, 8 * GB),
        ({"cpu.max": "100000 0", "memory.max": "-1"}, 4, 8 * GB),
        ({"cpu.max": "100000"}, 4, 8 * GB),
        # Beside version 1, version 2 is in a folder of its own.
        ({"unified/a/cpu.max": "100000 100000"}, 1, 8 * GB),
    ],
)
def test_control_groups_limit_it_from_the_innermost_to_the_outermost(tmp_path, files, cpu, memory):
    tree(tmp_path, "0::/a/b/c", files)
    assert measure(tmp_path) == Machine(cpu=cpu, memory=memory)


@pytest.mark.parametrize(
    ("files", "cpu", "memory"),
    [
        ({"cpu,cpuacct/a/cpu.cfs_quota_us": "200000", "cpu,cpuacct/a/cpu.cfs_period_us": "100000"}, 2, 8 * GB),
        ({"cpu/a/cpu.cfs_quota_us": "200000", "cpu/a/cpu.cfs_period_us": "100000"}, 2, 8 * GB),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 4, 8 * GB),
        ({"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 0.5, 8 * GB),
        ({"memory/m/memory.limit_in_bytes": "9223372036854771712"}, 4, 8 * GB),
        ({"memory/m/n/memory.limit_in_bytes": str(2 * GB), "memory/m/memory.limit_in_bytes": str(GB)}, 4, GB),
        ({"memory/a/memory.limit_in_bytes": "1"}, 4, 8 * GB),
    ],
)
def test_control_groups_of_version_1_limit_it_too(tmp_path, files, cpu, memory):
    tree(tmp_path, "4:memory:/m/n\n2:cpu,cpuacct:/a\n1:name=systemd:/\n0::/", files)
    assert measure(tmp_path) == Machine(cpu=cpu, memory=memory)


@pytest.mark.parametrize("path", ["/docker/0123", "/../../0123", "/"])
def test_a_container_that_is_told_a_path_of_outside_finds_its_limit(tmp_path, path):
    tree(tmp_path, f"0::{path}", {"memory.max": str(GB)})
    assert measure(tmp_path).memory == GB


def test_a_process_may_be_kept_on_some_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {2})
    tree(tmp_path, "0::/", {"cpu.max": "300000 100000"})
    assert measure(tmp_path).cpu == 1


def test_elsewhere_than_on_linux_all_cores_are_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(os, "cpu_count", lambda: 10)
    assert measure(tmp_path) == Machine(cpu=10, memory=8 * GB)


def test_the_real_machine_has_something():
    found = measure()
    assert 0 < found.cpu <= (os.cpu_count() or 1)
    assert 0 < found.memory <= psutil.virtual_memory().total


def machine(root, boot="c1f9cf3e-5ded", namespace=4026531836, start=12):
    stat = f"1 (a) b) S 0 1 1 {'0 ' * 15}{start} 99 99"
    for path, text in {"proc/sys/kernel/random/boot_id": boot, "proc/1/stat": stat}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{text}\n")
    link = root / "proc/self/ns/pid"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(f"pid:[{namespace}]")
    return name(root)


@linux
def test_a_machine_is_named_by_all_that_tells_it_from_others(tmp_path):
    assert machine(tmp_path) == f"{platform.node()}/c1f9cf3e/4026531836/12"


@linux
@pytest.mark.parametrize("change", [{"boot": "d1f9cf3e-5ded"}, {"namespace": 4026531837}, {"start": 13}])
def test_its_name_changes_when_its_processes_are_others(tmp_path, change):
    assert machine(tmp_path) != machine(tmp_path, **change)


def test_where_nothing_is_known_of_it_its_name_is_its_hosts(tmp_path):
    if sys.platform != "darwin":
        assert name(tmp_path) == platform.node()


def test_elsewhere_than_on_linux_the_system_is_asked(tmp_path, monkeypatch):
    done = subprocess.CompletedProcess([], 0, stdout="0C1F9CF3-E5DE\n")
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    assert name(tmp_path) == f"{platform.node()}/0C1F9CF3"


def test_the_real_name_is_that_of_all_processes():
    program = "from forge_events.dispatcher.machine import name; print(name())"
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {program}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{name()}\n"
