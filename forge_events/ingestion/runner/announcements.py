# SPDX-License-Identifier: Apache-2.0
"""Know which host a task is announced for: the one that begins it next.

Ansible announces a task and lets a host begin it on one thread; meanwhile its other thread may tell of loop items, of
attempts and of polls. Those wait for the moment that it takes, so that all keep their order. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_events.hierarchy import EVENTS
from forge_events.ingestion.runner.facts import host_of, task_uuid_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.ingestion.runner.told import Told

__all__ = ["Announcements"]

_MOST = 1000
_MEANWHILE = frozenset(name for name, rule in EVENTS.items() if rule.level == 0 and rule.parent) | {
    "runner_item_on_ok",
    "runner_item_on_failed",
    "runner_item_on_skipped",
    "runner_retry",
    "runner_on_async_poll",
    "runner_on_async_ok",
    "runner_on_async_failed",
    "runner_on_file_diff",
}


class Announcements:
    """Hold an announcement until it is known whether a host begins the task."""

    def __init__(self) -> None:
        self._held: list[Told] = []

    def take(self, told: Told) -> Iterator[tuple[Told, str | None]]:
        """Yield the events that wait no longer, an announcement with the host that begins its task if one does."""
        if self._held and (told.event not in _MEANWHILE or len(self._held) >= _MOST):
            yield from self._release(told)
        if told.event == "playbook_on_task_start" or self._held:
            self._held.append(told)
        else:
            yield told, None

    def close(self) -> Iterator[tuple[Told, str | None]]:
        """Yield the events that are left at the end of the job."""
        yield from self._release(None)

    def _release(self, after: Told | None) -> Iterator[tuple[Told, str | None]]:
        held, self._held = self._held, []
        for number, told in enumerate(held):
            begins = after is not None and after.event == "runner_on_start" and number == 0
            is_same = begins and after is not None and task_uuid_of(after) == task_uuid_of(told)
            yield told, host_of(after) if is_same and after is not None else None
