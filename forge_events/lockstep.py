# SPDX-License-Identifier: Apache-2.0
"""Put the tasks of a play in the order in which hosts get to them that go in lockstep. Pure.

Tasks are announced in the order of ``linear`` under ``linear`` alone: elsewhere a task that only slow hosts take, such
as one below an include or in a ``rescue``, comes after what fast hosts did meanwhile. Its rules:

1.  What a host began earlier comes earlier.
2.  Where no host tells, a handler comes first, which some host was flushing; then what stands earlier in the playbook,
    with tasks below an include at the place of that include.
3.  A handler that hosts have run at different flushes comes at the first of these.
4.  A task that no host begins, as most of ``meta``, comes before the task that stands next behind it, and before the
    handlers that are flushed there; the last one of its file behind the one before it.
"""

from __future__ import annotations

import bisect
import heapq
import itertools
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TaskPlace", "arranged"]


class TaskPlace(NamedTuple):
    """Where a task stands.

    :param steps: file and line of each include above it, outermost first, and of itself.
    """

    steps: tuple[tuple[str, int], ...]
    is_handler: bool = False


def arranged(places: Sequence[TaskPlace], ways: Sequence[Sequence[int]]) -> list[int]:
    """Return the numbers of the tasks of a play in the order of ``linear``.

    :param places: those of the tasks, in the order in which they were announced.
    :param ways: for each host the numbers of the tasks that it has begun, each once, in its order.
    """
    begun = _Merge(places, ways).merged()
    return _with_idle(places, begun)


class _Merge:
    """The merging of all hosts' ways into one. Each step takes a task that stands first on the rest of some way."""

    def __init__(self, places: Sequence[TaskPlace], ways: Sequence[Sequence[int]]) -> None:
        begun = {number for way in ways for number in way}
        numbers = sorted(begun, key=lambda number: (not places[number].is_handler, places[number].steps, number))
        self._numbers = numbers
        self._rank = {number: rank for rank, number in enumerate(numbers)}
        self._next: dict[int, set[int]] = {number: set() for number in numbers}
        self._waits = dict.fromkeys(numbers, 0)
        self._rests = [iter(way) for way in ways]
        self._heads: dict[int, list[int]] = {}
        self._placed: set[int] = set()
        self._free: list[int] = []
        self._first: list[int] = []
        for way in ways:
            self._link(way)

    def merged(self) -> list[int]:
        """Return the numbers of all tasks that a host has begun."""
        for number, waits in self._waits.items():
            if not waits:
                heapq.heappush(self._free, self._rank[number])
        for way in range(len(self._rests)):
            self._go_on(way)
        order: list[int] = []
        while len(order) < len(self._numbers):
            number = self._take()
            order.append(number)
            self._place(number)
        return order

    def _link(self, way: Sequence[int]) -> None:
        for number, follower in itertools.pairwise(way):
            if follower not in self._next[number]:
                self._next[number].add(follower)
                self._waits[follower] += 1

    def _take(self) -> int:
        """Take a task that waits for none; where all wait for each other, one that is first on a way."""
        while True:
            number = self._numbers[heapq.heappop(self._free or self._first)]
            if number not in self._placed:
                return number

    def _place(self, number: int) -> None:
        self._placed.add(number)
        for follower in self._next[number]:
            self._waits[follower] -= 1
            if not self._waits[follower]:
                heapq.heappush(self._free, self._rank[follower])
        for way in self._heads.pop(number, ()):
            self._go_on(way)

    def _go_on(self, way: int) -> None:
        """Find what stands first on the rest of a way."""
        number = next((number for number in self._rests[way] if number not in self._placed), None)
        if number is not None and number not in self._heads:
            self._heads[number] = []
            heapq.heappush(self._first, self._rank[number])
        if number is not None:
            self._heads[number].append(way)


def _with_idle(places: Sequence[TaskPlace], begun: list[int]) -> list[int]:
    """Return all tasks, those that no host has begun at their places among the others."""
    before, behind, first = _neighbours(places, begun)
    order, flushed = [*first], list[int]()
    for number in begun:
        if places[number].is_handler:
            flushed += [*before.get(number, ()), number, *behind.get(number, ())]
        else:
            order += [*before.get(number, ()), *flushed, number, *behind.get(number, ())]
            flushed = []
    return order + flushed


_Beside = dict[int, list[int]]


def _neighbours(places: Sequence[TaskPlace], begun: list[int]) -> tuple[_Beside, _Beside, list[int]]:
    """Return the tasks that no host has begun, by the one that they precede or follow; others come first."""
    before: _Beside = {}
    behind: _Beside = {}
    lost: list[int] = []
    standing = {
        is_handler: sorted((places[n].steps, n) for n in begun if places[n].is_handler is is_handler)
        for is_handler in (False, True)
    }
    for number in sorted(set(range(len(places))) - set(begun), key=lambda number: (places[number].steps, number)):
        steps, is_handler = places[number]
        others = standing[is_handler]
        index = bisect.bisect_right(others, (steps, len(places)))
        if index < len(others) and _is_beside(steps, others[index][0]):
            before.setdefault(others[index][1], []).append(number)
        elif index and _is_beside(steps, others[index - 1][0]):
            behind.setdefault(others[index - 1][1], []).append(number)
        else:
            lost.append(number)
    return before, behind, lost


def _is_beside(steps: tuple[tuple[str, int], ...], others: tuple[tuple[str, int], ...]) -> bool:
    """Return whether a task stands in the same file, loaded by the same include, or below an include that does."""
    depth = len(steps) - 1
    return others[:depth] == steps[:depth] and len(others) > depth and others[depth][0] == steps[depth][0]
