# SPDX-License-Identifier: Apache-2.0
"""Celery's application as it is used here, and the names of its tasks and queues."""

from __future__ import annotations

from celery import Celery

__all__ = ["DISPATCH", "EXECUTE", "QUEUE", "app_of", "queue_of"]

QUEUE = "celery"
"""The queue of those who decide: its length in Redis (``LLEN celery``) is what nobody has looked at yet."""

DISPATCH, EXECUTE = "forge_events.dispatch", "forge_events.execute"
"""The tasks: look for what is to be decided, and look for what a node was given."""

_SETTINGS = {
    "task_ignore_result": True,
    "task_serializer": "json",
    "accept_content": ["json"],
    "task_acks_late": True,
    "worker_prefetch_multiplier": 1,
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    "worker_hijack_root_logger": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,  # 100 would be the end of the worker
}
_CONNECT = 1.0


def queue_of(node: str) -> str:
    """Return the queue of a node."""
    return f"node.{node}"


def app_of(url: str, *, patience: float) -> Celery:
    """Return the application.

    :param patience: seconds to wait for an answer of Redis.
    """
    app = Celery("forge_events", broker=url, set_as_current=False)
    app.conf.update(_SETTINGS)
    app.conf.broker_transport_options = {
        "visibility_timeout": 60,
        "socket_timeout": patience,
        "socket_connect_timeout": _CONNECT,
        "unacked_restore_throttle": 1,  # what a killed worker had is looked for every 10 s, and not every 100 s
    }
    return app
