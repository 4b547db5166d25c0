# SPDX-License-Identifier: Apache-2.0
"""``stdout``: what the terminal showed, byte for byte, or as text, HTML or JSON."""

from __future__ import annotations

import enum
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from forge_events.cli.arguments import Follow, JobOrLatest  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.screen import write_json
from forge_events.cli.session import reading
from forge_events.output import cut_lines, to_bytes, to_html, to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from forge_events.jobs import Job
    from forge_events.opening import Session

__all__ = ["add_to"]


class Format(enum.StrEnum):
    """What the output can be shown as."""

    ANSI = "ansi"
    TEXT = "text"
    HTML = "html"
    JSON = "json"


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("stdout")(stdout)


def stdout(
    job: JobOrLatest = "latest",
    *,
    form: Annotated[
        Format, typer.Option("--format", help="As the terminal got it, or without colours, or as HTML or JSON.")
    ] = Format.ANSI,
    start: Annotated[int, typer.Option("--start", min=0, metavar="N", help="The first line, from 0.")] = 0,
    end: Annotated[int | None, typer.Option("--end", min=0, metavar="N", help="The line to stop before.")] = None,
    follow: Follow = False,
) -> None:
    """Show what a job printed."""
    if follow and form in (Format.HTML, Format.JSON):
        raise typer.BadParameter(f"goes with ansi and text, not with {form}", param_hint="--follow")
    with reading() as session:
        found = session.store.job(job)
        if form is Format.JSON:
            _write_json(session, found, start, end)
        else:
            kept = session.store.stdout(found.id, start=start, end=end)
            pieces = _followed(session, found, start, end) if follow else kept
            _write(_formatted(pieces, form, found))


def _formatted(pieces: Iterable[str], form: Format, job: Job) -> Iterable[str]:
    if form is Format.TEXT:
        return to_text(pieces)
    return to_html(pieces, f"{job.name} (job {job.id})") if form is Format.HTML else pieces


def _write(pieces: Iterable[str]) -> None:
    for piece in pieces:
        sys.stdout.buffer.write(to_bytes(piece))


def _followed(session: Session, job: Job, start: int, end: int | None) -> Iterator[str]:
    """Yield the output as it comes, with a progress line under it wherever it does not stand in its way."""
    from forge_events.cli.live import ProgressLine, watch

    is_line_free = True
    with ProgressLine() as line:
        for progress, events in watch(session, job):
            line.clear()
            for event in events:
                yield cut_lines(event.stdout, event.start_line, start, end)
                is_line_free = event.stdout.endswith("\n") if event.stdout else is_line_free
            sys.stdout.buffer.flush()
            if is_line_free or not sys.stdout.isatty():
                line.show(progress)


def _write_json(session: Session, job: Job, start: int, end: int | None) -> None:
    from forge_events.events import EventFilter

    last = session.store.last_events(job.id, EventFilter())
    absolute_end = last[0].end_line if last else 0
    shown_end = absolute_end if end is None else min(end, absolute_end)
    shown = {"start": start, "end": shown_end, "absolute_end": absolute_end}
    write_json({"range": shown, "content": "".join(session.store.stdout(job.id, start=start, end=end))})
