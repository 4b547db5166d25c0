# SPDX-License-Identifier: Apache-2.0
"""``workflow``: job templates that follow one another: written down, launched, and followed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forge_events.cli.arguments import Json  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.screen import style_of, write_json, write_line, write_table
from forge_events.cli.session import opened
from forge_events.tree import printable

if TYPE_CHECKING:
    from forge_events.workflows import Flow

__all__ = ["add_to", "read_file"]

_group = typer.Typer(name="workflow", help="Launch job templates that follow one another.", no_args_is_help=True)

_File = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The workflow, as YAML.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    from forge_events.cli import workflow_jobs

    workflow_jobs.add_to(_group)
    app.add_typer(_group)


@_group.command("validate")
def validate(file: _File, *, as_json: Json = False) -> None:
    """Check a workflow against the job templates, and draw it. Nothing is stored."""
    from forge_events.workflows.drawing import draw

    flow = read_file(file)
    with opened() as session:
        flow.check({template.name: template for template in session.store.templates.all()})
    if as_json:
        write_json(flow.model_dump())
    else:
        for line in draw(flow):
            write_line(printable(line))


@_group.command("what-if")
def what_if(
    file: _File,
    ends: Annotated[
        list[str] | None, typer.Argument(metavar="NODE=STATUS", help="How a node ends, such as smoke=failed.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Show what would run if nodes ended in some way. Those that are not named are successful."""
    from forge_events.workflows.rehearsal import rehearse

    pairs = [word.rpartition("=") for word in ends or ()]
    if any(not name for name, _, _ in pairs):
        raise typer.BadParameter("write NODE=STATUS, such as smoke=failed", param_hint="NODE=STATUS")
    found = rehearse(read_file(file), {name: end for name, _, end in pairs})
    if as_json:
        write_json({"status": found.status, "nodes": [step._asdict() for step in found.steps]})
        return
    rows = [(step.node, step.state.replace("_", " "), step.reason) for step in found.steps]
    write_table(("NODE", "STATUS", "WHY"), rows, [style_of(step.state) for step in found.steps])
    write_line(f"the workflow is {found.status}", style_of(found.status))


def read_file(file: Path) -> Flow:
    """Return the workflow of a file.

    :raises InvalidLaunch: it cannot be read, or is no workflow.
    """
    from forge_events.workflows.reading import LARGEST, read_flow

    with file.open("rb") as opened_file:
        return read_flow(opened_file.read(LARGEST + 1))
