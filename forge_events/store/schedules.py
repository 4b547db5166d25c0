# SPDX-License-Identifier: Apache-2.0
"""The schedules, and what became of each of their occurrences: decided, and its job queued, in one transaction."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, insert, select, update

from forge_events.errors import AmbiguousSchedule, UnknownSchedule
from forge_events.jobs import FINAL
from forge_events.schedules import Schedule, identity
from forge_events.store import jobs, names, queue
from forge_events.store.jobs import Step
from forge_events.store.records import Decided
from forge_events.store.schedule_tables import ENABLED, HAS_JOB, occurrences, schedules
from forge_events.store.schema import jobs as job_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Select

    from forge_events.jobs import Job
    from forge_events.schedules import Decision
    from forge_events.store.database import Database
    from forge_events.store.records import Queued

__all__ = ["Schedules", "disable_all"]

_COLUMNS = [schedules.c[name] for name in Schedule.model_fields]
_MOST_UNFINISHED = 200
_KEPT = datetime.timedelta(days=400)
"""How long it is kept what became of an occurrence."""


class Schedules:
    """The schedules."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, schedule: Schedule) -> Schedule:
        """Add a schedule and return it with its id.

        :raises NameTaken: its template has one of its name.
        """
        new = insert(schedules).values(_values(schedule)).returning(schedules.c.id)
        # Its jobs are known by the id, so it must not become another one's, not even when the machine loses its power.
        with self._database.writing(is_durable=True) as connection, names.taken("schedule", schedule.name):
            self._database.notify(connection)
            return _by_id(connection, connection.execute(new).scalar_one())

    def get(self, reference: str) -> Schedule:
        """Return the schedule of a name, or of an id where none has such a name.

        :raises UnknownSchedule: there is none. AmbiguousSchedule: several templates have one of the name.
        """
        with self._database.reading() as connection:
            return _find(connection, reference)

    def with_id(self, schedule_id: int) -> Schedule:
        """Return the schedule with an id.

        :raises UnknownSchedule: there is none.
        """
        with self._database.reading() as connection:
            found = _schedules(connection, select(*_COLUMNS).where(schedules.c.id == schedule_id))
        if not found:
            raise UnknownSchedule(str(schedule_id))
        return found[0]

    def all(self, *, template_id: int | None = None) -> list[Schedule]:
        """Return the schedules by name, all or those of a template."""
        wanted = select(*_COLUMNS).order_by(schedules.c.name, schedules.c.id)
        if template_id is not None:
            wanted = wanted.where(schedules.c.template_id == template_id)
        with self._database.reading() as connection:
            return _schedules(connection, wanted)

    def behind(self, schedule_id: int, *, limit: int) -> list[Schedule]:
        """Return the next enabled schedules after an id, by id."""
        wanted = select(*_COLUMNS).where(schedules.c.id > schedule_id, ENABLED).order_by(schedules.c.id)
        with self._database.reading() as connection:
            return _schedules(connection, wanted.limit(limit))

    def replace(self, schedule: Schedule) -> Schedule:
        """Store what has become of the schedule with this id.

        :raises UnknownSchedule: there is none. NameTaken: another one of its template has its name.
        """
        new = update(schedules).where(schedules.c.id == schedule.id).values(_values(schedule))
        with self._database.writing(is_durable=True) as connection, names.taken("schedule", schedule.name):
            if not connection.execute(new).rowcount:
                raise UnknownSchedule(schedule.name)
            self._database.notify(connection)
            return _by_id(connection, schedule.id)

    def delete(self, schedule: Schedule) -> None:
        """Delete a schedule with what became of its occurrences; its jobs stay.

        :raises UnknownSchedule: it is gone.
        """
        with self._database.writing(is_durable=True) as connection:
            connection.execute(delete(occurrences).where(occurrences.c.schedule_id == schedule.id))
            if not connection.execute(delete(schedules).where(schedules.c.id == schedule.id)).rowcount:
                raise UnknownSchedule(schedule.name)

    def due(self, now: datetime.datetime, *, limit: int) -> list[Schedule]:
        """Return enabled schedules of which an occurrence is due, those that wait longest first."""
        wanted = select(*_COLUMNS).where(ENABLED, schedules.c.next_run <= now).order_by(schedules.c.next_run)
        with self._database.reading() as connection:
            return _schedules(connection, wanted.limit(limit))

    def next_run(self) -> datetime.datetime | None:
        """Return when the next occurrence of any schedule is due."""
        with self._database.reading() as connection:
            found: datetime.datetime | None = connection.scalar(select(func.min(schedules.c.next_run)).where(ENABLED))
        return found

    def refresh(self, known: Schedule, next_run: datetime.datetime | None) -> bool:
        """Store when a schedule is due next, unless it has moved on; return whether that was done."""
        with self._database.writing() as connection:
            return _move(connection, known, {"next_run": next_run})

    def disable(self, known: Schedule, reason: str, at: datetime.datetime) -> bool:
        """Have a schedule launch nothing any more and say why, unless it has moved on; return whether that was done."""
        values = {"enabled": False, "next_run": None, "explanation": reason, "modified": at}
        with self._database.writing(is_durable=True) as connection:
            return _move(connection, known, values)

    def decide(
        self,
        known: Schedule,
        moved: Schedule,
        decisions: Sequence[tuple[Decision, Queued | None]],
        at: datetime.datetime,
    ) -> list[tuple[Decided, Job | None]] | None:
        """Move a schedule on, write down what becomes of its occurrences, and queue their jobs, all at once or nothing.

        An occurrence that was decided before, at another instant, is left as it is.

        :param known: the schedule as it was when that was decided.
        :param moved: with its new ``considered`` and ``next_run``.
        :param decisions: each with the job to queue, if it is launched.
        :returns: what was written down; None if somebody else has moved the schedule on, and nothing was changed.
        """
        with self._database.writing(is_durable=True) as connection:
            if not _move(connection, known, {"considered": moved.considered, "next_run": moved.next_run}):
                return None
            names = {identity(decision.occurrence) for decision, _ in decisions}
            before = _known(connection, known.id, names)
            new = [pair for pair in decisions if identity(pair[0].occurrence) not in before]
            queued = [None if job is None else self._queue(connection, job, at) for _, job in new]
            found = [(_as_decided(pair[0], job, at), job) for pair, job in zip(new, queued, strict=True)]
            _write(connection, known.id, [decided for decided, _ in found])
            _forget(connection, known.id, at)
            return found

    def launch(self, schedule: Schedule, decision: Decision, queued: Queued, at: datetime.datetime) -> Job:
        """Queue a job of a schedule that somebody wanted beside its rule, and write it down as an occurrence."""
        with self._database.writing(is_durable=True) as connection:
            job = self._queue(connection, queued, at)
            _write(connection, schedule.id, [_as_decided(decision, job, at)])
            return job

    def decided(self, schedule: Schedule, *, limit: int) -> list[Decided]:
        """Return what became of the last occurrences of a schedule, newest first."""
        columns = [occurrences.c[name] for name in Decided._fields]
        wanted = select(*columns).where(occurrences.c.schedule_id == schedule.id).order_by(occurrences.c.at.desc())
        with self._database.reading() as connection:
            return [Decided(*row) for row in connection.execute(wanted.limit(limit))]

    def unfinished(self, schedule: Schedule) -> list[Job]:
        """Return the last jobs of a schedule that have not ended, by id."""
        return [job for job in self.jobs(schedule, limit=_MOST_UNFINISHED) if job.status not in FINAL]

    def jobs(self, schedule: Schedule, *, limit: int) -> list[Job]:
        """Return the last jobs of a schedule, by id."""
        ids = select(occurrences.c.job_id).where(occurrences.c.schedule_id == schedule.id, HAS_JOB)
        ids = ids.order_by(occurrences.c.job_id.desc()).limit(limit)
        with self._database.reading() as connection:
            found = list(connection.scalars(ids))
            wanted = select(*jobs.COLUMNS).where(job_table.c.id.in_(found)).order_by(job_table.c.id)
            return jobs.listed(connection, wanted)

    def _queue(self, connection: Connection, queued: Queued, at: datetime.datetime) -> Job:
        step = Step(at, queued.job.run_by or "")
        return queue.add(self._database, connection, queued.job, queued.launch, queue=queued.queue, step=step)


def _as_decided(decision: Decision, job: Job | None, at: datetime.datetime) -> Decided:
    occurrence, outcome, reason = decision
    return Decided(identity(occurrence), occurrence.at, outcome, None if job is None else job.id, reason, at)


def _values(schedule: Schedule) -> dict[str, Any]:
    names.whole(schedule.name)
    return schedule.model_dump(exclude={"id"})


def _move(connection: Connection, known: Schedule, values: dict[str, Any]) -> bool:
    """Change a schedule if it is still as it is known to be."""
    same = (schedules.c.id == known.id) & (schedules.c.considered == known.considered) & ENABLED
    same &= schedules.c.modified == known.modified
    return bool(connection.execute(update(schedules).where(same).values(values)).rowcount)


def _known(connection: Connection, schedule_id: int, names: set[str]) -> set[str]:
    """Return those names that an occurrence has already; there may be more than a statement takes."""
    first, last = min(names), max(names)
    wanted = select(occurrences.c.local).where(occurrences.c.schedule_id == schedule_id)
    return set(connection.scalars(wanted.where(occurrences.c.local >= first, occurrences.c.local <= last)))


def _write(connection: Connection, schedule_id: int, found: Sequence[Decided]) -> None:
    if found:
        connection.execute(insert(occurrences), [{"schedule_id": schedule_id, **one._asdict()} for one in found])


def _forget(connection: Connection, schedule_id: int, at: datetime.datetime) -> None:
    old = (occurrences.c.schedule_id == schedule_id) & (occurrences.c.at < at - _KEPT)
    connection.execute(delete(occurrences).where(old))


def disable_all(connection: Connection, template_id: int, reason: str) -> None:
    """Disable the schedules of a template that is about to go."""
    mine = (schedules.c.template_id == bindparam("template")) & ENABLED
    values = {"enabled": False, "next_run": None, "explanation": reason}
    connection.execute(update(schedules).where(mine).values(values), {"template": template_id})


def _by_id(connection: Connection, schedule_id: int) -> Schedule:
    return _schedules(connection, select(*_COLUMNS).where(schedules.c.id == schedule_id))[0]


def _find(connection: Connection, reference: str) -> Schedule:
    asked = (_schedules(connection, select(*_COLUMNS).where(where)) for where in names.meanings(schedules, reference))
    found = next((each for each in asked if each), [])
    if not found:
        raise UnknownSchedule(reference)
    if len(found) > 1:
        raise AmbiguousSchedule(reference, sorted(one.id for one in found))
    return found[0]


def _schedules(connection: Connection, wanted: Select[Any]) -> list[Schedule]:
    return [Schedule.model_validate(dict(row)) for row in connection.execute(wanted).mappings()]
