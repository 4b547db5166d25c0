# SPDX-License-Identifier: Apache-2.0
"""``why``: why a job failed; also what ``show``, ``record`` and ``run`` say of it."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import PurePath
from typing import TYPE_CHECKING

from forge_events.cli.arguments import JobOrLatest, Json  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.screen import counted, seconds, style_of, write_json, write_line
from forge_events.cli.session import reading
from forge_events.tree import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import typer

    from forge_events.failures import Cause
    from forge_events.jobs import Job
    from forge_events.store import Store

__all__ = ["add_to", "causes_of", "tell_why", "write_causes"]

_WIDTH = 100
_MOST_HOSTS = 12
_MOST_ITEMS = 6
_MOST_LINES = 12
_MOST_TOLD = 5


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("why")(why)


def why(job: JobOrLatest = "latest", *, as_json: Json = False) -> None:
    """Say why a job failed. Each message once, with its hosts, and what to do next."""
    with reading() as session:
        found = session.store.job(job)
        why = causes_of(session.store, found)
        host_count = len(session.store.host_summaries(found.id))
    if as_json:
        _write_json(found, why)
        return
    write_line(printable(_headline(found, why, host_count)), style_of(found.status))
    write_causes(found, why)


def causes_of(store: Store, job: Job) -> list[Cause]:
    """Return why a job failed, from its failed events alone."""
    if not job.failed:
        return []
    from forge_events.events import EventFilter
    from forge_events.failures import causes

    return causes(store.events(job.id, EventFilter(is_failed=True)))


def write_causes(job: Job, why: list[Cause]) -> None:
    """Write the causes one below another, and what to do next."""
    for number, cause in enumerate(why, start=1):
        write_line("")
        for line, style in _cause_lines(number, cause):
            write_line(line, style)
    if why:
        write_line("")
        for command, purpose in _next(job, why):
            write_line(f"{printable(command)}\n    {purpose}")


def tell_why(store: Store, job: Job) -> None:
    """Say in few lines on stderr why a job failed, if that is a terminal."""
    if not sys.stderr.isatty():
        return
    why = causes_of(store, job)
    if not why:
        return
    width = _width()
    host_count = len(store.host_summaries(job.id))
    lines = [f"forge-events: {_headline(job, why, host_count)}"]
    lines += [
        f"  {_place(cause)}: {_hosts(cause)}: {cause.message.partition(chr(10))[0]}" for cause in why[:_MOST_TOLD]
    ]
    more = f"{len(why) - _MOST_TOLD} more, " if len(why) > _MOST_TOLD else ""
    lines.append(f"  {more}in full: forge-events why {job.id}")
    sys.stderr.write("".join(f"{_cut(printable(line), width)}\n" for line in lines))


def _write_json(job: Job, why: list[Cause]) -> None:
    from forge_events.failures import advice, as_object

    about = {"job": job.id, "status": job.status, "explanation": job.job_explanation}
    hosts = list(dict.fromkeys(host for cause in why for host in cause.hosts))
    write_json({**about, "causes": [as_object(cause) for cause in why], "next": advice(job, hosts)})


def _headline(job: Job, why: list[Cause], host_count: int) -> str:
    took = f" after {seconds(job.elapsed)}" if job.elapsed is not None else ""
    line = f"job {job.id} {job.name} {job.status}{took}"
    if why:
        failed = len({host for cause in why for host in cause.hosts})
        return f"{line}: {failed} of {counted(max(host_count, failed), 'host')}, {counted(len(why), 'cause')}"
    return line + (f": {job.job_explanation}" if job.job_explanation else ": nothing failed")


def _cause_lines(number: int, cause: Cause) -> Iterator[tuple[str, str]]:
    yield printable(f"{number}. {_place(cause)}, {cause.outcome}"), "bold"
    about = [f"role {cause.role}"] if cause.role else []
    about += [f"play {cause.play}"] if cause.play else []
    if cause.path:
        yield printable(f"   {cause.path}" + "".join(f" · {part}" for part in about)), "dim"
    yield from ((line, "") for line in _wrapped(_hosts(cause), "   "))
    yield from ((line, "red") for line in _wrapped(cause.message or "(no message)", "     "))
    if cause.detail.kind:
        yield f"   {cause.detail.kind}", "dim"
        yield from (("     " + printable(line), "") for line in cause.detail.text.splitlines())


def _place(cause: Cause) -> str:
    """Return a task with the end of its place, which is enough to find it."""
    file = PurePath(cause.path).name
    return f"{cause.task or cause.action} ({file})" if file else cause.task or cause.action


def _hosts(cause: Cause) -> str:
    """Return the hosts of a cause, each with its items; of many, how many there are."""
    items: dict[str, list[str]] = {}
    for failure in cause.failures:
        items.setdefault(failure.host, []).extend([failure.item] if failure.item else [])
    shown = [f"{host} ({_listed(found, _MOST_ITEMS)})" if found else host for host, found in items.items()]
    return _listed(shown, _MOST_HOSTS)


def _listed(names: list[str], most: int) -> str:
    more = len(names) - most
    return ", ".join([*names[:most], *([f"and {more:,} more"] if more > 0 else [])])


def _next(job: Job, why: list[Cause]) -> Iterator[tuple[str, str]]:
    from forge_events.failures import advice

    yield f"forge-events event {job.id} {why[0].failures[0].counter}", "the whole result of the first"
    again = advice(job, list(dict.fromkeys(host for cause in why for host in cause.hosts)))
    if again:
        yield again, "once it is mended, for the hosts that failed alone"


def _wrapped(text: str, indent: str) -> Iterator[str]:
    lines = text.splitlines()
    for line in lines[:_MOST_LINES]:
        yield from textwrap.wrap(
            printable(line), _width(), initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
        )
    if len(lines) > _MOST_LINES:
        yield f"{indent}and {len(lines) - _MOST_LINES} more lines"


def _width() -> int:
    """Return how wide text may be: as the terminal, within what can be read; everywhere else as what can be read."""
    try:
        return min(_WIDTH, max(40, os.get_terminal_size(sys.stderr.fileno()).columns))
    except (OSError, ValueError):
        return _WIDTH


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[: width - 1]}…"
