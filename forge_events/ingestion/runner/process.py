# SPDX-License-Identifier: Apache-2.0
"""Whether the Ansible that an artifact is written for still runs on this machine."""

from __future__ import annotations

import psutil

__all__ = ["is_running"]


def is_running(pid: int | None) -> bool:
    """Return whether a process is there that has this number and is Ansible: a number alone may be anybody's."""
    if pid is None or not 0 < pid < 2**31:
        return False
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and any("ansible" in word for word in process.cmdline())
    except psutil.Error:
        return False
