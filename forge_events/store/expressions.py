# SPDX-License-Identifier: Apache-2.0
"""Expressions that SQLite and PostgreSQL write differently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Boolean, Text, func, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

__all__ = ["contains", "day_of", "has_pattern", "json_value", "month_of", "starts_at", "stored_size"]

_ESCAPE = "/"


class stored_size(FunctionElement[int]):  # noqa: N801 - used like a function of SQL
    """How large a value is, about, without the work of reading it."""

    type = BigInteger()
    inherit_cache = True


class month_of(FunctionElement[str]):  # noqa: N801 - used like a function of SQL
    """The month of a time in UTC, as ``2026-01``."""

    type = Text()
    inherit_cache = True


class day_of(FunctionElement[str]):  # noqa: N801 - used like a function of SQL
    """The day of a time in UTC, as ``2026-01-31``."""

    type = Text()
    inherit_cache = True


class json_value(FunctionElement[str]):  # noqa: N801 - used like a function of SQL
    """The value of a key of a JSON object, as text; NULL where there is none."""

    type = Text()
    inherit_cache = True


class starts_at(FunctionElement[int]):  # noqa: N801 - used like a function of SQL
    """Where a text has another one, from 1; 0 where it does not."""

    type = BigInteger()
    inherit_cache = True


class has_pattern(FunctionElement[bool]):  # noqa: N801 - used like a function of SQL
    """Whether a regular expression is found in a text; the third argument says whether case matters not."""

    type = Boolean()
    inherit_cache = True


def contains(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Return the condition that a column contains a text, whatever the case."""
    literally = text
    for special in (_ESCAPE, "%", "_"):
        literally = literally.replace(special, _ESCAPE + special)
    # Each database folds both sides in its own way; the function is made with the tables, or with the connection.
    pattern = literal(f"%{literally}%", column.type)
    return func.forge_events_folded(column).like(func.forge_events_folded(pattern), escape=_ESCAPE)


@compiles(stored_size)
def _length(element: stored_size, compiler: Any, **options: Any) -> str:
    return f"length({compiler.process(element.clauses, **options)})"


@compiles(stored_size, "postgresql")
def _column_size(element: stored_size, compiler: Any, **options: Any) -> str:
    return f"pg_column_size({compiler.process(element.clauses, **options)})"


@compiles(month_of)
def _strftime(element: month_of, compiler: Any, **options: Any) -> str:
    return f"strftime('%Y-%m', {compiler.process(element.clauses, **options)})"


@compiles(month_of, "postgresql")
def _to_char(element: month_of, compiler: Any, **options: Any) -> str:
    return f"to_char({compiler.process(element.clauses, **options)} AT TIME ZONE 'UTC', 'YYYY-MM')"


@compiles(day_of)
def _strftime_day(element: day_of, compiler: Any, **options: Any) -> str:
    return f"strftime('%Y-%m-%d', {compiler.process(element.clauses, **options)})"


@compiles(day_of, "postgresql")
def _to_char_day(element: day_of, compiler: Any, **options: Any) -> str:
    return f"to_char({compiler.process(element.clauses, **options)} AT TIME ZONE 'UTC', 'YYYY-MM-DD')"


@compiles(json_value)
def _json_extract(element: json_value, compiler: Any, **options: Any) -> str:
    column, key = (compiler.process(clause, **options) for clause in element.clauses)
    return f"json_extract({column}, '$.' || {key})"


@compiles(json_value, "postgresql")
def _arrow(element: json_value, compiler: Any, **options: Any) -> str:
    column, key = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} ->> {key})"


@compiles(starts_at)
def _instr(element: starts_at, compiler: Any, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(starts_at, "postgresql")
def _strpos(element: starts_at, compiler: Any, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


@compiles(has_pattern)
def _function(element: has_pattern, compiler: Any, **options: Any) -> str:
    return f"forge_events_matches({compiler.process(element.clauses, **options)})"


@compiles(has_pattern, "postgresql")
def _tilde(element: has_pattern, compiler: Any, **options: Any) -> str:
    text, pattern, is_folded = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CASE WHEN {is_folded} THEN {text} ~* {pattern} ELSE {text} ~ {pattern} END"
