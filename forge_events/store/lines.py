# SPDX-License-Identifier: Apache-2.0
"""The output of one job as a page looks at it: a window of lines with their events, and which lines are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, func, or_, select

from forge_events.events import JobEvent
from forge_events.hierarchy import CONTAINERS
from forge_events.store.database import STREAMED
from forge_events.store.expressions import contains
from forge_events.store.schema import CONTAINER, FAILED, HAS_HOST, HAS_OUTPUT, jobevents

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection

    from forge_events.store.database import Database
    from forge_events.tasks import JobTask

__all__ = ["Hits", "LineFilter", "Lines", "ShownEvent"]

_SPANS = 200_000
_SIZE = 4 * 1024 * 1024
_CHUNK = 50_000
_BESIDE = ("runner_on_start", "runner_on_async_poll", "runner_on_file_diff")
_RESULTS = {
    "ok": ("runner_on_ok", "runner_item_on_ok"),
    "skipped": ("runner_on_skipped", "runner_item_on_skipped"),
    "unreachable": ("runner_on_unreachable",),
}


class ShownEvent(NamedTuple):
    """An event that shows something, as far as its lines go."""

    counter: int
    start_line: int
    end_line: int
    event: str
    host_name: str
    failed: bool
    changed: bool
    stdout: str


class LineFilter(NamedTuple):
    """Whose lines are wanted; conditions that are given must all hold.

    :param host: the host's exact name.
    :param outcome: ``ok``, ``changed``, ``failed``, ``skipped`` or ``unreachable``.
    :param task: text in the name of the task, whatever the case.
    :param text: text in what is shown, whatever the case.
    """

    host: str = ""
    outcome: str = ""
    task: str = ""
    text: str = ""


class Hits(NamedTuple):
    """Lines that have a text, and where to go on.

    :param following: the counter behind which the search goes on, or before which, backwards; None at the end.
    """

    lines: list[int]
    following: int | None


class Lines:
    """The output of jobs by lines."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, job_id: int) -> int:
        """Return how many lines a job has shown so far."""
        wanted = select(func.max(jobevents.c.end_line)).where(jobevents.c.job_id == job_id, HAS_OUTPUT)
        with self._database.reading() as connection:
            return connection.scalar(wanted) or 0

    def window(self, job_id: int, start: int, end: int) -> list[ShownEvent]:
        """Return the events that show the lines from ``start`` up to but not including ``end``, by counter.

        They are fewer where they are very large: the caller sees by the last one how far they go.
        """
        mine = jobevents.c.job_id == job_id
        wanted = select(*_columns(ShownEvent)).where(mine, HAS_OUTPUT)
        with self._database.reading() as connection:
            first = _edge(connection, mine & (jobevents.c.end_line > start))
            if first is None:
                return []
            last = _edge(connection, mine & (jobevents.c.end_line >= end))
            between = jobevents.c.counter >= first
            if last is not None:
                between &= jobevents.c.counter <= last
            in_order = wanted.where(between).order_by(jobevents.c.counter).limit(max(1, end - start) + 1)
            found: list[ShownEvent] = []
            size = 0
            with connection.execute(in_order, execution_options=STREAMED) as rows:
                for row in rows:
                    found.append(ShownEvent(*row))
                    size += len(found[-1].stdout)
                    if size > _SIZE or found[-1].start_line >= end:
                        break
        return found

    def spans(self, job_id: int, where: LineFilter) -> list[tuple[int, int]]:
        """Return the first line, and the one behind the last, of the events that are wanted and what is above them.

        They are in order; those that touch are one. At most 200,000 events are looked for.
        """
        mine = jobevents.c.job_id == job_id
        columns = (jobevents.c.start_line, jobevents.c.end_line, jobevents.c.parent_uuid)
        wanted = select(*columns).where(mine, HAS_OUTPUT, *_conditions(where)).limit(_SPANS)
        with self._database.reading() as connection:
            found = [tuple(row) for row in connection.execute(wanted.order_by(jobevents.c.counter))]
            above = {row[2] for row in found}
            for _ in CONTAINERS:
                heads = _containers(connection, job_id, above)
                found += heads
                above = {row[2] for row in heads} - above
        return _joined((row[0], row[1]) for row in found if row[1] > row[0])

    def find(self, job_id: int, text: str, *, after: int = 0, before: int | None = None, limit: int = 200) -> Hits:
        """Return lines that contain a text, whatever the case, in a part of the job that is searched quickly.

        :param after: the counter behind which the search begins.
        :param before: the counter before which it begins, to go backwards.
        """
        mine = jobevents.c.job_id == job_id
        order: Any
        if before is None:
            part, order = and_(jobevents.c.counter > after, jobevents.c.counter <= after + _CHUNK), jobevents.c.counter
        else:
            part = and_(jobevents.c.counter < before, jobevents.c.counter >= before - _CHUNK)
            order = jobevents.c.counter.desc()
        columns = (jobevents.c.counter, jobevents.c.start_line, jobevents.c.stdout)
        wanted = select(*columns).where(mine, HAS_OUTPUT, part, _shows(text)).order_by(order).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(wanted).all()
            last = connection.scalar(select(func.max(jobevents.c.counter)).where(mine)) or 0
        lines = [line for row in rows for line in _lines_with(text, row.start_line, row.stdout)]
        if len(rows) == limit:
            return Hits(lines, rows[-1].counter)
        if before is not None:
            return Hits(lines, before - _CHUNK if before - _CHUNK > 1 else None)
        return Hits(lines, after + _CHUNK if after + _CHUNK < last else None)

    def below(self, job_id: int, task: JobTask, *, host: str = "", limit: int = 500) -> list[JobEvent]:
        """Return the events below a task, without those that only begin or poll, by counter."""
        mine = (jobevents.c.job_id == job_id) & (jobevents.c.parent_uuid == task.uuid)
        between = (jobevents.c.counter > task.counter) & (jobevents.c.counter <= task.last_counter)
        wanted = select(*(jobevents.c[name] for name in JobEvent.model_fields)).where(mine, between)
        wanted = wanted.where(jobevents.c.event.not_in(_BESIDE))
        if host:
            wanted = wanted.where(jobevents.c.host_name == host, HAS_HOST)
        with self._database.reading() as connection:
            rows = connection.execute(wanted.order_by(jobevents.c.counter).limit(limit)).mappings().all()
        return [JobEvent.model_validate(row) for row in rows]

    def counter_at(self, job_id: int, line: int) -> int | None:
        """Return the counter of the event that shows a line, or of the next one that shows something."""
        with self._database.reading() as connection:
            return _edge(connection, (jobevents.c.job_id == job_id) & (jobevents.c.end_line > line))


def _columns(of: type[tuple[Any, ...]]) -> list[Any]:
    return [jobevents.c[name] for name in of._fields]  # type: ignore[attr-defined]


def _edge(connection: Connection, reaches: ColumnElement[bool]) -> int | None:
    wanted = select(jobevents.c.counter).where(reaches, HAS_OUTPUT)
    found: int | None = connection.scalar(wanted.order_by(jobevents.c.end_line, jobevents.c.counter).limit(1))
    return found


def _conditions(where: LineFilter) -> list[Any]:
    conditions: list[Any] = [jobevents.c.host_name == where.host, HAS_HOST] if where.host else []
    if where.outcome == "failed":
        conditions += [FAILED, jobevents.c.event.not_in(sorted(CONTAINERS)), jobevents.c.event != "playbook_on_stats"]
    elif where.outcome == "changed":
        conditions += [jobevents.c.changed.is_(True), HAS_HOST]
    elif where.outcome:
        conditions.append(jobevents.c.event.in_(_RESULTS.get(where.outcome, ())))
        conditions.append(jobevents.c.changed.is_(False))
    if where.task:
        conditions += [contains(jobevents.c.task, where.task), or_(HAS_HOST, CONTAINER)]
    if where.text:
        conditions.append(_shows(where.text))
    return conditions


def _shows(text: str) -> ColumnElement[bool]:
    """Return the condition that a text is shown; one of ASCII is looked for by the database's own quick means."""
    if not text.isascii():
        return contains(jobevents.c.stdout, text)
    literally = text.replace("/", "//").replace("%", "/%").replace("_", "/_")
    return jobevents.c.stdout.ilike(f"%{literally}%", escape="/")


def _containers(connection: Connection, job_id: int, uuids: set[str | None]) -> list[tuple[Any, ...]]:
    wanted = sorted(uuid for uuid in uuids if uuid is not None)
    found: list[tuple[Any, ...]] = []
    columns = (jobevents.c.start_line, jobevents.c.end_line, jobevents.c.parent_uuid)
    for start in range(0, len(wanted), 5000):
        same = (jobevents.c.job_id == job_id) & jobevents.c.uuid.in_(wanted[start : start + 5000])
        found += [tuple(row) for row in connection.execute(select(*columns).where(same, CONTAINER))]
    return found


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _lines_with(text: str, first: int, stdout: str) -> Sequence[int]:
    folded = text.lower()
    return [first + number for number, line in enumerate(stdout.split("\n")) if folded in line.lower()]
