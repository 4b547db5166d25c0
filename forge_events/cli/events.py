# SPDX-License-Identifier: Apache-2.0
"""``events``: the job events themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forge_events.cli.arguments import LARGEST, Host, JobReference, JsonLines, Limit, Task
from forge_events.cli.screen import as_dict, local_time, seconds, write_json, write_line
from forge_events.cli.session import reading
from forge_events.tree import CHECK_MODE, duration_of, host_label, printable

if TYPE_CHECKING:
    from forge_events.events import JobEvent

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("events")(events)


def events(  # noqa: PLR0913 - an option for each condition
    job: JobReference,
    *,
    host: Host = None,
    task: Task = None,
    event: Annotated[str | None, typer.Option("--event", metavar="E", help="Only events of this name.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only events that failed.")] = False,
    changed: Annotated[bool, typer.Option("--changed", help="Only events that changed something.")] = False,
    search: Annotated[
        str | None, typer.Option("--search", metavar="TEXT", help="Only events with this text in their output.")
    ] = None,
    after: Annotated[
        int, typer.Option("--after", min=0, max=LARGEST, metavar="COUNTER", help="Only events with a greater counter.")
    ] = 0,
    limit: Limit = None,
    tail: Annotated[
        int | None, typer.Option("--tail", min=1, max=LARGEST, metavar="N", help="Only the last so many.")
    ] = None,
    jsonl: JsonLines = False,
) -> None:
    """List the events of a job by counter."""
    from forge_events.events import EventFilter

    if tail is not None and (after or limit is not None):
        raise typer.BadParameter("goes neither with --after nor with --limit", param_hint="--tail")
    where = EventFilter(host=host, task=task, event=event, is_failed=failed, is_changed=changed, search=search)
    with reading() as session:
        found = session.store.job(job)
        store = session.store
        matches = store.events(found.id, where, after=after, limit=limit)
        if not jsonl:
            write_line(_line("COUNTER", "TIME", "EVENT", "DURATION", "HOST", "TASK"), "bold")
        for match in store.last_events(found.id, where, limit=tail) if tail is not None else matches:
            if jsonl:
                write_json(as_dict(match), indent=None)
            else:
                _write_row(match)


def _write_row(event: JobEvent) -> None:
    data = event.event_data
    about = printable(event.task or event.play or event.playbook) + CHECK_MODE * (data.get("check_mode") is True)
    host = host_label(event.host_name, data.get("delegated_host"))
    time = local_time(event.created, "%H:%M:%S")
    style = "red" if event.failed else "yellow" if event.changed else ""
    write_line(_line(str(event.counter), time, event.event, seconds(duration_of(event)), host, about), style)


def _line(*cells: str) -> str:
    return "{:>8}  {:<8}  {:<30}  {:>12}  {:<20}  {}".format(*cells).rstrip()
