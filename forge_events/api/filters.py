# SPDX-License-Identifier: Apache-2.0
"""AWX's filters in a URL: from its parameters to conditions. Pure; what is refused is refused in AWX's words."""

from __future__ import annotations

import datetime
import json
import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import regex

from forge_events.api.refusals import Refusal, detail, forbidden
from forge_events.api.resources import TEXTS
from forge_events.queries import Condition, Order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from forge_events.api.resources import Field, Resource

__all__ = ["Filters", "order_of", "parse", "search_of"]

RESERVED = frozenset(
    [
        "page",
        "page_size",
        "format",
        "order",
        "order_by",
        "search",
        "type",
        "host_filter",
        "count_disabled",
        "no_truncate",
        "limit",
        "validate",
        "token",
        "fields",
    ]
)
_LOOKUPS = frozenset(
    [
        "exact",
        "iexact",
        "contains",
        "icontains",
        "startswith",
        "istartswith",
        "endswith",
        "iendswith",
        "regex",
        "iregex",
        "gt",
        "gte",
        "lt",
        "lte",
        "in",
        "isnull",
        "search",
    ]
)
_SEARCHED = ("username", "first_name", "last_name", "email", "name", "description", "playbook")
_TRUE, _FALSE = frozenset({"true", "1", "t"}), frozenset({"false", "0", "f"})
_NOTHING = frozenset({"none", "null"})
_MAX_CONDITIONS, _MAX_VALUES, _MAX_PATTERN = 50, 1000, 200
_LARGEST = 2**63 - 1
_FORMAT = "It must be in YYYY-MM-DD HH:MM[:ss[.uuuuuu]][TZ] format."


class Filters(NamedTuple):
    """The conditions of a URL; see :class:`forge_events.queries.Query`."""

    every: tuple[Condition, ...] = ()
    some: tuple[Condition, ...] = ()
    chains: tuple[Condition, ...] = ()
    groups: tuple[tuple[Condition, ...], ...] = ()


class _Walked(NamedTuple):
    """Where a path ends: the relations on the way, and the field, None for an object as a whole."""

    path: tuple[str, ...]
    field: Field | None
    target: Resource | None
    name: str


def parse(table: Mapping[str, Resource], resource: Resource, parameters: Iterable[tuple[str, str]]) -> Filters:
    """Return the conditions that parameters of a URL ask for.

    :param table: the resources by type.
    :raises Refusal: one of them cannot be.
    """
    found: dict[str, list[Any]] = {"every": [], "some": [], "chains": [], "groups": []}
    terms: dict[str, list[str]] = {}
    for key, value in parameters:
        if key in RESERVED:
            continue
        if "\0" in value or "\0" in key:
            raise Refusal(400, ["Null characters are not allowed."])
        if key.endswith("__search"):
            terms.setdefault(key, []).append(value)
            continue
        kind, rest = _kind(key.removesuffix("__int"))
        is_negated = rest.startswith("not__")
        found[kind].append(_condition(table, resource, rest.removeprefix("not__"), value, is_negated=is_negated))
    for key, values in terms.items():
        found["groups"] += _searches(table, resource, key.removesuffix("__search"), values)
    if sum(map(len, found.values())) > _MAX_CONDITIONS:
        raise detail(400, f"At most {_MAX_CONDITIONS} conditions can be given.")
    return Filters(**{name: tuple(conditions) for name, conditions in found.items()})


def order_of(
    table: Mapping[str, Resource], resource: Resource, parameters: Sequence[tuple[str, str]]
) -> tuple[Order, ...]:
    """Return the order that is asked for, and behind it the order of the list itself."""
    asked = [value for key, value in parameters if key in ("order", "order_by")]
    keys = asked[-1].split(",") if asked else []
    if any(not key.strip("-") for key in keys):
        raise detail(400, "Query string field name not provided.")
    found: list[Order] = []
    for key in [*keys, *resource.order]:
        walked = _walk(table, resource, key.strip().removeprefix("-"))
        order = Order(walked.field.name if walked.field else "id", key.strip().startswith("-"), walked.path)
        if not walked.path and walked.field is None:
            order = order._replace(field=walked.name)
        if _has_many(table, resource, walked.path):
            raise detail(400, f"Cannot order by {key.strip('-')}, which leads to many.")
        if order.field not in {each.field for each in found if each.path == order.path}:
            found.append(order)
    return tuple(found)


def search_of(resource: Resource, parameters: Iterable[tuple[str, str]]) -> tuple[tuple[Condition, ...], ...]:
    """Return what ``search`` means: each of its words is in one of the fields."""
    words = [word for key, value in parameters if key == "search" for word in re.split(r"[\s,]+", value) if word]
    if any("\0" in word for word in words):
        raise Refusal(400, ["Null characters are not allowed."])
    if len(words) > _MAX_CONDITIONS:
        raise detail(400, f"At most {_MAX_CONDITIONS} conditions can be given.")
    return tuple(tuple(Condition(field, "icontains", word) for field in resource.searched) for word in words)


def _kind(key: str) -> tuple[str, str]:
    for prefix, kind in (("or__", "some"), ("chain__", "chains")):
        if key.startswith(prefix):
            return kind, key.removeprefix(prefix)
    return "every", key


def _condition(
    table: Mapping[str, Resource], resource: Resource, key: str, text: str, *, is_negated: bool
) -> Condition:
    path, found, last = key.rpartition("__")
    has_lookup = bool(found) and last in _LOOKUPS
    lookup = last if has_lookup else "exact"
    walked = _walk(table, resource, path if has_lookup else key)
    value = _value(walked, lookup, text)
    if walked.field is None:
        if value is None:
            return Condition("id", "isnull", value=True, path=(*walked.path, walked.name), is_negated=is_negated)
        return Condition("id", lookup, value, (*walked.path, walked.name), is_negated)
    if value is None:
        return Condition(walked.field.name, "isnull", value=True, path=walked.path, is_negated=is_negated)
    return Condition(walked.field.name, lookup, value, walked.path, is_negated)


def _walk(table: Mapping[str, Resource], resource: Resource, path: str) -> _Walked:
    """Follow a path from object to object, as Django does."""
    if not path:
        raise detail(400, "Query string field name not provided.")
    if not path.isascii():
        raise detail(400, f"{path} is not an allowed field name. Must be ascii encodable.")
    seen: set[tuple[str, str]] = set()
    here: Resource | None = resource
    walked: tuple[str, ...] = ()
    names = path.split("__")
    for place, name in enumerate(names):
        if here is None:
            raise detail(400, f"No related model for field {name}.")
        if name in here.refused:
            raise forbidden(f"Filtering on {name} is not allowed.")
        field, target = _found(table, here, name)
        if (here.type, name) in seen:
            raise detail(400, f"Loops not allowed in filters, detected on field {name}.")
        seen.add((here.type, name))
        is_last = place == len(names) - 1
        if is_last:
            return _Walked(walked, field, target, name)
        here, walked = target, (*walked, name)
    raise AssertionError(path)


def _found(table: Mapping[str, Resource], here: Resource, name: str) -> tuple[Field | None, Resource | None]:
    """Return the field of a name and what it leads to; a relation to many has no field."""
    if name in here.many:
        return None, table[here.many[name]]
    field = here.field("id" if name == "pk" else name)
    if field is None or not field.is_column:
        raise detail(400, f"{here.model} has no field named '{name}'")
    return field, table.get(field.target)


def _has_many(table: Mapping[str, Resource], resource: Resource, path: Sequence[str]) -> bool:
    here: Resource | None = resource
    for name in path:
        if here is None or name in here.many:
            return here is not None
        field = here.field(name)
        here = table.get(field.target) if field else None
    return False


def _searches(
    table: Mapping[str, Resource], resource: Resource, key: str, values: Sequence[str]
) -> list[tuple[Condition, ...]]:
    """Return what it means that somebody related is searched for: commas ask for all of the words, else one will do."""
    kind, rest = _kind(key)
    del kind
    walked = _walk(table, resource, rest.removeprefix("not__"))
    if walked.target is None:
        raise detail(400, f"{rest} is not searchable")
    path = (*walked.path, walked.name)
    names = [name for name in _SEARCHED if walked.target.field(name) is not None]
    words = [word for value in values for word in value.split(",")]
    groups = [tuple(Condition(name, "icontains", word, path) for name in names) for word in words]
    return groups if any("," in value for value in values) else [tuple(each for group in groups for each in group)]


def _value(walked: _Walked, lookup: str, text: str) -> Any:
    """Return a value as the field has it."""
    field, name = walked.field, walked.name
    if lookup == "isnull":
        return _boolean(text)
    if lookup == "in":
        if not text:
            raise detail(400, "cannot provide empty value for __in")
        words = text.split(",")
        if len(words) > _MAX_VALUES:
            raise detail(400, f"At most {_MAX_VALUES} values can be given.")
        return tuple(value for word in words if (value := _single(field, name, word)) is not None)
    if lookup in ("regex", "iregex"):
        return _pattern(field, name, text)
    if lookup == "iexact" and (field is None or field.kind not in TEXTS or _has_numbers(field)):
        raise detail(400, f"{name} is not a text field and cannot be filtered by case-insensitive search")
    if lookup in ("gt", "gte", "lt", "lte", "exact"):
        return _single(field, name, text)
    return _sought(field, name, lookup, text)


def _sought(field: Field | None, name: str, lookup: str, text: str) -> str:
    """Return what is looked for in a value as text: a number or a truth as the database writes it."""
    value = _single(field, name, text)
    if field is not None and field.kind in ("datetime", "float", "decimal"):
        # Databases write these each in its own way: what is found would be an accident.
        raise detail(400, f"{name} is not a text field and cannot be filtered by {lookup}")
    if value is None:
        raise detail(400, f"Invalid {name} id: {text}")
    return str(value)


def _single(field: Field | None, name: str, text: str) -> Any:
    if field is None or (field.kind == "id" and field.target):
        return _key(name, text)
    if field.kind in ("integer", "id") or _has_numbers(field):
        return _integer(text)
    if field.kind == "boolean":
        return _boolean(text)
    if field.kind == "datetime":
        return _time(text)
    if field.kind in ("float", "decimal"):
        return _number(text, field.kind)
    return text


def _has_numbers(field: Field) -> bool:
    return field.kind == "choice" and bool(field.choices) and isinstance(field.choices[0][0], int)


def _key(name: str, text: str) -> int | None:
    if text.strip().lower() in _NOTHING:
        return None
    try:
        return _within(int(text))
    except ValueError:
        raise detail(400, f"Invalid {name} id: {text}") from None


def _integer(text: str) -> int:
    try:
        return _within(int(text))
    except ValueError:
        raise _invalid(f"“{text}” value must be an integer.") from None


def _within(number: int) -> int:
    """Return a number that every column takes; beyond that, none is there."""
    return max(-_LARGEST, min(number, _LARGEST))


def _number(text: str, kind: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if math.isnan(found):
        word = "a decimal number" if kind == "decimal" else "a float"
        raise _invalid(f"“{text}” value must be {word}.")
    return found


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise detail(400, f'Unable to convert "{text}" to boolean')
    return word in _TRUE


def _time(text: str) -> datetime.datetime:
    try:
        found = datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        raise _invalid(f"“{text}” value has an invalid format. {_FORMAT}") from None
    try:
        return found.replace(tzinfo=datetime.UTC) if found.tzinfo is None else found.astimezone(datetime.UTC)
    except OverflowError:
        raise _invalid(f"“{text}” value has an invalid format. {_FORMAT}") from None


def _pattern(field: Field | None, name: str, text: str) -> str:
    if field is None or field.kind not in TEXTS or _has_numbers(field):
        raise detail(400, f"{name} is not a text field and cannot be filtered by a regular expression")
    if len(text) > _MAX_PATTERN:
        raise detail(400, f"A regular expression has at most {_MAX_PATTERN} characters.")
    try:
        re.compile(text)
        regex.compile(text)  # which is what looks, for it can be told to stop
    except (re.error, regex.error, OverflowError, RecursionError) as error:
        raise detail(400, str(error.args[0])) from None
    return text


def _invalid(text: str) -> Refusal:
    return detail(400, json.dumps([text], ensure_ascii=False))
