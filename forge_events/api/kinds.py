# SPDX-License-Identifier: Apache-2.0
"""Fields of each kind, and those that objects of many kinds have."""

from __future__ import annotations

from typing import Any

from forge_events.api.resources import Field

__all__ = ["BY", "HEAD", "NAMED", "RUNS", "flag", "given", "key", "number", "shown", "time"]


def key(name: str, target: str, **more: Any) -> Field:
    """Return a field that leads to another object."""
    return Field(name, "id", target=target, is_nullable=True, **more)


def number(name: str, **more: Any) -> Field:
    """Return a field with a whole number."""
    return Field(name, "integer", **more)


def flag(name: str, **more: Any) -> Field:
    """Return a field that is true or false."""
    return Field(name, "boolean", **more)


def time(name: str, **more: Any) -> Field:
    """Return a field with a time."""
    return Field(name, "datetime", **more)


def shown(name: str, kind: str = "string", **more: Any) -> Field:
    """Return a field that is worked out when it is shown."""
    return Field(name, kind, is_column=False, **more)


HEAD = (
    number("id", label="ID", help="Database ID for this object."),
    shown("type", "choice"),
    shown("url"),
    shown("related", "object"),
    shown("summary_fields", "object"),
    time("created"),
    time("modified"),
)
NAMED = (
    *HEAD,
    Field("name", is_written=True, is_required=True, is_blank=False, max_length=512),
    Field("description", is_written=True, default=""),
)
BY = (key("created_by", "user", is_shown=False), key("modified_by", "user", is_shown=False))


def given(name: str, kind: str = "string", **more: Any) -> Field:
    """Return a field that may be given, and that no column has."""
    return Field(name, kind, is_column=False, is_written=True, **more)


RUNS = (
    time("last_job_run", is_column=False),
    shown("last_job_failed", "boolean"),
    time("next_job_run", is_column=False),
    shown("status", "choice"),
)
