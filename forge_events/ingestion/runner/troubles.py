# SPDX-License-Identifier: Apache-2.0
"""What of a source cannot be taken, in one line each, and not more lines than somebody reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Trouble", "Troubles"]

_MOST = 100


class Trouble(NamedTuple):
    """One thing that cannot be taken: the path of it below the source, and why."""

    name: str
    reason: str


class Troubles:
    """The troubles with one source, each told once."""

    def __init__(self) -> None:
        self._found: dict[Trouble, None] = {}
        self._more = 0
        self._told = 0

    def add(self, name: str, reason: str) -> None:
        """Write a trouble down."""
        trouble = Trouble(name, reason)
        if trouble in self._found:
            return
        if len(self._found) < _MOST:
            self._found[trouble] = None
        else:
            self._more += 1

    def has(self, name: str) -> bool:
        """Return whether something was written down of a name."""
        return any(trouble.name == name for trouble in self._found)

    def take(self) -> Iterator[Trouble]:
        """Yield what has not been yielded before."""
        fresh = list(self._found)[self._told :]
        self._told = len(self._found)
        yield from fresh
        if self._more:
            yield Trouble("", f"{self._more} more files have troubles")
            self._more = 0
