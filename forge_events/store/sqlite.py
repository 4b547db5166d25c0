# SPDX-License-Identifier: Apache-2.0
"""Everything that is SQLite's own: how a database file is made, opened, explained and shrunk."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import create_engine, event, literal_column
from sqlalchemy.pool import StaticPool

from forge_events.errors import SearchTooLong, StoreUnavailable, ValueRejected
from forge_events.store import listeners, revision
from forge_events.store.columns import UtcDateTime
from forge_events.store.database import DURABLE, WRITES, Database
from forge_events.store.schema import REVISIONS, jobevents
from forge_events.store.workflow_tables import metadata

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Table

    from forge_events.errors import ForgeEventsError

__all__ = ["BUSY_TIMEOUT", "SQLiteDatabase"]

BUSY_TIMEOUT = 30.0
"""Seconds that a writer waits for others."""

_MAKING = threading.Lock()
_PAGE_SIZE = 8192
_VACUUM_STEP = 2000
# What SQLite says when the search for a pattern ran out of time.
_GIVEN_UP = "user-defined function raised exception"
_DELETED_AT_ONCE = 20_000

_NEXT_JOB = """
    SELECT next.id, NOT EXISTS (SELECT * FROM main_job WHERE main_job.id = next.id) AS is_orphan
    FROM (SELECT min(job_id) AS id FROM main_jobevent WHERE job_id > ?) AS next
"""

# Without statistics SQLite believes that a job has ten events, and walks through all of them rather than use an index.
# These are the numbers of a database with a thousand jobs of ten thousand events: rows, and rows for equal columns.
_STATISTICS = {
    "main_jobevent": "10000000 10000 1",
    "main_jobevent_container": "100000 100 1 1",
    "main_jobevent_lines": "5000000 5000 1 1",
    "main_jobevent_host": "9000000 9000 100 1",
    "main_jobevent_failed": "100000 100 1",
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
    :raises StoreUnavailable: the file cannot be opened or made, or is no database.
    """

    # With the six digits behind the point that times have in columns; SQLite itself knows milliseconds.
    clock = literal_column("strftime('%Y-%m-%d %H:%M:%f000', 'now')", UtcDateTime)

    def __init__(self, file: Path, *, busy_timeout: float = BUSY_TIMEOUT) -> None:
        engine = create_engine("sqlite+pysqlite://", creator=self._connect, poolclass=StaticPool, hide_parameters=True)
        event.listen(engine, "begin", _begin)
        super().__init__(engine, str(file))
        self._file = file
        self._listeners = file.with_name(f"{file.name}-listeners")
        self._news = file.with_name(f"{file.name}-news")
        self._rings = self._tells = False
        self._busy_timeout, self._until = busy_timeout, 0.0
        _make_file(file, self.where)
        try:
            self._make()
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

    @contextmanager
    def writing(self, *, is_durable: bool = False) -> Iterator[Connection]:
        """Give a connection that writes; what rings is heard when everything is committed."""
        self._rings = self._tells = False
        with super().writing(is_durable=is_durable) as connection:
            yield connection
        if self._rings:
            listeners.notify(self._listeners)
        if self._tells:
            listeners.notify(self._news)

    def hurry(self, connection: Connection, seconds: float) -> None:  # noqa: ARG002 - there is but one
        """Remember until when patterns may be looked for."""
        self._until = time.monotonic() + seconds

    def _matches(self, value: str | None, pattern: str, is_folded: int) -> bool | None:
        # Not the standard library's, which nothing can stop; it knows the same patterns.
        import regex

        if value is None:
            return None
        left = max(0.001, self._until - time.monotonic())
        flags = regex.IGNORECASE if is_folded else 0
        return regex.search(pattern, value, flags, timeout=left) is not None

    def index_hint(self, index: str) -> str:
        """Name the index: SQLite would rather read all rows of a status and sort them."""
        return f"INDEXED BY {index}"

    def notify(self, connection: Connection) -> None:  # noqa: ARG002 - there is but one
        """Remember to ring; what dispatchers look at, those who watch look at, too."""
        self._rings = self._tells = True

    def listen(self) -> listeners.FileListener:
        """Return what listens in a folder beside the file."""
        return listeners.FileListener(self._listeners, self.where)

    def tell(self, connection: Connection, job_id: int, counter: int) -> None:  # noqa: ARG002 - a pipe carries nothing
        """Remember to wake those who watch."""
        self._tells = True

    def watch(self) -> listeners.FileListener:
        """Return what wakes one who watches, in another folder beside the file."""
        return listeners.FileListener(self._news, self.where)

    def translated(self, error: BaseException) -> ForgeEventsError:
        """Return our error for one of the driver."""
        if str(error) == _GIVEN_UP:
            return SearchTooLong()
        is_refusal = isinstance(error, (sqlite3.IntegrityError, sqlite3.DataError, OverflowError))
        return (ValueRejected if is_refusal else StoreUnavailable)(self.where, self.explain(error))

    def explain(self, error: BaseException) -> str:
        """Put an error of SQLite into one line."""
        name = getattr(error, "sqlite_errorname", "")
        reason = _REASONS.get("_".join(name.split("_")[:2]))
        return reason or " ".join(str(error).split())

    def add_rows(self, connection: Connection, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows in one go."""
        marks = ", ".join("?" * len(table.columns))
        connection.exec_driver_sql(f"INSERT INTO {table.name} VALUES ({marks})", list(rows))  # noqa: S608

    def add_events(self, connection: Connection, job_id: int, rows: Iterable[tuple[Any, ...]]) -> None:  # noqa: ARG002
        """Add rows to the one table of events."""
        self.add_rows(connection, jobevents, rows)

    def drop_events(self, connection: Connection, job_ids: Sequence[int]) -> None:
        """Leave the events where they are: without their job they are nobody's, and are deleted later."""

    def after_drop(self, job_ids: Collection[int]) -> None:
        """Delete the events of jobs that are gone, in transactions that keep other writers waiting only briefly."""
        for job_id in sorted(job_ids):
            while self._delete_some(job_id):
                pass
        self._give_pages_back()

    def shrink(self) -> None:
        """Delete what an earlier process left behind when it was stopped, and give all free pages back."""
        self.after_drop(list(self._orphans()))
        with self.explained(), closing(self._connect()) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _delete_some(self, job_id: int) -> int:
        doomed = "SELECT counter FROM main_jobevent WHERE job_id = ? LIMIT ?"
        with self.writing() as connection:
            return connection.exec_driver_sql(
                f"DELETE FROM main_jobevent WHERE job_id = ? AND counter IN ({doomed})",  # noqa: S608 - a constant
                (job_id, job_id, _DELETED_AT_ONCE),
            ).rowcount

    def _orphans(self) -> Iterator[int]:
        """Yield the ids of jobs that have events and are gone; steps from job to job, not from event to event."""
        after = 0
        while True:
            with self.reading() as connection:
                row = connection.exec_driver_sql(_NEXT_JOB, (after,)).one()
            if row.id is None:
                return
            if row.is_orphan:
                yield row.id
            after = row.id

    def _give_pages_back(self) -> None:
        """Give free pages back, in steps that keep other writers waiting for a moment only."""
        with self.explained(), closing(self._connect()) as connection:
            while _value(connection, "freelist_count"):
                before = _value(connection, "page_count")
                # Not execute(): it makes one step of a statement that gives no columns, which is one page here.
                connection.executescript(f"PRAGMA incremental_vacuum({_VACUUM_STEP})")
                if _value(connection, "page_count") >= before:
                    break  # others fill the free pages as fast as they are given back

    def size(self, connection: Connection) -> int:
        """Return the bytes of all pages, without the log of what is not yet written to its place."""
        pages: int = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        page_size: int = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
        return pages * page_size

    def free(self) -> int | None:
        """Return the free bytes of the disk that the file is on."""
        return shutil.disk_usage(self._file.parent).free

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
            connection.create_function("forge_events_folded", 1, _folded, deterministic=True)
            connection.create_function("forge_events_matches", 3, self._matches, deterministic=True)
        except BaseException:
            connection.close()
            raise
        return connection

    def _make(self) -> None:
        """Make the tables where there are none."""
        with self.reading() as connection:
            found = revision.current(connection)
        if found != revision.NONE:
            return
        with self.explained():
            self._lay_out()
        with self.writing() as connection:
            if revision.current(connection) == revision.NONE:  # nobody else has made them meanwhile
                metadata.create_all(connection, checkfirst=False)
                _teach(connection)
                revision.stamp(connection, REVISIONS[-1])

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
    """Make the file for its owner alone, where it is missing; one that is there is not even opened.

    To close it here would take all locks away that SQLite holds for this process, as POSIX has it. Another process
    could then believe to be the last one, and remove the log while this one goes on writing to it
    (https://sqlite.org/howtocorrupt.html, 2.2).
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _MAKING, suppress(FileExistsError):
            os.close(os.open(os.path.realpath(file), os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreUnavailable(where, error.strerror or str(error)) from error


def _folded(value: str | None) -> str | None:
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
