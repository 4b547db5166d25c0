# SPDX-License-Identifier: Apache-2.0
"""``export``: a job as a spool again, to take it elsewhere."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from forge_events.cli.arguments import JobReference  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.screen import write_json
from forge_events.cli.session import reading

__all__ = ["add_to"]


class Format(enum.StrEnum):
    """What a job can be exported as."""

    JSONL = "jsonl"


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("export")(export)


def export(
    job: JobReference,
    _form: Annotated[Format, typer.Option("--format", help="The format: the spool's JSON lines.")] = Format.JSONL,
) -> None:
    """Write a job as a spool, which `forge-events ingest` makes the same job of elsewhere."""
    from forge_events.export import spool_lines

    with reading() as session:
        for line in spool_lines(session.store, session.store.job(job)):
            write_json(line, indent=None)
