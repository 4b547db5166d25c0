# SPDX-License-Identifier: Apache-2.0
"""``events``: the job events themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_events.cli.arguments import LARGEST, Host, JobOrLatest, JobReference, Json, JsonLines, Limit, Task
from forge_events.cli.nearest import hosts_of, meant, tell_unknown
from forge_events.cli.screen import as_dict, local_time, seconds, write_json, write_line
from forge_events.cli.session import reading
from forge_events.hierarchy import EVENTS
from forge_events.output import to_text
from forge_events.tree import CHECK_MODE, duration_of, host_label, printable

if TYPE_CHECKING:
    from forge_events.events import JobEvent

__all__ = ["add_to"]

_LONGEST = 80
_TOLD = {"task", "task_path", "play", "role", "host", "uuid"}


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("events")(events)
    app.command("event")(event)


def events(  # noqa: PLR0913 - an option for each condition
    job: JobOrLatest = "latest",
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

    if event is not None and event not in EVENTS:
        raise typer.BadParameter(f"there is no event {event!r}{meant(event, EVENTS)}", param_hint="--event")
    if tail is not None and (after or limit is not None):
        raise typer.BadParameter("goes neither with --after nor with --limit", param_hint="--tail")
    where = EventFilter(host=host, task=task, event=event, is_failed=failed, is_changed=changed, search=search)
    with reading() as session:
        store = session.store
        found = store.job(job)
        if found.status.is_final and not jsonl:
            tell_unknown(f"job {found.id} has no host", host, lambda: hosts_of(store, found.id))
        matches = store.events(found.id, where, after=after, limit=limit)
        if not jsonl:
            write_line(_line("COUNTER", "TIME", "EVENT", "DURATION", "HOST", "TASK"), "bold")
        for match in store.last_events(found.id, where, limit=tail) if tail is not None else matches:
            if jsonl:
                write_json(as_dict(match), indent=None)
            else:
                _write_row(match)


def event(
    job: JobReference,
    counter: Annotated[int, typer.Argument(min=1, max=LARGEST, metavar="N", help="Its number, as `events` has it.")],
    *,
    as_json: Json = False,
) -> None:
    """Show one event whole. What it printed, and its data."""
    from forge_events.errors import UnknownEvent
    from forge_events.events import EventFilter

    with reading() as session:
        store = session.store
        found = store.job(job)
        match = next(store.events(found.id, EventFilter(), after=counter - 1, limit=1), None)
    if match is None or match.counter != counter:
        raise UnknownEvent(found.id, counter, found.event_count)
    if as_json:
        write_json(as_dict(match))
    else:
        _write_whole(match)


def _write_whole(event: JobEvent) -> None:
    """Write an event with its data, each value that is text as text."""
    data = event.event_data
    facts = {
        "event": f"{event.counter}  {event.event}",
        "host": host_label(event.host_name, data.get("delegated_host")),
        "task": event.task,
        "place": data.get("task_path"),
        "play": event.play,
        "role": event.role,
        "recorded": local_time(event.created),
        "duration": seconds(duration_of(event)),
    }
    for name, value in facts.items():
        if value:
            write_line(f"{name:<15} {printable(str(value))}", _style(event) if name == "event" else "")
    result = data.get("res")
    shown = result if isinstance(result, dict) else {k: v for k, v in data.items() if k not in _TOLD}
    for name, value in shown.items():
        if not name.startswith("_ansible_") and value not in (None, "", [], {}):
            _write_value(printable(name), value)
    _write_value("output", "".join(to_text([event.stdout])))


def _write_value(name: str, value: Any) -> None:
    """Write a value on the line of its name, or below it where it has several lines."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    if not isinstance(value, str) and len(text) > _LONGEST:
        text = json.dumps(value, indent=2, default=str)
    lines = text.strip("\n").splitlines()
    if len(lines) < 2:
        write_line(f"{name:<15} {printable(''.join(lines))}".rstrip())
        return
    write_line(name)
    for line in lines:
        write_line(f"    {printable(line)}")


def _style(event: JobEvent) -> str:
    return "red" if event.failed else "yellow" if event.changed else ""


def _write_row(event: JobEvent) -> None:
    data = event.event_data
    about = printable(event.task or event.play or event.playbook) + CHECK_MODE * (data.get("check_mode") is True)
    host = host_label(event.host_name, data.get("delegated_host"))
    time = local_time(event.created, "%H:%M:%S")
    row = (str(event.counter), time, event.event, seconds(duration_of(event)), host, about)
    write_line(_line(*row), _style(event))


def _line(*cells: str) -> str:
    return "{:>8}  {:<8}  {:<30}  {:>12}  {:<20}  {}".format(*cells).rstrip()
