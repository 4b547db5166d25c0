# SPDX-License-Identifier: Apache-2.0
"""Jobs, their events and their output."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from starlette.responses import StreamingResponse

from forge_events import launching
from forge_events.api.launching import answer_of, launch_key, origin_of
from forge_events.api.lists import NOWHERE, listed, one, row_of
from forge_events.api.refusals import Refusal, bad_fields, forbidden, not_allowed, not_found
from forge_events.api.routes import Answer
from forge_events.api.table import RESOURCES
from forge_events.api.wire import Json
from forge_events.errors import InvalidLaunch, NotLaunched, NotRelaunchable, UnknownJob
from forge_events.events import EventFilter
from forge_events.hierarchy import CONTAINERS
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
    for name in ("jobs", "unified_jobs"):
        routes.resource(f"/api/v2/{name}/", _JOB, GET=lambda call: listed(call, _JOB))
    routes.resource(job, _JOB, GET=lambda call: one(call, _JOB, call.key()), DELETE=_delete)
    routes.resource(f"{job}job_events/", _EVENT, GET=_events)
    routes.add(f"{job}job_events/children_summary/", GET=_children_summary)
    routes.add(f"{job}cancel/", GET=_can_cancel, POST=_cancel)
    routes.add(f"{job}relaunch/", GET=_can_relaunch, POST=_relaunch)
    routes.add(f"{job}create_schedule/", GET=_can_schedule)
    for name in ("credentials", "notifications", "activity_stream"):
        routes.add(f"{job}{name}/", GET=_nothing)
    routes.resource(f"{job}job_host_summaries/", _SUMMARY, GET=_summaries)
    routes.add(f"{job}stdout/", GET=_stdout)
    routes.resource("/api/v2/job_events/{key}/", _EVENT, GET=lambda call: one(call, _EVENT, call.key()))
    routes.add("/api/v2/job_events/{key}/children/", GET=_children)
    routes.resource("/api/v2/job_host_summaries/{key}/", _SUMMARY, GET=lambda call: one(call, _SUMMARY, call.key()))


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


def _delete(call: Call) -> Answer:
    call.admin()
    job = job_of(call)
    if not job.status.is_final:
        raise forbidden("Cannot delete running job resource.")
    for label in call.store.catalogue.related("job", "labels", job.id):
        call.store.catalogue.detach("job", "labels", job.id, label)
    call.store.drop_job(job)
    return Answer(204)


def _can_cancel(call: Call) -> dict[str, Any]:
    job = job_of(call)
    return {"can_cancel": job.is_launched and not job.status.is_final}


def _cancel(call: Call) -> Answer:
    call.admin()
    job = job_of(call)
    if job.status.is_final or not job.is_launched:
        raise not_allowed("POST", "GET, HEAD, OPTIONS")
    launching.cancel(call.store, job, by=call.principal.user.username)
    return Answer(202)


def _can_relaunch(call: Call) -> dict[str, Any]:
    job = job_of(call)
    counts: Any = "Relaunch by host status not available until job finishes running."
    if job.status.is_final:
        hosts = call.store.host_summaries(job.id)
        counts = {"all": len(hosts), "failed": sum(host.failed for host in hosts)}
    return {"passwords_needed_to_start": [], "retry_counts": counts}


def _relaunch(call: Call) -> Answer:
    call.admin()
    job, which = job_of(call), call.body.get("hosts", "all")
    if which not in ("all", "failed"):
        raise bad_fields(hosts=f'"{str(which)[:100]}" is not a valid choice.')
    if which == "failed":
        _check_failed_hosts(call, job)
    try:
        by, key = call.principal.user.username, launch_key(call)
        counts = call.house.counts_hosts
        found = launching.relaunch(
            call.store, job, failed_hosts=which == "failed", by=by, counts_hosts=counts, job_uuid=key
        )
    except (NotLaunched, NotRelaunchable, InvalidLaunch) as error:
        raise Refusal(400, {"detail": str(error)}) from None
    _take_over(call, job, found)
    return answer_of(call, found)


def _take_over(call: Call, job: Job, found: Job) -> None:
    """Let a job name the objects and labels that another one named."""
    row = row_of(call, _JOB, str(job.id))
    call.store.catalogue.name_origin("job", found.id, origin_of(call, row))
    for label in call.store.catalogue.related("job", "labels", job.id):
        call.store.catalogue.attach("job", "labels", found.id, label)


def _check_failed_hosts(call: Call, job: Job) -> None:
    if not job.status.is_final:
        raise Refusal(400, {"hosts": "Wait until job finishes before retrying on failed hosts."})
    hosts = call.store.host_summaries(job.id)
    if not hosts:
        raise Refusal(400, {"hosts": "Cannot retry on failed hosts, playbook stats not available."})
    if not any(host.failed for host in hosts):
        raise Refusal(400, {"hosts": "Cannot relaunch because previous job had 0 failed hosts."})


def _can_schedule(call: Call) -> dict[str, Any]:
    job_of(call)
    return {"can_schedule": False, "prompts": {}}


def _nothing(call: Call) -> dict[str, Any]:
    job_of(call)
    return NOWHERE


def _children_summary(call: Call) -> dict[str, Any]:
    """Return for each event that has some below it how many these are, and in which row it is."""
    job = job_of(call)
    found: dict[str, Any] = {
        "children_summary": {},
        "meta_event_nested_uuid": {},
        "event_processing_finished": job.status.is_final,
        "is_tree": True,
    }
    if not job.status.is_final:
        return found
    counts: dict[str, int] = {}
    above: dict[str, tuple[int, str | None]] = {}
    for event in call.store.events(job.id, EventFilter()):
        if event.event in CONTAINERS:
            above[event.uuid] = (event.counter, event.parent_uuid)
        parent = event.parent_uuid
        while parent is not None and parent in above:
            counts[parent] = counts.get(parent, 0) + 1
            parent = above[parent][1]
    found["children_summary"] = {
        str(above[uuid][0]): {"rowNumber": above[uuid][0] - 1, "numChildren": count} for uuid, count in counts.items()
    }
    return found


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
