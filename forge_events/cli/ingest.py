# SPDX-License-Identifier: Apache-2.0
"""``ingest``: bring spools into the store that came from elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_events.cli.arguments import Json  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.screen import as_dict, write_json, write_line
from forge_events.cli.session import Session, now, opened, troubles
from forge_events.errors import BrokenSpool
from forge_events.tree import printable

if TYPE_CHECKING:
    from forge_events.ingestion.receiver import Received

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("ingest")(ingest)


def ingest(
    spools: Annotated[list[Path], typer.Argument(metavar="SPOOL...", help="Spool files, or folders of them.")],
    *,
    as_json: Json = False,
) -> None:
    """Bring spools into the store; those that are there already change nothing."""
    done: list[Received] = []
    with opened() as session:
        for path in spools:
            for received in _ingested(session, path):
                done.append(received)
                _tell(received, as_json=as_json)
    if as_json:
        write_json([_as_object(received) for received in done])
    if any(received.problem or received.damages for received in done):
        raise typer.Exit(BrokenSpool.exit_code)


def _ingested(session: Session, path: Path) -> list[Received]:
    from forge_events.ingestion import receiver

    try:
        return receiver.ingest(path, session.store, now())
    except BrokenSpool as error:
        return [receiver.Received(path, problem=error.reason)]


def _tell(received: Received, *, as_json: bool) -> None:
    for trouble in troubles(received):
        sys.stderr.write(f"forge-events: {trouble}\n")
    job = received.job
    if job is not None and not as_json:
        write_line(printable(f"job {job.id}  {job.uuid}  {job.status}  {received.event_count} events  {job.name}"))


def _as_object(received: Received) -> dict[str, Any]:
    return {
        "path": str(received.path),
        "job": as_dict(received.job) if received.job is not None else None,
        "event_count": received.event_count,
        "problem": received.problem or None,
        "damages": [damage._asdict() for damage in received.damages],
    }
