# SPDX-License-Identifier: Apache-2.0
"""One connection to a database: transactions that are either short reads or writes, and errors in one line."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from forge_events.store import revision

if TYPE_CHECKING:
    import datetime
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Engine, Table

    from forge_events.errors import ForgeEventsError
    from forge_events.store.listeners import Listener
    from forge_events.store.records import Block, Merged

__all__ = ["DURABLE", "STREAMED", "WRITES", "Database"]

WRITES = "forge_events_writes"
"""The execution option of a connection whose transaction will write."""

DURABLE = "forge_events_durable"
"""The execution option of a connection whose transaction outlives a loss of power once it is committed."""

STREAMED = {"stream_results": True, "max_row_buffer": 20}
"""The execution options of a statement whose rows are taken one after the other: a few large ones may be enough."""


class Database(ABC):
    """Give transactions; what differs between SQLite and PostgreSQL is in the subclasses.

    :param engine: how to connect; it begins a transaction as :data:`WRITES` and :data:`DURABLE` ask.
    :param where: names the database in errors, without a password.
    """

    clock: ColumnElement[datetime.datetime]
    """What the database's own clock shows, as an expression."""

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine = engine
        self.where = where

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection whose statements all see the same state.

        :raises StoreUnavailable: the database does not answer, or refuses.
        """
        with self.explained(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, *, is_durable: bool = False) -> Iterator[Connection]:
        """Give a connection that writes; everything is committed at the end, or nothing if an error leaves the block.

        :param is_durable: return when this and all that was committed before outlives a loss of power.
        :raises StoreUnavailable: the database does not answer, or refuses.
        :raises ValueRejected: the database does not take a value.
        """
        with self.explained(), self._engine.connect() as connection:
            writer = connection.execution_options(**{WRITES: True, DURABLE: is_durable})
            with writer.begin():
                yield writer

    def close(self) -> None:
        """Give back the connection; a second call does nothing."""
        self._engine.dispose()

    def check_server(self) -> None:  # noqa: B027 - SQLite has none
        """Refuse a server that is too old.

        :raises StoreUnavailable: it is.
        """

    def check(self) -> None:
        """Refuse to go on with a schema that is not the one this library works with.

        :raises SchemaMismatch: it is another one, or there is none.
        """
        self.check_server()
        with self.reading() as connection:
            revision.check(connection, self.where)

    def index_hint(self, index: str) -> str:  # noqa: ARG002 - most databases know best
        """Return what makes a statement use an index, to stand behind the table's name."""
        return ""

    def give_way(self, connection: Connection) -> None:  # noqa: B027 - SQLite's writers queue up anyway
        """Have the transaction give up as busy rather than wait long for a lock, and others behind it."""

    @abstractmethod
    def hurry(self, connection: Connection, seconds: float) -> None:
        """Have a search for a pattern give up after a time: :class:`~forge_events.errors.SearchTooLong`."""

    def lock_schema(self, connection: Connection) -> None:  # noqa: B027 - who writes to SQLite is alone
        """Keep others from changing the tables to the end of the transaction."""

    @abstractmethod
    def notify(self, connection: Connection) -> None:
        """Tell all dispatchers, when the transaction is committed, that there is something new for them."""

    @abstractmethod
    def listen(self) -> Listener:
        """Return what rings then."""

    @abstractmethod
    def tell(self, connection: Connection, job_id: int, counter: int) -> None:
        """Tell those who watch, when the transaction is committed, that there is news of a job."""

    @abstractmethod
    def watch(self) -> Listener:
        """Return what is told then."""

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the errors of SQLAlchemy into one of ours."""
        try:
            yield
        except SQLAlchemyError as error:
            cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
            raise self.translated(cause) from error

    @abstractmethod
    def translated(self, error: BaseException) -> ForgeEventsError:
        """Return our error for one of the driver: nothing works, others are busy, or a value is wrong."""

    @abstractmethod
    def explain(self, error: BaseException) -> str:
        """Put an error of the driver into one line, without any value."""

    @abstractmethod
    def add_rows(self, connection: Connection, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows that :func:`forge_events.store.bulk.rows` made, the fastest way that the database has."""

    @abstractmethod
    def add_events(self, connection: Connection, job_id: int, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows of one job to the table of events."""

    @abstractmethod
    def drop_events(self, connection: Connection, job_ids: Sequence[int]) -> None:
        """Drop all events of jobs."""

    def after_drop(self, job_ids: Collection[int]) -> None:  # noqa: B027 - most databases are done with it already
        """Do what is left to do when the events of jobs have been dropped and that is committed."""

    def prepare(self, job_id: int) -> None:  # noqa: B027 - most databases need not be prepared
        """Make the place for a job's events, in a transaction of its own; a second call does nothing."""

    def search_ranges(self, connection: Connection, newest: int) -> Iterator[tuple[int, int]]:
        """Yield ranges of job ids, newest first, whose events one statement may search; both ends belong to a range."""
        del connection
        for last in range(newest, 0, -1000):
            yield max(1, last - 999), last

    def has_text_index(self) -> bool:
        """Return whether an index helps to search the text of ended jobs."""
        return False

    @abstractmethod
    def shrink(self) -> None:
        """Give the space of all that was dropped back to the file system."""

    @abstractmethod
    def size(self, connection: Connection) -> int:
        """Return how many bytes the database takes."""

    def data_size(self, connection: Connection) -> int:
        """Return how many bytes of that are jobs and events, indexes included."""
        return self.size(connection)

    @abstractmethod
    def free(self) -> int | None:
        """Return how many bytes are free where the database grows; None if that cannot be seen from here."""

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks that events are partitioned into."""
        yield from ()

    def merge(self) -> Iterator[Merged]:
        """Merge the leaves of blocks whose jobs have all ended, and yield each block when it is done."""
        yield from ()
