# SPDX-License-Identifier: Apache-2.0
"""Jobs and the steps of their lives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import case, insert, literal, or_, select, update
from sqlalchemy.exc import IntegrityError

from forge_events.errors import AmbiguousJob, InvalidTransition, StaleTransition, UnknownJob
from forge_events.jobs import Job, JobStatus, Transition, is_allowed
from forge_events.store.schema import jobs, transitions

if TYPE_CHECKING:
    import datetime

    from sqlalchemy import ColumnElement, Connection, Select

    from forge_events.hierarchy import RollUp
    from forge_events.jobs import NewJob

__all__ = ["add", "by_id", "by_uuid", "count", "find", "listing", "steps", "transition"]

_COLUMNS = [jobs.c[name] for name in Job.model_fields]
_MIN_PREFIX = 4
_MAX_CANDIDATES = 5
_MAX_ID = 2**63 - 1
_LAST = "\U0010ffff"


def by_id(connection: Connection, job_id: int, *, is_locked: bool = False) -> Job:
    """Return the job with an id.

    :param is_locked: keep others from changing it to the end of the transaction.
    :raises UnknownJob: it is gone.
    """
    wanted = select(*_COLUMNS).where(jobs.c.id == job_id)
    found = _jobs(connection, wanted.with_for_update() if is_locked else wanted)
    if not found:
        raise UnknownJob(str(job_id))
    return found[0]


def by_uuid(connection: Connection, uuid: str) -> Job | None:
    """Return the job with a uuid."""
    return next(iter(_jobs(connection, select(*_COLUMNS).where(jobs.c.uuid == uuid))), None)


def add(connection: Connection, job: NewJob) -> Job:
    """Add a job in status ``new``, or return the one that has its uuid."""
    known = by_uuid(connection, job.uuid)
    if known is not None:
        return known
    new = insert(jobs).values(**job.model_dump(), status=JobStatus.NEW).returning(jobs.c.id)
    try:
        with connection.begin_nested():
            return by_id(connection, connection.execute(new).scalar_one())
    except IntegrityError:
        known = by_uuid(connection, job.uuid)
        if known is None:
            raise
        return known  # another process was quicker


def find(connection: Connection, reference: str) -> Job:
    """Return the job that an id, the beginning of a uuid, or ``latest`` names."""
    found = [] if reference == "latest" else _by_prefix(connection, reference)
    if reference == "latest":
        found = _jobs(connection, _newest_first().limit(1))
    elif reference.isdecimal() and reference.isascii() and int(reference) <= _MAX_ID:
        found = _jobs(connection, select(*_COLUMNS).where(jobs.c.id == int(reference))) or found
    if not found:
        raise UnknownJob(reference)
    if len(found) > 1:
        raise AmbiguousJob(reference, [job.uuid for job in found])
    return found[0]


def listing(connection: Connection, *, status: JobStatus | None, before: int | None, limit: int) -> list[Job]:
    """Return jobs, newest first."""
    wanted = _newest_first().limit(limit)
    if status is not None:
        wanted = wanted.where(jobs.c.status == status)
    if before is not None:
        wanted = wanted.where(jobs.c.id < before)
    return _jobs(connection, wanted)


def transition(  # noqa: PLR0913 - the facts of one step
    connection: Connection,
    job: Job,
    new: JobStatus,
    *,
    at: datetime.datetime,
    by: str,
    reason: str,
    rc: int | None,
) -> Job:
    """Move a job on if it still has the status that it is believed to have, and write down the step."""
    if not is_allowed(job.status, new):
        raise InvalidTransition(job.id, job.status, new)
    values = _values(job, new, at=at, reason=reason, rc=rc)
    where = (jobs.c.id == job.id) & (jobs.c.status == job.status)
    if not connection.execute(update(jobs).where(where).values(values)).rowcount:
        raise StaleTransition(job.id, job.status, by_id(connection, job.id).status)
    step = {"job_id": job.id, "old": job.status, "new": new, "at": at, "by": by, "reason": reason}
    connection.execute(insert(transitions).values(step))
    return by_id(connection, job.id)


def steps(connection: Connection, job_id: int) -> list[Transition]:
    """Return the steps of a job's life, oldest first."""
    columns = [transitions.c[name] for name in Transition.model_fields]
    wanted = select(*columns).where(transitions.c.job_id == job_id).order_by(transitions.c.id)
    return [Transition.model_validate(row) for row in connection.execute(wanted).mappings()]


def count(connection: Connection, job_id: int, *, events: int, size: int, found: RollUp) -> None:
    """Add to what a job knows of its events."""
    values: dict[Any, Any] = {
        jobs.c.event_count: jobs.c.event_count + events,
        jobs.c.event_size: jobs.c.event_size + size,
        jobs.c.failed: or_(jobs.c.failed, literal(bool(found.failed))),
        jobs.c.changed: or_(jobs.c.changed, literal(bool(found.changed))),
    }
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(values))


def _values(job: Job, new: JobStatus, *, at: datetime.datetime, reason: str, rc: int | None) -> dict[str, Any]:
    values: dict[str, Any] = {"status": new}
    if new is JobStatus.RUNNING:
        values["started"] = at
    if new.is_final:
        values["finished"] = at
        values["elapsed"] = None if job.started is None else max(0.0, (at - job.started).total_seconds())
    if reason:
        values["job_explanation"] = reason
    if rc is not None:
        values["rc"] = rc
    return values


def _by_prefix(connection: Connection, prefix: str) -> list[Job]:
    if len(prefix) < _MIN_PREFIX:
        return []
    exact_first = case((jobs.c.uuid == prefix, 0), else_=1)
    # As a range, which an index finds; uuids are written in small letters, whatever is typed.
    starts: ColumnElement[bool] = or_(
        *((jobs.c.uuid >= start) & (jobs.c.uuid <= start + _LAST) for start in {prefix, prefix.lower()})
    )
    wanted = select(*_COLUMNS).where(starts).order_by(exact_first, jobs.c.id.desc()).limit(_MAX_CANDIDATES)
    found = _jobs(connection, wanted)
    return found[:1] if found and found[0].uuid == prefix else found


def _newest_first() -> Select[Any]:
    return select(*_COLUMNS).order_by(jobs.c.id.desc())


def _jobs(connection: Connection, wanted: Select[Any]) -> list[Job]:
    return [Job.model_validate(row) for row in connection.execute(wanted).mappings()]
