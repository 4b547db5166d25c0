# SPDX-License-Identifier: Apache-2.0
"""Turn what Ansible holds into what may be written: JSON values, censored, and no larger than wanted.

Nothing here calls ``str()`` or ``repr()`` on a value whose type it does not know: that is how vaulted strings decrypt
themselves. This module imports the standard library only and is shipped inside the collection as it stands.
"""

from __future__ import annotations

import datetime
import json
import math
from typing import Any

__all__ = [
    "CENSORED",
    "HIDDEN",
    "MAX_DEPTH",
    "censor_result",
    "cut",
    "is_no_log",
    "is_plain",
    "plain",
    "without_harmless",
]

CENSORED = "the output has been hidden due to the fact that 'no_log: true' was specified for this result"
"""What stands in the place of a censored result; the words are Ansible's."""

MAX_DEPTH = 240
"""Levels of nesting that are kept; Ansible itself gives up at 247."""

HIDDEN = "********"
"""What stands in the place of a hidden value."""

_EXACT = frozenset({str, int, bool, type(None)})
_MIN_SHARE = 48

# The keys of a result that tell what happened and not with what; Ansible leaves the same ones in a censored copy.
_HARMLESS = ("changed", "failed", "unreachable", "skipped", "attempts", "retries", "finished", "started")


def plain(value: Any, depth: int = MAX_DEPTH, above: frozenset[int] = frozenset()) -> Any:
    """Return a value as JSON has it, with every part censored that is marked ``no_log``.

    Subclasses of strings and numbers become their base, bytes their text with escapes, dates ISO 8601, numbers that
    JSON lacks their name, vaulted values a mark, containers are copied. What is nested too deep, holds itself or is
    of an unknown type becomes ``<its type>``. Any text is kept: NUL and lone surrogates are the reader's business.
    """
    kind = type(value)
    if kind in _EXACT:
        return value
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        if depth <= 0 or id(value) in above:
            return _mark(value)
        above |= {id(value)}
        # The base classes' own iterators: a subclass may template, and so decrypt or fail, when it is asked.
        if isinstance(value, dict):
            if is_no_log(dict.get(value, "_ansible_no_log")):
                return censor_result(value)
            copy = {}
            for key, part in dict.items(value):
                key_type = type(key)
                name = key if key_type is str else _key(key)
                copy[name] = part if type(part) in _EXACT else plain(part, depth - 1, above)
            return copy
        parts = []
        for part in _base_of(value).__iter__(value):
            parts.append(plain(part, depth - 1, above))  # noqa: PERF401 - a comprehension costs a frame for each level
        return parts
    return _plain_leaf(value)


def is_plain(value: Any) -> bool:
    """Return whether a value and all that it holds have the types of JSON themselves, and not subclasses of them."""
    kind = type(value)
    if kind is dict:
        return all(key.__class__ is str and is_plain(part) for key, part in value.items())
    return kind in _EXACT or kind is float or (kind is list and all(map(is_plain, value)))


def _base_of(value: Any) -> Any:
    return next(base for base in (list, tuple, set, frozenset) if isinstance(value, base))


def _plain_leaf(value: Any) -> Any:
    if isinstance(value, float):
        number = float.__float__(value)
        return number if math.isfinite(number) else float.__repr__(number)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return "<vaulted>" if getattr(value, "_ciphertext", None) is not None else _mark(value)


def _key(key: Any) -> str:
    """Return a dictionary's key as JSON writes it."""
    if isinstance(key, str):
        return str.__str__(key)
    leaf = key if isinstance(key, (bool, int, float, type(None))) else None
    return json.dumps(leaf) if leaf is key else f"{plain(key)}"


def _mark(value: Any) -> str:
    return f"<{type(value).__name__}>"


def is_no_log(flag: Any) -> bool:
    """Whether a ``no_log`` flag holds: anything but a false one, since a template may still stand there."""
    return flag is not None and flag is not False and flag != 0


def censor_result(result: Any) -> dict[str, Any]:
    """Return what may be told of a result under ``no_log``: flags and counts that say what happened, not with what."""
    kept = {} if not isinstance(result, dict) else {key: dict.get(result, key) for key in _HARMLESS if key in result}
    return {"censored": CENSORED, **{key: value for key, value in kept.items() if isinstance(value, (bool, int))}}


def without_harmless(result: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a result that :func:`censor_result` leaves out, be it that Ansible left it out before."""
    harmless = (*_HARMLESS, "censored", "_ansible_no_log")
    return {key: part for key, part in dict.items(result) if key not in harmless}


def cut(value: Any, limit: int) -> Any:
    """Return a JSON value of at most about ``limit`` bytes: the largest texts and containers lose their ends.

    Small values beside a large one stay whole. A text that was cut ends in ``<cut: N characters>``; a list has this as
    its last item, and a dictionary as a key.
    """
    size = _size(value)
    if size <= limit:
        return value
    if isinstance(value, str):
        kept = max(0, min(len(value), limit * len(value) // size))
        return f"{value[:kept]}<cut: {len(value) - kept} characters>"
    if isinstance(value, list):
        shares = _shares([_size(part) for part in value], limit)
        parts = [cut(part, share) for part, share in zip(value, shares, strict=False)]
        return [*parts, f"<cut: {len(value) - len(parts)} items>"] if len(parts) < len(value) else parts
    if isinstance(value, dict):
        shares = _shares([_size(key) + _size(part) for key, part in value.items()], limit)
        kept_parts = {
            key: cut(part, share - _size(key)) for (key, part), share in zip(value.items(), shares, strict=False)
        }
        missing = len(value) - len(kept_parts)
        return {**kept_parts, "<cut>": f"{missing} keys"} if missing else kept_parts
    return value


def _shares(sizes: list[int], limit: int) -> list[int]:
    """Share ``limit`` out: small sizes are met whole and large ones get the same; fewer shares if too many."""
    sizes = sizes[: max(1, limit // _MIN_SHARE)]
    left, level = limit, 0
    for rank, size in enumerate(sorted(sizes)):
        level = left // (len(sizes) - rank)
        if size > level:
            break
        left -= size
        level = size
    return [min(size, level) for size in sizes]


def _size(value: Any) -> int:
    """Return about how many bytes a JSON value takes."""
    if isinstance(value, str):
        return len(value) + 3 if value.isascii() else len(value.encode("utf-8", "surrogatepass")) + 3
    if isinstance(value, dict):
        return 2 + sum(map(_size, value)) + sum(map(_size, value.values()))
    if isinstance(value, list):
        return 2 + sum(map(_size, value))
    return 6
