# SPDX-License-Identifier: Apache-2.0
"""What may stand in the body of a request: as lenient as AWX is, and as strict, in its words."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from forge_events.api.refusals import Refusal
from forge_events.inventories import Unreadable, mapping_of
from forge_events.queries import Condition, Query

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from forge_events.api.calls import Call
    from forge_events.api.resources import Field

__all__ = ["Wrong", "validated"]

_TRUE = frozenset({"t", "y", "yes", "true", "on", "1"})
_FALSE = frozenset({"f", "n", "no", "false", "off", "0", "", "null", "none"})
_SURROGATE = re.compile("[\ud800-\udfff]")
_LARGEST, _SMALLEST = 2**31 - 1, -(2**31)
_LARGEST_KEY = 2**53


class Wrong(Exception):
    """What is wrong with the value of a field."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(text)


def validated(call: Call, fields: Iterable[Field], body: Mapping[str, Any], *, is_partial: bool) -> dict[str, Any]:
    """Return what a body says of fields; keys that no field has are left out.

    :param is_partial: what is missing stays as it is; otherwise it has its default.
    :raises Refusal: something is missing or wrong; all of that is told.
    """
    found: dict[str, Any] = {}
    wrong: dict[str, list[str]] = {}
    for field in fields:
        if field.name not in body:
            if field.is_required and not is_partial:
                wrong[field.name] = ["This field is required."]
            elif not is_partial:
                found[field.name] = field.default
            continue
        try:
            found[field.name] = _value(call, field, body[field.name])
        except Wrong as error:
            wrong[field.name] = [error.text]
    if wrong:
        raise Refusal(400, wrong)
    return found


def _value(call: Call, field: Field, given: Any) -> Any:
    match field.kind:
        case "json":
            found: Any = _variables(given)
        case "id":
            found = _key(call, field, given)
        case "choice":
            found = _choice(field, given)
        case "boolean":
            found = _boolean(given)
        case "integer":
            found = _integer(field, given)
        case "decimal":
            found = _decimal(field, given)
        case _:
            found = _text(field, given)
    return found


def _variables(given: Any) -> str:
    """Return variables as text, as they were given if they were given so."""
    if given is None:
        return ""
    if isinstance(given, dict):
        return json.dumps(given)
    if not isinstance(given, str):
        raise Wrong("Value must be valid JSON.")
    _check_characters(given)
    try:
        mapping_of(given)
    except Unreadable as error:
        raise Wrong(str(error)) from None
    return given


def _key(call: Call, field: Field, given: Any) -> int | None:
    if given is None or given == "":
        if field.is_required:
            raise Wrong("This field may not be null.")
        return None
    if isinstance(given, bool) or not isinstance(given, (int, str)):
        raise Wrong(f"Incorrect type. Expected pk value, received {type(given).__name__}.")
    try:
        key = int(given)
    except ValueError:
        raise Wrong("Incorrect type. Expected pk value, received str.") from None
    is_there = abs(key) < _LARGEST_KEY and bool(
        call.store.find(field.target, Query(every=(Condition("id", "exact", key),), limit=1, is_counted=False)).rows
    )
    if not is_there:
        raise Wrong(f'Invalid pk "{str(given)[:40]}" - object does not exist.')
    return key


def _choice(field: Field, given: Any) -> Any:
    if given is None and any(value == "" for value, _ in field.choices):
        return ""
    if not isinstance(given, (dict, list, bool)):
        for value, _ in field.choices:
            if str(value) == str(given):
                return value
    shown = given if isinstance(given, str) else json.dumps(given)
    raise Wrong(f'"{shown[:200]}" is not a valid choice.')


def _boolean(given: Any) -> bool:
    if isinstance(given, bool) or given is None:
        return bool(given)
    word = str(given).strip().lower() if isinstance(given, (str, int, float)) else "?"
    if word not in _TRUE | _FALSE:
        raise Wrong("Must be a valid boolean.")
    return word in _TRUE


def _integer(field: Field, given: Any) -> Any:
    if given is None:
        raise Wrong("This field may not be null.")
    is_number = isinstance(given, (int, str)) or (isinstance(given, float) and given.is_integer())
    try:
        number = int(given) if is_number and not isinstance(given, bool) else None
    except (ValueError, OverflowError):
        number = None
    if number is None:
        raise Wrong("A valid integer is required.")
    return _within(field, number)


def _within(field: Field, number: Any) -> Any:
    smallest = _SMALLEST if field.minimum is None else field.minimum
    largest = _LARGEST if field.maximum is None else field.maximum
    if number < smallest:
        raise Wrong(f"Ensure this value is greater than or equal to {smallest}.")
    if number > largest:
        raise Wrong(f"Ensure this value is less than or equal to {largest}.")
    return number


def _decimal(field: Field, given: Any) -> float:
    try:
        number = float(given) if isinstance(given, (int, float, str)) and not isinstance(given, bool) else None
    except (ValueError, OverflowError):
        number = None
    if number is None or number != number:  # noqa: PLR0124 - NaN alone is not itself
        raise Wrong("A valid number is required.")
    return float(_within(field, number))


def _check_characters(text: str) -> None:
    if "\0" in text:
        raise Wrong("Null characters are not allowed.")
    half = _SURROGATE.search(text)
    if half is not None:
        raise Wrong(f"Surrogate characters are not allowed: U+{ord(half.group()):X}.")


def _text(field: Field, given: Any) -> str:
    if isinstance(given, (bool, dict, list)):
        raise Wrong("Not a valid string.")
    text = "" if given is None else str(given).strip()
    _check_characters(text)
    if not text and not field.is_blank:
        raise Wrong("This field may not be null." if given is None else "This field may not be blank.")
    if field.max_length is not None and len(text) > field.max_length:
        raise Wrong(f"Ensure this field has no more than {field.max_length} characters.")
    return text
