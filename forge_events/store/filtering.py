# SPDX-License-Identifier: Apache-2.0
"""Turn a query into a statement: conditions on relations become EXISTS, so that nothing is found twice."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Integer,
    Numeric,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
)

from forge_events.queries import Page
from forge_events.store.catalogue import MODELS
from forge_events.store.expressions import has_pattern, starts_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection, Select

    from forge_events.queries import Condition, Order, Query
    from forge_events.store.catalogue import Model

__all__ = ["count", "find"]

_COMPARISONS = {
    "exact": lambda column, value: column == value,
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
    "in": lambda column, value: column.in_(value),
    "isnull": lambda column, value: column.is_(None) if value else column.is_not(None),
}


def find(connection: Connection, name: str, query: Query) -> Page:
    """Return a page of the objects of a model, and how many there are if somebody wants to know."""
    model = MODELS[name]()
    total = count(connection, name, query) if query.is_counted else None
    if query.is_empty or query.limit <= 0 or (total is not None and query.offset >= total):
        return Page([], total)
    wanted = select(*(column.label(key) for key, column in model.columns.items())).select_from(model.source)
    wanted = wanted.where(*_conditions(model, query)).order_by(*(_key(model, order) for order in query.order))
    rows = connection.execute(wanted.offset(query.offset).limit(query.limit)).mappings()
    return Page([dict(row) for row in rows], total)


def count(connection: Connection, name: str, query: Query) -> int:
    """Return how many objects there are for which the conditions hold."""
    if query.is_empty:
        return 0
    model = MODELS[name]()
    wanted = select(func.count()).select_from(model.source).where(*_conditions(model, query))
    return connection.execute(wanted).scalar_one()


def _conditions(model: Model, query: Query) -> list[ColumnElement[bool]]:
    found = [model[name] == value for name, value in query.scope]
    found += _every(model, query.every)
    found += [_one(model, condition) for condition in query.chains]
    for group in (query.some, *query.groups):
        if group:
            found.append(or_(*(_one(model, condition) for condition in group)))
    return found


def _every(model: Model, conditions: Sequence[Condition]) -> Iterable[ColumnElement[bool]]:
    """Yield conditions that hold together: those of one path, unless they deny, are of one object at its end."""
    together: dict[tuple[str, ...], list[Condition]] = defaultdict(list)
    for condition in conditions:
        if condition.is_negated or not condition.path:
            yield _one(model, condition)
        else:
            together[condition.path].append(condition)
    for path, group in together.items():
        yield _reached(model, path, group)


def _one(model: Model, condition: Condition) -> ColumnElement[bool]:
    if condition.lookup == "isnull" and condition.path and condition.field == "id":
        is_there = _reached(model, condition.path, [])
        found: ColumnElement[bool] = not_(is_there) if condition.value else is_there
        return not_(found) if condition.is_negated else found
    holds = _reached(model, condition.path, [condition])
    # What is unknown does not hold, so its denial does.
    return not_(func.coalesce(holds, false())) if condition.is_negated else holds


def _reached(model: Model, path: Sequence[str], conditions: Sequence[Condition]) -> ColumnElement[bool]:
    """Return the condition that something at the end of a path fulfils all conditions."""
    if not path:
        return and_(literal(value=True), *(_compared(model[each.field], each) for each in conditions))
    relation = model.relations[path[0]]
    there = MODELS[relation.model]()
    wanted = select(literal(1)).select_from(there.source).where(relation.join(model, there))
    return exists(wanted.where(_reached(there, path[1:], conditions)).correlate_except(there.source))


def _compared(column: ColumnElement[Any], condition: Condition) -> ColumnElement[bool]:
    lookup, value = condition.lookup, condition.value
    if lookup in _COMPARISONS:
        found: ColumnElement[bool] = _COMPARISONS[lookup](column, value)
        return found
    text, is_folded = lookup.removeprefix("i"), lookup.startswith("i")
    if text.endswith("regex"):
        return has_pattern(column, literal(value), literal(is_folded))
    column = _as_text(column)
    sought: ColumnElement[Any] = literal(value, column.type)
    if is_folded:
        column, sought = func.forge_events_folded(column), func.forge_events_folded(sought)
    if text == "exact":
        return column == sought
    if text == "contains":
        return starts_at(column, sought) > 0
    if text == "startswith":
        return func.substr(column, 1, func.length(sought)) == sought
    return func.substr(column, func.length(column) - func.length(sought) + 1) == sought


def _as_text(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column as text, as Django casts it: numbers in digits, truths as words."""
    if isinstance(column.type, Boolean):
        return case((column, "true"), (not_(column), "false"))
    if isinstance(column.type, (Integer, Numeric)):
        return cast(cast(column, BigInteger), Text)
    return column


def _key(model: Model, order: Order) -> ColumnElement[Any]:
    column = _value(model, order.path, order.field)
    return column.desc() if order.is_descending else column.asc()


def _value(model: Model, path: Sequence[str], field: str) -> ColumnElement[Any]:
    """Return a value, that of another object as what a statement of its own finds."""
    if not path:
        # Lines never go back, and the counter is what events are stored by.
        return model["counter" if field == "start_line" and "counter" in model.columns else field]
    relation = model.relations[path[0]]
    there = MODELS[relation.model]()
    wanted: Select[Any] = select(_value(there, path[1:], field)).select_from(there.source)
    return wanted.where(relation.join(model, there)).limit(1).correlate_except(there.source).scalar_subquery()
