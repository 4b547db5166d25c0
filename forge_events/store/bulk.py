# SPDX-License-Identifier: Apache-2.0
"""Many rows at once, without what SQLAlchemy does for each of them: a third of the time that adding events takes."""

from __future__ import annotations

import sys
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from forge_events.store.columns import AnyText, Name
from forge_events.store.text import MAX_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy import Column, Dialect, Table

__all__ = ["rows"]

_Field = tuple[str, "Callable[[Any], Any] | None"]


def rows(table: Table, dialect: Dialect, records: Iterable[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each record, in the order of the table's columns, with values as the driver takes them.

    One after the other, so that a server can take the first while the others are made.

    :param records: a value for each column, by its name.
    """
    fields = _fields(table, dialect)
    for values in records:
        yield tuple([bind(values[name]) if bind else values[name] for name, bind in fields])


@cache
def _fields(table: Table, dialect: Dialect) -> list[_Field]:
    return [(column.name, _bind(column, dialect)) for column in table.columns]


def _bind(column: Column[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    kind = column.type
    if isinstance(kind, AnyText):
        slow = partial(kind.process_bind_param, dialect=dialect)
        return _quick(slow, MAX_NAME if isinstance(kind, Name) else sys.maxsize)
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _quick(slow: Callable[[str], str | None], longest: int) -> Callable[[str | None], str | None]:
    """Return what binds a text: nearly all are stored as they are, and there are a dozen of them in a row."""

    def bind(value: str | None) -> str | None:
        if not value or (value.isascii() and len(value) <= longest and "\0" not in value):
            return value
        return slow(value)

    return bind
