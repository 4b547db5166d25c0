# SPDX-License-Identifier: Apache-2.0
"""Nodes: the machines that run jobs, and how much each can take. AWX's API calls them instances."""

from __future__ import annotations

import datetime
import enum

from pydantic import BaseModel, ConfigDict

__all__ = [
    "FORKS_PER_CORE",
    "MB_PER_FORK",
    "Machine",
    "Node",
    "NodeState",
    "NodeType",
    "capacity_of",
    "is_clock_off",
    "is_fresh",
    "named",
]

FORKS_PER_CORE = 4
"""How many forks a core can take."""

MB_PER_FORK = 100
"""How many MB (of 2**20 bytes) a fork takes."""


_LONGEST = 253
_CLOCK_OFF = 5.0


def named(name: str) -> str:
    """Return a name that a node may have.

    :raises ValueError: it is none.
    """
    if not 0 < len(name) <= _LONGEST or name != name.strip() or not name.isprintable():
        raise ValueError(f"the name of a node is 1 to {_LONGEST} characters that can be seen")
    return name


def is_fresh(last_seen: datetime.datetime | None, now: datetime.datetime, within: float) -> bool:
    """Return whether somebody was seen within so many seconds, both times by the database's clock.

    A time that lies as far ahead is of a clock that has been set back since, and tells nothing.
    """
    return last_seen is not None and abs(now - last_seen) <= datetime.timedelta(seconds=within)


def is_clock_off(offset: float) -> bool:
    """Return whether a clock differs from the database's by more than anybody would overlook.

    :param offset: seconds that it is ahead, less than 0 for one that is behind.
    """
    return abs(offset) >= _CLOCK_OFF


class NodeType(enum.StrEnum):
    """What a node is for."""

    HYBRID = "hybrid"
    CONTROL = "control"
    EXECUTION = "execution"
    HOP = "hop"

    @property
    def runs_jobs(self) -> bool:
        """Whether jobs may run on it."""
        return self in (NodeType.HYBRID, NodeType.EXECUTION)

    @property
    def dispatches(self) -> bool:
        """Whether it decides which job runs where, and may serve the API."""
        return self in (NodeType.HYBRID, NodeType.CONTROL)


class NodeState(enum.StrEnum):
    """How a node is; AWX's words."""

    INSTALLED = "installed"
    READY = "ready"
    UNAVAILABLE = "unavailable"
    DISABLED = "disabled"


class Machine(BaseModel):
    """What a machine has, within the limits that it is kept in.

    :param cpu: cores, which may be a part of one.
    :param memory: bytes.
    :param clock_offset: seconds by which its clock is ahead of the database's; None where nobody has compared them.
    """

    model_config = ConfigDict(frozen=True)

    cpu: float
    memory: int
    clock_offset: float | None = None


def capacity_of(machine: Machine, adjustment: float = 0.0) -> int:
    """Return how many forks a machine can take: 4 for each core, or 1 for each 100 MB.

    :param adjustment: 0 takes the smaller of the two, 1 the larger, and what is between lies between (AWX's
        ``capacity_adjustment``, which begins at 1 there).
    """
    cpu = max(1, int(machine.cpu * FORKS_PER_CORE))
    memory = max(1, machine.memory // (1024 * 1024) // MB_PER_FORK)
    lower, higher = sorted((cpu, memory))
    return int(lower + (higher - lower) * adjustment)


class Node(BaseModel):
    """A node as the store knows it.

    :param hostname: its name.
    :param machine: names the machine that works under this name; None before one did.
    :param last_seen: when it last said that it is there, by the database's clock; so are all times that are compared
        with it.
    :param cpu: cores that were measured, and ``memory`` in bytes; ``absolute_cpu`` and ``absolute_memory`` go before.
    :param capacity_adjustment: between 0 and 1; see :func:`capacity_of`.
    :param clock_offset: seconds by which the clock of its machine was ahead of the database's when it was last seen.
    :param consumed: the impact of the jobs that it has, waiting and running.
    :param job_count: how many these are.
    :param is_manned: whether a dispatcher process works there that takes on any job, as far as anybody knows.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    hostname: str
    node_type: NodeType = NodeType.HYBRID
    enabled: bool = True
    created: datetime.datetime
    machine: str | None = None
    last_seen: datetime.datetime | None = None
    version: str | None = None
    cpu: float | None = None
    memory: int | None = None
    capacity_adjustment: float = 0.0
    absolute_cpu: float | None = None
    absolute_memory: int | None = None
    clock_offset: float | None = None
    consumed: int = 0
    job_count: int = 0
    is_manned: bool = False

    @property
    def capacity(self) -> int:
        """How many forks it can take; 0 where jobs never run, or nothing is known of its machine yet."""
        cpu = self.cpu if self.absolute_cpu is None else self.absolute_cpu
        memory = self.memory if self.absolute_memory is None else self.absolute_memory
        if not self.node_type.runs_jobs or cpu is None or memory is None:
            return 0
        return capacity_of(Machine(cpu=cpu, memory=memory), self.capacity_adjustment)

    @property
    def remaining(self) -> int:
        """How many forks are left; less than 0 where a job larger than the node runs."""
        return self.capacity - self.consumed

    def is_lost(self, now: datetime.datetime, after: float) -> bool:
        """Return whether it has not been seen for so many seconds."""
        return not is_fresh(self.last_seen, now, after)

    def state(self, now: datetime.datetime, lost_after: float) -> NodeState:
        """Return how it is.

        :param lost_after: seconds after which a node that is not seen counts as lost.
        """
        if not self.enabled:
            return NodeState.DISABLED
        if self.last_seen is None:
            return NodeState.INSTALLED
        is_there = self.is_manned and not self.is_lost(now, lost_after)
        return NodeState.READY if is_there else NodeState.UNAVAILABLE

    def explanation(self, now: datetime.datetime, lost_after: float) -> str:
        """Say in words why it takes no jobs; empty if it does.

        :param lost_after: as in :meth:`state`.
        """
        state = self.state(now, lost_after)
        if not self.node_type.runs_jobs:
            never = f"a node of type {self.node_type} never runs jobs"
            return f"{never}; {self._absence(now)}" if state is NodeState.UNAVAILABLE else never
        if state is NodeState.DISABLED:
            return "its owner disabled it: it gets no more jobs until it is enabled"
        if state is NodeState.INSTALLED:
            return "no dispatcher has worked there yet; start one on that machine with `forge-events dispatcher`"
        return "" if state is NodeState.READY else self._absence(now)

    def _absence(self, now: datetime.datetime) -> str:
        if not self.is_manned:
            return "no dispatcher works there; start one on that machine with `forge-events dispatcher`"
        age = 0.0 if self.last_seen is None else max(0.0, (now - self.last_seen).total_seconds())
        return f"its dispatcher was last seen {age:.0f} s ago: it was killed, or cannot reach the database"
