# SPDX-License-Identifier: Apache-2.0
"""A tree that grows event by event, of which only the end is drawn: what it costs is what changes. Pure.

It is the tree of :mod:`forge_events.tree` with the same drawing, but for the order of tasks under ``free``: here they
come as they were announced, so that what is new is at the end.
"""

from __future__ import annotations

import bisect
import itertools
from typing import TYPE_CHECKING

from forge_events.hierarchy import CONTAINERS
from forge_events.tree import place_in_task, slower

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from forge_events.tree import Selection, TreeEvent

__all__ = ["GrowingTree"]


class _Branch:
    """An event with what is below it. It ``is_shown`` where it is wanted, or something below it is."""

    __slots__ = ("children", "event", "is_shown", "parent")

    def __init__(self, event: TreeEvent, parent: _Branch | None) -> None:
        self.event = event
        self.parent = parent
        self.children: list[_Branch] = []
        self.is_shown = parent is None


class GrowingTree:
    """The tree of what is wanted of a running job."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._roots: list[_Branch] = []
        self._containers: dict[str, _Branch] = {}

    def add(self, events: Iterable[TreeEvent]) -> None:
        """Take the next events, by counter."""
        for event in events:
            parent = self._containers.get(event.parent_uuid) if event.parent_uuid is not None else None
            if parent is not None and event.duration is not None:
                parent.event = parent.event._replace(duration=slower(parent.event.duration, event.duration))
            is_wanted = self._selection.wants(event)
            if is_wanted or parent is None or event.event in CONTAINERS:
                self._hang(_Branch(event, parent), is_wanted=is_wanted)

    def end(self, count: int) -> list[tuple[str, TreeEvent]]:
        """Return the last lines of the drawing, each as :func:`forge_events.tree.draw` yields it."""
        return list(itertools.islice(_backwards(self._roots, ""), count))[::-1]

    def _hang(self, branch: _Branch, *, is_wanted: bool) -> None:
        siblings = self._roots if branch.parent is None else branch.parent.children
        if branch.parent is not None and branch.parent.event.event == "playbook_on_task_start":
            bisect.insort(siblings, branch, key=lambda sibling: place_in_task(sibling.event))
        else:
            siblings.append(branch)
        if branch.event.event in CONTAINERS:
            self._containers[branch.event.uuid] = branch
        shown: _Branch | None = branch if is_wanted else None
        while shown is not None and not shown.is_shown:
            shown.is_shown = True
            shown = shown.parent


def _backwards(branches: list[_Branch], indent: str) -> Iterator[tuple[str, TreeEvent]]:
    is_last = True
    for branch in reversed(branches):
        if branch.is_shown:
            yield from _backwards(branch.children, indent + ("    " if is_last else "|   "))
            yield indent + ("`-- " if is_last else "|-- "), branch.event
            is_last = False
