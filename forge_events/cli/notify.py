# SPDX-License-Identifier: Apache-2.0
"""``notify``: what has become of notifications, and whether an address can be told at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_events.cli.arguments import LARGEST, Json
from forge_events.cli.notify_options import EVENTS, notification
from forge_events.cli.screen import local_time, style_of, write_json, write_line, write_table
from forge_events.cli.session import opened, reading
from forge_events.tree import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forge_events.store.records import Notified
    from forge_events.templates import Notification

__all__ = ["add_to", "as_objects", "lines_of"]

_HEADERS = ("JOB", "EVENT", "ADDRESS", "STATUS", "ATTEMPTS", "SENT", "ERROR")

_group = typer.Typer(name="notify", help="See whom jobs were told to, and try an address.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(_group)


@_group.command("list")
def show_all(
    *,
    is_failed: Annotated[bool, typer.Option("--failed", help="Only those that were given up.")] = False,
    of_job: Annotated[str | None, typer.Option("--job", metavar="ID", help="Only those of this job.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=LARGEST, metavar="N", help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """List notifications, those planned last first."""
    with reading() as session:
        job_id = None if of_job is None else session.store.job(of_job).id
        found = session.store.outbox.find(job_id, is_failed=is_failed, limit=limit)
    if as_json:
        write_json(as_objects(found))
    else:
        write_table(_HEADERS, [_row(one) for one in found], [_style(one) for one in found])


@_group.command("test")
def attempt(
    target: Annotated[str, typer.Argument(metavar="URL|TEMPLATE", help="An address of Apprise, or a job template.")],
    *,
    event: Annotated[
        str | None,
        typer.Option("--event", metavar="EVENT", help=f"Tell of this one: {', '.join(EVENTS)}."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Send a sample message now, and say what became of it. A template is tried with all whom it tells."""
    from forge_events.errors import NotTold

    found = [_tried(kind, address) for kind, address in _addressed(target, event)]
    if as_json:
        write_json(found)
    else:
        for one in found:
            write_line(f"{one['event']} to {one['address']}: {one['error'] or 'sent'}")
    failed = sum(bool(one["error"]) for one in found)
    if failed:
        raise NotTold(failed, len(found))


def as_objects(found: Sequence[Notified]) -> list[dict[str, Any]]:
    """Return notifications as JSON has them."""
    return [one._asdict() for one in found]


def lines_of(found: Sequence[Notified]) -> list[str]:
    """Say of each of a job's notifications what became of it, those planned first first."""
    return [f"{one.event} to {one.address}: {_fate(one)}" for one in reversed(found)]


def _fate(one: Notified) -> str:
    if one.sent is not None:
        return f"sent {local_time(one.sent)}"
    if one.due is None:
        return f"{one.status}: {one.error}" if one.error else one.status
    return f"{one.error}; tried again {local_time(one.due)}" if one.error else one.status


def _row(one: Notified) -> tuple[object, ...]:
    return (one.job_id, one.event, one.address, one.status, one.attempts, local_time(one.sent), one.error)


def _style(one: Notified) -> str:
    return style_of(one.status) if one.status == "failed" else ""


def _addressed(target: str, event: str | None) -> list[tuple[str, Notification]]:
    """Return what to try: an address, or those of a template."""
    if event is not None and event not in EVENTS:
        raise typer.BadParameter(f"{event!r} is none of {', '.join(EVENTS)}", param_hint="--event")
    if "://" in target:
        return [(event or "failure", notification(target, "URL"))]
    with opened() as session:
        wanted = session.store.templates.get(target).notifications
    found = [(kind, each) for kind, addresses in wanted for each in addresses if event in (None, kind)]
    if not found:
        raise typer.BadParameter(f"it tells nobody{f' of {event}' if event else ''}", param_hint="TEMPLATE")
    return found


def _tried(event: str, address: Notification) -> dict[str, str]:
    from forge_events.notices import messages, rendering, sending
    from forge_events.templates import shown_address

    usual, facts = messages.sample(event)
    message = messages.as_test(rendering.message(address.message, usual, facts))
    outcome = sending.send(address.url, message, event)
    return {"event": event, "address": shown_address(address.url), "error": printable(outcome.error)}
