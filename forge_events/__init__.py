# SPDX-License-Identifier: Apache-2.0
"""Record what Ansible does as job events, keep them, and ask for them again.

What is listed here is the library's public face; everything is imported when it is first asked for, so that ``import
forge_events`` costs nothing where Ansible or a command line starts. What is rarely needed is in the modules: values of
the store in ``forge_events.store``, forms of output in ``forge_events.output``, exports in ``forge_events.export``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forge_events import errors as errors
    from forge_events.events import EventFilter as EventFilter
    from forge_events.events import JobEvent as JobEvent
    from forge_events.events import ResultFilter as ResultFilter
    from forge_events.following import follow as follow
    from forge_events.ingestion.receiver import drain as drain
    from forge_events.ingestion.sources import ingest as ingest
    from forge_events.jobs import Job as Job
    from forge_events.jobs import JobFilter as JobFilter
    from forge_events.jobs import JobStatus as JobStatus
    from forge_events.launches import Launch as Launch
    from forge_events.launching import cancel as cancel
    from forge_events.launching import launch as launch
    from forge_events.launching import launch_template as launch_template
    from forge_events.launching import relaunch as relaunch
    from forge_events.launching import wait as wait
    from forge_events.opening import open as open  # noqa: A004 - as in gzip.open
    from forge_events.recording.recorder import record as record
    from forge_events.settings import Settings as Settings
    from forge_events.store import Retention as Retention
    from forge_events.store import Store as Store
    from forge_events.store import open_store as open_store
    from forge_events.store import upgrade as upgrade
    from forge_events.templates import JobTemplate as JobTemplate
    from forge_events.tree import draw as draw
    from forge_events.tree import grow as grow

_HOMES = {
    "events": "EventFilter JobEvent ResultFilter",
    "following": "follow",
    "ingestion.receiver": "drain",
    "ingestion.sources": "ingest",
    "jobs": "Job JobFilter JobStatus",
    "launches": "Launch",
    "launching": "cancel launch launch_template relaunch wait",
    "opening": "open",
    "recording.recorder": "record",
    "settings": "Settings",
    "store": "Retention Store open_store upgrade",
    "templates": "JobTemplate",
    "tree": "draw grow",
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = sorted(["errors", *_MODULES])  # noqa: PLE0605 - the names that the block above gives to type checkers


def __getattr__(name: str) -> object:
    if name == "errors":
        return importlib.import_module("forge_events.errors")
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
