# SPDX-License-Identifier: Apache-2.0
"""``jobs`` and ``show``: which jobs there are, and all that is known of one."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_events.cli import notify, why
from forge_events.cli.arguments import LARGEST, Check, Controller, JobOrLatest, Json
from forge_events.cli.screen import as_dict, local_time, seconds, style_of, write_json, write_line, write_table
from forge_events.cli.session import reading
from forge_events.tree import CHECK_MODE, printable

if TYPE_CHECKING:
    from forge_events.jobs import Job, Transition
    from forge_events.opening import Session

__all__ = ["add_to"]

_STATUSES = "new, pending, waiting, running, successful, failed, error, canceled"


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("jobs")(jobs)
    app.command("show")(show)


def jobs(  # noqa: PLR0913 - an option for each condition
    *,
    status: Annotated[
        str | None, typer.Option("--status", metavar="STATUS", help=f"Only jobs that are {_STATUSES}.")
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
    as_json: Json = False,
) -> None:
    """List jobs, newest first."""
    from forge_events.jobs import JobFilter

    where = JobFilter(status=_status(status), user=user, controller=controller, is_check=check)
    with reading() as session:
        found = session.store.jobs(where, before=before, limit=limit)
    if as_json:
        write_json([_as_dict(job) for job in found])
    else:
        headers = ("ID", "STATUS", "NAME", "STARTED", "ELAPSED", "EVENTS", "CONTROLLER", "USER", "UUID")
        styles = [style_of(job.status) for job in found]
        write_table(headers, [_row(job) for job in found], styles, spare=("CONTROLLER", "USER"))


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
        raise typer.BadParameter(f"{status!r} is none of {_STATUSES}", param_hint="--status") from error


def _row(job: Job) -> tuple[object, ...]:
    times = (local_time(job.started or job.created), seconds(job.elapsed))
    name = job.name + CHECK_MODE if job.check_mode else job.name
    user = job.run_by or job.run_as
    return (job.id, job.status, name, *times, job.event_count, job.controller, user, job.uuid[:8])


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
