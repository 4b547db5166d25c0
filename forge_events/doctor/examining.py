# SPDX-License-Identifier: Apache-2.0
"""Look at an installation, or at what concerns one job."""

from __future__ import annotations

import importlib
from functools import partial
from typing import TYPE_CHECKING

from forge_events.doctor import causes, engine, keeping, messages, recording
from forge_events.doctor.check import Check, Finding, Subject, Verdict, fail, fine, run, unknown, warn
from forge_events.errors import ForgeEventsError, SchemaMismatch
from forge_events.jobs import FINAL, JobStatus
from forge_events.situation import situation_of
from forge_events.store import open_store
from forge_events.store.location import shown, sqlite_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from forge_events.jobs import Job
    from forge_events.settings import Settings
    from forge_events.store import Store

__all__ = ["CHECKS", "examine"]

_WAITING = frozenset({JobStatus.PENDING, JobStatus.WAITING})
_BEGUN = frozenset({JobStatus.RUNNING}) | FINAL
_ERROR = frozenset({JobStatus.ERROR})
_REMEDY = "start the database, or mend FORGE_EVENTS_DATABASE_URL"

CHECKS = (
    Check("dispatcher", engine.dispatcher, _WAITING),
    Check("redis", messages.redis, _WAITING),
    Check("pending", engine.pending, frozenset({JobStatus.PENDING})),
    Check("capacity", engine.capacity, _WAITING),
    Check("nodes", engine.nodes, _WAITING | {JobStatus.RUNNING}),
    Check("receiver", recording.receiver, _BEGUN),
    Check("spools", recording.room, _BEGUN),
    Check("websocket", recording.websocket, frozenset({JobStatus.RUNNING})),
    Check("errors", causes.errors, frozenset()),
    Check("projects", causes.projects, _WAITING | _ERROR),
    Check("images", causes.images, _WAITING | _ERROR),
    Check("mesh", causes.mesh, _WAITING | _ERROR),
    Check("clock", keeping.clock, frozenset()),
    Check("disk", keeping.disk, _BEGUN),
    Check("retention", keeping.retention, frozenset()),
)
"""In the order in which a job meets what they look at."""


def examine(found: Settings, reference: str | None = None) -> list[tuple[str, Finding]]:
    """Return what each check finds, by its name; nothing is changed, and no secret is told.

    :param reference: look at what concerns this job alone, and say where it is.
    :raises UnknownJob: there is no such job.
    """
    file = sqlite_file(found.database_url)
    if reference is None and file is not None and not file.exists():
        return [("database", fine(f"{shown(found.database_url)} is made by the first command that needs it"))]
    importlib.import_module(f"forge_events.store.{'postgresql' if file is None else 'sqlite'}")  # is none of its time
    opened: list[Store] = []
    first = run([("database", partial(_database, found, opened))])
    if not opened:
        words = first[0][1].words
        mended = first[0][1] if first[0][1].remedy else fail(words, _REMEDY)
        return [("database", mended), *((check.name, unknown("the database cannot be asked")) for check in CHECKS)]
    with opened[0] as store:
        job = store.job(reference) if reference is not None else None
    return [*first, *run(list(_looks(found, job)))]


def _looks(found: Settings, job: Job | None) -> Iterator[tuple[str, Callable[[], Finding | None]]]:
    if job is not None:
        yield "job", partial(_look, found, partial(_job, job))
    for check in CHECKS:
        if job is None or job.status in check.concerns:
            yield check.name, partial(_look, found, check.look)


def _look(found: Settings, look: Callable[[Subject], Finding | None]) -> Finding | None:
    """Look with a store of one's own: a store is for one thread."""
    with open_store(found.database_url) as store:
        return look(Subject(found, store, store.now()))


def _database(found: Settings, opened: list[Store]) -> Finding:
    """Look whether the database can be used, and leave it open for the others."""
    try:
        opened.append(open_store(found.database_url))
    except SchemaMismatch as error:
        return fail(str(error), "`forge-events db upgrade`, or the version of forge-events that made it")
    except ForgeEventsError as error:
        return fail(str(error), _REMEDY)
    return fine(shown(found.database_url))


def _job(job: Job, subject: Subject) -> Finding:
    """Say where a job is."""
    found = subject.found
    why = situation_of(subject.store, job, subject.now, lost_after=found.node_lost_after, lease=found.job_lease)
    words = f"job {job.id} is {job.status}{f': {why}' if why else ''}"
    if job.status is JobStatus.ERROR:
        return Finding(Verdict.FAIL, words, "the checks below, and the log of its node's dispatcher")
    if job.status in FINAL and not job.event_count:
        return warn(f"{words}; it has no events")
    return warn(words, "start one with `forge-events dispatcher`") if why.startswith("no dispatcher") else fine(words)
