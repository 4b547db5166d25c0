# SPDX-License-Identifier: Apache-2.0
"""Read extra variables as ``ansible-playbook -e`` takes them. No error tells a part of them: they may be secret."""

from __future__ import annotations

import itertools
import json
import math
import shlex
from typing import TYPE_CHECKING, Any

import typer

from forge_events.values import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["fields_of"]

_MOST = 100_000
"""Parts of a YAML value; a word of a command line has 128 KiB at the most."""


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
        json.dumps(found)  # YAML has numbers that are too long for JSON
    except Exception:  # noqa: BLE001 - there are many, and their words quote what they do not understand
        found = None
    if not isinstance(found, dict):
        raise _refusal("it is no JSON or YAML object")
    return found


def _loaded(word: str) -> Any:
    try:
        return json.loads(word)
    except ValueError:
        return _yaml(word)


def _yaml(word: str) -> Any:
    """Return a YAML value that is not much larger than its text: with aliases, a few lines may say billions of things.

    :raises ValueError: it is larger than that.
    """
    import yaml

    loader = yaml.SafeLoader(word)
    try:
        node = loader.get_single_node()
        if node is None or _size(node, {}) > _MOST:
            raise ValueError("it has too many parts")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _size(node: Any, known: dict[int, float]) -> float:
    """Return how many parts a node of YAML has, each as often as it is named; one that holds itself has no end of them.

    :param known: the sizes found so far, by the identity of their nodes.
    """
    if id(node) not in known:
        known[id(node)] = math.inf
        parts = node.value if isinstance(node.value, list) else []
        flat = itertools.chain.from_iterable(part if isinstance(part, tuple) else (part,) for part in parts)
        known[id(node)] = 1 + sum(_size(part, known) for part in flat)
    return known[id(node)]


def _refusal(reason: str) -> typer.BadParameter:
    return typer.BadParameter(reason, param_hint="--extra-vars")
