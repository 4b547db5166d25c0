# SPDX-License-Identifier: Apache-2.0
"""The services of a machine as its settings want them: what receives, and what decides and runs jobs."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from forge_events import launching
from forge_events.courier import courier_of
from forge_events.dispatcher.cleaning import Cleaner
from forge_events.dispatcher.container import Engine
from forge_events.dispatcher.notifier import Notices, Notifier
from forge_events.dispatcher.plan import Place
from forge_events.dispatcher.service import Pace, Post
from forge_events.dispatcher.service import Service as Dispatching
from forge_events.errors import StoreUnavailable, UnknownNode
from forge_events.following import follow
from forge_events.ingestion.service import Service as Receiving
from forge_events.nodes import NodeType
from forge_events.presence import present
from forge_events.services.bell import Bell
from forge_events.store import open_store
from forge_events.store.records import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from forge_events.dispatcher.notifier import Told
    from forge_events.dispatcher.service import Reports
    from forge_events.events import JobEvent
    from forge_events.jobs import Job
    from forge_events.opening import Session
    from forge_events.services.stopping import Stop
    from forge_events.settings import Settings

__all__ = ["Troubles", "dispatch", "posted", "receive", "run_to_end", "service_of"]

_PAUSE = 0.2
"""Seconds between two looks at a job that others run."""


def service_of(
    found: Settings,
    *,
    node: str | None = None,
    node_type: NodeType | None = None,
    only_job_id: int | None = None,
    has_receiver: bool = False,
    post: Post | None = None,
) -> Dispatching:
    """Return a service that decides and runs jobs on this machine.

    :param node: the node's name, in place of the one that the settings give.
    :param has_receiver: this process takes in what jobs write without the service's help.
    :param post: see :class:`forge_events.dispatcher.service.Service`.
    """
    place = Place(
        node=node or found.node,
        dispatcher_id=0,
        work_dir=found.work_dir,
        spool_dir=found.spool_dir,
        engine=Engine(found.container_engine, found.container_pull, found.container_auth_file),
        has_receiver=has_receiver,
        counts_hosts=found.impact == "hosts",
    )
    pace = Pace(heartbeat=found.heartbeat, lost_after=found.node_lost_after, lease=found.job_lease)
    open_it = partial(open_store, found.database_url)
    return Dispatching(open_it, place, pace, node_type=node_type, only_job_id=only_job_id, post=post)


def run_to_end(
    session: Session, job: Job, service: Dispatching | None, stop: Stop
) -> Iterator[tuple[Job, list[JobEvent]]]:
    """Yield a job's events as they arrive until it has ended; run it meanwhile.

    :param service: runs this job alone; None where others do.
    :param stop: once it is set, the job is canceled, and followed to its end.
    :raises StoreUnavailable: the database is away, and this process was to run the job.
    """
    is_canceled = False

    def refresh() -> None:
        nonlocal is_canceled
        if stop.is_set() and not is_canceled:
            is_canceled = True
            launching.cancel(session.store, job)
        if service is not None:
            outage = service.run_once().outage
            if outage is not None:
                raise outage
        session.drain()

    def pause() -> None:
        if stop.is_set():
            time.sleep(_PAUSE)  # its descriptor would end every wait at once
        elif service is None:
            stop.wait(_PAUSE)
        else:
            service.rest(stop)

    yield from follow(session.store, job.id, refresh=refresh, pause=pause)


@contextmanager
def posted(found: Settings, node: str | None = None, node_type: NodeType | None = None) -> Iterator[Post | None]:
    """Have messages come and go meanwhile, where a broker is set.

    :param node: as in :func:`service_of`; so is ``node_type``.
    :raises InvalidSettings: what speaks to the broker is not installed.
    """
    url = found.broker_url
    if url is None:
        yield None
        return
    courier, bell, name = courier_of(url), Bell(), node or found.node
    from forge_events.broker.address import fingerprint
    from forge_events.broker.worker import Worker

    worker = Worker(url, name, bell.ring, decides=(node_type or _type_of(found, name)).dispatches)
    worker.begin()
    try:
        yield Post(courier, bell, fingerprint(url))
    finally:
        worker.end()


def _type_of(found: Settings, node: str) -> NodeType:
    """Return what a node is; hybrid if nobody can tell, as new ones are."""
    with suppress(UnknownNode, StoreUnavailable), open_store(found.database_url) as store:
        return store.nodes.get(node).node_type
    return NodeType.HYBRID


def dispatch(
    service: Dispatching, found: Settings, stop: Stop, reports: Reports, told: Callable[[Told], object]
) -> None:
    """Decide which job runs where, run those of this node, and tell people how they went, until it is time to stop.

    :param told: takes each attempt to tell somebody, in a thread of its own.
    """
    notices = Notices(Notifier(partial(open_store, found.database_url)), stop, told)
    beside: list[Notices | Cleaner] = [notices]
    if found.retention_days is not None:
        beside.append(Cleaner(partial(open_store, found.database_url), found.retention_days, stop))
    for one in beside:
        one.begin()
    try:
        service.run(stop, reports)
    finally:
        stop.set()
        for one in beside:
            one.end()


def receive(found: Settings, stop: Stop, tell: Callable[[str], object]) -> None:
    """Bring what is spooled into the store until it is time to stop."""
    with present(found, Role.RECEIVER, {"spool_dir": str(found.spool_dir)}):
        Receiving(partial(open_store, found.database_url), found.spool_dir, Troubles(tell), stop).run()


class Troubles:
    """Tells of troubles, a line each, and of nothing else."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell

    def is_away(self, error: Exception, pause: float) -> None:
        """Tell that it is tried again."""
        self._tell(f"{error}; trying again in {pause:.1f} s")

    def is_back(self, seconds: float) -> None:
        """Tell that it works again."""
        self._tell(f"working again after {seconds:.0f} s")

    def received(self, received: Any) -> None:
        """Tell of a spool that cannot be taken in."""
        if received.problem:
            self._tell(f"{received.path} cannot be ingested: {received.problem}")

    def merged(self, merged: Any) -> None:
        """Say nothing."""

    def done(self, done: Any) -> None:
        """Say nothing."""
