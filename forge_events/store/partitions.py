# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL: where the events of a job are.

``main_jobevent`` is cut by ``RANGE (job_id)`` into blocks of :data:`BLOCK` jobs. A block is made with its first job, as
a table that is cut itself, by ``LIST (job_id)``: into a leaf for each job, made when the job starts. Dropping a job is
dropping its leaf. When all jobs of a block have ended, its leaves are merged into one table that takes the block's
place (:mod:`forge_events.store.merging`).

Two levels, because the work of the server grows with the number of partitions that one parent has: neither has more
than a thousand up to a million jobs. A table joins by ``LIKE``, ``CHECK`` and ``ATTACH``, which lock its parent against
other changes of the kind, but against no reader or writer, as ``CREATE TABLE … PARTITION OF`` would.

Two advisory locks of each block, held to the end of a transaction, keep those apart who change tables:

- *place*: who adds events shares it, who merges the block owns it;
- *make*: who makes a leaf or the block, or merges it, owns it.

A third one, *merge*, is held by a session for as long as it rewrites the block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

__all__ = [
    "BLOCK",
    "MAKE",
    "MERGE",
    "PLACE",
    "ROOT",
    "SCHEMA",
    "Place",
    "block_name",
    "block_of",
    "bounds",
    "drop",
    "ensure",
    "leaf_name",
    "lock",
    "place",
]

ROOT = "main_jobevent"
BLOCK = 1000
"""How many job ids a block has."""

SCHEMA = 0x666F726765
"""The advisory lock of who changes the schema."""

PLACE, MAKE, MERGE = 0x666F7267, 0x666F7268, 0x666F7269
"""The classes of the advisory locks; their second key is the block. Who takes both takes *make* first."""


class Place(NamedTuple):
    """Where a job's events are: their table, and whether it is a leaf of theirs alone."""

    table: str
    is_leaf: bool


def block_of(job_id: int) -> int:
    """Return the number of the block of a job; ids begin with 1, and block 0 has 1 to 999."""
    return job_id // BLOCK


def block_name(block: int) -> str:
    """Return the table of a block, whatever kind it is."""
    return f"{ROOT}_block_{block:06}"


def leaf_name(job_id: int) -> str:
    """Return the table of a job, while it has one."""
    return f"{ROOT}_job_{job_id}"


def lock(connection: Connection, key: int, block: int, *, is_shared: bool = False) -> None:
    """Take one of the locks of a block, to the end of the transaction."""
    kind = "_shared" if is_shared else ""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock{kind}({key}, {block})")


def place(connection: Connection, job_id: int) -> Place | None:
    """Return where a job's events are to be added, and keep it there to the end of the transaction; None if nowhere."""
    block = block_of(job_id)
    # Two statements: the second one has to see what was merged while the first one waited.
    lock(connection, PLACE, block, is_shared=True)
    found = connection.exec_driver_sql(
        f"SELECT to_regclass('{leaf_name(job_id)}') IS NOT NULL,"  # noqa: S608 - numbers alone
        f" (SELECT relkind FROM pg_class WHERE oid = to_regclass('{block_name(block)}')) = 'r'"
    ).one()
    if found[0]:
        return Place(leaf_name(job_id), is_leaf=True)
    return Place(block_name(block), is_leaf=False) if found[1] else None


def ensure(connection: Connection, job_id: int) -> None:
    """Make the leaf of a job, and its block, where they are missing and the block is not merged."""
    block = block_of(job_id)
    lock(connection, MAKE, block)
    if place(connection, job_id) is not None:
        return
    _make_block(connection, block)
    leaf, parent = leaf_name(job_id), block_name(block)
    for statement in (
        f"CREATE TABLE {leaf} (LIKE {ROOT} INCLUDING ALL, CONSTRAINT {leaf}_id CHECK (job_id = {job_id}))",
        f"ALTER TABLE {parent} ATTACH PARTITION {leaf} FOR VALUES IN ({job_id})",
    ):
        connection.exec_driver_sql(statement)


def drop(connection: Connection, job_ids: Sequence[int]) -> None:
    """Drop the events of jobs: leaves as tables, and the others as rows of their block."""
    leaves = []
    for job_id in job_ids:
        found = place(connection, job_id)
        if found is not None and found.is_leaf:
            leaves.append(found.table)
        elif found is not None:
            connection.exec_driver_sql(f"DELETE FROM {found.table} WHERE job_id = {job_id}")  # noqa: S608
    if leaves:
        connection.exec_driver_sql(f"DROP TABLE {', '.join(leaves)}")


def bounds(block: int) -> tuple[int, int]:
    """Return the first job id of a block, and the first one after it."""
    return block * BLOCK, (block + 1) * BLOCK


def _make_block(connection: Connection, block: int) -> None:
    name, (first, after) = block_name(block), bounds(block)
    if connection.exec_driver_sql(f"SELECT to_regclass('{name}')").scalar() is not None:
        return
    # Without a CHECK, which every leaf would need too: there is nothing in it yet that would have to be looked through.
    for statement in (
        f"CREATE TABLE {name} (LIKE {ROOT} INCLUDING ALL) PARTITION BY LIST (job_id)",
        f"ALTER TABLE {ROOT} ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({after})",
    ):
        connection.exec_driver_sql(statement)
