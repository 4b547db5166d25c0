# SPDX-License-Identifier: Apache-2.0
"""Turn what Ansible holds into what may be written: JSON values, censored, and no larger than wanted.

Nothing here calls ``str()`` or ``repr()`` on a value whose type it does not know: that is how vaulted strings decrypt
themselves. This module imports the standard library only and is shipped inside the collection as it stands.
"""

from __future__ import annotations

import datetime
import json
import math
import re
import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "CENSORED",
    "MAX_DEPTH",
    "censor_command",
    "censor_environment",
    "censor_result",
    "censor_text",
    "cut",
    "plain",
    "without_harmless",
]

CENSORED = "the output has been hidden due to the fact that 'no_log: true' was specified for this result"
"""What stands in the place of a censored result; the words are Ansible's."""

MAX_DEPTH = 240
"""Levels of nesting that are kept; Ansible itself gives up at 247."""

_HIDDEN = "********"
_EXACT = frozenset({str, int, bool, type(None)})
_MIN_SHARE = 48

# The keys of a result that tell what happened and not with what; Ansible leaves the same ones in a censored copy.
_HARMLESS = ("changed", "failed", "unreachable", "skipped", "attempts", "retries", "finished", "started")

_SECRET_NAME = re.compile(r"pass|secret|token|key|credential|auth|private", re.IGNORECASE)
_USER_INFO = re.compile(r"(://)[^/@\s]+@")


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
            if _is_no_log(dict.get(value, "_ansible_no_log")):
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


def _is_no_log(flag: Any) -> bool:
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


def censor_text(text: str, hidden: Any) -> str:
    """Return a text without the strings and numbers that a hidden value is made of, as they are or quoted."""
    forms = {form for leaf in _leaves(hidden) for form in (leaf, json.dumps(leaf)[1:-1], repr(leaf)[1:-1])}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, _HIDDEN)
    return text


def _leaves(value: Any) -> Iterator[str]:
    value = plain(value)
    if isinstance(value, dict):
        for part in value.values():
            yield from _leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from _leaves(part)
    elif isinstance(value, str):
        yield from (line for line in (value, *value.splitlines()) if line.strip())
    elif not isinstance(value, bool) and value is not None:
        yield f"{value}"


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
        return 2 + sum(_size(key) + _size(part) for key, part in value.items())
    if isinstance(value, list):
        return 2 + sum(map(_size, value))
    return 6


def censor_command(command: Iterable[str]) -> list[str]:
    """Return a command line without the values of extra variables, of secrets by their name, and of URLs."""
    censored: list[str] = []
    option = ""
    for word in command:
        name, equals, attached = word.partition("=")
        if _is_extra_vars(option):
            word = _censor_variables(word)
        elif option in ("-a", "--args"):
            word = _censor_arguments(word)
        elif equals and _is_extra_vars(name):
            word = f"{name}={_censor_variables(attached)}"
        elif equals and name == "--args":
            word = f"--args={_censor_arguments(attached)}"
        elif len(word) > 2 and word[:2] in ("-e", "-a"):
            censor = _censor_variables if word[1] == "e" else _censor_arguments
            word = word[:2] + censor(word[2:])
        option = word
        censored.append(_USER_INFO.sub(rf"\1{_HIDDEN}@", word))
    return censored


def censor_environment(environment: dict[str, Any]) -> dict[str, str]:
    """Return the variables of an environment without the values of secrets by their name, and of URLs."""
    return {
        name: _HIDDEN if _SECRET_NAME.search(name) else _USER_INFO.sub(rf"\1{_HIDDEN}@", value)
        for name, value in environment.items()
        if isinstance(value, str)
    }


def _is_extra_vars(option: str) -> bool:
    return option == "-e" or (len(option) > 3 and "--extra-vars".startswith(option))


def _censor_variables(text: str) -> str:
    """Keep the names of ``key=value`` pairs and the names of files; anything else may hold a secret."""
    if text.startswith("@"):
        return text
    return " ".join(f"{name}={_HIDDEN}" if equals else _HIDDEN for name, equals, _value in _pairs(text))


def _censor_arguments(text: str) -> str:
    """Hide the values of ``key=value`` pairs with a secret-shaped name."""
    if not any(equals and _SECRET_NAME.search(name) for name, equals, _value in _pairs(text)):
        return text
    return " ".join(
        f"{name}={_HIDDEN}" if equals and _SECRET_NAME.search(name) else name + equals + value
        for name, equals, value in _pairs(text)
    )


def _pairs(text: str) -> list[tuple[str, str, str]]:
    try:
        words = shlex.split(text)
    except ValueError:
        words = [text]
    if text.lstrip().startswith(("{", "[")):
        words = [_HIDDEN]
    return [word.partition("=") for word in words]
