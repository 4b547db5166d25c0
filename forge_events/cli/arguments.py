# SPDX-License-Identifier: Apache-2.0
"""The arguments and options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forge_events.cli import completion

if TYPE_CHECKING:
    from forge_events.nodes import NodeType

__all__ = [
    "LARGEST",
    "Check",
    "Controller",
    "Days",
    "Follow",
    "Host",
    "JobOrLatest",
    "JobReference",
    "Json",
    "JsonLines",
    "Limit",
    "Task",
    "TypeOfNode",
    "node_name",
    "type_of_node",
]

LARGEST = 10**12
"""More than there will ever be of anything that is counted here, and within what every database takes."""

_NODE_TYPES = "hybrid, control, execution, hop"

_JOB_HELP = (
    "The job: its id, the beginning of its uuid (four characters or more), latest, or failed: the latest that failed."
)
JobReference = Annotated[str, typer.Argument(metavar="JOB", help=_JOB_HELP, autocompletion=completion.jobs)]
JobOrLatest = Annotated[
    str, typer.Argument(metavar="JOB", help=_JOB_HELP, show_default=True, autocompletion=completion.jobs)
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON for programs.")]
JsonLines = Annotated[bool, typer.Option("--jsonl", "--json", help="Write JSON, one object a line, with all fields.")]
Days = Annotated[
    int | None, typer.Option("--days", min=1, metavar="N", help="Only what was recorded in the last so many days.")
]
Task = Annotated[str | None, typer.Option("--task", metavar="T", help="Only what belongs to the task of this name.")]
Host = Annotated[
    str | None,
    typer.Option("--host", metavar="H", help="Only what belongs to this host.", autocompletion=completion.hosts),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, max=LARGEST, metavar="N", help="At most so many.")]
Controller = Annotated[
    str | None, typer.Option("--controller", metavar="NAME", help="Only what Ansible did from this machine.")
]
Check = Annotated[
    bool | None, typer.Option("--check/--no-check", help="Only dry runs, or none of them.", show_default=False)
]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Show a running job until it ends.")]
TypeOfNode = Annotated[
    str | None, typer.Option("--type", metavar="TYPE", help=f"Make it a node of this type: {_NODE_TYPES}.")
]


def type_of_node(name: str | None) -> NodeType | None:
    """Return the type that ``--type`` names, if it was given."""
    from forge_events.nodes import NodeType

    try:
        return None if name is None else NodeType(name)
    except ValueError as error:
        raise typer.BadParameter(f"{name!r} is none of {_NODE_TYPES}", param_hint="--type") from error


def node_name(name: str | None, where: str) -> str | None:
    """Return the name of a node, if one was given.

    :param where: the option or argument that holds it.
    """
    from forge_events.nodes import named

    try:
        return None if name is None else named(name)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=where) from error
