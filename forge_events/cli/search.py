# SPDX-License-Identifier: Apache-2.0
"""``search``: events of all jobs that show a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forge_events.cli.arguments import LARGEST, Days, JsonLines
from forge_events.cli.screen import as_dict, local_time, tell, write_json, write_line
from forge_events.cli.session import days_ago, reading
from forge_events.output import to_text
from forge_events.tree import printable

if TYPE_CHECKING:
    from forge_events.events import JobEvent

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("search")(search)


def search(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text to find, whatever the case.")],
    *,
    days: Days = None,
    before: Annotated[
        int | None, typer.Option("--before", min=1, max=LARGEST, metavar="ID", help="Only jobs with a smaller id.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=LARGEST, metavar="N", help="At most so many.")] = 100,
    jsonl: JsonLines = False,
) -> None:
    """Find events of all jobs by a text in their output. Newest job first, by counter."""
    if not text:
        raise typer.BadParameter("there is nothing to find", param_hint="TEXT")
    with reading() as session:
        since = days_ago(session.store, days) if days is not None else None
        if not session.store.has_text_index():
            tell("no index helps to find text in this database; the output of all jobs is read")
        if not jsonl:
            write_line(_line("JOB", "COUNTER", "TIME", "HOST", "TEXT"), "bold")
        for event in session.store.search(text, since=since, before=before, limit=limit):
            if jsonl:
                write_json(as_dict(event), indent=None)
            else:
                _write_row(event, text)


def _write_row(event: JobEvent, text: str) -> None:
    style = "red" if event.failed else "yellow" if event.changed else ""
    found = printable(_line_with(text, event.stdout))
    write_line(_line(event.job_id, event.counter, local_time(event.created), printable(event.host_name), found), style)


def _line_with(text: str, stdout: str) -> str:
    """Return the line that shows a text; the first one where the text is spread over several."""
    lines = "".join(to_text([stdout])).splitlines() or [""]
    return next((line for line in lines if text.lower() in line.lower()), lines[0]).strip()


def _line(job: object, counter: object, time: str, host: str, text: str) -> str:
    return f"{job:>8}  {counter:>8}  {time:<19}  {host:<20}  {text}".rstrip()
