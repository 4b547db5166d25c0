# SPDX-License-Identifier: Apache-2.0
"""The column types: how values of the domain are stored, so that no field can be forgotten."""

from __future__ import annotations

import datetime
import json
import math
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json
from sqlalchemy import BigInteger, DateTime, Integer, Text
from sqlalchemy.types import TypeDecorator, UserDefinedType

from forge_events.store import text

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Dialect
    from sqlalchemy.types import TypeEngine

__all__ = ["AnyText", "Encoded", "Id", "Json", "Name", "UtcDateTime"]

_ENCODE = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
# What jsonb refuses inside a text, NUL and half a surrogate pair, and the sign of our own form, as JSON has them. A
# whole pair is taken for half of one, too: it is tried again with care.
_REFUSED = ("\\u0000", "\\ud", text.ESCAPE)
_TIME_LENGTH = len("2026-01-02 03:04:05.000006")
_UNSTORABLE = {"forge_events_unstorable": "nested too deep"}


# SQLite counts up only a column that says INTEGER, which has 64 bits there.
Id = BigInteger().with_variant(Integer, "sqlite")
"""The number of a row."""


class Encoded(str):
    """JSON text that is stored as it stands."""

    __slots__ = ()


class AnyText(TypeDecorator[str]):
    """Text of any length with any character, in the form of :mod:`forge_events.store.text`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the form that is stored."""
        return self.binder(dialect)(value)

    def binder(self, dialect: Dialect) -> Callable[[str | None], str | None]:  # noqa: ARG002
        """Return what gives the form of each of many values."""
        return _stored

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Return the text itself."""
        return None if value is None else text.decode(value)


class Name(AnyText):
    """A name: text that is compared and so is cut when it is over-long, in columns and conditions alike.

    It is ordered by code points everywhere, whatever language the database speaks.
    """

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the database."""
        return dialect.type_descriptor(Text(collation="C") if dialect.name == "postgresql" else Text())

    def binder(self, dialect: Dialect) -> Callable[[str | None], str | None]:  # noqa: ARG002
        """Return what gives the form of each of many values."""
        return _stored_name


class UtcDateTime(TypeDecorator[datetime.datetime]):
    """An aware time; what has no zone is taken as UTC, and UTC is what comes back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime.datetime | None, dialect: Dialect) -> datetime.datetime | None:  # noqa: ARG002
        """Return the time in UTC."""
        return None if value is None else _in_utc(value)

    def binder(self, dialect: Dialect) -> Callable[[datetime.datetime], Any]:
        """Return what gives each of many values as the driver takes it, which SQLAlchemy does at its leisure."""
        return _as_text if dialect.name == "sqlite" else _in_utc

    def process_result_value(self, value: datetime.datetime | None, dialect: Dialect) -> datetime.datetime | None:  # noqa: ARG002
        """Return the time with its zone, which SQLite forgets."""
        return value.replace(tzinfo=datetime.UTC) if value is not None and value.tzinfo is None else value


class _Jsonb(UserDefinedType[str]):
    """JSON that PostgreSQL keeps parsed; it comes and goes as text."""

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the name of the type."""
        return "JSONB"


class Json(TypeDecorator[Any]):
    """A JSON value: ``jsonb`` on PostgreSQL, and text on SQLite.

    Numbers that JSON lacks become their name (``"NaN"``, ``"Infinity"``); a value that is nested deeper than Python can
    write or read becomes ``{"forge_events_unstorable": ...}``. What ``jsonb`` refuses inside a text has the form of
    :mod:`forge_events.store.text` there; it also forgets the order of keys.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the database."""
        return dialect.type_descriptor(_Jsonb() if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """Return the JSON text."""
        return self.binder(dialect)(value)

    def binder(self, dialect: Dialect) -> Callable[[Any], str]:
        """Return what gives the text of each of many values."""
        return _encode_for_jsonb if dialect.name == "postgresql" else _encode

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Return the value."""
        try:
            found = None if value is None else json.loads(value)
            has_forms = value is not None and dialect.name == "postgresql" and text.ESCAPE in value
            return _each_text(found, text.decode) if has_forms else found
        except RecursionError:  # written by a process that could go a little deeper
            return dict(_UNSTORABLE)


def _stored(value: str | None) -> str | None:
    return None if value is None else text.encode(value)


def _stored_name(value: str | None) -> str | None:
    return None if value is None else text.encode(text.short(value))


def _in_utc(value: datetime.datetime) -> datetime.datetime:
    return value if value.tzinfo in (None, datetime.UTC) else value.astimezone(datetime.UTC)


def _as_text(value: datetime.datetime) -> str:
    """Return a time as SQLAlchemy writes it for SQLite: in UTC, without saying so."""
    return _in_utc(value).isoformat(" ", "microseconds")[:_TIME_LENGTH]


def _encode_for_jsonb(value: Any) -> str:
    if isinstance(value, Encoded):
        return value
    encoded = _encode(value)
    if any(sign in encoded for sign in _REFUSED):
        return _encode(_each_text(json.loads(encoded), text.encode))
    return encoded


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _each_text(part, change) for key, part in value.items()}
    return [_each_text(part, change) for part in value] if isinstance(value, list) else value


def _encode(value: Any) -> str:
    if isinstance(value, Encoded):
        return value
    try:
        return to_json(value, inf_nan_mode="strings").decode()
    except ValueError:  # half a surrogate pair in a text, or nested deeper than that goes
        return _encode_hard(value)


def _encode_hard(value: Any) -> str:
    try:
        return _ENCODE(_finite(value))
    except RecursionError:
        return _ENCODE(_UNSTORABLE)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
