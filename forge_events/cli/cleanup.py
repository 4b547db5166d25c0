# SPDX-License-Identifier: Apache-2.0
"""``cleanup-jobs``: forget what ended long ago."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_events.cli.arguments import LARGEST, Json
from forge_events.cli.screen import as_dict, counted, local_time, size, tell, write_json, write_line
from forge_events.cli.session import days_ago, reading
from forge_events.errors import StoreBusy
from forge_events.tree import printable

if TYPE_CHECKING:
    from forge_events.jobs import JobStatus
    from forge_events.store import Store
    from forge_events.store.records import Dropped, Retention

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("cleanup-jobs")(cleanup_jobs)


def cleanup_jobs(  # noqa: PLR0913 - the options of a command
    *,
    days: Annotated[
        int, typer.Option("--days", min=0, metavar="N", help="Drop what ended more than so many days ago.")
    ] = 90,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Only jobs of this name.")] = None,
    template: Annotated[
        str | None, typer.Option("--template", metavar="T", help="Only jobs of this job template, by its name or id.")
    ] = None,
    status: Annotated[
        str | None,
        typer.Option("--status", metavar="S", help="Only jobs that ended successful, failed, error or canceled."),
    ] = None,
    keep_last: Annotated[
        int,
        typer.Option("--keep-last", min=0, max=LARGEST, metavar="K", help="Keep the last so many of each template."),
    ] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be dropped, and drop nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Drop the jobs that ended long ago, with their events. It can be stopped and run again."""
    from forge_events.store.records import Retention

    final = _final(status)
    with reading() as session:
        found = None if template is None else session.store.templates.get(template)
        template_id = None if found is None else found.id
        which = Retention(days_ago(session.store, days), name, template_id, final, keep_last)
        report = _Report(session.store, is_dry_run=dry_run, as_json=as_json)
        report.begin(which, found.name if found is not None else "")
        try:
            for drop in session.store.drop_jobs(which, is_dry_run=dry_run):
                report.add(drop)
        except (KeyboardInterrupt, StoreBusy) as error:
            report.end()
            if isinstance(error, KeyboardInterrupt):
                tell("interrupted; what was dropped stays dropped, and the same command goes on with the rest")
            raise
        report.end()


class _Report:
    """Tell what is dropped, as it is dropped, or in the end as JSON."""

    def __init__(self, store: Store, *, is_dry_run: bool, as_json: bool) -> None:
        self._store, self._is_dry_run, self._as_json = store, is_dry_run, as_json
        self._size = self._bytes()
        self._objects: list[dict[str, Any]] = []
        self._count = self._recorded = 0

    def begin(self, which: Retention, template: str) -> None:
        """Tell which jobs are meant."""
        if not self._as_json:
            write_line(printable(f"{'looking for' if self._is_dry_run else 'dropping'} {_meant(which, template)}"))

    def add(self, drop: Dropped) -> None:
        """Tell of one job."""
        self._count, self._recorded = self._count + 1, self._recorded + drop.size
        if self._as_json:
            self._objects.append({"job": as_dict(drop.job), "event_count": drop.event_count, "size": drop.size})
        else:
            verb = "would drop" if self._is_dry_run else "dropped"
            job, ended = drop.job, local_time(drop.job.finished)
            events = counted(drop.event_count, "event")
            write_line(printable(f"{verb} job {job.id}, {job.name}, {job.status}, ended {ended}, {events}"))

    def end(self) -> None:
        """Tell what all that comes to."""
        freed = 0 if self._is_dry_run else self._size - self._bytes()
        if self._as_json:
            write_json({"dropped": self._objects, "freed_bytes": freed, "is_dry_run": self._is_dry_run})
            return
        jobs = f"{counted(self._count, 'job')} with {size(self._recorded)} of recorded events"
        write_line(f"{jobs} would be dropped" if self._is_dry_run else f"{jobs} dropped, {_freed(freed)}")

    def _bytes(self) -> int:
        found: int = self._store.size()["bytes"]
        return found


def _final(status: str | None) -> JobStatus | None:
    from forge_events.jobs import FINAL, JobStatus

    finals = [final for final in JobStatus if final in FINAL]
    if status is not None and status not in finals:
        raise typer.BadParameter(f"{status!r} is none of {', '.join(finals)}", param_hint="--status")
    return JobStatus(status) if status is not None else None


def _meant(which: Retention, template: str) -> str:
    conditions = [f"jobs that ended before {local_time(which.before)}"]
    conditions += [f"of template {template}"] if template else []
    conditions += [f"called {which.name}"] if which.name is not None else []
    conditions += [f"with status {which.status}"] if which.status is not None else []
    conditions += [f"without the last {which.keep_last} of each template"] if which.keep_last else []
    return ", ".join(conditions)


def _freed(freed: int) -> str:
    return f"{size(freed)} freed" if freed >= 0 else f"while the database grew by {size(-freed)}"
