# SPDX-License-Identifier: Apache-2.0
"""Everything that is SQLite's own: how a database file is made, opened, explained and shrunk."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import create_engine, event
from sqlalchemy.pool import StaticPool

from forge_events.errors import SchemaMismatch, StoreUnavailable
from forge_events.store.database import DURABLE, WRITES, Database
from forge_events.store.schema import VERSION, metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Table

__all__ = ["BUSY_TIMEOUT", "SQLiteDatabase"]

BUSY_TIMEOUT = 30.0
"""Seconds that a writer waits for others."""

_PAGE_SIZE = 8192
_VACUUM_STEP = 2000

# Without statistics SQLite believes that a job has ten events, and walks through all of them rather than use an index.
# These are the numbers of a database with a thousand jobs of ten thousand events: rows, and rows for equal columns.
_STATISTICS = {
    "main_jobevent": "10000000 10000 1",
    "main_jobevent_container": "100000 100 1 1",
    "main_jobevent_lines": "5000000 5000 1 1",
}

_REASONS = {
    "SQLITE_BUSY": "another program keeps it locked",
    "SQLITE_CANTOPEN": "it cannot be opened; the folder is missing or there is no permission",
    "SQLITE_CORRUPT": "the file is damaged",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_IOERR": "the disk reports an error",
    "SQLITE_NOTADB": "the file is not a SQLite database",
    "SQLITE_PERM": "there is no permission",
    "SQLITE_READONLY": "there is no permission to write to it",
}


class SQLiteDatabase(Database):
    """A database file; it and its folder are made where they are missing, for the owner alone.

    :param busy_timeout: seconds to wait for other writers.
    :raises StoreUnavailable: the file cannot be opened or made, or is no database of this library.
    :raises SchemaMismatch: it belongs to another version of the library.
    """

    def __init__(self, file: Path, *, busy_timeout: float = BUSY_TIMEOUT) -> None:
        engine = create_engine("sqlite+pysqlite://", creator=self._connect, poolclass=StaticPool, hide_parameters=True)
        event.listen(engine, "begin", _begin)
        super().__init__(engine, str(file))
        self._file = file
        self._busy_timeout = busy_timeout
        _make_file(file, self.where)
        try:
            self._check()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the errors of SQLAlchemy and of the driver itself into one of ours."""
        try:
            with super().explained():
                yield
        except sqlite3.Error as error:
            raise StoreUnavailable(self.where, self.explain(error)) from error

    def explain(self, error: BaseException) -> str:
        """Put an error of SQLite into one line."""
        name = getattr(error, "sqlite_errorname", "")
        reason = _REASONS.get("_".join(name.split("_")[:2]))
        return reason or " ".join(str(error).split())

    def add_rows(self, connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows in one go."""
        marks = ", ".join("?" * len(table.columns))
        connection.exec_driver_sql(f"INSERT INTO {table.name} VALUES ({marks})", list(rows))  # noqa: S608

    def shrink(self) -> None:
        """Give free pages back, in steps that keep other writers waiting for a moment only."""
        with self.explained(), closing(self._connect()) as connection:
            while _value(connection, "freelist_count"):
                before = _value(connection, "page_count")
                # Not execute(): it makes one step of a statement that gives no columns, which is one page here.
                connection.executescript(f"PRAGMA incremental_vacuum({_VACUUM_STEP})")
                if _value(connection, "page_count") >= before:
                    break  # others fill the free pages as fast as they are given back
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def size(self, connection: Connection) -> int:
        """Return the bytes of all pages, without the log of what is not yet written to its place."""
        pages: int = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        page_size: int = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
        return pages * page_size

    def _connect(self) -> sqlite3.Connection:
        # mode=rw: a file that was removed meanwhile must not come back empty and without its tables.
        connection = sqlite3.connect(
            f"file:{quote(os.fsencode(self._file.absolute()))}?mode=rw",
            uri=True,
            timeout=self._busy_timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA foreign_keys=ON")
            # SQLite's own knows ASCII letters only, and a search has to find the others too.
            connection.create_function("lower", 1, _lower, deterministic=True)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self) -> None:
        with self.reading() as connection:
            version, tables = _version(connection)
        if version == 0 and not tables:
            version, tables = self._create()
        if tables and "main_job" not in tables:
            raise StoreUnavailable(self.where, "it is the database of another program")
        if version != VERSION:
            raise SchemaMismatch(self.where, version, VERSION)

    def _create(self) -> tuple[int, set[str]]:
        with self.explained():
            self._lay_out()
        with self.writing() as connection:
            version, tables = _version(connection)
            if version == 0 and not tables:
                metadata.create_all(connection, checkfirst=False)
                _teach(connection)
                connection.exec_driver_sql(f"PRAGMA user_version={VERSION}")
            return _version(connection)

    def _lay_out(self) -> None:
        """Set what must be set before the first table is made."""
        until = time.monotonic() + self._busy_timeout
        while True:
            try:
                with closing(self._connect()) as connection:
                    connection.execute(f"PRAGMA page_size={_PAGE_SIZE}")
                    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
                    connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                # SQLite does not wait, whatever the timeout, when another process is changing the mode of the file.
                if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > until:
                    raise
                time.sleep(0.02)
            else:
                return


def _make_file(file: Path, where: str) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreUnavailable(where, error.strerror or str(error)) from error


def _lower(value: str | None) -> str | None:
    return None if value is None else value.lower()


def _begin(connection: Connection) -> None:
    # A transaction that begins as a reader and then writes is refused at once when another has written meanwhile,
    # without any waiting; one that says so at the beginning waits for its turn.
    options = connection.get_execution_options()
    connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if options.get(DURABLE) else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(WRITES) else "BEGIN")


def _teach(connection: Connection) -> None:
    connection.exec_driver_sql("ANALYZE")  # makes the table that the next lines fill
    rows = [("main_jobevent", index, numbers) for index, numbers in _STATISTICS.items()]
    connection.exec_driver_sql("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", rows)
    connection.exec_driver_sql("ANALYZE sqlite_master")


def _value(connection: sqlite3.Connection, pragma: str) -> int:
    value: int = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
    return value


def _version(connection: Connection) -> tuple[int, set[str]]:
    version: int = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars()
    return version, set(tables)
