# SPDX-License-Identifier: Apache-2.0
"""Jobs, their events and their output."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from starlette.responses import StreamingResponse

from forge_events.api.lists import listed, one
from forge_events.api.refusals import not_found
from forge_events.api.table import RESOURCES
from forge_events.api.wire import Json
from forge_events.errors import UnknownJob
from forge_events.events import EventFilter
from forge_events.output import to_bytes, to_html, to_text
from forge_events.queries import Condition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.responses import Response

    from forge_events.api.calls import Call
    from forge_events.api.routes import Routes
    from forge_events.jobs import Job

__all__ = ["add_jobs", "job_of"]

_JOB, _EVENT, _SUMMARY = (RESOURCES[name] for name in ("job", "job_event", "job_host_summary"))
_MANY = 10_000
_MIME = {"html": "text/html", "txt": "text/plain", "ansi": "text/plain", "json": "application/json"}


def add_jobs(routes: Routes) -> None:
    """Add the paths of jobs."""
    job = "/api/v2/jobs/{key}/"
    routes.add("/api/v2/jobs/", GET=lambda call: listed(call, _JOB))
    routes.add(job, GET=lambda call: one(call, _JOB, call.key()))
    routes.add(f"{job}job_events/", GET=_events)
    routes.add(f"{job}job_host_summaries/", GET=_summaries)
    routes.add(f"{job}stdout/", GET=_stdout)
    routes.add("/api/v2/job_events/{key}/", GET=lambda call: one(call, _EVENT, call.key()))
    routes.add("/api/v2/job_events/{key}/children/", GET=_children)
    routes.add("/api/v2/job_host_summaries/{key}/", GET=lambda call: one(call, _SUMMARY, call.key()))


def job_of(call: Call) -> Job:
    """Return the job that the path names by its id.

    :raises Refusal: there is none.
    """
    key = call.key()
    if not (key.isascii() and key.isdecimal()):
        raise not_found("Job")
    try:
        return call.store.job(str(int(key)))
    except UnknownJob:
        raise not_found("Job") from None


def _events(call: Call) -> dict[str, Any]:
    call.headers["X-UI-Max-Events"] = "4000"
    job = job_of(call)
    # Clients that follow a job ask for one page each few seconds, without a size.
    return listed(call, _EVENT, scope=[("job", job.id)], most=_MANY, usual=_MANY)


def _children(call: Call) -> dict[str, Any]:
    event = one(call, _EVENT, call.key())
    within = [Condition("parent_uuid", "exact", event["uuid"])]
    return listed(call, _EVENT, scope=[("job", event["job"])], within=within)


def _summaries(call: Call) -> dict[str, Any]:
    return listed(call, _SUMMARY, scope=[("job", job_of(call).id)])


def _stdout(call: Call) -> Response:
    job = job_of(call)
    given = dict(call.parameters)
    form = given.get("format", "")
    if not form or form == "api":
        form = "json" if "application/json" in call.request.headers.get("accept", "") else "txt"
    start, end, last = _range(call, job, given)
    name, is_download = form.removesuffix("_download"), form.endswith("_download")
    if name not in _MIME:
        raise not_found()
    pieces = call.store.stdout(job.id, start=start, end=end)
    if name == "json":
        return _as_json(given, pieces, (start, last if end is None else min(end, last), last))
    headers = dict(call.headers)
    if is_download:
        suffix = ".ansi.txt" if name == "ansi" else ".txt"
        headers["Content-Disposition"] = f'attachment; filename="job_{job.id}{suffix}"'
    written: Callable[[Iterator[str]], Iterator[str]] = {
        "txt": to_text,
        "ansi": lambda found: found,
        "html": lambda found: to_html(found, f"{job.name} (job {job.id})"),
    }[name]
    stream = (to_bytes(piece) for piece in written(pieces))
    return StreamingResponse(stream, media_type=f"{_MIME[name]}; charset=utf-8", headers=headers)


def _range(call: Call, job: Job, given: dict[str, str]) -> tuple[int, int | None, int]:
    events = call.store.last_events(job.id, EventFilter())
    last = events[0].end_line if events else 0
    start, end = _line(given.get("start_line", ""), last) or 0, _line(given.get("end_line", ""), last)
    return start, end, last


def _line(text: str, last: int) -> int | None:
    """Return the number of a line; one below zero counts from the end."""
    try:
        number = max(-(2**53), min(int(text), 2**53))
    except ValueError:
        return None
    return max(0, last + number) if number < 0 else number


def _as_json(given: dict[str, str], pieces: Iterator[str], lines: tuple[int, int, int]) -> Response:
    form = given.get("content_format", "")
    text = "".join(pieces if form == "ansi" else to_text(pieces))
    if given.get("content_encoding") == "base64":
        text = base64.b64encode(to_bytes(text)).decode()
    start, end, last = lines
    return Json({"range": {"start": start, "end": end, "absolute_end": last}, "content": text})
