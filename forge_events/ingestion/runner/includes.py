# SPDX-License-Identifier: Apache-2.0
"""Know which host a task is announced for, and which load of an include it came from. Pure.

Ansible announces a task and lets a host begin it on one thread; meanwhile its other thread may tell of loop items, of
attempts and of polls. Those wait for the moment that it takes, so that all keep their order.

Ansible gives a task below a dynamic include a new uuid each time it loads the file, and runner does not say what is
above a task. What is there: the file and, as shown on the terminal, the hosts and the item of each include; the order
in which a host gets to the loads of a file; and the number at the end of Ansible's uuids, which grows, so that what was
loaded while the playbook ran has greater numbers than all that stands in it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from forge_events.hierarchy import Include, Task
from forge_events.ingestion.runner.events import MESSAGES, host_of, path_of, task_uuid_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.ingestion.runner.events import RunnerEvent

__all__ = ["Announcements", "Included", "Includes"]

_MOST = 1000
_MEANWHILE = MESSAGES | {
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
        self._held: list[RunnerEvent] = []

    def take(self, told: RunnerEvent) -> Iterator[tuple[RunnerEvent, str | None]]:
        """Yield the events that wait no longer, an announcement with the host that begins its task if one does."""
        if self._held and (told.event not in _MEANWHILE or len(self._held) >= _MOST):
            yield from self._release(told)
        if told.event == "playbook_on_task_start" or self._held:
            self._held.append(told)
        else:
            yield told, None

    def close(self) -> Iterator[tuple[RunnerEvent, str | None]]:
        """Yield the events that are left at the end of the job."""
        yield from self._release(None)

    def _release(self, after: RunnerEvent | None) -> Iterator[tuple[RunnerEvent, str | None]]:
        held, self._held = self._held, []
        for number, told in enumerate(held):
            begins = after is not None and after.event == "runner_on_start" and number == 0
            is_same = begins and after is not None and task_uuid_of(after) == task_uuid_of(told)
            yield told, host_of(after) if is_same and after is not None else None


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_NUMBER = re.compile(r"([0-9a-f-]+)-([0-9a-f]{12})\Z")


class Included(NamedTuple):
    """What one include did: the file or role, for which hosts, and for which item of a loop.

    :param hosts: empty where the terminal did not show them.
    """

    file: str
    hosts: tuple[str, ...]
    label: str

    @classmethod
    def of(cls, told: RunnerEvent) -> Included:
        """Read an include from its event and from what was shown for it: ``included: FILE for a, b => (item=x)``."""
        file = text_of(told.data.get("included_file"))
        shown = _COLOUR.sub("", told.text)
        beginning = f"included: {file} for "
        if beginning not in shown:
            return cls(file, (), "")
        hosts, _arrow, label = shown.partition(beginning)[2].partition("\n")[0].partition(" => (item=")
        return cls(file, tuple(host.strip() for host in hosts.split(",")), label)


class Includes:
    """The dynamic includes of a job so far."""

    def __init__(self) -> None:
        self._loads: dict[str, dict[str, list[tuple[Include, ...]]]] = {}
        self._begun: dict[tuple[str, str], dict[str, tuple[int, str]]] = {}
        self._chains: dict[str, tuple[Include, ...]] = {}
        self._static = -1
        self._loaded: int | None = None

    def start_play(self) -> None:
        """Forget the loads of the play before."""
        self._loads, self._begun, self._chains = {}, {}, {}

    def add(self, included: Included, tasks: dict[str, Task]) -> None:
        """Learn of an include; ``tasks`` are those that the hosts were at, which are the ones that included."""
        loads = self._loads.setdefault(included.file, {})
        for host in included.hosts:
            task = tasks.get(host)
            above = self._chains.get(task.uuid, ()) if task else ()
            place = Include(task.path if task else "", included.file, {"label": included.label})
            loads.setdefault(host, []).append((place, *above))

    def is_loaded(self, told: RunnerEvent, task_uuid: str) -> bool:
        """Return whether a task that is announced for the first time was loaded while the playbook ran."""
        number = _number(task_uuid)
        if number is not None and number <= self._static:
            return False
        is_known = self._file_of(told) is not None
        if is_known and number is not None:
            self._loaded = number if self._loaded is None else min(self._loaded, number)
        is_loaded = is_known or (number is not None and self._loaded is not None and number >= self._loaded)
        if not is_loaded and not self._loads and number is not None:
            self._static = max(self._static, number)
        return is_loaded

    def chain(self, told: RunnerEvent, task_uuid: str, host: str | None) -> tuple[Include, ...]:
        """Return what is above a loaded task: the load of its file that the host gets to with it.

        :param host: the host that begins the task; None for a task that none begins, such as ``meta``.
        """
        file = self._file_of(told) or ""
        unknown = (Include("", file, {}),)
        if host is None:
            return unknown
        count = self.begin(told, task_uuid, host)
        loads = self._loads.get(file, {}).get(host, [])
        chain = loads[count - 1] if count <= len(loads) else unknown
        self._chains[task_uuid] = chain
        return chain

    def begin(self, told: RunnerEvent, task_uuid: str, host: str) -> int:
        """Return how many tasks of one place, of a load each, the host has begun with this one."""
        place = (text_of(told.data.get("task_path")), text_of(told.data.get("task_action")))
        begun = self._begun.setdefault(place, {})
        count, last = begun.get(host, (0, ""))
        if last != task_uuid:  # a task that is tried again in the debugger is no other one
            count += 1
            begun[host] = count, task_uuid
        return count

    def _file_of(self, told: RunnerEvent) -> str | None:
        """Return the include that a task may come from: one of its file, or of its role."""
        found = (path_of(told), text_of(told.data.get("role")), text_of(told.data.get("resolved_role")))
        return next((name for name in found if name and name in self._loads), None)


def _number(uuid: str) -> int | None:
    """Return the number at the end of one of Ansible's uuids."""
    found = _NUMBER.fullmatch(uuid)
    return int(found[2], 16) if found else None
