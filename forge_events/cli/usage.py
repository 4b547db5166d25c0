# SPDX-License-Identifier: Apache-2.0
"""``usage``: what the database takes, and how long the disk will last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_events.cli.arguments import LARGEST, Json
from forge_events.cli.screen import counted, size, write_json, write_line, write_table
from forge_events.cli.session import reading
from forge_events.cli.sizes import size_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forge_events.store.records import Share, Usage

__all__ = ["add_to"]

_UNKNOWN = "unknown; the server's disk cannot be seen from here, --free 20G tells how much there is"


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("usage")(usage)


def _bytes(text: str) -> int:
    try:
        return size_of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def usage(
    *,
    days: Annotated[
        int, typer.Option("--days", min=1, max=36500, metavar="N", help="Measure the growth over so many days.")
    ] = 30,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=LARGEST, metavar="N", help="At most so many templates and jobs.")
    ] = 20,
    free: Annotated[
        int | None,
        typer.Option(
            "--free", parser=_bytes, metavar="SIZE", help="What is free on a disk that cannot be seen from here."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what the database takes by template, month and job. Also, in how many days the disk will be full."""
    with reading() as session:
        found = session.store.usage(session.store.now(), days=days, limit=limit)
    if free is not None:
        found = found._replace(free=free)
    if as_json:
        write_json(_as_object(found))
    else:
        _write(found)


def _as_object(usage: Usage) -> dict[str, Any]:
    shares = {"templates": usage.templates, "months": usage.months, "jobs": usage.jobs}
    objects = {
        group: [{**share._asdict(), "disk_size": round(usage.on_disk(share.size))} for share in found]
        for group, found in shares.items()
    }
    return {**usage._asdict(), "growth": usage.growth, "days_left": usage.days_left, **objects}


def _write(usage: Usage) -> None:
    span = f"measured over the last {counted(usage.days, 'day')}"
    facts = {
        "database": f"{size(usage.size)}, for {size(usage.source_size)} of recorded events",
        "free": size(usage.free) if usage.free is not None else _UNKNOWN,
        "growth": f"{size(usage.growth)} a day, {span}",
        "days left": _days_left(usage),
    }
    for name, value in facts.items():
        write_line(f"{name:<10} {value}")
    for header, shares in (("TEMPLATE", usage.templates), ("MONTH", usage.months), ("JOB", usage.jobs)):
        _write_shares(header, shares, usage)


def _write_shares(header: str, shares: Sequence[Share], usage: Usage) -> None:
    write_line("")
    rows = [(s.name, s.job_count, s.event_count, size(s.size), size(round(usage.on_disk(s.size)))) for s in shares]
    write_table((header, "JOBS", "EVENTS", "RECORDED", "ON DISK"), rows)


def _days_left(usage: Usage) -> str:
    if usage.growth <= 0:
        return "no end in sight: nothing was recorded in that time"
    return f"{usage.days_left:,.0f}" if usage.days_left is not None else "unknown"
