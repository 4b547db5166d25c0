# SPDX-License-Identifier: Apache-2.0
"""What goes wrong slowly: clocks, and disks that fill up."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from forge_events.dispatcher.clock import Clock
from forge_events.doctor.check import fail, fine, warn
from forge_events.nodes import is_clock_off

if TYPE_CHECKING:
    from forge_events.doctor.check import Finding, Subject

__all__ = ["clock", "disk", "retention"]

_MIB = 2**20
_SHORT, _SOON = 3.0, 30.0
_DAY, _LONG = 24 * 3600.0, 90.0


def clock(subject: Subject) -> Finding:
    """Look whether the clocks agree with the database's."""
    own = Clock(subject.store, lambda: datetime.datetime.now(datetime.UTC)).offset
    offsets = {
        node.hostname: node.clock_offset
        for node in subject.store.nodes.all()
        if node.clock_offset is not None and not node.is_lost(subject.now, subject.found.node_lost_after)
    }
    if own is not None:
        offsets["this machine"] = own
    off = [f"{name}: {_off(offset)}" for name, offset in offsets.items() if is_clock_off(offset)]
    if off:
        return fail("; ".join(off), "`timedatectl set-ntp true` on that machine")
    return fine("those of this machine and of all nodes agree with the database's")


def disk(subject: Subject) -> Finding:
    """Look how long the database's disk is going to last."""
    usage = subject.store.usage(subject.now, limit=1)
    if usage.free is None:
        return fine(f"the database takes {usage.size // _MIB} MiB; its disk cannot be seen from here")
    days = usage.days_left
    words = f"the database takes {usage.size // _MIB} MiB, and {usage.free // _MIB} MiB are left on its disk"
    if days is None:
        return fine(words)
    words += f", enough for {days:.0f} days"
    remedy = "`forge-events usage` shows what takes it; `forge-events cleanup-jobs --days N` drops what is old"
    if days < _SHORT:
        return fail(words, remedy)
    return warn(words, remedy) if days < _SOON else fine(words)


def retention(subject: Subject) -> Finding:
    """Look whether what is old is dropped."""
    first, days = subject.store.first_ended(), subject.found.retention_days
    if first is None or first.finished is None:
        return fine("no job has ended yet")
    age = subject.since(first.finished) / _DAY
    words = f"job {first.id}, the first that is kept, ended {age:.0f} days ago"
    if days is not None and age > days + 1:
        return fail(f"{words}, and FORGE_EVENTS_RETENTION_DAYS is {days}", f"`forge-events cleanup-jobs --days {days}`")
    if days is None and age > _LONG:
        return warn(f"{words}: nothing is dropped by itself", "set FORGE_EVENTS_RETENTION_DAYS for dispatchers")
    return fine(words)


def _off(offset: float) -> str:
    return f"its clock is {abs(offset):.0f} s {'ahead' if offset > 0 else 'behind'}"
