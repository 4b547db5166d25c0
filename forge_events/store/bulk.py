# SPDX-License-Identifier: Apache-2.0
"""Many rows at once, without what SQLAlchemy does for each of them: a third of the time that adding events takes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Dialect, Table

__all__ = ["rows"]

_Field = tuple[str, "Callable[[Any], Any] | None"]


def rows(table: Table, dialect: Dialect, records: Iterable[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return a row for each record, in the order of the table's columns, with values as the driver takes them.

    :param records: a value for each column, by its name.
    """
    fields = _fields(table, dialect)
    return [_row(record, fields) for record in records]


def _row(values: dict[str, Any], fields: list[_Field]) -> tuple[Any, ...]:
    return tuple([bind(values[name]) if bind else values[name] for name, bind in fields])


@cache
def _fields(table: Table, dialect: Dialect) -> list[_Field]:
    return [(column.name, column.type.dialect_impl(dialect).bind_processor(dialect)) for column in table.columns]
