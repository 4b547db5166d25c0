# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL: merge the leaves of a block whose jobs have all ended into one table, and rewrite what is mostly empty.

The new table is filled beside the block, a few leaves to a transaction, gets its indexes, and then takes the block's
place in one short transaction. What is left over when somebody stops in the midst is found by its name and thrown away
by the next. Meanwhile events may still arrive and jobs be dropped: before the exchange it is checked, under the lock
that keeps both away, that each job has as many events as when the copying began; if not, the block stays as it is until
next time.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, func, select

from forge_events.errors import StoreBusy
from forge_events.store.partitions import MAKE, PLACE, ROOT, block_name, bounds, leaf_name, lock
from forge_events.store.records import Merged
from forge_events.store.schema import jobs
from forge_events.store.waiting import patiently

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy import Connection

    from forge_events.store.postgresql import PostgreSQLDatabase

__all__ = ["LOCK_TIMEOUT", "has_trigrams", "merge", "rewrite", "search_ranges", "shrink"]

LOCK_TIMEOUT = 1
"""Seconds for which a change of tables waits for a lock, and others behind it, before it gives way and tries again."""

_AT_ONCE = 50  # tables that one transaction touches: each takes locks, of which the server has a few thousand
_WORTH_IT = 2  # a block is rewritten when it has so many times the rows of the jobs that are left

_State = list[tuple[int, int]]


class _Block(NamedTuple):
    number: int
    is_merged: bool


def merge(database: PostgreSQLDatabase) -> Iterator[Merged]:
    """Merge each block that is complete and whose jobs have all ended; yield it when it is done."""
    _clear_leftovers(database)
    with database.reading() as connection:
        empty = _empty_blocks(connection)
        candidates = [block.number for block in _blocks(connection) if not block.is_merged]
    for number in empty:
        _shrink(database, number, is_merged=False)
    for number in candidates:
        with database.reading() as connection:
            is_ready = number not in empty and _has_ended(connection, number)
        if is_ready:
            yield from rewrite(database, number)


def shrink(database: PostgreSQLDatabase, numbers: Collection[int]) -> None:
    """Give back the space of blocks from which jobs were dropped, and that of what earlier calls did not finish."""
    _clear_leftovers(database)
    with database.reading() as connection:
        kinds = {block.number: block.is_merged for block in _blocks(connection)}
        touched = [number for number in sorted(numbers) if number in kinds and _is_complete(connection, number)]
    for number in touched:
        _shrink(database, number, is_merged=kinds[number])


def _shrink(database: PostgreSQLDatabase, number: int, *, is_merged: bool) -> None:
    """Drop a block without a job; rewrite a merged one of which most rows belong to no job any more."""
    with database.reading() as connection:
        state = _state(connection, number)
        is_mostly_dropped = is_merged and sum(count for _, count in state) * _WORTH_IT < _rows(connection, number)
    if not state:
        patiently(partial(_drop_block, database, number), database.where)
    elif is_mostly_dropped:
        for _ in rewrite(database, number):
            pass


def _empty_blocks(connection: Connection) -> list[int]:
    """Return the blocks in which no job is left, and will be none."""
    numbers = [block.number for block in _blocks(connection) if _is_complete(connection, block.number)]
    there = select(jobs.c.id).where(jobs.c.id >= bindparam("first"), jobs.c.id < bindparam("after")).limit(1)
    return [
        number
        for number in numbers
        if connection.scalar(there, dict(zip(("first", "after"), bounds(number), strict=True))) is None
    ]


def rewrite(database: PostgreSQLDatabase, number: int) -> Iterator[Merged]:
    """Put the events of a block into one new table; yield it when that is done, and nothing if others were at work."""
    with database.alone(number) as is_alone:
        if is_alone:
            yield from _rewrite(database, number)


def _rewrite(database: PostgreSQLDatabase, number: int) -> Iterator[Merged]:
    began = time.monotonic()
    _clear(database, number)
    with database.reading() as connection:
        state = _state(connection, number)
    try:
        with database.writing() as connection:
            _make_target(connection, number)
        for some in _in_groups(state):
            with database.writing() as connection:
                _copy(connection, number, some)
        with database.writing() as connection:
            _finish_target(connection, number)
        swapped = _swap_patiently(database, number, state)
    finally:
        _clear(database, number)
    if swapped:
        yield Merged(number, len(state), sum(count for _, count in state), time.monotonic() - began)


def search_ranges(connection: Connection, newest: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of job ids, newest first: a merged block in one, other blocks a job at a time."""
    for block in reversed(list(_blocks(connection))):
        first, after = bounds(block.number)
        if block.is_merged:
            yield first, after - 1
        else:
            yield from (
                (job_id, job_id) for job_id, _ in reversed(_state(connection, block.number)) if job_id <= newest
            )


def _blocks(connection: Connection) -> Iterator[_Block]:
    """Yield the blocks by number."""
    found = connection.exec_driver_sql(
        "SELECT c.relname, c.relkind = 'r' FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"  # noqa: S608
        f" WHERE i.inhparent = '{ROOT}'::regclass ORDER BY c.relname"
    )
    for name, is_merged in found:
        yield _Block(int(name.rpartition("_")[2]), is_merged)


def _is_complete(connection: Connection, number: int) -> bool:
    """Return whether no job will get an id of this block any more."""
    last: int = connection.exec_driver_sql("SELECT last_value FROM main_job_id_seq").scalar_one()
    return last >= bounds(number)[1]


def _has_ended(connection: Connection, number: int) -> bool:
    first, after = bounds(number)
    active = select(func.count()).where(jobs.c.id.between(first, after - 1), jobs.c.finished.is_(None))
    return _is_complete(connection, number) and not connection.scalar(active)


def _state(connection: Connection, number: int) -> _State:
    """Return the jobs of a block and how many events each has."""
    first, after = bounds(number)
    wanted = select(jobs.c.id, jobs.c.event_count).where(jobs.c.id.between(first, after - 1)).order_by(jobs.c.id)
    return [(row.id, row.event_count) for row in connection.execute(wanted)]


def _rows(connection: Connection, number: int) -> int:
    """Return about how many rows the table of a block has, dropped jobs included."""
    name = block_name(number)
    wanted = f"SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = '{name}'::regclass"  # noqa: S608
    found: int = connection.exec_driver_sql(wanted).scalar_one()
    return found


def _in_groups(state: _State) -> Iterator[Sequence[int]]:
    ids = [job_id for job_id, count in state if count]
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]


def _target(number: int) -> str:
    return f"{ROOT}_merging_{number:06}"


def _old(number: int) -> str:
    return f"{ROOT}_merged_{number:06}"


def _make_target(connection: Connection, number: int) -> None:
    first, after = bounds(number)
    name = _target(number)
    check = f"CONSTRAINT {name}_id CHECK (job_id >= {first} AND job_id < {after})"
    # The indexes come when it is full.
    connection.exec_driver_sql(f"CREATE TABLE {name} (LIKE {ROOT} INCLUDING ALL EXCLUDING INDEXES, {check})")


def _copy(connection: Connection, number: int, ids: Sequence[int]) -> None:
    for job_id in ids:
        source = connection.exec_driver_sql(f"SELECT to_regclass('{leaf_name(job_id)}')").scalar()
        connection.exec_driver_sql(
            f"INSERT INTO {_target(number)} SELECT * FROM {source or block_name(number)}"  # noqa: S608
            f" WHERE job_id = {job_id} ORDER BY counter"
        )


def _finish_target(connection: Connection, number: int) -> None:
    """Give the new table the indexes of the others, one that finds text where the server can, and statistics."""
    name = _target(number)
    connection.exec_driver_sql(f"ALTER TABLE {name} ADD PRIMARY KEY (job_id, counter)")
    definitions = connection.exec_driver_sql(
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index"  # noqa: S608
        f" WHERE indrelid = '{ROOT}'::regclass AND NOT indisprimary"
    )
    for definition in definitions.scalars().all():
        connection.exec_driver_sql(f"CREATE INDEX ON {name} {definition[definition.index('USING') :]}")
    if has_trigrams(connection):
        folded = "forge_events_folded(stdout)"
        connection.exec_driver_sql(f"CREATE INDEX ON {name} USING gin (({folded}) gin_trgm_ops) WHERE stdout <> ''")
    connection.exec_driver_sql(f"ANALYZE {name}")


def has_trigrams(connection: Connection) -> bool:
    """Return whether the database has the extension that finds text by an index."""
    wanted = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm')"
    found: bool = connection.exec_driver_sql(wanted).scalar_one()
    return found


def _swap_patiently(database: PostgreSQLDatabase, number: int, state: _State) -> bool:
    done = []

    def attempt() -> None:
        done.append(_swap(database, number, state))

    try:
        patiently(attempt, database.where)
    except StoreBusy:
        return False
    return done[-1]


def _swap(database: PostgreSQLDatabase, number: int, state: _State) -> bool:
    name, target, (first, after) = block_name(number), _target(number), bounds(number)
    with database.writing(is_durable=True) as connection:
        database.give_way(connection)
        lock(connection, MAKE, number)
        lock(connection, PLACE, number)
        if _state(connection, number) != state:
            return False
        for statement in (
            f"ALTER TABLE {ROOT} DETACH PARTITION {name}",
            f"ALTER TABLE {name} RENAME TO {_old(number)}",
            f"ALTER TABLE {target} RENAME TO {name}",
            f"ALTER TABLE {ROOT} ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({after})",
        ):
            connection.exec_driver_sql(statement)
    return True


def _drop_block(database: PostgreSQLDatabase, number: int) -> None:
    with database.writing() as connection:
        database.give_way(connection)
        lock(connection, MAKE, number)
        lock(connection, PLACE, number)
        if not _state(connection, number):
            connection.exec_driver_sql(f"ALTER TABLE {ROOT} DETACH PARTITION {block_name(number)}")
            connection.exec_driver_sql(f"ALTER TABLE {block_name(number)} RENAME TO {_old(number)}")
    _clear(database, number)


def _clear_leftovers(database: PostgreSQLDatabase) -> None:
    """Throw away what was left over in any block by somebody who was stopped."""
    with database.reading() as connection:
        found = connection.exec_driver_sql(
            f"SELECT relname FROM pg_class WHERE relname ~ '^{ROOT}_merg(ing|ed)_[0-9]+$' AND relkind IN ('r', 'p')"  # noqa: S608
        )
        numbers = {int(name.rpartition("_")[2]) for name in found.scalars()}
    for number in sorted(numbers):
        with database.alone(number) as is_alone:
            if is_alone:
                _clear(database, number)


def _clear(database: PostgreSQLDatabase, number: int) -> None:
    """Throw away what is no part of the tree of partitions: an unfinished target, and what was exchanged."""
    while True:
        with database.writing() as connection:
            leaves = connection.exec_driver_sql(
                "SELECT inhrelid::regclass::text FROM pg_inherits"  # noqa: S608
                f" WHERE inhparent = to_regclass('{_old(number)}') LIMIT {_AT_ONCE}"
            ).scalars()
            names = list(leaves) or [_old(number), _target(number)]
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {', '.join(names)}")
        if _old(number) in names:
            return
