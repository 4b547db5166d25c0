# SPDX-License-Identifier: Apache-2.0
"""``doctor``: say what is wrong, how that is known, and what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forge_events.cli.arguments import Json  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.screen import write_json, write_line
from forge_events.tree import printable

if TYPE_CHECKING:
    from forge_events.doctor.check import Finding

__all__ = ["add_to"]

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red", "unknown": "magenta"}


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("doctor")(doctor)


def doctor(
    job: Annotated[
        str | None, typer.Argument(metavar="[JOB]", help="Only what concerns this job, and where it is.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Say what is wrong, and the command that mends it. The exit code is 1 if anything is wrong.

    Nothing is changed. Each check takes two seconds at most and needs no other.
    """
    from forge_events import settings
    from forge_events.doctor.check import Verdict
    from forge_events.doctor.examining import examine

    found = examine(settings.load(), job)
    if as_json:
        write_json([{"check": name, **finding._asdict()} for name, finding in found])
    else:
        for name, finding in found:
            _write(name, finding)
    if any(finding.verdict is Verdict.FAIL for _, finding in found):
        raise typer.Exit(1)


def _write(name: str, finding: Finding) -> None:
    mark = finding.verdict.upper() if finding.verdict == "fail" else finding.verdict
    write_line(f"{mark:<8}{name:<12}{printable(' '.join(finding.words.split()))}", _STYLES[finding.verdict])
    if finding.remedy and finding.verdict != "ok":
        write_line(f"{'':<20}-> {printable(finding.remedy)}")
