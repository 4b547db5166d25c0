# SPDX-License-Identifier: Apache-2.0
"""What is asked of several runs at once, from the rows of tasks and of results; no event is read for it."""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING, Literal, NamedTuple

from sqlalchemy import and_, case, distinct, exists, func, literal, select

from forge_events.comparison import Comparison, Run, TaskResult, compare, durations_of
from forge_events.jobs import FINAL, JobStatus
from forge_events.store import jobs as job_rows
from forge_events.store import tasks
from forge_events.store.schema import OF_TEMPLATE, hostresults, hostsummaries, jobs, jobtasks

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection

    from forge_events.jobs import Job
    from forge_events.store.database import Database

__all__ = ["Cost", "Costly", "Insight", "Runs", "Steadiness"]

_RESULT = [hostresults.c[name] for name in ("host_name", "task", "counter", "event", "failed", "changed", "duration")]
_TASK = [jobtasks.c[name] for name in ("play", "role", "name", "action")]
_ABOUT = {
    "tasks": (jobtasks.c.name, jobtasks.c.role),
    "roles": (jobtasks.c.role, literal("")),
    "hosts": (hostresults.c.host_name, literal("")),
}
_FINAL = tuple(FINAL)
_DONE = (JobStatus.SUCCESSFUL, JobStatus.FAILED)
_MOST = 500

Costly = Literal["tasks", "roles", "hosts"]
"""What may be asked to take how long."""


class Runs(NamedTuple):
    """Which jobs are runs of the same; conditions that are given must all hold.

    :param name: what the jobs are called.
    :param template_id: the job template that they come from.
    :param host: a host that they had; a good run is one that was good for this host.
    """

    name: str | None = None
    template_id: int | None = None
    host: str | None = None
    is_check: bool | None = None

    @classmethod
    def like(cls, job: Job, host: str | None = None) -> Runs:
        """Return the runs of the same template, or of the same name where there is none."""
        template = job.job_template_id
        return cls(job.name if template is None else None, template, host, job.check_mode)


class Steadiness(NamedTuple):
    """How a task fared in several runs.

    :param run_count: in how many it was; in ``changed_count`` of them it changed something, in ``failed_count`` it
        failed; in ``done_count`` it came to an end on a host that did not skip it.
    :param last_failed: the newest job in which it failed.
    """

    play: str
    role: str
    name: str
    action: str
    path: str
    run_count: int
    done_count: int
    changed_count: int
    failed_count: int
    last_failed: int | None

    @property
    def is_never_settled(self) -> bool:
        """Whether it changed something in every run in which it did anything: it is not idempotent."""
        return 2 <= self.done_count == self.changed_count

    @property
    def is_flapping(self) -> bool:
        """Whether it failed now and then, and was fine at other times."""
        return 0 < self.failed_count < self.done_count


class Cost(NamedTuple):
    """What something took over some jobs: seconds in all, in one go at most, and how often it was done."""

    name: str
    role: str
    path: str
    seconds: float
    longest: float
    times: int


class Insight:
    """Questions about runs. Each is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self, runs: Runs) -> Job | None:
        """Return the newest run that has ended."""
        with self._database.reading() as connection:
            return next(iter(_listed(connection, runs, jobs.c.status.in_(_FINAL), 1)), None)

    def good_before(self, job_id: int, runs: Runs, *, limit: int = 1) -> list[Job]:
        """Return the last runs before a job that were successful, or good for the host if it is one host's runs."""
        is_good = jobs.c.status == JobStatus.SUCCESSFUL
        if runs.host is not None:
            is_well = hostsummaries.c.failures + hostsummaries.c.dark == 0
            is_good = jobs.c.status.in_(_DONE) & _has_host(runs.host, is_well)
        with self._database.reading() as connection:
            return _listed(connection, runs, is_good & (jobs.c.id < job_id), limit)

    def last(self, runs: Runs, *, until: int | None = None, limit: int = 20) -> list[Job]:
        """Return the last runs that came to their end, newest first.

        :param until: only jobs up to this id.
        """
        where = jobs.c.status.in_(_DONE)
        with self._database.reading() as connection:
            return _listed(connection, runs, where if until is None else where & (jobs.c.id <= until), limit)

    def failed_host_counts(self, job_ids: Sequence[int]) -> dict[int, int]:
        """Return on how many hosts some jobs failed, or did not reach them; jobs without such are left out."""
        is_bad = hostsummaries.c.failures + hostsummaries.c.dark > 0
        wanted = select(hostsummaries.c.job_id, func.count()).where(hostsummaries.c.job_id.in_(job_ids), is_bad)
        with self._database.reading() as connection:
            rows = connection.execute(wanted.group_by(hostsummaries.c.job_id))
            return {row[0]: row[1] for row in rows}

    def names(self, *, of_hosts: bool = False, limit: int = 200) -> list[str]:
        """Return what the newest jobs, or their hosts, are called, each name once."""
        newest = select(jobs.c.id, jobs.c.name).order_by(jobs.c.id.desc()).limit(limit).subquery()
        wanted = select(newest.c.name).distinct()
        if of_hosts:
            wanted = select(hostsummaries.c.host_name).distinct().where(hostsummaries.c.job_id.in_(select(newest.c.id)))
        with self._database.reading() as connection:
            return sorted(connection.scalars(wanted))

    def since(self, since: datetime.datetime, *, limit: int = _MOST) -> list[int]:
        """Return the ids of the newest jobs that were recorded since a time."""
        wanted = select(jobs.c.id).where(jobs.c.created >= since).order_by(jobs.c.created.desc()).limit(limit)
        with self._database.reading() as connection:
            return list(connection.scalars(wanted))

    def run(self, job_id: int, host: str | None = None) -> Run:
        """Return what came of a job, on all hosts or on one."""
        found = tasks.read(self._database, job_id)
        wanted = select(*_RESULT).where(hostresults.c.job_id == job_id)
        with self._database.reading() as connection:
            rows = connection.execute(wanted if host is None else wanted.where(hostresults.c.host_name == host))
            return Run(found, [TaskResult._make(row) for row in rows], host)

    def compare(self, then: Job, now: Job, *, host: str | None = None, run_count: int = 5) -> Comparison:
        """Return what is different in the later of two jobs, on all hosts or on one.

        :param run_count: over so many good runs, the earlier job and those before it, durations are compared.
        """
        before = self.good_before(then.id, Runs.like(then, host), limit=run_count - 1) if run_count > 1 else []
        runs = [self.run(job.id, host) for job in (then, *before)]
        return compare(runs[0], self.run(now.id, host), [durations_of(run) for run in runs])

    def steadiness(self, job_ids: Sequence[int]) -> list[Steadiness]:
        """Return how the tasks of some jobs fared, those of the same names together."""
        changed = _count_of("changed") > 0
        failed = _count_of("failed", "unreachable") > 0
        counts = (_runs_where(_count_of("ok", "changed", "failed", "unreachable") > 0), _runs_where(changed))
        wanted = select(
            *_TASK,
            func.max(jobtasks.c.path),
            func.count(distinct(jobtasks.c.job_id)),
            *counts,
            _runs_where(failed),
            func.max(case((failed, jobtasks.c.job_id))),
        ).group_by(*_TASK)
        with self._database.reading() as connection:
            return [Steadiness._make(row) for row in connection.execute(wanted.where(jobtasks.c.job_id.in_(job_ids)))]

    def costs(self, job_ids: Sequence[int], of: Costly) -> list[Cost]:
        """Return what tasks, roles or hosts of some jobs took, dearest first.

        A task takes what its slowest host does; a role the tasks in it; a host all of its tasks, one after another.
        """
        rows = hostresults if of == "hosts" else jobtasks
        about = _ABOUT[of]
        took = func.coalesce(rows.c.duration, 0.0)
        totals = (func.sum(took), func.max(took), func.count())
        path = func.max(jobtasks.c.path) if of == "tasks" else literal("")
        wanted = select(about[0], about[1], path, *totals).where(rows.c.job_id.in_(job_ids))
        keys = {"tasks": _TASK[1:], "roles": about[:1], "hosts": about[:1]}[of]
        with self._database.reading() as connection:
            found = [Cost._make(row) for row in connection.execute(wanted.group_by(*keys))]
        return sorted(found, key=lambda cost: (-cost.seconds, cost.name))


def _count_of(*outcomes: str) -> ColumnElement[int]:
    return functools.reduce(operator.add, (jobtasks.c[outcome] for outcome in outcomes))


def _runs_where(holds: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(distinct(case((holds, jobtasks.c.job_id))))


def _listed(connection: Connection, runs: Runs, where: ColumnElement[bool], limit: int) -> list[Job]:
    """Return the newest jobs among some runs."""
    wanted = select(*job_rows.COLUMNS).where(where, *_conditions(runs)).order_by(jobs.c.id.desc()).limit(limit)
    return job_rows.listed(connection, wanted)


def _conditions(runs: Runs) -> Iterator[ColumnElement[bool]]:
    if runs.name is not None:
        yield jobs.c.name == runs.name
    if runs.template_id is not None:
        yield and_(jobs.c.job_template_id == runs.template_id, OF_TEMPLATE)
    if runs.host is not None:
        yield _has_host(runs.host)
    if runs.is_check is not None:
        yield jobs.c.check_mode.is_(runs.is_check)


def _has_host(host: str, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that a job had a host, for which some conditions hold."""
    mine = (hostsummaries.c.job_id == jobs.c.id) & (hostsummaries.c.host_name == host)
    return exists(select(literal(1)).select_from(hostsummaries).where(mine, *conditions).correlate(jobs))
