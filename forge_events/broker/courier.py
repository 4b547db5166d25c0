# SPDX-License-Identifier: Apache-2.0
"""Send messages, each in a second at most; what cannot be sent is said, and no error."""

from __future__ import annotations

import threading
import time

from forge_events.broker.address import place_of, uncovered
from forge_events.broker.app import DISPATCH, EXECUTE, QUEUE, app_of, queue_of

__all__ = ["CeleryCourier"]

_WITHIN = 1.0
_EXPIRES = 24 * 3600


class CeleryCourier:
    """Tells the workers of Celery; see :class:`forge_events.courier.Courier`."""

    def __init__(self, url: str) -> None:
        self._url, self._app = url, app_of(url, patience=_WITHIN)

    def to_deciders(self, job_id: int) -> str:
        """Have somebody decide."""
        return self._send(DISPATCH, job_id, QUEUE)

    def to_node(self, job_id: int, node: str) -> str:
        """Have a node look."""
        return self._send(EXECUTE, job_id, queue_of(node))

    def _send(self, task: str, job_id: int, queue: str) -> str:
        """Send, in a thread that is not waited for too long: names are looked up without any limit."""
        trouble = [f"no answer within {_WITHIN:g} s"]

        def send() -> None:
            try:
                # One attempt: with retry=False, redis-py would go on trying by itself.
                self._app.send_task(
                    task,
                    args=[job_id],
                    queue=queue,
                    retry=True,
                    retry_policy={"max_retries": 0},
                    expires=_EXPIRES,
                    ignore_result=True,
                )
                trouble.clear()
            except Exception as error:  # noqa: BLE001 - whatever it is, the job is in the store
                trouble[:] = [uncovered(error, self._url)]

        thread = threading.Thread(target=send, name="forge-events message", daemon=True)
        until = time.monotonic() + _WITHIN
        thread.start()
        thread.join(until - time.monotonic())
        return f"Redis at {place_of(self._url)} cannot be reached ({trouble[0]})" if trouble else ""
