# SPDX-License-Identifier: Apache-2.0
"""What is to be told of jobs: written down in the transaction of the step that it tells of, and taken once."""

from __future__ import annotations

import datetime
import logging
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from sqlalchemy import and_, select, update

from forge_events.jobs import JobStatus
from forge_events.store.records import Due, Notified
from forge_events.store.schema import UNSENT, notifications, templates
from forge_events.templates import JobEventKind, Notifications, shown_address

if TYPE_CHECKING:
    from sqlalchemy import Connection, Insert, Row

    from forge_events.jobs import Job
    from forge_events.store.database import Database
    from forge_events.templates import Notification

__all__ = ["Outbox", "kind_of", "plan"]

_LEASE = datetime.timedelta(minutes=10)
"""How long a sender may have a notification in hand; it takes far less, or it was killed."""

_KILLED = "its sender was killed; whether it was received is not known"
_LOG = logging.getLogger(__name__)
_DUE = [notifications.c[name] for name in Due._fields]


def kind_of(status: JobStatus) -> JobEventKind | None:
    """Return what somebody may be told when a job reaches a status, None for nothing."""
    if status is JobStatus.RUNNING:
        return "started"
    if status is JobStatus.SUCCESSFUL:
        return "success"
    return "failure" if status.is_final else None


def plan(connection: Connection, job: Job, new_status: JobStatus, at: datetime.datetime) -> None:
    """Write down whom to tell that a job has reached a status, as its template has it now.

    Called in the transaction of the step: either both are stored, or neither. What was planned before stays as it is.
    """
    kind = kind_of(new_status)
    if kind is None or job.job_template_id is None:
        return
    rows = [
        {"job_id": job.id, "event": kind, "status": "pending", "due": at, "url": wanted.url, "message": wanted.message}
        for wanted in _wanted(connection, job.job_template_id, kind)
    ]
    if rows:
        connection.execute(_insert_new(connection).values(rows))


def _insert_new(connection: Connection) -> Insert:
    """Return an insert that passes over what is there, in the database's own words: each is loaded where it is used."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(notifications).on_conflict_do_nothing()
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(notifications).on_conflict_do_nothing()


def _wanted(connection: Connection, template_id: int, kind: JobEventKind) -> list[Notification]:
    found = connection.scalar(select(templates.c.notifications).where(templates.c.id == template_id))
    try:
        wanted: list[Notification] = getattr(Notifications.model_validate(found or {}), kind)
    except ValidationError:
        # A later version wrote what this one cannot read, and the job has to go on all the same.
        _LOG.warning("job template %s says in a way that is not known here whom to tell; nobody is told", template_id)
        return []
    return wanted


class Outbox:
    """What is to be told of jobs; it is written down with the step that it tells of, once for each address.

    While a notification is being sent, ``due`` is the time at which its sender counts as killed.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, now: datetime.datetime, *, limit: int = 10) -> list[Due]:
        """Take notifications that are due: nobody else takes them, and one attempt more is counted.

        One whose sender was killed before it said how that went is marked as failed, never sent again.
        """
        due = and_(UNSENT, notifications.c.due <= now)
        with self._database.reading() as connection:
            if connection.scalar(select(notifications.c.id).where(due).limit(1)) is None:
                return []  # almost always, and nobody waited for a lock
        # What is taken must stay taken when the machine loses its power, or it would be sent again.
        with self._database.writing(is_durable=True) as connection:
            _give_up_killed(connection, now)
            return _take(connection, now, limit)

    def sent(self, due: Due, at: datetime.datetime) -> None:
        """Write down that it was sent."""
        values = {"status": "sent", "sent": at, "error": ""}
        self._mark(due, ("sending", "failed"), values)

    def failed(self, due: Due, error: str, again: datetime.datetime | None) -> None:
        """Write down that it could not be sent, and when to try again, if at all."""
        when = {} if again is None else {"due": again}
        self._mark(due, ("sending",), {"status": "failed" if again is None else "pending", "error": error, **when})

    def find(self, job_id: int | None = None, *, is_failed: bool = False, limit: int | None = None) -> list[Notified]:
        """Return what has become of notifications, those planned last first.

        :param job_id: only those of this job.
        :param is_failed: only those that were given up.
        :param limit: at most so many.
        """
        wanted = select(notifications).order_by(notifications.c.id.desc()).limit(limit)
        if job_id is not None:
            wanted = wanted.where(notifications.c.job_id == job_id)
        if is_failed:
            wanted = wanted.where(notifications.c.status == "failed")
        with self._database.reading() as connection:
            return [_notified(row) for row in connection.execute(wanted)]

    def _mark(self, due: Due, statuses: tuple[str, ...], values: dict[str, Any]) -> None:
        """Change a notification that this sender took, unless somebody else has it by now."""
        mine = (notifications.c.id == due.id) & (notifications.c.attempts == due.attempts + 1)
        with self._database.writing() as connection:
            connection.execute(update(notifications).where(mine, notifications.c.status.in_(statuses)).values(values))


def _notified(row: Row[Any]) -> Notified:
    due = row.due if row.status == "pending" else None
    address = shown_address(row.url)
    return Notified(row.job_id, row.event, address, row.status, row.attempts, row.error, due, row.sent)


def _give_up_killed(connection: Connection, now: datetime.datetime) -> None:
    is_killed = (notifications.c.status == "sending") & (notifications.c.due <= now)
    # Skipping what others have locked: two that wait for each other's rows would stop each other.
    killed = select(notifications.c.id).where(UNSENT, is_killed).with_for_update(skip_locked=True)
    connection.execute(
        update(notifications).where(notifications.c.id.in_(killed)).values(status="failed", error=_KILLED)
    )


def _take(connection: Connection, now: datetime.datetime, limit: int) -> list[Due]:
    is_due = (notifications.c.status == "pending") & (notifications.c.due <= now)
    oldest = select(*_DUE).where(UNSENT, is_due).order_by(notifications.c.due, notifications.c.id).limit(limit)
    # Of several senders each takes what no other has locked; on SQLite, where writers are alone, nothing is.
    found = [Due(**row) for row in connection.execute(oldest.with_for_update(skip_locked=True)).mappings()]
    mine = notifications.c.id.in_([due.id for due in found])
    values = {"status": "sending", "attempts": notifications.c.attempts + 1, "due": now + _LEASE}
    connection.execute(update(notifications).where(mine).values(values))
    return found
