# SPDX-License-Identifier: Apache-2.0
"""The arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["Follow", "Host", "JobReference", "Json", "Limit"]

JobReference = Annotated[
    str,
    typer.Argument(
        metavar="JOB", help="The job: its id, the beginning of its uuid (four characters or more), or latest."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON for programs.")]
Host = Annotated[str | None, typer.Option("--host", metavar="H", help="Only what belongs to this host.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="At most so many.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Show a running job until it ends.")]
