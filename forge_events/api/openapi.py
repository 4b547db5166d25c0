# SPDX-License-Identifier: Apache-2.0
"""What the OpenAPI document says of a resource's operations; it is made from the same table as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from forge_events.api.resources import Field, Resource

__all__ = ["documented", "operation", "parameter"]

_TYPES: dict[str, dict[str, Any]] = {
    "integer": {"type": "integer"},
    "id": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "float": {"type": "number"},
    "object": {"type": "object"},
    "list": {"type": "array"},
}
_KEY = {
    "name": "key",
    "in": "path",
    "required": True,
    "description": "The id, or for what has a name of its own also NAME or NAME++ORGANIZATION.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,9}$"},
}
_PAGED = (
    ("page", "Which page."),
    ("page_size", "How many to a page, 200 at most."),
    ("order_by", "Fields to sort by, with commas between; a minus before one turns it round."),
    ("search", "Words that have to be in one of the fields that are searched."),
)
_REFUSALS = ("400", "401", "403", "404", "405", "409", "413", "415", "429")


def documented(path: str, resource: Resource, methods: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return for each method at a path of a resource what the document says of it."""
    is_detail = path.rstrip("/").endswith("}")
    found = {}
    for method in methods:
        parameters = [_KEY] if "{key}" in path else []
        body = None
        if method == "GET" and not is_detail:
            parameters = [*parameters, *(parameter(*each) for each in _PAGED)]
        if method in ("POST", "PUT", "PATCH"):
            is_whole = method != "PATCH" and path.count("/") == 4 + is_detail
            body = _body(resource, is_whole=is_whole)
        status = {"POST": "201", "DELETE": "204"}.get(method, "200")
        found[method] = operation(resource.name, parameters=parameters, body=body, status=status)
    return found


def operation(
    tag: str,
    *,
    parameters: Iterable[dict[str, Any]] = (),
    body: dict[str, Any] | None = None,
    status: str = "200",
    media: str = "application/json",
) -> dict[str, Any]:
    """Return one operation.

    :param status: of the usual answer.
    """
    answers: dict[str, Any] = {code: _refusal() for code in _REFUSALS}
    answers[status] = _answer(status, media)
    if status == "201":
        answers["204"] = {"description": "Done."}
    if status == "204":
        answers["202"] = {"description": "It is being done."}
    found: dict[str, Any] = {"tags": [tag], "parameters": list(parameters), "responses": answers}
    if body is not None:
        found["requestBody"] = {"content": {"application/json": {"schema": body}}}
    return found


def parameter(name: str, text: str) -> dict[str, Any]:
    """Return a parameter of a URL that may be left out."""
    return {"name": name, "in": "query", "required": False, "description": text, "schema": {"type": "string"}}


def _answer(status: str, media: str) -> dict[str, Any]:
    if status == "204":
        return {"description": "Done."}
    return {"description": "What was asked for.", "content": {media: {"schema": {}}}}


def _refusal() -> dict[str, Any]:
    return {"description": "Refused; the body says why.", "content": {"application/json": {"schema": {}}}}


def _body(resource: Resource, *, is_whole: bool) -> dict[str, Any]:
    fields = resource.written
    required = [field.name for field in fields if field.is_required]
    return {
        "type": "object",
        "properties": {field.name: _schema(field) for field in fields},
        **({"required": required} if required and is_whole else {}),
    }


def _schema(field: Field) -> dict[str, Any]:
    """Return what a field takes, as lenient as it is."""
    found: dict[str, Any] = {}
    if field.help:
        found["description"] = field.help
    if field.choices:
        return {**found, "enum": [value for value, _ in field.choices]}
    if field.kind == "json":
        return {**found, "type": ["object", "string", "null"]}
    if field.kind in _TYPES:
        kinds = _TYPES[field.kind]["type"]
        found["type"] = [kinds, "null"] if field.is_nullable else kinds
    if field.kind == "string":
        found["type"] = "string"
        if field.max_length is not None:
            found["maxLength"] = field.max_length
        if not field.is_blank:
            found["minLength"] = 1
    limits = {"minimum": field.minimum, "maximum": field.maximum}
    return found | {name: value for name, value in limits.items() if value is not None}
