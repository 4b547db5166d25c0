# SPDX-License-Identifier: Apache-2.0
"""What somebody wants to see of a kind of objects: conditions, an order and a page. Pure; the store compiles it."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Condition", "Order", "Page", "Query"]


class Condition(NamedTuple):
    """One condition.

    :param path: the relations that lead from the listed object to the one that has the field; often none.
    :param value: of the field's type; a tuple for ``in``.
    """

    field: str
    lookup: str
    value: Any
    path: tuple[str, ...] = ()
    is_negated: bool = False


class Order(NamedTuple):
    """One key of an order."""

    field: str
    is_descending: bool = False
    path: tuple[str, ...] = ()


class Query(NamedTuple):
    """What is wanted.

    :param every: conditions that must all hold; those of one relation to many hold for the same one of them.
    :param some: at least one of these must hold, if there are any.
    :param chains: as ``every``, but each for whichever of many.
    :param groups: of each group at least one must hold; what a search is made of.
    :param scope: columns that have a value, whatever else is asked: such as the job of an event.
    """

    every: tuple[Condition, ...] = ()
    some: tuple[Condition, ...] = ()
    chains: tuple[Condition, ...] = ()
    groups: tuple[tuple[Condition, ...], ...] = ()
    order: tuple[Order, ...] = ()
    scope: tuple[tuple[str, Any], ...] = ()
    offset: int = 0
    limit: int = 25
    is_counted: bool = True
    is_empty: bool = False

    @property
    def has_pattern(self) -> bool:
        """Whether a regular expression is looked for."""
        conditions = (*self.every, *self.some, *self.chains, *(each for group in self.groups for each in group))
        return any(condition.lookup in ("regex", "iregex") for condition in conditions)


class Page(NamedTuple):
    """What was found: rows by field, and how many there are on all pages; None where nobody counted."""

    rows: list[dict[str, Any]]
    total: int | None
