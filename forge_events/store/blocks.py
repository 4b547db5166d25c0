# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL: what blocks of partitions there are, and what they take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from forge_events.store import partitions
from forge_events.store.records import Block
from forge_events.store.schema import jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, RowMapping

    from forge_events.store.database import Database

__all__ = ["listing"]

_NOTHING = {"jobs": 0, "active": 0, "events": 0, "oldest": None, "newest": None}

# The size of a partition's tables is looked up without a lock that outlasts the look.
_TABLES = f"""
    SELECT block.relname, block.relkind = 'r' AS is_merged, count(leaf.inhrelid) AS leaves,
        coalesce(sum(pg_total_relation_size(leaf.inhrelid)), 0) + pg_total_relation_size(block.oid) AS size
    FROM pg_inherits part JOIN pg_class block ON block.oid = part.inhrelid
        LEFT JOIN pg_inherits leaf ON leaf.inhparent = block.oid
    WHERE part.inhparent = '{partitions.ROOT}'::regclass
    GROUP BY block.oid ORDER BY block.relname
"""  # noqa: S608 - a constant


def listing(database: Database) -> Iterator[Block]:
    """Yield the blocks by number."""
    with database.reading() as connection:
        tables = connection.exec_driver_sql(_TABLES).mappings().all()
        facts = _facts(connection)
    for table in tables:
        number = int(table["relname"].rpartition("_")[2])
        yield _block(number, table, facts.get(number, _NOTHING))


def _facts(connection: Connection) -> dict[int, Any]:
    block = (jobs.c.id // partitions.BLOCK).label("block")
    wanted = select(
        block,
        func.count().label("jobs"),
        func.count().filter(jobs.c.finished.is_(None)).label("active"),
        func.sum(jobs.c.event_count).label("events"),
        func.min(jobs.c.created).label("oldest"),
        func.max(jobs.c.created).label("newest"),
    )
    return {int(row["block"]): row for row in connection.execute(wanted.group_by(block)).mappings()}


def _block(number: int, table: RowMapping, facts: Any) -> Block:
    first, after = partitions.bounds(number)
    return Block(
        number=number,
        is_merged=table["is_merged"],
        first=max(1, first),
        last=after - 1,
        job_count=facts["jobs"],
        active_count=facts["active"],
        leaf_count=table["leaves"],
        event_count=int(facts["events"]),
        size=int(table["size"]),
        oldest=facts["oldest"],
        newest=facts["newest"],
    )
