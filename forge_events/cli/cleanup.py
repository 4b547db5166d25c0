# SPDX-License-Identifier: Apache-2.0
"""``cleanup-jobs``: forget what ended long ago."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from forge_events.cli.arguments import Json  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.screen import as_dict, local_time, write_json, write_line
from forge_events.cli.session import now, reading
from forge_events.tree import printable

if TYPE_CHECKING:
    from forge_events.store.contract import Dropped

__all__ = ["add_to"]

_OLDEST = datetime.datetime.min.replace(tzinfo=datetime.UTC)


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("cleanup-jobs")(cleanup_jobs)


def cleanup_jobs(
    *,
    days: Annotated[
        int, typer.Option("--days", min=0, metavar="N", help="Drop what ended more than so many days ago.")
    ] = 90,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be dropped, and drop nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Drop the jobs that ended long ago, with their events."""
    with reading() as session:
        dropped = []
        for drop in session.store.drop_jobs(before=_before(days), is_dry_run=dry_run):
            dropped.append(drop)
            if not as_json:
                _write(drop, dry_run=dry_run)
    if as_json:
        write_json([{"job": as_dict(drop.job), "event_count": drop.event_count, "size": drop.size} for drop in dropped])
    else:
        verb = "would be dropped" if dry_run else "dropped"
        write_line(f"{len(dropped)} job{'' if len(dropped) == 1 else 's'} {verb}")


def _before(days: int) -> datetime.datetime:
    try:
        return now() - datetime.timedelta(days=days)
    except OverflowError:
        return _OLDEST


def _write(drop: Dropped, *, dry_run: bool) -> None:
    job = drop.job
    verb = "would drop" if dry_run else "dropped"
    ended = local_time(job.finished)
    write_line(printable(f"{verb} job {job.id}, {job.name}, ended {ended}, {drop.event_count} events"))
