# SPDX-License-Identifier: Apache-2.0
"""Jobs and the steps of their lives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, case, cast, func, insert, literal, or_, select, true, update
from sqlalchemy.exc import IntegrityError

from forge_events.errors import AmbiguousJob, InvalidTransition, StaleTransition, UnknownJob
from forge_events.jobs import Job, JobStatus, Transition, is_allowed
from forge_events.store.columns import AnyText
from forge_events.store.expressions import contains
from forge_events.store.outbox import plan
from forge_events.store.schema import OF_TEMPLATE, hostresults, jobs, transitions

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Connection, Select

    from forge_events.jobs import JobFilter, NewJob
    from forge_events.rollup import RollUp

__all__ = [
    "COLUMNS",
    "CONTROLLER",
    "Step",
    "add",
    "by_id",
    "by_uuid",
    "count",
    "find",
    "first_ended",
    "listed",
    "listing",
    "steps",
    "transition",
]

COLUMNS = [jobs.c[name] for name in Job.model_fields]
"""What is read of a job."""

_ALWAYS = true()
CONTROLLER = func.coalesce(jobs.c.host, jobs.c.execution_node)
"""The machine on which a job's Ansible ran; :attr:`forge_events.jobs.Job.controller` in SQL."""

_OF_THE_RUN = ("ansible_version", "pid", "run_as")
_MIN_PREFIX = 4
_MAX_CANDIDATES = 5
_MAX_ID = 2**63 - 1
_LAST = "\U0010ffff"


class Step(NamedTuple):
    """When a step is taken, by whom and why; ``rc`` is the exit code where somebody saw it."""

    at: datetime.datetime
    by: str
    reason: str = ""
    rc: int | None = None


def by_id(connection: Connection, job_id: int, *, is_locked: bool = False) -> Job:
    """Return the job with an id.

    :param is_locked: keep others from changing it to the end of the transaction.
    :raises UnknownJob: it is gone.
    """
    wanted = select(*COLUMNS).where(jobs.c.id == job_id)
    found = listed(connection, wanted.with_for_update() if is_locked else wanted)
    if not found:
        raise UnknownJob(str(job_id))
    return found[0]


def by_uuid(connection: Connection, uuid: str) -> Job | None:
    """Return the job with a uuid."""
    return next(iter(listed(connection, select(*COLUMNS).where(jobs.c.uuid == uuid))), None)


def add(connection: Connection, job: NewJob) -> Job:
    """Add a job in status ``new``, or return the one that has its uuid; one that was launched learns what it lacks."""
    known = by_uuid(connection, job.uuid)
    if known is not None:
        return _informed(connection, known, job)
    new = insert(jobs).values(**job.model_dump(), status=JobStatus.NEW).returning(jobs.c.id)
    try:
        with connection.begin_nested():
            return by_id(connection, connection.execute(new).scalar_one())
    except IntegrityError:
        known = by_uuid(connection, job.uuid)
        if known is None:
            raise
        return known  # another process was quicker


def news_of(known: Job, job: NewJob) -> dict[str, Any]:
    """Return what is known of a launched job since its Ansible runs, and was not before."""
    if not known.is_launched:
        return {}
    found = {name: getattr(job, name) for name in _OF_THE_RUN if getattr(known, name) is None}
    return {name: value for name, value in found.items() if value is not None}


def _informed(connection: Connection, known: Job, job: NewJob) -> Job:
    values = news_of(known, job)
    if not values:
        return known
    connection.execute(update(jobs).where(jobs.c.id == known.id).values(values))
    return by_id(connection, known.id)


def find(connection: Connection, reference: str) -> Job:
    """Return the job that an id, the beginning of a uuid, or one of the words for the newest names."""
    words = {"latest": true(), "failed": jobs.c.status.in_((JobStatus.FAILED, JobStatus.ERROR))}
    found = [] if reference in words else _by_prefix(connection, reference)
    if reference in words:
        found = listed(connection, _newest_first().where(words[reference]).limit(1))
    elif reference.isdecimal() and reference.isascii() and int(reference) <= _MAX_ID:
        found = listed(connection, select(*COLUMNS).where(jobs.c.id == int(reference))) or found
    if not found:
        raise UnknownJob(reference)
    if len(found) > 1:
        raise AmbiguousJob(reference, [job.uuid for job in found])
    return found[0]


def listing(connection: Connection, where: JobFilter, *, before: int | None, limit: int) -> list[Job]:
    """Return jobs, newest first."""
    wanted = _newest_first().where(*_conditions(where)).limit(limit)
    if before is not None:
        wanted = wanted.where(jobs.c.id < before)
    return listed(connection, wanted)


def _conditions(where: JobFilter) -> Iterator[ColumnElement[bool]]:
    exact = {jobs.c.status: where.status, jobs.c.name: where.name, jobs.c.check_mode: where.is_check}
    yield from (column == value for column, value in exact.items() if value is not None)
    if where.user is not None:
        yield or_(jobs.c.run_by == where.user, jobs.c.run_as == where.user)
    if where.controller is not None:
        yield CONTROLLER.is_not_distinct_from(where.controller)
    if where.since is not None:
        yield jobs.c.created >= where.since
    if where.until is not None:
        yield jobs.c.created < where.until
    if where.job_template_id is not None:
        yield and_(jobs.c.job_template_id == where.job_template_id, OF_TEMPLATE)
    if where.host is not None:
        yield jobs.c.id.in_(select(hostresults.c.job_id).where(hostresults.c.host_name == where.host).distinct())
    for word in where.words:
        # In a command each word stands as JSON has it, without its quotes.
        in_command = contains(cast(jobs.c.command, AnyText), json.dumps(word, ensure_ascii=False)[1:-1])
        yield or_(contains(jobs.c.name, word), contains(cast(jobs.c.id, AnyText), word), in_command)


def transition(
    connection: Connection,
    job: Job,
    new: JobStatus,
    step: Step,
    *,
    only_if: ColumnElement[bool] = _ALWAYS,
    **values: Any,
) -> Job:
    """Move a job on if it still has the status that it is believed to have, and write down the step.

    :param only_if: what must hold of the job beside that.
    :param values: more that is known of the job from now on.
    """
    if not is_allowed(job.status, new, is_launched=job.is_launched):
        raise InvalidTransition(job.id, job.status, new)
    values = {**_values(job, new, step), **values}
    where = (jobs.c.id == job.id) & (jobs.c.status == job.status) & only_if
    if not connection.execute(update(jobs).where(where).values(values)).rowcount:
        raise StaleTransition(job.id, job.status, by_id(connection, job.id).status)
    taken = {"job_id": job.id, "old": job.status, "new": new, "at": step.at, "by": step.by, "reason": step.reason}
    connection.execute(insert(transitions).values(taken))
    plan(connection, job, new, step.at)
    return by_id(connection, job.id)


def correct(connection: Connection, job: Job, new: JobStatus, step: Step) -> Job:
    """Let a job that has ended have ended in another way, and its last step be another one."""
    values = {**_values(job, new, step), "job_explanation": step.reason}
    where = (jobs.c.id == job.id) & (jobs.c.status == job.status)
    if not connection.execute(update(jobs).where(where).values(values)).rowcount:
        raise StaleTransition(job.id, job.status, by_id(connection, job.id).status)
    last = (transitions.c.job_id == job.id) & (transitions.c.new == job.status)
    taken = {"new": new, "at": step.at, "by": step.by, "reason": step.reason}
    connection.execute(update(transitions).where(last).values(taken))
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


def _values(job: Job, new: JobStatus, step: Step) -> dict[str, Any]:
    values: dict[str, Any] = {"status": new}
    if new is JobStatus.RUNNING:
        values["started"] = step.at
    if new.is_final:
        values["finished"] = step.at
        values["elapsed"] = None if job.started is None else max(0.0, (step.at - job.started).total_seconds())
    if step.reason or job.is_launched:  # why a job waited is no explanation of its end
        values["job_explanation"] = step.reason
    if step.rc is not None:
        values["rc"] = step.rc
    return values


def _by_prefix(connection: Connection, prefix: str) -> list[Job]:
    if len(prefix) < _MIN_PREFIX:
        return []
    exact_first = case((jobs.c.uuid == prefix, 0), else_=1)
    # As a range, which an index finds; uuids are written in small letters, whatever is typed.
    starts: ColumnElement[bool] = or_(
        *((jobs.c.uuid >= start) & (jobs.c.uuid <= start + _LAST) for start in {prefix, prefix.lower()})
    )
    wanted = select(*COLUMNS).where(starts).order_by(exact_first, jobs.c.id.desc()).limit(_MAX_CANDIDATES)
    found = listed(connection, wanted)
    return found[:1] if found and found[0].uuid == prefix else found


def _newest_first() -> Select[Any]:
    return select(*COLUMNS).order_by(jobs.c.id.desc())


def first_ended(connection: Connection) -> Job | None:
    """Return the first job of all that has ended."""
    wanted = select(*COLUMNS).where(jobs.c.finished.is_not(None)).order_by(jobs.c.id).limit(1)
    return next(iter(listed(connection, wanted)), None)


def listed(connection: Connection, wanted: Select[Any]) -> list[Job]:
    """Return the jobs that a query of :data:`COLUMNS` finds."""
    return [Job.model_validate(row) for row in connection.execute(wanted).mappings()]
