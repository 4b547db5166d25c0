# SPDX-License-Identifier: Apache-2.0
"""What the commands that run jobs share: a service as the settings want it, and signals."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from forge_events.dispatcher.service import Service
    from forge_events.nodes import NodeType
    from forge_events.services.stopping import Stop
    from forge_events.settings import Settings

__all__ = ["service_of", "stopped_by_signals"]


def service_of(
    found: Settings,
    *,
    node: str | None = None,
    node_type: NodeType | None = None,
    only_job_id: int | None = None,
    has_receiver: bool = False,
) -> Service:
    """Return a service for this machine.

    :param node: the node's name, in place of the one that the settings give.
    :param has_receiver: this process takes in what jobs write without the service's help.
    """
    from forge_events.dispatcher.container import Engine
    from forge_events.dispatcher.plan import Place
    from forge_events.dispatcher.service import Pace, Service
    from forge_events.store import open_store

    place = Place(
        node=node or found.node,
        dispatcher_id=0,
        work_dir=found.work_dir,
        spool_dir=found.spool_dir,
        engine=Engine(found.container_engine, found.container_pull, found.container_auth_file),
        has_receiver=has_receiver,
    )
    pace = Pace(heartbeat=found.heartbeat, lost_after=found.node_lost_after, lease=found.job_lease)
    open_it = partial(open_store, found.database_url)
    return Service(open_it, place, pace, node_type=node_type, only_job_id=only_job_id)


@contextmanager
def stopped_by_signals(stop: Stop) -> Iterator[None]:
    """Turn SIGTERM and Ctrl-C into a wish to stop; a second one of the same kind ends the process at once.

    :raises KeyboardInterrupt: it was Ctrl-C, and everything is done that had to be.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    seen: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        seen.append(number)
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    # A shell that starts a command in the background has it ignore Ctrl-C.
    for number in [number for number, handler in before.items() if handler is not signal.SIG_IGN]:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if signal.SIGINT in seen:
        raise KeyboardInterrupt
