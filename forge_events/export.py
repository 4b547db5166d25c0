# SPDX-License-Identifier: Apache-2.0
"""Turn a job of a store into the lines of a spool, which any other store makes the same job of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forge_events import spool
from forge_events.events import EventFilter
from forge_events.jobs import PRESUMED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.events import JobEvent
    from forge_events.jobs import Job
    from forge_events.store import Store

__all__ = ["spool_lines"]

_DERIVED = {"job_id", "playbook", "play", "task", "role", "host_name", "failed", "changed"}
_HEADER = {
    "name",
    "command",
    "directory",
    "host",
    "run_by",
    "run_as",
    "check_mode",
    "pid",
    "ansible_version",
    "parent_uuid",
}


def spool_lines(store: Store, job: Job) -> Iterator[dict[str, Any]]:
    """Yield the lines of a job's spool as JSON values: header, events and, for a job that has ended, its end.

    The end states the job's status, so that nobody has to find it out again.
    """
    yield {"header": _header(job)}
    for event in store.events(job.id, EventFilter()):
        yield _line(event)
    if job.status.is_final and job.finished is not None:
        finished = job.finished.isoformat(timespec="microseconds")
        yield {"eof": {"finished": finished, "event_count": job.event_count}}
        yield {"exit": {"finished": finished, **_end(store, job)}}


def _end(store: Store, job: Job) -> dict[str, Any]:
    """Return how a job ended; that nobody told its end stays known, so that whoever did is believed elsewhere, too."""
    is_presumed = store.transitions(job.id)[-1].by == PRESUMED
    end = {"rc": job.rc, "status": job.status, "explanation": job.job_explanation}
    return {**end, "presumed": True} if is_presumed else end


def _header(job: Job) -> dict[str, Any]:
    started = (job.started or job.created).isoformat(timespec="microseconds")
    about = job.model_dump(include=_HEADER)
    return {"format": spool.FORMAT, "job_uuid": job.uuid, **about, "started": started, "expects_exit": False}


def _line(event: JobEvent) -> dict[str, Any]:
    line = event.model_dump(exclude=_DERIVED)
    return {**line, "created": event.created.isoformat(timespec="microseconds")}
