# SPDX-License-Identifier: Apache-2.0
"""The nodes, what their jobs consume, and the processes that work on them.

Whoever changes something of a node and of its processes locks the node's row first, so that nobody waits in a circle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, cast, delete, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from forge_events.errors import NameTaken, NodeAtWork, UnknownNode
from forge_events.nodes import Node, NodeType, is_fresh
from forge_events.store.processes import process_of, row_of
from forge_events.store.records import Process, Role
from forge_events.store.schema import ACTIVE_JOB, dispatchers, jobs, nodes

if TYPE_CHECKING:
    import datetime

    from sqlalchemy import Connection, Select

    from forge_events.nodes import Machine
    from forge_events.store.database import Database

__all__ = ["Nodes", "read"]

_FOUND = {"consumed", "job_count", "is_manned"}
_COLUMNS = [nodes.c[name] for name in Node.model_fields if name not in _FOUND]
_DISPATCHES = dispatchers.c.role == Role.DISPATCHER


def read(connection: Connection, *, is_locked: bool = False) -> list[Node]:
    """Return all nodes by name, with what their jobs consume.

    :param is_locked: keep others from changing any of them, and from taking on or giving up work, to the end of the
        transaction.
    """
    if is_locked:
        # A statement of its own: what is read after the wait is what those left behind who were waited for.
        connection.execute(select(nodes.c.id).order_by(nodes.c.id).with_for_update()).all()
    return _nodes(connection, _all())


class Nodes:
    """The nodes, and the processes that work on them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(
        self, hostname: str, at: datetime.datetime, *, node_type: NodeType | None = None, is_new: bool = False
    ) -> Node:
        """Make a node or return the one that is there, with its type changed where one is given.

        :raises NameTaken: ``is_new`` is true and there is one.
        """
        with self._database.writing(is_durable=True) as connection:
            is_made = _make(connection, hostname, node_type or NodeType.HYBRID, at)
            if is_new and not is_made:
                raise NameTaken("node", hostname)
            if node_type is not None and not is_made:
                _change(connection, hostname, {"node_type": node_type})
            return _get(connection, hostname)

    def get(self, hostname: str) -> Node:
        """Return a node.

        :raises UnknownNode: there is none.
        """
        with self._database.reading() as connection:
            return _get(connection, hostname)

    def all(self) -> list[Node]:
        """Return all nodes by name, with what their jobs consume."""
        with self._database.reading() as connection:
            return read(connection)

    def change(self, hostname: str, **values: object) -> Node:
        """Change what an owner may say of a node.

        :param values: ``enabled``, ``node_type``, ``capacity_adjustment``, ``absolute_cpu`` or ``absolute_memory``.
        :raises UnknownNode: there is none.
        """
        with self._database.writing(is_durable=True) as connection:
            if values:
                _change(connection, hostname, values)
                self._database.notify(connection)
            return _get(connection, hostname)

    def delete(self, hostname: str) -> None:
        """Forget a node that has no active job and no process.

        :raises UnknownNode: there is none. NameTaken: it is still at work.
        """
        with self._database.writing(is_durable=True) as connection:
            _lock(connection, hostname)
            _check_idle(connection, hostname)
            connection.execute(delete(nodes).where(nodes.c.hostname == hostname))

    def sign_on(self, dispatcher: Process, machine: Machine, version: str, *, lost_after: float) -> Process:
        """Write down that a process begins to work on a node, and return it with its id; it counts as seen.

        :raises NameTaken: another machine works under the node's name, and was seen within so many seconds.
        """
        with self._database.writing() as connection:
            _make(connection, dispatcher.node, NodeType.HYBRID, dispatcher.last_seen)
            _lock(connection, dispatcher.node)
            _check_machine(connection, dispatcher, lost_after)
            whose = {"machine": dispatcher.machine, "version": version}
            _change(connection, dispatcher.node, _seen(machine, dispatcher.last_seen) | whose)
            new = insert(dispatchers).values(row_of(dispatcher)).returning(dispatchers.c.id)
            self._database.notify(connection)
            return dispatcher._replace(id=connection.execute(new).scalar_one())

    def beat(self, dispatcher: Process, machine: Machine, at: datetime.datetime) -> bool:
        """Write down that a process and its node are there; return False if it was taken for gone meanwhile."""
        with self._database.writing() as connection:
            # Another machine may have taken over the name of one that was silent for too long.
            owner = connection.scalar(_locked(dispatcher.node))
            mine = update(dispatchers).where(dispatchers.c.id == dispatcher.id).values(last_seen=at)
            if owner != dispatcher.machine or not connection.execute(mine).rowcount:
                return False
            _change(connection, dispatcher.node, _seen(machine, at))
            return True

    def sign_off(self, dispatcher: Process) -> None:
        """Write down that a process does not work there any more; a second call does nothing."""
        with self._database.writing() as connection:
            connection.execute(delete(dispatchers).where(dispatchers.c.id == dispatcher.id))

    def dispatchers(self, node: str | None = None) -> list[Process]:
        """Return the processes that decide and execute on a node, or on all, by id."""
        wanted = select(dispatchers).where(_DISPATCHES).order_by(dispatchers.c.id)
        if node is not None:
            wanted = wanted.where(dispatchers.c.node == node)
        with self._database.reading() as connection:
            return [process_of(row) for row in connection.execute(wanted)]


def _all() -> Select[Any]:
    consumed = func.coalesce(func.sum(jobs.c.impact), 0)
    # The condition of the index of active jobs to the letter: those that ended are not looked at.
    active = (
        select(jobs.c.execution_node, cast(consumed, BigInteger).label("consumed"), func.count().label("job_count"))
        .where(ACTIVE_JOB, jobs.c.impact > 0, jobs.c.execution_node.is_not(None))
        .group_by(jobs.c.execution_node)
        .subquery()
    )
    works_here = (dispatchers.c.node == nodes.c.hostname) & (dispatchers.c.machine == nodes.c.machine)
    takes_any = exists().where(works_here, _DISPATCHES, dispatchers.c.only_job_id.is_(None))
    found = (
        func.coalesce(active.c.consumed, 0).label("consumed"),
        func.coalesce(active.c.job_count, 0).label("job_count"),
        takes_any.label("is_manned"),
    )
    with_jobs = nodes.outerjoin(active, active.c.execution_node == nodes.c.hostname)
    return select(*_COLUMNS, *found).select_from(with_jobs).order_by(nodes.c.hostname)


def _nodes(connection: Connection, wanted: Select[Any]) -> list[Node]:
    return [Node.model_validate(row) for row in connection.execute(wanted).mappings()]


def _get(connection: Connection, hostname: str) -> Node:
    found = _nodes(connection, _all().where(nodes.c.hostname == hostname))
    if not found:
        raise UnknownNode(hostname)
    return found[0]


def _make(connection: Connection, hostname: str, node_type: NodeType, at: datetime.datetime) -> bool:
    """Make a node unless it is there; return whether it was made."""
    if connection.scalar(select(nodes.c.id).where(nodes.c.hostname == hostname)) is not None:
        return False
    new = insert(nodes).values(hostname=hostname, node_type=node_type, created=at)
    try:
        with connection.begin_nested():
            connection.execute(new)
    except IntegrityError:
        if connection.scalar(select(nodes.c.id).where(nodes.c.hostname == hostname)) is None:
            raise
        return False  # another process was quicker
    return True


def _change(connection: Connection, hostname: str, values: dict[str, object]) -> None:
    connection.execute(update(nodes).where(nodes.c.hostname == hostname).values(values))


def _locked(hostname: str) -> Select[Any]:
    """Return the statement that locks a node and gives the machine that works under its name."""
    return select(nodes.c.machine).where(nodes.c.hostname == hostname).with_for_update()


def _lock(connection: Connection, hostname: str) -> None:
    if connection.execute(_locked(hostname)).first() is None:
        raise UnknownNode(hostname)


def _seen(machine: Machine, at: datetime.datetime) -> dict[str, object]:
    return {"last_seen": at, **machine.model_dump()}


def _check_machine(connection: Connection, dispatcher: Process, lost_after: float) -> None:
    """Refuse a second machine under one name: each would take the other's processes for its own."""
    others = _DISPATCHES & (dispatchers.c.node == dispatcher.node) & (dispatchers.c.machine != dispatcher.machine)
    wanted = select(dispatchers.c.machine, dispatchers.c.last_seen).where(others)
    last = connection.execute(wanted.order_by(dispatchers.c.last_seen.desc()).limit(1)).first()
    if last is None:
        return
    if is_fresh(last.last_seen, dispatcher.last_seen, lost_after):
        age = max(0, round((dispatcher.last_seen - last.last_seen).total_seconds()))
        reason = f"{last.machine} works under this name and was seen {age} s ago"
        raise NameTaken("node", dispatcher.node, reason)


def _check_idle(connection: Connection, hostname: str) -> None:
    active = select(jobs.c.id).where(ACTIVE_JOB, jobs.c.execution_node == hostname).order_by(jobs.c.id).limit(1)
    job_id = connection.scalar(active)
    if job_id is not None:
        raise NodeAtWork(hostname, f"it has job {job_id}, which has not ended")
    pid = connection.scalar(select(dispatchers.c.pid).where(_DISPATCHES, dispatchers.c.node == hostname).limit(1))
    if pid is not None:
        raise NodeAtWork(hostname, f"process {pid} works there")
