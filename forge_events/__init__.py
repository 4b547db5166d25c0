# SPDX-License-Identifier: Apache-2.0
"""Record what Ansible does as job events, keep them, and ask for them again.

What is listed here is the library's public face; everything is imported when it is first asked for, so that ``import
forge_events`` costs nothing where Ansible or a command line starts.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forge_events.artifact import write_artifact
    from forge_events.errors import (
        AmbiguousJob,
        BrokenSpool,
        CommandNotExecutable,
        CommandNotFound,
        FieldNotAsked,
        ForgeEventsError,
        InvalidLaunch,
        InvalidSettings,
        InvalidTransition,
        JobCanceled,
        JobNotRun,
        NameTaken,
        NodeAtWork,
        NotInTime,
        NotLaunched,
        NotRelaunchable,
        NotServed,
        NotTold,
        SchemaMismatch,
        StaleTransition,
        StoreBusy,
        StoreUnavailable,
        TargetExists,
        UnknownJob,
        UnknownNode,
        UnknownTemplate,
        UnknownUser,
        UnsupportedStore,
        ValueRejected,
    )
    from forge_events.events import EventFilter, HostResult, JobEvent, ResultFilter
    from forge_events.export import spool_lines
    from forge_events.following import follow
    from forge_events.ingestion.receiver import drain
    from forge_events.ingestion.sources import ingest
    from forge_events.jobs import HostSummary, Job, JobFilter, JobStatus, NewJob, Transition
    from forge_events.launches import Launch
    from forge_events.launching import cancel, launch, launch_template, relaunch, wait
    from forge_events.output import to_bytes, to_html, to_text
    from forge_events.recording.recorder import Recorded, record
    from forge_events.settings import Settings
    from forge_events.store import Block, Dropped, Merged, Retention, Share, Store, Usage, open_store, upgrade
    from forge_events.templates import JobTemplate, Notification, Notifications
    from forge_events.tree import Selection, TreeEvent, TreeNode, build_tree, draw, grow

__all__ = [
    "AmbiguousJob",
    "Block",
    "BrokenSpool",
    "CommandNotExecutable",
    "CommandNotFound",
    "Dropped",
    "EventFilter",
    "FieldNotAsked",
    "ForgeEventsError",
    "HostResult",
    "HostSummary",
    "InvalidLaunch",
    "InvalidSettings",
    "InvalidTransition",
    "Job",
    "JobCanceled",
    "JobEvent",
    "JobFilter",
    "JobNotRun",
    "JobStatus",
    "JobTemplate",
    "Launch",
    "Merged",
    "NameTaken",
    "NewJob",
    "NodeAtWork",
    "NotInTime",
    "NotLaunched",
    "NotRelaunchable",
    "NotServed",
    "NotTold",
    "Notification",
    "Notifications",
    "Recorded",
    "ResultFilter",
    "Retention",
    "SchemaMismatch",
    "Selection",
    "Settings",
    "Share",
    "StaleTransition",
    "Store",
    "StoreBusy",
    "StoreUnavailable",
    "TargetExists",
    "Transition",
    "TreeEvent",
    "TreeNode",
    "UnknownJob",
    "UnknownNode",
    "UnknownTemplate",
    "UnknownUser",
    "UnsupportedStore",
    "Usage",
    "ValueRejected",
    "build_tree",
    "cancel",
    "drain",
    "draw",
    "follow",
    "grow",
    "ingest",
    "launch",
    "launch_template",
    "open_store",
    "record",
    "relaunch",
    "spool_lines",
    "to_bytes",
    "to_html",
    "to_text",
    "upgrade",
    "wait",
    "write_artifact",
]

_HOMES = {
    "artifact": "write_artifact",
    "errors": (
        "AmbiguousJob BrokenSpool CommandNotExecutable CommandNotFound FieldNotAsked ForgeEventsError "
        "InvalidLaunch InvalidSettings InvalidTransition JobCanceled JobNotRun NameTaken NodeAtWork "
        "NotInTime NotLaunched NotRelaunchable NotServed NotTold SchemaMismatch StaleTransition StoreBusy "
        "StoreUnavailable TargetExists UnknownJob UnknownNode UnknownTemplate UnknownUser "
        "UnsupportedStore ValueRejected"
    ),
    "events": "EventFilter HostResult JobEvent ResultFilter",
    "export": "spool_lines",
    "following": "follow",
    "ingestion.receiver": "drain",
    "ingestion.sources": "ingest",
    "jobs": "HostSummary Job JobFilter JobStatus NewJob Transition",
    "launches": "Launch",
    "launching": "cancel launch launch_template relaunch wait",
    "output": "to_bytes to_html to_text",
    "recording.recorder": "Recorded record",
    "settings": "Settings",
    "store": "Block Dropped Merged Retention Share Store Usage open_store upgrade",
    "templates": "JobTemplate Notification Notifications",
    "tree": "Selection TreeEvent TreeNode build_tree draw grow",
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
