# SPDX-License-Identifier: Apache-2.0
"""Extra variables as a file that Ansible loads, so that those of strangers are values and never templates."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["is_reserved", "to_yaml"]

# Control characters, quotes, and what YAML takes for line breaks, marks of the byte order or no characters at all.
_SPECIAL = re.compile('["\\\\\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]')
_TEXT = "tag:yaml.org,2002:str"

_PREFIXES = ("ansible_", "_ansible_")
# What Ansible sets itself, and plugins and playbooks rely on: where they connect to, where files are.
_MAGIC = frozenset(
    {"delegated_vars", "environment", "group_names", "groups", "hostvars", "inventory_dir", "inventory_file"}
    | {"inventory_hostname", "inventory_hostname_short", "omit", "play_hosts", "playbook_dir"}
    | {"role_name", "role_names", "role_path", "role_uuid", "vars"}
)


def is_reserved(name: str) -> bool:
    """Whether a variable tells Ansible how to work: how to reach a host, what to start there and here."""
    return name.startswith(_PREFIXES) or name in _MAGIC


def to_yaml(variables: Mapping[str, Any], *, is_trusted: bool) -> str:
    """Return variables as YAML that every ansible-core loads to the same values.

    It is no JSON: in JSON, Ansible looks for marks of its own (``__ansible_vault``), which anybody can write.

    :param variables: of JSON's types alone.
    :param is_trusted: whether the texts may be templates; otherwise they are tagged so that Ansible renders none.
    """
    pairs = (_pair(name, value, is_trusted=is_trusted) for name, value in variables.items())
    return "---\n{" + ",\n".join(pairs) + "}\n"


def _pair(name: str, value: Any, *, is_trusted: bool) -> str:
    # A key that is not marked by ? may have 1024 characters.
    return f"? {_text(name, is_trusted=is_trusted)} : {_value(value, is_trusted=is_trusted)}"


def _value(value: Any, *, is_trusted: bool) -> str:
    if isinstance(value, str):
        return _text(value, is_trusted=is_trusted)
    if isinstance(value, dict):
        return "{" + ", ".join(_pair(*pair, is_trusted=is_trusted) for pair in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(part, is_trusted=is_trusted) for part in value) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return _number(value)


def _number(value: float) -> str:
    text = repr(value)
    # YAML's floats have a point, Python's 1e+16 has none.
    return text if "." in text or "e" not in text else text.replace("e", ".0e")


def _text(text: str, *, is_trusted: bool) -> str:
    quoted = f'"{_SPECIAL.sub(_escape, text)}"'
    return quoted if is_trusted or not _is_only_text(text) else f"!unsafe {quoted}"


def _is_only_text(text: str) -> bool:
    """Whether a text would be one without quotes, too: ansible-core 2.19 makes others a number, or null, by the tag."""
    from yaml.nodes import ScalarNode

    return bool(_resolver().resolve(ScalarNode, text, (True, False)) == _TEXT)


@functools.cache
def _resolver() -> Any:
    from yaml.resolver import Resolver

    return Resolver()


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return f"\\{character}" if character in '"\\' else f"\\u{ord(character):04x}"
