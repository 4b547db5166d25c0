# SPDX-License-Identifier: Apache-2.0
"""What OPTIONS tells of a resource: AWX's clients build their command lines and forms from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forge_events.api.pages import MAX_SIZE

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from forge_events.api.calls import Call
    from forge_events.api.resources import Field, Resource

__all__ = ["described", "described_action"]


def described(call: Call, resource: Resource, methods: Iterable[str], *, is_detail: bool) -> dict[str, Any]:
    """Return what OPTIONS answers.

    :param methods: what can be done there; who may only read is told of reading alone.
    """
    words = resource.name.replace("_", " ")
    actions: dict[str, Any] = {}
    for method in methods:
        if method == "GET":
            actions["GET"] = {field.name: _read(field, resource) for field in resource.fields if field.is_shown}
        elif method in ("POST", "PUT") and call.principal.is_admin:
            if method == "POST" and resource.type in ("organization", "label") and is_detail:
                continue
            actions[method] = {field.name: _written(field) for field in resource.written}
    found: dict[str, Any] = {
        "name": words.title() if not is_detail else resource.model,
        "description": f"{'One' if is_detail else 'A list'} of {words}.",
        "renders": ["application/json"],
        "parses": ["application/json"],
        "actions": actions,
        "types": [resource.type],
        "search_fields": list(resource.searched),
        "related_search_fields": _related(resource),
        "object_roles": [],
    }
    return found if is_detail else {**found, "max_page_size": MAX_SIZE}


def described_action(fields: Iterable[Field], methods: Container[str]) -> dict[str, Any]:
    """Return what OPTIONS answers where something is done: AWX's clients read there what may be given."""
    given = {field.name: _written(field) for field in fields}
    return {
        "name": "",
        "description": "",
        "renders": ["application/json"],
        "parses": ["application/json"],
        "actions": {"POST": given} if "POST" in methods else {},
    }


def _related(resource: Resource) -> list[str]:
    names = [field.name for field in resource.fields if field.kind == "id" and field.target and field.is_column]
    return [f"{name}__search" for name in (*names, *resource.many)]


def _read(field: Field, resource: Resource) -> dict[str, Any]:
    return {
        "type": field.kind,
        "label": field.title,
        "help_text": field.help or f"{field.title} of this {resource.type.replace('_', ' ')}.",
        "filterable": field.is_column,
        **({"choices": [list(choice) for choice in field.choices]} if field.choices else {}),
        **({"choices": [[resource.type, resource.model]]} if field.name == "type" else {}),
    }


def _written(field: Field) -> dict[str, Any]:
    limits = {"max_length": field.max_length, "min_value": field.minimum, "max_value": field.maximum}
    return {
        "type": field.kind,
        "required": field.is_required,
        "label": field.title,
        "help_text": field.help,
        "filterable": field.is_column,
        **({} if field.default is None else {"default": field.default}),
        **({"choices": [list(choice) for choice in field.choices]} if field.choices else {}),
        **{name: value for name, value in limits.items() if value is not None},
        **({"write_only": True} if field.name == "password" else {}),
    }
