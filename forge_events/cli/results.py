# SPDX-License-Identifier: Apache-2.0
"""``results``: what happened on a host in all jobs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from forge_events.cli.arguments import LARGEST, Check, Controller, Days, Host, JsonLines, Task
from forge_events.cli.nearest import known_hosts, tell_unknown
from forge_events.cli.screen import as_dict, local_time, seconds, write_json, write_line
from forge_events.cli.session import days_ago, reading
from forge_events.errors import UnknownJob
from forge_events.tree import host_label, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.events import HostResult, ResultFilter
    from forge_events.store import Store

__all__ = ["add_to"]

_PAGE = 500
_HEADERS = ("TIME", "JOB", "COUNTER", "RESULT", "DURATION", "HOST", "CONTROLLER", "TASK")
_FORM = "{:<19}  {:>8}  {:>8}  {:<15}  {:>12}  {:<20}  {:<15}  {}"
_PLACE = re.compile("([1-9][0-9]{0,17}):([1-9][0-9]{0,17})")


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("results")(results)


def results(  # noqa: PLR0913 - an option for each condition
    *,
    host: Host = None,
    task: Task = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only failed results, of all hosts or of one.")] = False,
    changed: Annotated[bool, typer.Option("--changed", help="Only results that changed something.")] = False,
    check: Check = None,
    controller: Controller = None,
    days: Days = None,
    before: Annotated[
        str | None,
        typer.Option("--before", metavar="ID:COUNTER", help="Only what is listed behind this one: the next page."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=LARGEST, metavar="N", help="At most so many.")] = 100,
    jsonl: JsonLines = False,
) -> None:
    """List what came of tasks on a host in all jobs. Newest first; or what failed, on any host."""
    from forge_events.events import ResultFilter

    if host is None and not failed:
        raise typer.BadParameter("say which host, or --failed for all hosts", param_hint="--host")
    place = _place(before) if before is not None else None
    with reading() as session:
        since = days_ago(session.store, days) if days is not None else None
        where = ResultFilter(
            host=host,
            task=task,
            is_failed=failed,
            is_changed=changed,
            is_check=check,
            controller=controller,
            since=since,
        )
        tell_unknown("no recent job has a host", host, lambda: known_hosts(session.store, host), is_guess=True)
        last = _result(session.store, *place) if place is not None else None
        if not jsonl:
            write_line(_line(*_HEADERS), "bold")
        for result in _pages(session.store, where, last, limit):
            if jsonl:
                write_json(as_dict(result), indent=None)
            else:
                _write_row(result)


def _place(text: str) -> tuple[int, int]:
    found = _PLACE.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no job id, colon and counter, such as 12:345", param_hint="--before")
    return int(found[1]), int(found[2])


def _pages(store: Store, where: ResultFilter, before: HostResult | None, limit: int) -> Iterator[HostResult]:
    """Yield results page by page, so that many of them take no more memory than a few."""
    while limit > 0:
        page = store.host_results(where, before=before, limit=min(limit, _PAGE))
        yield from page
        if len(page) < _PAGE:
            return
        before, limit = page[-1], limit - len(page)


def _result(store: Store, job_id: int, counter: int) -> HostResult:
    from forge_events.events import EventFilter, HostResult

    for event in store.events(job_id, EventFilter(), after=counter - 1, limit=1):
        if event.counter == counter:
            about = event.model_dump(include=set(HostResult.model_fields))
            return HostResult.model_validate(about)
    raise UnknownJob(f"{job_id}:{counter}")


def _write_row(result: HostResult) -> None:
    name = result.event.removeprefix("runner_on_")
    shown = "changed" if result.changed and name == "ok" else name
    style = "red" if result.failed else "yellow" if result.changed else ""
    place = (local_time(result.created), str(result.job_id), str(result.counter))
    names = (host_label(result.host_name, result.delegated_host), printable(result.controller or ""))
    came = (shown + " (check)" * result.check_mode, seconds(result.duration))
    write_line(_line(*place, *came, *names, printable(result.task)), style)


def _line(*cells: str) -> str:
    return _FORM.format(*cells).rstrip()
