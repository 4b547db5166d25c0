# SPDX-License-Identifier: Apache-2.0
"""``export``: a job as a spool again, as an artifact of ansible-runner, or as a report, to take it elsewhere."""

from __future__ import annotations

import enum
import sys
from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from forge_events.cli.arguments import JobOrLatest  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.screen import write_json, write_line
from forge_events.cli.session import reading
from forge_events.tree import printable

if TYPE_CHECKING:
    from forge_events.jobs import Job
    from forge_events.store import Store

__all__ = ["add_to"]


class Format(enum.StrEnum):
    """What a job can be exported as."""

    JSONL = "jsonl"
    RUNNER = "runner"
    JUNIT = "junit"
    GITHUB = "github"
    GITLAB = "gitlab"
    MARKDOWN = "markdown"
    HTML = "html"


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("export")(export)


def export(
    job: JobOrLatest = "latest",
    *,
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            help="jsonl: the spool's JSON lines; runner: an artifact of ansible-runner; junit, github, gitlab, "
            "markdown and html: reports.",
        ),
    ] = Format.JSONL,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="With runner: the private_data_dir that gets the artifact.")
    ] = None,
) -> None:
    """Write a job to take it elsewhere. A spool, which `forge-events ingest` reads; an artifact; or a report."""
    if (form is Format.RUNNER) != (output is not None):
        raise typer.BadParameter("it goes with --format runner, and that with it", param_hint="--output")
    with reading() as session:
        found = session.store.job(job)
        if output is None:
            _write(session.store, found, form)
        else:
            from forge_events.artifact import write_artifact

            write_line(printable(str(write_artifact(session.store, found, output))))


def _write(store: Store, job: Job, form: Format) -> None:
    if form is not Format.JSONL:
        from forge_events.reports.report import ReportFormat, report

        for piece in report(store, job, ReportFormat(form)):
            sys.stdout.write(piece)
        return
    from forge_events.export import spool_lines

    for line in spool_lines(store, job):
        write_json(line, indent=None)
