# SPDX-License-Identifier: Apache-2.0
"""Which node a job gets, and in plain words why it gets none. Pure.

A job gets the node that has the most left after it (AWX's rule; the first by name of several), or else the largest that
is idle, even where the job is larger than it: it would wait for ever otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Sequence

    from forge_events.nodes import Node

__all__ = ["Placement", "Room", "place", "room_of"]


class Room(NamedTuple):
    """What a node has for jobs.

    :param trouble: why nothing runs there just now, empty if something may.
    """

    name: str
    capacity: int
    consumed: int
    trouble: str = ""

    @property
    def remaining(self) -> int:
        """How many forks are left."""
        return self.capacity - self.consumed

    def taking(self, impact: int) -> Room:
        """Return the room with one job more."""
        return self._replace(consumed=self.consumed + impact)


class Placement(NamedTuple):
    """A decision: the node, or None; and why, in words."""

    node: str | None
    reason: str


def room_of(node: Node, now: datetime.datetime, *, lost_after: float) -> Room:
    """Return what a node has for jobs now."""
    return Room(node.hostname, node.capacity, node.consumed, _trouble(node, now, lost_after))


def place(impact: int, wanted: str, rooms: Sequence[Room]) -> Placement:
    """Return where a job goes.

    :param impact: how many forks it takes.
    :param wanted: the only node that it may run on, empty for any.
    """
    allowed = [room for room in rooms if wanted in ("", room.name)]
    usable = [room for room in allowed if not room.trouble and room.capacity > 0]
    fitting = [room for room in usable if room.remaining >= impact]
    if fitting:
        best = max(fitting, key=lambda room: room.remaining)
        return Placement(best.name, f"{best.name} had {best.remaining} of {best.capacity} forks left for {impact}")
    idle = [room for room in usable if room.consumed == 0]
    if idle:
        best = max(idle, key=lambda room: room.capacity)
        return Placement(best.name, f"needs {_forks(impact)}, more than any node has left; {best.name} was idle")
    return Placement(None, f"needs {_forks(impact)}; {_words(allowed, wanted)}")


def _words(rooms: Iterable[Room], wanted: str) -> str:
    """Say of each node why it cannot take the job."""
    found = [_word(room) for room in rooms if room.trouble or room.capacity]
    if found:
        return ", ".join(found)
    return f"node {wanted} is not known" if wanted else "there is no node that runs jobs"


def _word(room: Room) -> str:
    if room.trouble:
        return f"node {room.name} {room.trouble}"
    return f"node {room.name} has {max(0, room.remaining)} of {room.capacity}"


def _forks(impact: int) -> str:
    return f"{impact} fork{'' if impact == 1 else 's'}"


def _trouble(node: Node, now: datetime.datetime, lost_after: float) -> str:
    if not node.node_type.runs_jobs:
        return f"is a {node.node_type} node and runs no jobs"
    if not node.enabled:
        return "is disabled"
    if node.last_seen is None:
        return "has never been seen"
    if not node.is_manned or node.is_lost(now, lost_after):
        return f"is unavailable, last seen at {node.last_seen:%Y-%m-%d %H:%M:%S} UTC"
    return ""
