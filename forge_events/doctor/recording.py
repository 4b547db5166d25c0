# SPDX-License-Identifier: Apache-2.0
"""Why a job shows no events, or a page does not follow: nobody takes spools in, or nobody tells browsers."""

from __future__ import annotations

import datetime
import os
import shutil
from typing import TYPE_CHECKING, NamedTuple

from forge_events import files, spool
from forge_events.doctor.check import fail, fine, warn
from forge_events.durations import lasted
from forge_events.errors import BrokenSpool
from forge_events.events import from_timestamp
from forge_events.ingestion.spools import read_header, source_of
from forge_events.store.location import sqlite_file
from forge_events.store.records import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from forge_events.doctor.check import Finding, Subject
    from forge_events.store import Store
    from forge_events.store.records import Process

__all__ = ["receiver", "room", "websocket"]

_START = "`forge-events receiver`; under supervisord `supervisorctl start callback_receiver`"
_LATE = 60.0
_MOST = 1000
_ASIDE = ".broken"
_FULL, _SCARCE = 0.01, 64 * 2**20


class Unread(NamedTuple):
    """What is not in the store: of how many spools, how many bytes, and for how many seconds the oldest of it."""

    spools: int
    size: int
    age: float


def receiver(subject: Subject) -> Finding:
    """Look whether what is spooled reaches the store."""
    receivers = subject.working(Role.RECEIVER)
    alive = [one for one in receivers if subject.is_fresh(one)]
    unread = unread_in(subject.found.spool_dir, subject.store, after=_LATE)
    if unread is None:
        return _absent(subject, receivers) if receivers and not alive else fine(_seen(alive))
    size = f"{unread.size / 1024:.0f} KiB" if unread.size >= 1024 else f"{unread.size} bytes"
    words = f"{_spools(unread.spools)}, {size}, not received for {lasted(unread.age)}"
    if alive:
        return _unheard(words, alive, str(subject.found.spool_dir))
    if receivers or sqlite_file(subject.found.database_url) is None:
        return fail(f"{words}, and no receiver runs", _START)
    return warn(f"{words}: the next command that reads brings them in", _START)


def room(subject: Subject) -> Finding:
    """Look whether what happens can be spooled, and what could not be read."""
    folder = subject.found.spool_dir
    if not folder.exists():
        return fine(f"{folder} is made by the first job")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return fail(f"{folder} cannot be read and written by this user", f"chown or chmod {folder}")
    disk = shutil.disk_usage(folder)
    if disk.free < max(_SCARCE, disk.total * _FULL):
        return fail(f"the disk of {folder} has {disk.free // 2**20} MiB left", "make room; `forge-events cleanup-jobs`")
    aside = sum(_ASIDE in path.name for path in folder.iterdir())
    if aside:
        return warn(f"{aside} files in {folder} were no spools and were set aside", f"look at {folder}/*{_ASIDE}*")
    return fine(f"{folder} can be written, {disk.free // 2**20} MiB are free")


def websocket(subject: Subject) -> Finding:
    """Look whether who serves and who relays are there, and have one secret."""
    found = subject.working(Role.WEB, Role.RELAY)
    lost = [one for one in found if not subject.is_fresh(one)]
    if lost:
        program = "wsrelay" if lost[0].role is Role.RELAY else "web"
        age = lasted(subject.since(lost[0].last_seen))
        words = f"{program}, process {lost[0].pid} on {lost[0].node}, was last seen {age} ago"
        return fail(words, f"`supervisorctl start {program}`, or as it was started")
    relays = {one.facts.get("secret", "none") for one in found if one.role is Role.RELAY}
    webs = {one.facts.get("secret", "none") for one in found if one.role is Role.WEB}
    differ = relays and webs and len(relays | webs) > 1
    if differ:
        others = f"{', '.join(sorted(relays))} ≠ {', '.join(sorted(webs))}"
        words = f"wsrelay has another FORGE_BROADCAST_WEBSOCKET_SECRET than web ({others})"
        return fail(words, "give both the same FORGE_BROADCAST_WEBSOCKET_SECRET and start them again")
    return fine(", ".join(f"{one.role} {one.pid} on {one.node}" for one in found) or "nobody serves a page")


def _unheard(words: str, alive: list[Process], folder: str) -> Finding:
    folders = {one.facts.get("spool_dir", folder) for one in alive}
    if folder not in folders:
        words += f": the receiver reads {', '.join(sorted(folders))}, and these are in {folder}"
        return fail(words, "give both the same FORGE_EVENTS_SPOOL_DIR")
    return fail(f"{words}, although a receiver is seen: {_seen(alive)}", "look at its log; restart it")


def _absent(subject: Subject, receivers: list[Process]) -> Finding:
    last = max(receivers, key=lambda one: one.last_seen)
    age = lasted(subject.since(last.last_seen))
    return fail(f"no receiver runs: process {last.pid} on {last.node} was last seen {age} ago", _START)


def unread_in(folder: Path, store: Store, *, after: float = 0.0) -> Unread | None:
    """Return what has been waiting in a folder of spools for so many seconds; None if nothing has."""
    found = list(_late(folder, store, after))
    if not found:
        return None
    # Files have the time of this machine.
    oldest = min(written for _, written in found)
    return Unread(len(found), sum(size for size, _ in found), (_now() - oldest).total_seconds())


def _late(folder: Path, store: Store, after: float) -> Iterator[tuple[int, datetime.datetime]]:
    """Yield for each spool of which something has not been received for too long how much, and when it was written."""
    for path in _paths(folder):
        try:
            with files.open_binary(path) as file:
                stat = os.fstat(file.fileno())
                written = from_timestamp(stat.st_mtime)
                if (_now() - written).total_seconds() < after:
                    continue
                header = read_header(str(path), file)
                unread = stat.st_size - store.position(source_of(header.job_uuid, file))
        except (OSError, BrokenSpool):
            continue  # the receiver says what is wrong with it
        if unread > 0:
            yield unread, written


def _paths(folder: Path) -> Iterable[Path]:
    try:
        return sorted(folder.glob(f"*{spool.SUFFIX}"))[:_MOST]
    except OSError:
        return []


def _seen(alive: list[Process]) -> str:
    return ", ".join(f"process {one.pid} on {one.node}" for one in alive) or "everything that was spooled is received"


def _spools(count: int) -> str:
    return f"{count} spool{'' if count == 1 else 's'}"


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
