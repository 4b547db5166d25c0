# SPDX-License-Identifier: Apache-2.0
"""Read extra variables as ``ansible-playbook -e`` takes them. No error tells a part of them: they may be secret."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import typer

from forge_events.values import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["fields_of"]


def fields_of(words: Sequence[str]) -> dict[str, Any]:
    """Return the fields of a launch that words behind ``-e`` give: variables, files of variables, or both.

    Of variables with the same name the last one counts. Nothing but empty words gives no variables, explicitly.
    """
    files = [_file(word) for word in words if word.startswith("@")]
    others = [word for word in words if not word.startswith("@")]
    variables = {name: value for word in others for name, value in _variables(word).items()}
    return ({"extra_vars": variables} if others else {}) | ({"extra_vars_files": files} if files else {})


def _file(word: str) -> str:
    if word == "@":
        raise _refusal("@ stands before the name of a file")
    return word[1:]


def _variables(word: str) -> dict[str, Any]:
    if word.lstrip().startswith(("{", "[")):
        return _object(word)
    try:
        pairs = [part.partition("=") for part in shlex.split(word)]
    except ValueError:
        raise _refusal("a quotation in it is not closed") from None
    if not all(name and equals for name, equals, _ in pairs):
        raise _refusal("it is none of name=value (values with spaces in quotes), a JSON or YAML object, and @file")
    return {name: value for name, _, value in pairs}


def _object(word: str) -> dict[str, Any]:
    try:
        found = plain(_loaded(word))
    except Exception:  # noqa: BLE001 - there are many, and their words quote what they do not understand
        found = None
    if not isinstance(found, dict):
        raise _refusal("it is no JSON or YAML object")
    return found


def _loaded(word: str) -> Any:
    try:
        return json.loads(word)
    except ValueError:
        import yaml

        return yaml.safe_load(word)


def _refusal(reason: str) -> typer.BadParameter:
    return typer.BadParameter(reason, param_hint="--extra-vars")
