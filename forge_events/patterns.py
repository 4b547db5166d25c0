# SPDX-License-Identifier: Apache-2.0
"""Patterns of hosts, as Ansible reads those of ``--limit``; see ``ansible/inventory/manager.py``."""

from __future__ import annotations

import re

__all__ = ["exactly", "names_file", "parts_of"]

_PARTS = re.compile(r"(?:[^\s:\[\]]|\[[^\]]*\])+")
_FILE = re.compile(r"(?:^|[\s,:\[\]])[!&]*@")
_IS_SYNTAX = re.compile(r"[~!&@-]|.*[*?\[,\n\r]", re.DOTALL)
_IS_PLAIN = re.compile(r"[A-Za-z0-9_]")


def parts_of(limit: str) -> list[str]:
    """Return the single patterns of a limit: what is between commas or, where it has none, colons and spaces."""
    found = limit.split(",") if "," in limit else _PARTS.findall(limit)
    return [part.strip() for part in found if part.strip()]


def names_file(limit: str) -> bool:
    """Whether Ansible might take a part of a limit for the name of a file, and show what is in it."""
    return _FILE.search(limit) is not None


def exactly(name: str) -> str:
    """Return a pattern, for a list of patterns with commas, that no other host matches than one of this name.

    A name without special characters is its own pattern: Ansible takes a host of that name before it looks for groups,
    and knows its implicit localhost by that alone. Others become a regular expression of harmless characters.
    """
    if name == name.strip() and not _IS_SYNTAX.match(name):
        return name
    return rf"~\A{''.join(map(_literal, name))}\Z"


def _literal(character: str) -> str:
    return character if _IS_PLAIN.match(character) else f"\\U{ord(character):08x}"
