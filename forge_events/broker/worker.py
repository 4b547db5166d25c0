# SPDX-License-Identifier: Apache-2.0
"""A worker of Celery in a thread: each of its tasks rings, whatever it says, and is done."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

from celery.worker import state

from forge_events.broker.address import uncovered
from forge_events.broker.app import DISPATCH, EXECUTE, QUEUE, app_of, queue_of
from forge_events.services.beside import Beside

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Worker"]

_LOG = logging.getLogger(__name__)
_PATIENCE, _PAUSE, _GRACE = 5.0, 10.0, 2.0


class Worker:
    """Consumes what is for a node, and for those who decide if that is one of them.

    There is one of it in a process, as Celery has it.

    :param ring: called for each message, in another thread.
    """

    def __init__(self, url: str, node: str, ring: Callable[[], None], *, decides: bool) -> None:
        self._url, self._app = url, app_of(url, patience=_PATIENCE)
        self._queues = [QUEUE, queue_of(node)] if decides else [queue_of(node)]

        def wake(*_: object, **__: object) -> None:
            ring()

        for name in (DISPATCH, EXECUTE):
            self._app.task(name=name, typing=False)(wake)
        self._is_ending = threading.Event()
        self._thread = Beside("forge-events messages", self._run, grace=_GRACE)

    def begin(self) -> None:
        """Begin to consume; where Redis is away, it is tried again and again."""
        self._thread.begin()

    def end(self) -> None:
        """Consume no more."""
        self._is_ending.set()
        state.should_stop = 0
        self._thread.end()

    def _run(self) -> None:
        while not self._is_ending.is_set():
            try:
                self._consume()
            except Exception as error:  # noqa: BLE001 - whatever it is, the store's own bell rings
                _LOG.warning("messages cannot be consumed (%s); trying again", uncovered(error, self._url))
            self._is_ending.wait(_PAUSE)

    def _consume(self) -> None:
        # Nothing to isolate and nothing that takes long: one process, one thread.
        worker = self._app.WorkController(
            hostname=f"forge_events@{os.getpid()}",
            pool="solo",
            concurrency=1,
            queues=self._queues,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        worker.start()
