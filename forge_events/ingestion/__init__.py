# SPDX-License-Identifier: Apache-2.0
"""Bring what was recorded into the store, and record what ansible-runner says.

Three lines record every run of a tool that calls ansible-runner itself::

    from forge_events.ingestion import event_handler, finished_callback, status_handler

    ansible_runner.run(
        private_data_dir="/srv/site",
        playbook="site.yml",
        event_handler=event_handler,
        status_handler=status_handler,
        finished_callback=finished_callback,
    )

What is listed here is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forge_events.ingestion.runner.recorder import (
        RecordedStream,
        RunnerRecorder,
        event_handler,
        finished_callback,
        record_stream,
        status_handler,
    )

__all__ = [
    "RecordedStream",
    "RunnerRecorder",
    "event_handler",
    "finished_callback",
    "record_stream",
    "status_handler",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("forge_events.ingestion.runner.recorder"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
