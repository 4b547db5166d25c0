# SPDX-License-Identifier: Apache-2.0
"""Everything that is PostgreSQL's own: how a server is reached, explained, filled and watched."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types.string import TextLoader
from sqlalchemy import create_engine, event, func, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from forge_events.errors import SearchTooLong, StoreBusy, StoreUnavailable, UnsupportedStore, ValueRejected
from forge_events.store import blocks, listeners, merging, partitions
from forge_events.store.columns import UtcDateTime
from forge_events.store.database import DURABLE, WRITES, Database
from forge_events.store.location import shown
from forge_events.store.schema import jobevents
from forge_events.store.waiting import patiently
from forge_events.store.workflow_tables import metadata

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from sqlalchemy import URL, Connection, Table

    from forge_events.errors import ForgeEventsError
    from forge_events.store.records import Block, Merged

__all__ = ["PostgreSQLDatabase"]

_OLDEST = 150_000
_CONNECT_TIMEOUT = 10
_LOCAL = ("", "localhost", "127.0.0.1", "::1")

# The first two characters of SQLSTATE: the value itself is wrong, breaks a rule, or is too large.
_REFUSALS = ("22", "23", "54")
_GIVEN_UP = "57014"
_BUSY = ("40P01", "55P03")
_REASONS = {
    "08": "the connection is broken",
    "25006": "it is read-only",
    "28": "it does not let this user in",
    "3D000": "there is no such database",
    "42501": "there is no permission",
    "53100": "the disk is full",
    "53200": "it is out of memory or locks",
    "53300": "it has no connection left",
    "40P01": "others keep it locked",
    "55P03": "others keep it locked",
    "57P01": "it is being shut down",
    "57P02": "it has crashed",
    "57P03": "it is starting or recovering",
}


# What the tables of forge_events.store.schema have of their own here. Blocks of jobs, with a leaf for every job, are
# those of forge_events.store.partitions.
jobevents.dialect_options["postgresql"]["partition_by"] = "RANGE (job_id)"
for _index in (index for table in metadata.tables.values() for index in table.indexes):
    _index.dialect_options["postgresql"]["where"] = _index.info.get("where")


class PostgreSQLDatabase(Database):
    """A database of a PostgreSQL server, 15 or later, whose tables ``forge-events db upgrade`` has made.

    :param url: ``postgresql://`` or ``postgresql+psycopg://``, for the rest in libpq's form; what it leaves out comes
        from libpq's own environment.
    """

    clock = func.clock_timestamp(type_=UtcDateTime)

    def __init__(self, url: str) -> None:
        self._url = _parsed(url)
        options = {"connect_timeout": _CONNECT_TIMEOUT, "application_name": "forge-events"}
        engine = create_engine(
            self._url,
            # After five uses psycopg would prepare a statement, and the server then plans it for every job at once,
            # which opens every partition there is.
            connect_args={"prepare_threshold": None, "client_encoding": "utf8", **options, **self._url.query},
            pool_size=1,
            max_overflow=1,
            hide_parameters=True,
        )
        event.listen(engine, "connect", _prepare_connection)
        event.listen(engine, "begin", _begin)
        super().__init__(engine, shown(url))
        self._touched: set[int] = set()
        self._reader = engine.execution_options(isolation_level="REPEATABLE READ")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection whose statements all see the same state."""
        with self.explained(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the errors of SQLAlchemy and of the driver itself into one of ours."""
        try:
            with super().explained():
                yield
        except psycopg.Error as error:
            raise self.translated(error) from error

    def check_server(self) -> None:
        """Refuse a server that is too old."""
        with self.reading() as connection:
            version = connection.exec_driver_sql("SHOW server_version_num").scalar_one()
        if int(version) < _OLDEST:
            reason = f"it is PostgreSQL {int(version) // 10_000}, and {_OLDEST // 10_000} is the oldest that will do"
            raise StoreUnavailable(self.where, reason)

    def give_way(self, connection: Connection) -> None:
        """Wait for no lock longer than the stated time."""
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{merging.LOCK_TIMEOUT}s'")

    def hurry(self, connection: Connection, seconds: float) -> None:
        """Have the server give up."""
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")

    def notify(self, connection: Connection) -> None:
        """Have the server notify whoever listens; what dispatchers look at, those who watch look at, too."""
        connection.exec_driver_sql(f"NOTIFY {listeners.CHANNEL}")
        self.tell(connection, 0, 0)

    def listen(self) -> listeners.ServerListener:
        """Return a connection of its own that listens."""
        return self._listening(listeners.CHANNEL)

    def tell(self, connection: Connection, job_id: int, counter: int) -> None:
        """Have the server notify those who watch of which job there is news."""
        connection.exec_driver_sql(f"NOTIFY {listeners.NEWS}, '{job_id}:{counter}'")

    def watch(self) -> listeners.ServerListener:
        """Return a connection that is told of news."""
        return self._listening(listeners.NEWS)

    def _listening(self, channel: str) -> listeners.ServerListener:
        url = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        with self.explained():
            connection = psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_TIMEOUT)
            connection.execute(f"LISTEN {channel}")
        return listeners.ServerListener(connection, self.explained)

    def lock_schema(self, connection: Connection) -> None:
        """Keep others from changing the tables to the end of the transaction."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({partitions.SCHEMA})")

    def translated(self, error: BaseException) -> ForgeEventsError:
        """Return our error for one of the driver."""
        state = getattr(error, "sqlstate", None) or ""
        if state == _GIVEN_UP:
            return SearchTooLong()
        if state in _BUSY:
            return StoreBusy(self.where, self.explain(error))
        # Some values the driver itself does not take, which then has no code for it.
        is_refusal = state.startswith(_REFUSALS) or (not state and isinstance(error, psycopg.DataError))
        return (ValueRejected if is_refusal else StoreUnavailable)(self.where, self.explain(error))

    def explain(self, error: BaseException) -> str:
        """Put an error of the server or of libpq into one line."""
        state = getattr(error, "sqlstate", None) or ""
        known = _REASONS.get(state) or _REASONS.get(state[:2])
        if known:
            return known
        # The first line of the server's message; the lines after it may quote values.
        diag = getattr(error, "diag", None)
        primary = diag.message_primary if diag is not None else None
        # Whoever is not let in is told in libpq's words, which end with the server's own.
        lines = (primary or str(error).rpartition("FATAL:")[2]).strip().splitlines()
        return lines[0] if lines else type(error).__name__

    def add_rows(self, connection: Connection, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows by COPY."""
        _copy(connection, table.name, [column.name for column in table.columns], rows)

    def add_events(self, connection: Connection, job_id: int, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows to the table where the job's events are, which is quicker than having the server look for it."""
        found = partitions.place(connection, job_id)
        _copy(connection, found.table if found is not None else partitions.ROOT, None, rows)

    def drop_events(self, connection: Connection, job_ids: Sequence[int]) -> None:
        """Drop the leaves of jobs, or their rows where leaves were merged."""
        partitions.drop(connection, job_ids)

    def after_drop(self, job_ids: Collection[int]) -> None:
        """Remember which blocks have become smaller."""
        self._touched |= {partitions.block_of(job_id) for job_id in job_ids}

    def prepare(self, job_id: int) -> None:
        """Make the leaf of a job that starts."""
        with self.reading() as connection:
            if partitions.place(connection, job_id) is not None:
                return
        patiently(lambda: self._make_leaf(job_id), self.where)

    def search_ranges(self, connection: Connection, newest: int) -> Iterator[tuple[int, int]]:
        """Yield ranges of job ids, newest first: blocks that are merged, and single jobs of the others."""
        return merging.search_ranges(connection, newest)

    def has_text_index(self) -> bool:
        """Return whether pg_trgm is there; merged blocks have an index of it."""
        with self.reading() as connection:
            return merging.has_trigrams(connection)

    def shrink(self) -> None:
        """Drop blocks in which no job is left, and rewrite those of which most has been dropped."""
        merging.shrink(self, self._touched)
        self._touched.clear()

    def size(self, connection: Connection) -> int:
        """Return the bytes of the whole database, indexes included."""
        found: int = connection.scalar(text("SELECT pg_database_size(current_database())"))
        return found

    def data_size(self, connection: Connection) -> int:
        """Return the bytes of the tables and their indexes, without what every database has."""
        tables = r"relname LIKE 'main\_%' AND relkind = 'r'"
        wanted = f"SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class WHERE {tables}"  # noqa: S608
        return int(connection.scalar(text(wanted)))

    def free(self) -> int | None:
        """Return the bytes that are free on the server's disk, if the server is here and lets its folder be known."""
        host = self._url.host or str(self._url.query.get("host", ""))
        if host not in _LOCAL and not host.startswith("/"):
            return None
        try:
            with self.reading() as connection:
                folder = connection.exec_driver_sql("SHOW data_directory").scalar_one()
            found = os.statvfs(Path(folder))
        except (OSError, StoreUnavailable):
            return None
        return found.f_bavail * found.f_frsize

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks, oldest first."""
        return blocks.listing(self)

    def merge(self) -> Iterator[Merged]:
        """Merge the blocks whose jobs have all ended."""
        return merging.merge(self)

    @contextmanager
    def alone(self, block: int) -> Iterator[bool]:
        """Tell whether nobody else rewrites a block, and keep others from it meanwhile."""
        with self.explained(), self._engine.connect() as plain:
            # Without a transaction, which would keep old rows from being cleaned up for as long as it lasts.
            connection = plain.execution_options(isolation_level="AUTOCOMMIT")
            key = f"{partitions.MERGE}, {block}"
            is_alone = connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({key})").scalar_one()
            try:
                yield is_alone
            finally:
                if is_alone:
                    connection.exec_driver_sql(f"SELECT pg_advisory_unlock({key})")

    def _make_leaf(self, job_id: int) -> None:
        with self.writing() as connection:
            self.give_way(connection)
            partitions.ensure(connection, job_id)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    except (ValueError, SQLAlchemyError):
        # Not chained: that error may quote a password.
        raise UnsupportedStore(shown(url), "it is not of the form postgresql://user@host:port/database") from None
    if "@" in (parsed.host or ""):
        raise UnsupportedStore(shown(url), "an @ in a user's name or password is written %40")
    return parsed.set(drivername="postgresql+psycopg")


def _prepare_connection(connection: psycopg.Connection[Any], _: Any) -> None:
    # As text: what NUL and the like are stored as inside is put back while it is parsed.
    connection.adapters.register_loader("jsonb", TextLoader)


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get(WRITES) and not options.get(DURABLE):
        # What a crash of the server undoes is read from the spool again: its position went with it.
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")


def _copy(connection: Connection, table: str, columns: list[str] | None, rows: Iterable[tuple[Any, ...]]) -> None:
    into = f"{table} ({', '.join(columns)})" if columns else table
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    with driver.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
