# SPDX-License-Identifier: Apache-2.0
"""``receiver``: bring spools into the store as they are written, for as long as the machine runs."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from forge_events.cli.session import troubles
from forge_events.errors import BrokenSpool
from forge_events.tree import printable

if TYPE_CHECKING:
    from forge_events.errors import ForgeEventsError
    from forge_events.ingestion.receiver import Received
    from forge_events.store.records import Merged

__all__ = ["add_to"]

_POLL, _MERGE, _LONGEST_PAUSE = 1.0, 300.0, 30.0


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("receiver")(receiver)


def receiver(
    *,
    once: Annotated[bool, typer.Option("--once", help="Bring in what is there, and exit.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Name each job that begins or ends.")] = False,
    poll: Annotated[
        float,
        typer.Option(
            "--poll", min=0.05, metavar="SECONDS", help="How often to look at a folder that tells of no change."
        ),
    ] = _POLL,
    merge_every: Annotated[
        float,
        typer.Option("--merge-every", min=1, metavar="SECONDS", help="How often to merge PostgreSQL's partitions."),
    ] = _MERGE,
) -> None:
    """Bring what is spooled into the store as it is written. It goes on until it is told to stop."""
    from forge_events import settings
    from forge_events.ingestion.service import Pace, Service
    from forge_events.presence import present
    from forge_events.services.stopping import Stop, stopped_by_signals
    from forge_events.store import open_store
    from forge_events.store.location import shown
    from forge_events.store.records import Role

    found = settings.load()
    lines = _Lines(is_verbose=verbose)
    pace = Pace(poll=poll, merge=merge_every, longest_pause=_LONGEST_PAUSE)
    with Stop() as stop, stopped_by_signals(stop):
        service = Service(partial(open_store, found.database_url), found.spool_dir, lines, stop, pace)
        lines.tell(f"receiving from {found.spool_dir} into {shown(found.database_url)}")
        if once:
            service.drain()
        else:
            with present(found, Role.RECEIVER, {"spool_dir": str(found.spool_dir)}):
                service.run()
    if once and lines.has_troubles:
        raise typer.Exit(BrokenSpool.exit_code)


class _Lines:
    """A line for each thing that an operator wants to know: troubles on stderr and, if asked for, the rest on stdout.

    :ivar has_troubles: whether there was any.
    """

    def __init__(self, *, is_verbose: bool) -> None:
        self._is_verbose = is_verbose
        self.has_troubles = False

    def received(self, received: Received) -> None:
        """Tell what a spool lost, and that its job began or ended."""
        for trouble in troubles(received):
            self.has_troubles = True
            _complain(trouble)
        job = received.job
        if job is not None and received.has_begun:
            self.tell(f"job {job.id} began  {job.uuid}  {job.name}")
        if job is not None and received.has_ended:
            self.tell(f"job {job.id} {job.status}  {job.uuid}  {job.event_count} events  {job.name}")

    def is_away(self, error: ForgeEventsError, pause: float) -> None:
        """Tell that nothing works for the time being."""
        again = f"trying again in {pause:.1f} s, later every {_LONGEST_PAUSE:.0f} s"
        _complain(f"{error}; {again}; nothing is lost meanwhile")

    def is_back(self, seconds: float) -> None:
        """Tell that it works again."""
        _complain(f"working again after {seconds:.0f} s")

    def merged(self, merged: Merged) -> None:
        """Tell of a block that was merged."""
        what = f"{merged.job_count} jobs, {merged.event_count} events"
        self.tell(f"merged block {merged.block}: {what}, in {merged.seconds:.1f} s")

    def tell(self, line: str) -> None:
        """Write a line for those who want to know everything."""
        if self._is_verbose:
            sys.stdout.write(printable(line) + "\n")
            sys.stdout.flush()


def _complain(line: str) -> None:
    sys.stderr.write(f"forge-events: {' '.join(printable(line).split())}\n")
    sys.stderr.flush()
