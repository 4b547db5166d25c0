# SPDX-License-Identifier: Apache-2.0
"""Lists that no table holds: what AWX has rows for and this has not, kinds of credentials, groups of instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forge_events.api.filters import parse
from forge_events.api.pages import page_of, paging_of
from forge_events.api.refusals import detail, not_found
from forge_events.api.table import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from forge_events.api.calls import Call
    from forge_events.api.resources import Resource
    from forge_events.queries import Condition

__all__ = ["found_in", "page_in"]

_LOOKUPS: dict[str, Callable[[Any, Any], bool]] = {
    "exact": lambda value, wanted: value == wanted,
    "iexact": lambda value, wanted: str(value).lower() == str(wanted).lower(),
    "in": lambda value, wanted: value in wanted,
    "icontains": lambda value, wanted: str(wanted).lower() in str(value).lower(),
    "contains": lambda value, wanted: str(wanted) in str(value),
    "isnull": lambda value, wanted: (value is None) == wanted,
}


def page_in(call: Call, resource: Resource, objects: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a page of objects as they are sent, of those for which the filters of the URL hold."""
    filters = parse(RESOURCES, resource, call.parameters)
    kept = [
        each
        for each in objects
        if all(_holds(each, condition) for condition in (*filters.every, *filters.chains))
        and all(any(_holds(each, one) for one in group) for group in (filters.some, *filters.groups) if group)
    ]
    paging = paging_of(call.parameters)
    shown = kept[paging.offset : paging.offset + paging.size]
    if paging.number > 1 and not shown:
        raise detail(404, "Invalid page.")
    return page_of(call.path, call.parameters, paging, shown, len(kept))


def found_in(call: Call, resource: Resource, objects: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the object that the path names by its id or name.

    :raises Refusal: there is none.
    """
    key = call.key()
    for each in objects:
        if key in (str(each["id"]), each["name"]):
            return each
    raise not_found(resource.model)


def _holds(each: dict[str, Any], condition: Condition) -> bool:
    if condition.path or condition.lookup not in _LOOKUPS:
        raise detail(400, f"{condition.field} cannot be filtered by {condition.lookup} here.")
    return _LOOKUPS[condition.lookup](each[condition.field], condition.value) != condition.is_negated
