# SPDX-License-Identifier: Apache-2.0
"""``db``: make the database's tables, bring them to the newest revision, and tell which they have."""

from __future__ import annotations

import typer

from forge_events.cli.arguments import Json  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.screen import write_json, write_line
from forge_events.tree import printable

__all__ = ["add_to"]

_group = typer.Typer(name="db", help="Make and upgrade the tables of the database.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(_group)


@_group.command("upgrade")
def upgrade() -> None:
    """Make the tables, or bring them to the newest revision. Nothing is done where they have it."""
    from forge_events import settings
    from forge_events.store import upgrade as upgrade_store

    url = settings.load().database_url
    before, after = upgrade_store(url)
    told = f"revision {before} -> {after}" if before != after else f"revision {after} already, nothing had to be done"
    write_line(f"{_shown(url)}: {told}")


@_group.command("current")
def current(*, as_json: Json = False) -> None:
    """Tell which revision the tables have. Also, whether it is the one that is needed."""
    from forge_events import settings
    from forge_events.store import current as current_revision

    url = settings.load().database_url
    found, needed = current_revision(url)
    if as_json:
        write_json({"revision": found, "needed": needed, "is_up_to_date": found == needed})
    else:
        told = "up to date" if found == needed else f"not up to date, {needed} is needed"
        write_line(f"{_shown(url)}: revision {found}, {told}")


def _shown(url: str) -> str:
    from forge_events.store.location import shown

    return printable(shown(url))
