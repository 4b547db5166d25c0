# SPDX-License-Identifier: Apache-2.0
"""The column types: how values of the domain are stored, so that no field can be forgotten."""

from __future__ import annotations

import datetime
import json
import math
from typing import TYPE_CHECKING, Any

from sqlalchemy import DateTime, Text
from sqlalchemy.types import TypeDecorator

from forge_events.store import text

if TYPE_CHECKING:
    from sqlalchemy import Dialect

__all__ = ["AnyText", "Json", "Name", "UtcDateTime"]

_ENCODE = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_UNSTORABLE = {"forge_events_unstorable": "nested too deep"}


class AnyText(TypeDecorator[str]):
    """Text of any length with any character, in the form of :mod:`forge_events.store.text`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Return the form that is stored."""
        return None if value is None else text.encode(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Return the text itself."""
        return None if value is None else text.decode(value)


class Name(AnyText):
    """A name: text that is compared and so is cut when it is over-long, in columns and conditions alike."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Return the form that is stored."""
        return None if value is None else text.encode(text.short(value))


class UtcDateTime(TypeDecorator[datetime.datetime]):
    """An aware time; what has no zone is taken as UTC, and UTC is what comes back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime.datetime | None, dialect: Dialect) -> datetime.datetime | None:  # noqa: ARG002
        """Return the time in UTC."""
        if value is None or value.tzinfo in (None, datetime.UTC):
            return value
        return value.astimezone(datetime.UTC)

    def process_result_value(self, value: datetime.datetime | None, dialect: Dialect) -> datetime.datetime | None:  # noqa: ARG002
        """Return the time with its zone, which SQLite forgets."""
        return value.replace(tzinfo=datetime.UTC) if value is not None and value.tzinfo is None else value


class Json(TypeDecorator[Any]):
    """A JSON value as ASCII text: every other character is an escape, so any text survives.

    Numbers that JSON lacks become their name (``"nan"``); a value that is nested deeper than Python can write or read
    becomes ``{"forge_events_unstorable": ...}``.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002
        """Return the JSON text."""
        try:
            return _ENCODE(value)
        except (ValueError, RecursionError):
            return _encode_hard(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """Return the value."""
        try:
            return None if value is None else json.loads(value)
        except RecursionError:  # written by a process that could go a little deeper
            return dict(_UNSTORABLE)


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
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
