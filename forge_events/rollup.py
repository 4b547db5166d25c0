# SPDX-License-Identifier: Apache-2.0
"""Tell which events tell of a failure or a change, and which tasks, plays and playbooks fail or change with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from forge_events.hierarchy import CONTAINERS, EVENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RollUp", "is_changed", "is_failed", "is_tolerated", "late_failures", "rolls_up"]

# An attempt that is tried again and a poll say nothing final; a diff repeats what the result beside it says.
_CHANGES = frozenset(name for name, rule in EVENTS.items() if rule.level == 3) - {
    "runner_on_start",
    "runner_retry",
    "runner_on_async_poll",
    "runner_on_file_diff",
}

# What somebody else wrote goes no further than it has to.
_NAME = re.compile(r"[0-9A-Za-z-]{1,64}")
_MAX_LATE = 10_000


def is_failed(event: str, event_data: Mapping[str, Any]) -> bool:
    """Return whether an event by itself tells of a failure, be it ignored, rescued or neither."""
    if event == "playbook_on_stats":
        return _has_counts(event_data, "failures") or _has_counts(event_data, "dark")
    rule = EVENTS.get(event)
    return rule is not None and rule.is_failure


def is_changed(event: str, event_data: Mapping[str, Any]) -> bool:
    """Return whether an event by itself tells of a change; attempts that are tried again and polls never do."""
    if event == "playbook_on_stats":
        return _has_counts(event_data, "changed")
    result = event_data.get("res")
    return event in _CHANGES and isinstance(result, dict) and result.get("changed") is True


def is_tolerated(event_data: Mapping[str, Any]) -> bool:
    """Return whether somebody ignored or rescued a failure."""
    return bool(event_data.get("ignore_errors") or event_data.get("rescued"))


def rolls_up(event: str, event_data: Mapping[str, Any]) -> bool:
    """Return whether an event makes its ancestors failed: it failed, and nobody ignored or rescued that.

    Where it is lost whether somebody did, what follows tells: the task's own result of a loop item, the statistics of
    a result. A failed attempt of an asynchronous task is followed by its result, too, which may be none.
    """
    if not is_failed(event, event_data) or is_tolerated(event_data) or event == "runner_on_async_failed":
        return False
    lost = event_data.get("lost")
    return not (isinstance(lost, list) and ("ignore_errors" in lost or "rescued" in lost))


def late_failures(event: str, event_data: Mapping[str, Any]) -> list[str]:
    """Return the uuids of tasks of which statistics tell that they failed, since their results could not."""
    found = event_data.get("failed_tasks") if event == "playbook_on_stats" else None
    tasks = found[:_MAX_LATE] if isinstance(found, list) else []
    return [task for task in tasks if isinstance(task, str) and _NAME.fullmatch(task)]


def _has_counts(event_data: Mapping[str, Any], key: str) -> bool:
    counts = event_data.get(key)
    return isinstance(counts, dict) and any(counts.values())


class RollUp:
    """Find which tasks, plays and playbooks failed or changed, as events come in.

    :param parents: for each container event known so far, the uuid of its parent.
    """

    def __init__(self, parents: Mapping[str, str | None] | None = None) -> None:
        self._parents: dict[str, str | None] = dict(parents or {})
        self.failed: set[str] = set()
        self.changed: set[str] = set()

    def add(self, event: str, event_uuid: str, parent_uuid: str | None, event_data: Mapping[str, Any]) -> None:
        """Take one event; parents come before their children, and the same event again changes nothing."""
        if event in CONTAINERS:
            self._parents[event_uuid] = parent_uuid
        if rolls_up(event, event_data):
            self._mark(self.failed, parent_uuid)
        for task in late_failures(event, event_data):
            self._mark(self.failed, task)
        if is_changed(event, event_data):
            self._mark(self.changed, parent_uuid)

    def _mark(self, marked: set[str], event_uuid: str | None) -> None:
        while event_uuid is not None and event_uuid not in marked:
            marked.add(event_uuid)
            event_uuid = self._parents.get(event_uuid)
