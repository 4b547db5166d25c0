# SPDX-License-Identifier: Apache-2.0
"""Mark tasks, plays and playbooks as failed or changed when something below them is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from forge_events.hierarchy import CONTAINERS
from forge_events.rollup import RollUp, is_changed, late_failures, rolls_up
from forge_events.store.schema import CONTAINER, jobevents

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from forge_events.events import EventRow

__all__ = ["mark"]


def mark(connection: Connection, job_id: int, events: Sequence[EventRow]) -> RollUp:
    """Mark what stands above new events, which have been added; return what was found."""
    telling = list(_telling(events))
    late = {uuid for event in telling for uuid in late_failures(event.event, event.event_data)}
    found = RollUp(_ancestors(connection, job_id, {event.parent_uuid for event in telling} | late))
    for event in telling:
        found.add(event.event, event.uuid, event.parent_uuid, event.event_data)
    _mark(connection, job_id, "failed", found.failed)
    _mark(connection, job_id, "changed", found.changed)
    return found


def _telling(events: Sequence[EventRow]) -> Iterator[EventRow]:
    """Yield the events that tell of a failure or a change; of siblings that tell the same the first is enough."""
    failed: set[str | None] = set()
    changed: set[str | None] = set()
    for event in events:
        parent = event.parent_uuid
        if late_failures(event.event, event.event_data):
            yield event
        elif event.failed and parent not in failed and rolls_up(event.event, event.event_data):
            failed.add(parent)
            yield event
        elif event.changed and parent not in changed and is_changed(event.event, event.event_data):
            changed.add(parent)
            yield event


def _ancestors(connection: Connection, job_id: int, uuids: set[str | None]) -> dict[str, str | None]:
    """Return the parent of each of these containers and of everything above them, a level at a time.

    What others wrote may have a chain of parents without end; it is followed as far as the hierarchy has levels.
    """
    parents: dict[str, str | None] = {}
    columns = (jobevents.c.uuid, jobevents.c.parent_uuid)
    for _ in CONTAINERS:
        wanted = {uuid for uuid in uuids if uuid is not None} - parents.keys()
        if not wanted:
            break
        same = (jobevents.c.job_id == job_id) & jobevents.c.uuid.in_(sorted(wanted))
        rows = connection.execute(select(*columns).where(same, CONTAINER)).all()
        parents.update((row.uuid, row.parent_uuid) for row in rows)
        uuids = {row.parent_uuid for row in rows}
    return parents


def _mark(connection: Connection, job_id: int, column: str, uuids: set[str]) -> None:
    if not uuids:
        return
    same = (jobevents.c.job_id == job_id) & jobevents.c.uuid.in_(sorted(uuids))
    unmarked = jobevents.c[column].is_(False)
    connection.execute(update(jobevents).where(same, unmarked, CONTAINER).values({column: True}))
