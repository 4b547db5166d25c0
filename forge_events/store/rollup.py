# SPDX-License-Identifier: Apache-2.0
"""Mark tasks, plays and playbooks as failed or changed when something below them is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from forge_events.hierarchy import RollUp, is_changed, rolls_up
from forge_events.store.schema import CONTAINER, jobevents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from forge_events.events import JobEvent

__all__ = ["mark"]


def mark(connection: Connection, job_id: int, events: Sequence[JobEvent]) -> RollUp:
    """Mark what stands above new events, which have been added; return what was found."""
    telling = [event for event in events if event.failed or event.changed]
    telling = [event for event in telling if _tells(event)]
    found = RollUp(_ancestors(connection, job_id, {event.parent_uuid for event in telling}))
    for event in telling:
        found.add(event.event, event.uuid, event.parent_uuid, event.event_data)
    _mark(connection, job_id, "failed", found.failed)
    _mark(connection, job_id, "changed", found.changed)
    return found


def _tells(event: JobEvent) -> bool:
    return rolls_up(event.event, event.event_data) or is_changed(event.event, event.event_data)


def _ancestors(connection: Connection, job_id: int, uuids: set[str | None]) -> dict[str, str | None]:
    """Return the parent of each of these containers and of everything above them, a level at a time."""
    parents: dict[str, str | None] = {}
    columns = (jobevents.c.uuid, jobevents.c.parent_uuid)
    while wanted := {uuid for uuid in uuids if uuid is not None} - parents.keys():
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
