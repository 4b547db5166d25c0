# SPDX-License-Identifier: Apache-2.0
"""Lists and single objects of any resource, from the parameters of a URL to what is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forge_events.api.filters import order_of, parse, search_of
from forge_events.api.pages import MAX_SIZE, page_of, paging_of
from forge_events.api.refusals import not_found
from forge_events.api.shown import shown
from forge_events.api.table import RESOURCES
from forge_events.queries import Condition, Query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forge_events.api.calls import Call
    from forge_events.api.resources import Resource

__all__ = ["NOWHERE", "listed", "one", "query_of", "row_of"]

_LARGEST = 2**53

NOWHERE: dict[str, Any] = {"count": 0, "next": None, "previous": None, "results": []}
"""A page of a list in which there is nothing."""


def listed(
    call: Call,
    resource: Resource,
    *,
    scope: Sequence[tuple[str, Any]] = (),
    within: Sequence[Condition] = (),
    most: int = MAX_SIZE,
    usual: int = 25,
) -> dict[str, Any]:
    """Return a page of a resource.

    :param scope: columns that have these values.
    :param within: conditions that hold whatever is asked for.
    :param most: how many ``limit`` may ask for.
    :param usual: how many are on a page if nobody says.
    """
    paging = paging_of(call.parameters, most=most, usual=usual)
    query = query_of(call, resource)
    query = query._replace(scope=tuple(scope), chains=(*query.chains, *within), offset=paging.offset)
    more = 0 if paging.is_counted or paging.is_limited else 1
    found = call.store.find(resource.type, query._replace(limit=paging.size + more, is_counted=paging.is_counted))
    results = shown(call, resource, found.rows)
    return page_of(call.path, call.parameters, paging, results, found.total)


def query_of(call: Call, resource: Resource) -> Query:
    """Return what the parameters of a URL ask for, as far as the page does not matter."""
    filters = parse(RESOURCES, resource, call.parameters)
    types = dict(call.parameters).get("type")
    return Query(
        every=filters.every,
        some=filters.some,
        chains=filters.chains,
        groups=(*filters.groups, *search_of(resource, call.parameters)),
        order=order_of(RESOURCES, resource, call.parameters),
        is_empty=types is not None and resource.type not in types.split(","),
    )


def row_of(call: Call, resource: Resource, key: str) -> dict[str, Any]:
    """Return the row of an object by its id or its name.

    :raises Refusal: there is none.
    """
    found = call.store.find(resource.type, Query(every=(_named(resource, key),), limit=1, is_counted=False))
    if not found.rows:
        raise not_found(resource.model)
    return found.rows[0]


def one(call: Call, resource: Resource, key: str) -> dict[str, Any]:
    """Return an object with what only details have."""
    return shown(call, resource, [row_of(call, resource, key)], is_detail=True)[0]


def _named(resource: Resource, key: str) -> Condition:
    """Return the condition of an object's id or, as AWX writes it, name: ``NAME++ORGANIZATION``."""
    if key.isascii() and key.isdecimal():
        return Condition("id", "exact", min(int(key[:20]), _LARGEST))
    if not resource.natural:
        raise not_found(resource.model)
    name, _, organization = key.partition("++")
    if organization not in ("", "Default"):
        raise not_found(resource.model)
    return Condition(resource.natural, "exact", name.replace("[+]", "+"))
