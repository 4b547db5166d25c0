# SPDX-License-Identifier: Apache-2.0
"""One connection to a database: transactions that are either short reads or writes, and errors in one line."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from forge_events.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Engine, Table

__all__ = ["DURABLE", "WRITES", "Database"]

WRITES = "forge_events_writes"
"""The execution option of a connection whose transaction will write."""

DURABLE = "forge_events_durable"
"""The execution option of a connection whose transaction outlives a loss of power once it is committed."""


class Database(ABC):
    """Give transactions; what differs between SQLite and PostgreSQL is in the subclasses.

    :param engine: how to connect; it begins a transaction as :data:`WRITES` and :data:`DURABLE` ask.
    :param where: names the database in errors, without a password.
    """

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
        """
        with self.explained(), self._engine.connect() as connection:
            writer = connection.execution_options(**{WRITES: True, DURABLE: is_durable})
            with writer.begin():
                yield writer

    def close(self) -> None:
        """Give back the connection; a second call does nothing."""
        self._engine.dispose()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the errors of SQLAlchemy into one of ours."""
        try:
            yield
        except SQLAlchemyError as error:
            cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
            raise StoreUnavailable(self.where, self.explain(cause)) from error

    @abstractmethod
    def explain(self, error: BaseException) -> str:
        """Put an error of the driver into one line."""

    @abstractmethod
    def add_rows(self, connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows that :func:`forge_events.store.bulk.rows` made, the fastest way that the database has."""

    @abstractmethod
    def shrink(self) -> None:
        """Give the space of dropped rows back to the file system."""

    @abstractmethod
    def size(self, connection: Connection) -> int:
        """Return how many bytes the database takes."""
