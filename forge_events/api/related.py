# SPDX-License-Identifier: Apache-2.0
"""What the objects of a page lead to, looked up once for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forge_events.queries import Condition, Query

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from forge_events.api.calls import Call

__all__ = ["brief", "found_by_id", "summaries_of", "user_brief"]

_AT_ONCE = 1000


def found_by_id(call: Call, model: str, ids: Iterable[int | None]) -> dict[int, dict[str, Any]]:
    """Return the rows of a model by id."""
    wanted = sorted({each for each in ids if each is not None})
    rows: list[dict[str, Any]] = []
    for start in range(0, len(wanted), _AT_ONCE):
        some = tuple(wanted[start : start + _AT_ONCE])
        query = Query(every=(Condition("id", "in", some),), limit=len(some), is_counted=False)
        rows += call.store.find(model, query).rows
    return {row["id"]: row for row in rows}


def brief(row: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return what an object says of another one."""
    return {name: row[name] for name in ("id", "name", "description", *names)}


def user_brief(row: dict[str, Any]) -> dict[str, Any]:
    """Return what an object says of a user."""
    return {name: row[name] for name in ("id", "username", "first_name", "last_name")}


def summaries_of(
    call: Call, rows: Sequence[dict[str, Any]], names: Iterable[str] = ("created_by", "modified_by")
) -> list[dict[str, Any]]:
    """Return for each row what it says of the users, and of the organization, inventory and others it has."""
    found: list[dict[str, Any]] = [{} for _ in rows]
    for name in names:
        model = "user" if name in ("created_by", "modified_by", "user") else name
        targets = found_by_id(call, model, (row.get(name) for row in rows))
        for row, summary in zip(rows, found, strict=True):
            target = targets.get(row.get(name) or 0)
            if target is not None:
                summary[name] = user_brief(target) if model == "user" else _said(model, target)
    return found


def _said(model: str, target: dict[str, Any]) -> dict[str, Any]:
    if model == "execution_environment":
        return brief(target, "image")
    if model == "inventory":
        return {**brief(target), "organization_id": 1, "kind": "", "has_active_failures": False}
    if model == "project":
        return {**brief(target), "status": "ok", "scm_type": "", "allow_override": False}
    return brief(target)
