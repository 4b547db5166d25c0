# SPDX-License-Identifier: Apache-2.0
"""Inventories that are kept in the store, as Ansible reads them, and variables as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from forge_events.errors import InvalidLaunch

if TYPE_CHECKING:
    from forge_events.store import Store

__all__ = ["Unreadable", "is_deep", "mapping_of", "read_inventory"]

_DEEPEST = 100


class Unreadable(ValueError):
    """A text holds no variables; it says why."""


class _Plainly(yaml.SafeLoader):
    """Reads YAML in which nothing stands for something else: a few lines of such could mean millions of values."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse an alias."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias cannot be used")
        return super().compose_node(parent, index)


def read_inventory(store: Store, inventory_id: int) -> tuple[dict[str, Any], int]:
    """Return an inventory as Ansible's plugin for YAML reads it, and how many hosts it has; without disabled hosts.

    :raises InvalidLaunch: there is none, or its variables cannot be read.
    """
    contents = store.catalogue.contents(inventory_id)
    if contents is None:
        raise InvalidLaunch("inventory", "it is not there any more")
    hosts = {row["id"]: row for row in contents.hosts if row["enabled"]}
    groups = {row["id"]: row for row in contents.groups}
    children: dict[str, Any] = {}
    for row in contents.groups:
        children[row["name"]] = {
            "vars": _variables(row["variables"]),
            "hosts": {hosts[host]["name"]: {} for host in _of(contents.host_pairs, row["id"]) if host in hosts},
            "children": {
                groups[child]["name"]: {} for child in _of(contents.child_pairs, row["id"]) if child in groups
            },
        }
    found = {
        "hosts": {row["name"]: _variables(row["variables"]) for row in hosts.values()},
        "vars": _variables(contents.variables),
        "children": children,
    }
    return {"all": found}, len(hosts)


def _of(pairs: list[tuple[int, int]], owner: int) -> list[int]:
    return [second for first, second in pairs if first == owner]


def _variables(text: str) -> dict[str, Any]:
    try:
        return mapping_of(text) if text else {}
    except Unreadable as error:
        raise InvalidLaunch("inventory", f"its variables: {error}") from error


def mapping_of(text: str) -> dict[str, Any]:
    """Return the variables that a text holds as JSON or YAML.

    :raises Unreadable: it holds something else.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = str(error)
    else:
        if is_deep(found):
            raise Unreadable("Cannot parse as JSON (error: nested too deep).")
        if isinstance(found, dict):
            return found
        reason = "not a dictionary"
    try:
        loaded = yaml.load(text, Loader=_Plainly)  # noqa: S506 - it is a safe one
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        said = " ".join(str(error).split())
        raise Unreadable(f"Cannot parse as JSON (error: {reason}) or YAML (error: {said}).") from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        kind = type(loaded).__name__
        said = f"Input type `{kind}` is not a dictionary"
        raise Unreadable(f"Cannot parse as JSON (error: {reason}) or YAML (error: {said}).")
    return _plain(loaded)


def is_deep(value: Any) -> bool:
    """Return whether a value is nested deeper than what reads it later may go."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            return True
        parts = [part.values() if isinstance(part, dict) else part for part in level if isinstance(part, (dict, list))]
        level = [each for some in parts for each in some]
    return False


def _plain(loaded: dict[Any, Any]) -> dict[str, Any]:
    """Return what YAML had with the types that JSON has alone."""
    try:
        found = json.loads(json.dumps(loaded, default=str, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise Unreadable(f"Cannot parse as JSON (error: {error}) or YAML (error: its values are not JSON's).") from None
    if is_deep(found):
        raise Unreadable("Cannot parse as YAML (error: nested too deep).")
    return dict(found)
