# SPDX-License-Identifier: Apache-2.0
"""Whether the processes that write a spool are still there."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, NamedTuple

import psutil

from forge_events import spool

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
    return Gone(ansible=_is_gone(header.pid, header), starter=not has_starter or _is_gone(header.recorder_pid, header))


def _is_gone(pid: int | None, header: Header) -> bool:
    """Return whether a process ended that began a spool: none has its number, a zombie has, or a younger one."""
    if pid is None:
        return False
    try:
        process = psutil.Process(pid)
        return process.status() == psutil.STATUS_ZOMBIE or _is_younger(process, header)
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False


def _is_younger(process: psutil.Process, header: Header) -> bool:
    """Return whether a process began after a spool did."""
    if header.uptime is None:
        return process.create_time() > header.started.timestamp() + _SLACK
    # Clocks may have been set meanwhile, but not the time since the machine's start. psutil adds that start; versions
    # before 7 as they last read it, so they are made to read it first.
    began = -psutil.boot_time() + process.create_time()
    return header.boot_id != spool.boot_id() or began > header.uptime + _SLACK
