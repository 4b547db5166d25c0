# SPDX-License-Identifier: Apache-2.0
"""The arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["LARGEST", "Days", "Follow", "Host", "JobReference", "Json", "JsonLines", "Limit", "Task"]

LARGEST = 10**12
"""More than there will ever be of anything that is counted here, and within what every database takes."""

JobReference = Annotated[
    str,
    typer.Argument(
        metavar="JOB", help="The job: its id, the beginning of its uuid (four characters or more), or latest."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON for programs.")]
JsonLines = Annotated[bool, typer.Option("--jsonl", "--json", help="Write JSON, one object a line, with all fields.")]
Days = Annotated[
    int | None, typer.Option("--days", min=1, metavar="N", help="Only what was recorded in the last so many days.")
]
Task = Annotated[str | None, typer.Option("--task", metavar="T", help="Only what belongs to the task of this name.")]
Host = Annotated[str | None, typer.Option("--host", metavar="H", help="Only what belongs to this host.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, max=LARGEST, metavar="N", help="At most so many.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Show a running job until it ends.")]
