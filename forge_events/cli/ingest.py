# SPDX-License-Identifier: Apache-2.0
"""``ingest``: bring into the store what was recorded elsewhere, or by ansible-runner."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_events.cli.arguments import Json  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.screen import as_dict, write_json, write_line
from forge_events.cli.session import now, opened, troubles
from forge_events.errors import BrokenSpool
from forge_events.tree import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from forge_events.ingestion.receiver import Received
    from forge_events.ingestion.sources import IngestOptions, Source
    from forge_events.opening import Session

__all__ = ["add_to"]

_STDIN = Path("-")
_PAUSE = 0.5


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("ingest")(ingest)


def ingest(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Spools; ansible-runner's private_data_dir, artifacts or one of them; its worker's stream, - for "
            "stdin; ansible-navigator's artifacts.",
        ),
    ],
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes, until the job is over; with one job.")
    ] = False,
    environment: Annotated[
        bool, typer.Option("--environment", help="Keep the environment that runner wrote down, without secrets.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring jobs into the store from what recorded them. Those that are there already change nothing."""
    from forge_events.ingestion.sources import IngestOptions

    options = IngestOptions(now, keeps_environment=environment, pause=partial(time.sleep, _PAUSE) if follow else None)
    done: list[Received] = []
    with opened() as session:
        for received in _ingested(session, paths, options):
            done.append(received)
            if not sys.stderr.isatty():
                _tell(received, as_json=as_json)
    if sys.stderr.isatty():  # lines would break the bar
        for received in done:
            _tell(received, as_json=as_json)
    if as_json:
        write_json([_as_object(received) for received in done])
    if any(received.problem or received.damages for received in done):
        raise typer.Exit(BrokenSpool.exit_code)


def _ingested(session: Session, paths: list[Path], options: IngestOptions) -> Iterator[Received]:
    from forge_events.ingestion import receiver
    from forge_events.ingestion.sources import taken

    sources = [found for path in paths for found in _found(path, session)]
    if options.pause is not None and len(sources) != 1:
        raise typer.BadParameter(f"{len(sources)} jobs are there, and one can be followed", param_hint="--follow")
    with _bar(len(sources)) as show:
        for number, source in enumerate(sources):
            try:
                yield from taken(source, session.store, options._replace(seen=partial(show, source.path, number)))
            except BrokenSpool as error:
                yield receiver.Received(source.path, problem=error.reason)
            show(source.path, number + 1, 0)


def _found(path: Path, session: Session) -> list[Source]:
    from forge_events.ingestion import sources

    if path == _STDIN:
        return [_Stdin(session)]
    try:
        return sources.find(path)
    except BrokenSpool as error:
        return [sources.NoSource(path, error.reason)]


class _Stdin:
    """The stream of a worker on stdin. It goes through the spool, so that the worker never waits for the store."""

    path = _STDIN

    def __init__(self, session: Session) -> None:
        self._session = session

    def ingest(self, store: Any, options: IngestOptions) -> Iterator[Received]:
        """Record the stream to its end, then bring it into the store."""
        from forge_events import settings
        from forge_events.errors import UnknownJob
        from forge_events.ingestion import receiver, record_stream

        found = settings.load()
        recorded = record_stream(sys.stdin.buffer, found.spool_dir, keeps_environment=options.keeps_environment)
        for trouble in recorded.troubles:
            yield receiver.Received(self.path, problem=": ".join(filter(None, trouble)))
        count = sum(
            received.event_count
            for received in self._session.receiver.drain(options.clock())
            if received.job is not None and received.job.uuid == recorded.job_uuid
        )
        try:
            yield receiver.Received(self.path, store.job(recorded.job_uuid), count)
        except UnknownJob as error:
            yield receiver.Received(self.path, problem=str(error))


@contextmanager
def _bar(total: int) -> Iterator[Callable[[Path, int, int], None]]:
    """Show on a terminal how many jobs are done and how many events of the one in work."""
    if not sys.stderr.isatty():
        yield lambda _path, _number, _count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("jobs"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[at]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total, at="")

        def show(path: Path, number: int, count: int) -> None:
            at = f"{count:,} events of {printable(path.name)}" if count else ""
            progress.update(task, completed=number, at=at)

        yield show


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
