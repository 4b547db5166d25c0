# SPDX-License-Identifier: Apache-2.0
"""``partitions``: the blocks of tables that PostgreSQL keeps events in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forge_events.cli.arguments import Json  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.screen import counted, local_time, seconds, size, write_json, write_line, write_table
from forge_events.cli.session import reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from forge_events.store.records import Block, Merged

__all__ = ["add_to"]

_HEADERS = ("BLOCK", "KIND", "IDS", "JOBS", "ACTIVE", "LEAVES", "EVENTS", "SIZE", "OLDEST", "NEWEST")
_WITHOUT = "SQLite keeps the events of all jobs in one table: there are no partitions"
_NONE_YET = "there are no partitions yet; the first job that starts makes one"
_INDEXED = "text search: an index of pg_trgm helps in blocks that are merged since the extension is there"
_UNINDEXED = "text search: no index; all output is read"


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("partitions")(partitions)


def partitions(
    *,
    merge: Annotated[
        bool, typer.Option("--merge", help="First merge the blocks that are full and whose jobs have all ended.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the blocks of partitions that PostgreSQL has. Also, whether an index helps to find text."""
    with reading() as session:
        merged = list(_told(session.store.merge(), as_json=as_json)) if merge else []
        blocks = list(session.store.blocks())
        is_indexed = session.store.has_text_index()
    if as_json:
        objects = {"merged": [one._asdict() for one in merged], "blocks": [block._asdict() for block in blocks]}
        write_json({"has_partitions": _has_partitions(), "has_text_index": is_indexed, **objects})
    else:
        if merge and not merged:
            write_line("nothing to merge")
        _write(blocks)
        write_line(_INDEXED if is_indexed else _UNINDEXED)


def _told(merged: Iterator[Merged], *, as_json: bool) -> Iterator[Merged]:
    """Tell of each block when it is merged."""
    for one in merged:
        if not as_json:
            held = f"{counted(one.job_count, 'job')}, {counted(one.event_count, 'event')}"
            write_line(f"merged block {one.block}: {held}, in {seconds(one.seconds)}")
        yield one


def _write(blocks: Sequence[Block]) -> None:
    if blocks:
        write_table(_HEADERS, [_row(block) for block in blocks])
    else:
        write_line(_NONE_YET if _has_partitions() else _WITHOUT)


def _row(block: Block) -> tuple[object, ...]:
    kind, ids = "merged" if block.is_merged else "leaves", f"{block.first}-{block.last}"
    counts = (block.job_count, block.active_count, block.leaf_count, block.event_count, size(block.size))
    return (block.number, kind, ids, *counts, local_time(block.oldest), local_time(block.newest))


def _has_partitions() -> bool:
    from forge_events import settings
    from forge_events.store.location import is_postgresql

    return is_postgresql(settings.load().database_url)
