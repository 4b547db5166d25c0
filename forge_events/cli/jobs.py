# SPDX-License-Identifier: Apache-2.0
"""``jobs`` and ``show``: which jobs there are, and all that is known of one."""

from __future__ import annotations

import os
import shlex
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from forge_events.cli import notify, why
from forge_events.cli.arguments import LARGEST, Check, Controller, JobOrLatest, Json
from forge_events.cli.nearest import known_hosts, known_names, meant, tell_unknown
from forge_events.cli.screen import as_dict, local_time, seconds, style_of, write_json, write_line, write_table
from forge_events.cli.session import reading
from forge_events.cli.times import WHEN, a_time
from forge_events.tree import CHECK_MODE, printable

if TYPE_CHECKING:
    import datetime

    from forge_events.jobs import Job, JobFilter, Transition
    from forge_events.opening import Session

__all__ = ["add_to"]

_PAUSE = 2.0
_HOME = "\x1b[H\x1b[J"
"""What clears a terminal, and leaves what has scrolled off it alone."""

_STATUSES = "new, pending, waiting, running, successful, failed, error, canceled"


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("jobs")(jobs)
    app.command("show")(show)


def jobs(  # noqa: PLR0913 - an option for each condition
    *,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Only jobs of this name.")] = None,
    host: Annotated[str | None, typer.Option("--host", metavar="H", help="Only jobs with this host.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help=f"Only jobs since then: {WHEN}.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Only jobs from before then.")] = None,
    status: Annotated[
        str | None, typer.Option("--status", metavar="STATUS", help=f"Only jobs that are {_STATUSES}.")
    ] = None,
    template: Annotated[
        str | None, typer.Option("--template", metavar="T", help="Only jobs of this job template.")
    ] = None,
    user: Annotated[
        str | None,
        typer.Option("--user", metavar="NAME", help="Only jobs that this user ran, or that ran as this user."),
    ] = None,
    controller: Controller = None,
    check: Check = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=LARGEST, metavar="N", help="At most so many.")] = 50,
    before: Annotated[
        int | None, typer.Option("--before", min=1, max=LARGEST, metavar="ID", help="Only jobs with a smaller id.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show them again as they change, until Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """List jobs, newest first."""
    from forge_events.jobs import JobFilter

    is_status = _status(status)
    if watch and (as_json or not sys.stdout.isatty()):
        raise typer.BadParameter("is for people on a terminal", param_hint="--watch")
    with reading() as session:
        store = session.store
        where = JobFilter(
            name=name,
            host=host,
            since=a_time(since, store.now(), "--since"),
            until=a_time(until, store.now(), "--until"),
            status=is_status,
            job_template_id=store.templates.get(template).id if template is not None else None,
            user=user,
            controller=controller,
            is_check=check,
        )
        tell_unknown("no recent job has a host", host, lambda: known_hosts(store, host))
        tell_unknown("no recent job has the name", name, lambda: known_names(store, name))
        if watch:
            _watch(session, where, limit)
        found = store.jobs(where, before=before, limit=limit)
        failed = store.insight.failed_host_counts([job.id for job in found])
        now = store.now()
    if as_json:
        write_json([{**_as_dict(job), "failed_host_count": failed.get(job.id, 0)} for job in found])
    else:
        _write_jobs(found, failed, now)


def _write_jobs(found: list[Job], failed: dict[int, int], now: datetime.datetime) -> None:
    headers = ("ID", "STATUS", "NAME", "STARTED", "ELAPSED", "FAILED", "EVENTS", "CONTROLLER", "USER", "UUID")
    styles = [style_of(job.status) for job in found]
    spare = ("CONTROLLER", "USER", "EVENTS", "FAILED")
    write_table(headers, [_row(job, failed, now) for job in found], styles, spare=spare)


def _watch(session: Session, where: JobFilter, limit: int) -> NoReturn:
    """Draw the list again and again, below nothing else, until Ctrl-C."""
    while True:
        session.drain()
        store = session.store
        found = store.jobs(where, limit=min(limit, max(1, os.get_terminal_size().lines - 2)))
        failed = store.insight.failed_host_counts([job.id for job in found])
        sys.stdout.write(_HOME)
        _write_jobs(found, failed, store.now())
        sys.stdout.flush()
        time.sleep(_PAUSE)


def show(job: JobOrLatest = "latest", *, as_json: Json = False) -> None:
    """Show what is known of a job. Its command, times, status and how it came to it."""
    with reading() as session:
        found = session.store.job(job)
        steps = session.store.transitions(found.id)
        situation = _situation(session, found)
        causes = why.causes_of(session.store, found)
        told = session.store.outbox.find(found.id)
    if as_json:
        more = {"transitions": [as_dict(step) for step in steps], "notifications": notify.as_objects(told[::-1])}
        write_json({**_as_dict(found), "situation": situation, **more})
    else:
        _write_job(found, situation, steps)
        for line in notify.lines_of(told):
            write_line(printable(f"notification    {line}"))
        why.write_causes(found, causes)


def _as_dict(job: Job) -> dict[str, Any]:
    return {**as_dict(job), "controller": job.controller}


def _situation(session: Session, job: Job) -> str:
    from forge_events import settings
    from forge_events.situation import situation_of

    found = settings.load()
    return situation_of(
        session.store, job, session.store.now(), lost_after=found.node_lost_after, lease=found.job_lease
    )


def _status(status: str | None) -> Any:
    from forge_events.jobs import JobStatus

    if status is None:
        return None
    try:
        return JobStatus(status)
    except ValueError as error:
        question = meant(status, JobStatus)
        raise typer.BadParameter(f"{status!r} is none of {_STATUSES}{question}", param_hint="--status") from error


def _row(job: Job, failed: dict[int, int], now: datetime.datetime) -> tuple[object, ...]:
    elapsed = job.elapsed
    if elapsed is None and job.started is not None:
        elapsed = max(0.0, (now - job.started).total_seconds())
    times = (local_time(job.started or job.created), seconds(elapsed))
    name = job.name + CHECK_MODE if job.check_mode else job.name
    user = job.run_by or job.run_as
    return (job.id, job.status, name, *times, failed.get(job.id), job.event_count, job.controller, user, job.uuid[:8])


def _write_job(job: Job, situation: str, steps: list[Transition]) -> None:
    facts = {
        "job": f"{job.id}  {job.uuid}",
        "name": job.name,
        "status": job.status,
        "why": situation,
        "exit code": job.rc,
        "command": shlex.join(job.command),
        "directory": job.directory,
        "check mode": "yes, a dry run" if job.check_mode else "",
        "run by": job.run_by,
        "run as": job.run_as,
        "on node": job.execution_node,
        "on host": job.host and f"{job.host}, process {job.pid}",
        "ansible-core": job.ansible_version,
        "started by job": job.parent_uuid,
        "started": local_time(job.started),
        "finished": local_time(job.finished),
        "elapsed": seconds(job.elapsed),
        "events": job.event_count,
        "changed": "yes" if job.changed else "no",
    }
    for name, value in facts.items():
        if value not in (None, ""):
            style = style_of(job.status) if name == "status" else ""
            write_line(f"{name:<15} {printable(str(value))}", style)
    for step in steps:
        reason = f": {step.reason}" if step.reason else ""
        write_line(printable(f"{local_time(step.at):<19}  {step.old} -> {step.new} by {step.by}{reason}"))
