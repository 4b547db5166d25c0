# SPDX-License-Identifier: Apache-2.0
"""The machine that this process is on: what it has, within all limits, and a name that no other one has.

What is read are files of Linux below a root; where there are none, as on macOS, nothing limits a process.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import psutil

from forge_events.nodes import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["measure", "name"]

_ROOT = Path("/")
_CGROUPS = "sys/fs/cgroup"
_BOOT_ID = "proc/sys/kernel/random/boot_id"


def measure(root: Path = _ROOT) -> Machine:
    """Return the cores and the memory that this process may use.

    Those are the cores that it may run on and the memory that is there, or what its control groups leave of them; a
    group has no more than the groups that it is in.
    """
    memory = min([psutil.virtual_memory().total, *_memory_limits(root)])
    return Machine(cpu=min([float(_cores()), *_cpu_limits(root)]), memory=memory)


def name(root: Path = _ROOT) -> str:
    """Return what names this machine for as long as the numbers of its processes mean the same processes.

    The same for all processes that see one another; another one after a restart of the machine, or of the container.
    """
    # A container sees its own processes only, in a namespace whose number another one gets when it is gone; but the
    # first process there is another.
    facts = (platform.node(), _boot_id(root)[:8], _pid_namespace(root), _start_of_first_process(root))
    return "/".join(fact for fact in facts if fact)


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_limits(root: Path) -> Iterator[float]:
    for group in _groups(root, ""):
        quota, _, period = _text(group / "cpu.max").partition(" ")
        yield from _quotient(quota, period)
    for group in _groups(root, "cpu"):
        yield from _quotient(_text(group / "cpu.cfs_quota_us"), _text(group / "cpu.cfs_period_us"))


def _memory_limits(root: Path) -> Iterator[int]:
    for group in _groups(root, ""):
        yield from _number(_text(group / "memory.max"))
    for group in _groups(root, "memory"):
        yield from _number(_text(group / "memory.limit_in_bytes"))


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of this process's control group for a controller, and of those around it.

    :param controller: empty for version 2 of control groups, which has all of them in one tree.
    """
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(","):
            # A tree is named by all its controllers, with links for each; that of version 2 has no name of its own, but
            # where it is beside those of version 1.
            for tree in {controller, controllers or "unified"}:
                yield from _upwards(root / _CGROUPS / tree, PurePosixPath(path))


def _upwards(tree: Path, group: PurePosixPath) -> Iterator[Path]:
    """Yield the folder of a group and those above it.

    A container may be told the path that its group has outside, while its tree begins with the group itself; folders
    that are not there limit nothing.
    """
    inside = PurePosixPath(*(part for part in group.parts if part not in ("/", "..")))
    for part in (inside, *inside.parents):
        yield tree / part


def _quotient(quota: str, period: str) -> Iterator[float]:
    """Yield the cores of a quota, if it is one; ``max`` and -1 are none."""
    if quota.isdecimal() and period.isdecimal() and int(period):
        yield int(quota) / int(period)


def _number(value: str) -> Iterator[int]:
    if value.isdecimal():
        yield int(value)


def _boot_id(root: Path) -> str:
    """Return what names the time since the machine started."""
    if sys.platform != "darwin":
        return _text(root / _BOOT_ID)
    command = ["sysctl", "-n", "kern.bootsessionuuid"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _pid_namespace(root: Path) -> str:
    try:
        return (root / "proc/self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        return ""


def _start_of_first_process(root: Path) -> str:
    # The name in parentheses may hold anything; behind it come fields without spaces, of which this is the 22nd.
    fields = _text(root / "proc/1/stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else ""


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace").strip()
    except OSError:
        return ""
