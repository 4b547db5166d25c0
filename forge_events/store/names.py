# SPDX-License-Identifier: Apache-2.0
"""Names that people give: kept whole, given once, and known by them what is meant, or by its id."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from forge_events.errors import InvalidLaunch, NameTaken
from forge_events.store.text import MAX_NAME, short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Table

__all__ = ["meanings", "taken", "whole"]

_MAX_ID = 2**63 - 1


def whole(name: str) -> str:
    """Return a name that is stored as it is; one that is cut would come back as another one than its owner gave.

    :raises InvalidLaunch: it is too long.
    """
    if short(name) != name:
        raise InvalidLaunch("name", f"it takes more than {MAX_NAME} bytes")
    return name


@contextmanager
def taken(noun: str, name: str) -> Iterator[None]:
    """Say in our words that there is another one of the name."""
    try:
        yield
    except IntegrityError as error:
        raise NameTaken(noun, name) from error


def meanings(table: Table, reference: str) -> Iterator[ColumnElement[bool]]:
    """Yield what a reference may mean, the first that there is: a name, and else an id."""
    yield table.c.name == reference
    if reference.isdecimal() and reference.isascii() and int(reference) <= _MAX_ID:
        yield table.c.id == int(reference)
