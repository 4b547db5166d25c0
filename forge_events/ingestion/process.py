# SPDX-License-Identifier: Apache-2.0
"""Whether the processes that write a spool are still there."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, NamedTuple

import psutil

if TYPE_CHECKING:
    from forge_events.ingestion.header import Header

__all__ = ["Gone", "gone"]

_SLACK = 2.0
"""Seconds by which the clock that a header was written with and that of the process table may differ."""


class Gone(NamedTuple):
    """Whether the process that Ansible ran in has ended, and whether nobody is left who would write its exit code."""

    ansible: bool
    starter: bool


def gone(header: Header, *, assume_gone: bool) -> Gone:
    """Say which of the processes that a header names have ended, as far as this machine can tell.

    :param assume_gone: take the processes of another machine for ended.
    """
    has_starter = header.expects_exit and header.recorder_pid is not None
    if header.host != platform.node():
        return Gone(ansible=assume_gone, starter=assume_gone or not has_starter)
    started = header.started.timestamp()
    return Gone(
        ansible=_is_gone(header.pid, started), starter=not has_starter or _is_gone(header.recorder_pid, started)
    )


def _is_gone(pid: int | None, started: float) -> bool:
    """Return whether a process ended that was there at a time: none has its number, a zombie has, or a younger one."""
    if pid is None:
        return False
    try:
        process = psutil.Process(pid)
        return process.status() == psutil.STATUS_ZOMBIE or process.create_time() > started + _SLACK
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
