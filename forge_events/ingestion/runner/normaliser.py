# SPDX-License-Identifier: Apache-2.0
"""Turn the events of ansible-runner into the job events that the callback plugin would have recorded.

runner repeats plays and tasks under invented uuids, hangs messages, notifications and polls below whatever began last,
and gives a handler's second start the uuid of its first. Each event is therefore told to the
:class:`~forge_events.hierarchy.Hierarchy` anew, as the hook's call that it was. Which failures were
rescued runner says of a host at the end alone. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events.hierarchy import Hierarchy
from forge_events.ingestion.runner.events import (
    MESSAGES,
    OF_HOST,
    base_uuid,
    host_of,
    is_core_action,
    play_of,
    result_of,
    stats_of,
    task_of,
    task_uuid_of,
    text_of,
)
from forge_events.ingestion.runner.includes import Included, Includes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from forge_events.hierarchy import Event, Include, Task
    from forge_events.ingestion.runner.events import RunnerEvent

__all__ = ["Failures", "Normaliser", "is_message"]


class _Open(NamedTuple):
    """A failure of which it is open whether somebody rescued it: the event of its task, and what the host did next."""

    task: str
    host_goes_on: bool = False


class Failures:
    """The failures of a job, judged by its statistics where these are known beforehand, and when they come otherwise.

    A host that fails for good begins nothing more, so its rescued failures come first.

    :param stats: ``event_data`` of the last ``playbook_on_stats``; None while the job runs, and where it is lost.
    """

    def __init__(self, stats: Mapping[str, Any] | None = None) -> None:
        self._stats = stats
        self._counts: dict[str, int] = {}
        self._for_good: dict[str, int] = {}
        self._open: dict[str, list[_Open]] = {}

    def judge(self, host: str, *, is_ignored: bool, lost: list[str]) -> dict[str, Any]:
        """Return what a failed result says of being rescued: true, false, or that it is lost."""
        if is_ignored:
            return {"rescued": False}
        count = self._counts[host] = self._counts.get(host, 0) + 1
        rescued, failed = _count(self._stats, "rescued", host), _count(self._stats, "failures", host)
        if rescued is None or failed is None or count > rescued + failed:
            return {"lost": [*lost, "rescued"]}
        self._for_good[host] = self._for_good.get(host, 0) + (count > rescued)
        return {"rescued": count <= rescued}

    def leave_open(self, host: str, task: str) -> None:
        """Note a failure of which :meth:`judge` could not say whether it was rescued.

        :param task: the uuid of its task's event.
        """
        self._open.setdefault(host, []).append(_Open(task))

    def go_on(self, host: str) -> None:
        """Note that a host begins a task."""
        failures = self._open.get(host)
        if failures:
            failures[-1] = failures[-1]._replace(host_goes_on=True)

    def settle(self, stats: Mapping[str, Any]) -> list[str]:
        """Return the tasks of those failures that were left open and turn out to be for good.

        :param stats: ``event_data`` of the statistics that have come, which count all playbooks so far.
        """
        tasks: list[str] = []
        for host, failures in self._open.items():
            known = self._for_good.get(host, 0)
            count = max(0, (_count(stats, "failures", host) or 0) - known)
            self._for_good[host] = known + count
            # Those behind which the host did nothing more, and then the latest.
            latest = failures[::-1]
            tasks += [failure.task for failure in sorted(latest, key=_goes_on)[:count]]
        self._open = {}
        return list(dict.fromkeys(tasks))


def _goes_on(failure: _Open) -> bool:
    return failure.host_goes_on


def _count(stats: Mapping[str, Any] | None, kind: str, host: str) -> int | None:
    counts = stats.get(kind) if stats is not None else None
    count = counts.get(host, 0) if isinstance(counts, dict) else None
    return count if isinstance(count, int) else None


_NOBODY = "\0"
"""No host is called this; asking for its task finds tasks by their uuid alone."""

_OF_PLAY = frozenset({"playbook_on_no_hosts_matched", "playbook_on_no_hosts_remaining"})
_PROMPT_KEYS = ("varname", "private", "prompt")
# What Ansible says of a message on the terminal, which is all that is left where it spoke before runner's plugin ran.
_MARKS = {
    "[WARNING]": "warning",
    "[DEPRECATION WARNING]": "deprecated",
    "[ERROR]": "error",
    "ERROR!": "error",
    "\x1b[0;31mERROR!": "error",
    "\x1b[0;31m[ERROR]": "error",
    "\x1b[1;35m[WARNING]": "warning",
    "\x1b[0;35m[DEPRECATION WARNING]": "deprecated",
}


class Normaliser:
    """Give the events of one job for what ansible-runner told, in the order of its counters.

    :param new_uuid: makes the uuid of an event, the same ones each time that the same events are told.
    :param failures: knows which failures somebody rescued.
    :param about: more for the root to tell.
    :param is_dry: the job as a whole is a dry run, and so is each result of it, as far as runner tells.
    """

    def __init__(
        self,
        playbook: str,
        new_uuid: Callable[[], str],
        failures: Failures,
        about: Mapping[str, Any] | None = None,
        *,
        is_dry: bool = False,
    ) -> None:
        self._playbook_name = playbook
        self._about = about or {}
        self._hierarchy = Hierarchy(playbook, new_uuid)
        self._includes = Includes()
        self._failures = failures
        self._is_dry = is_dry
        self._announced: Task | None = None
        self._is_at_start = True
        self._tasks: dict[str, Task] = {}
        self._hides_artifacts = False
        self.playbook_count = 0
        self.stats_count = 0
        self._takers = {
            "playbook_on_start": self._playbook,
            "playbook_on_play_start": self._play,
            "playbook_on_include": self._include,
            "playbook_on_notify": self._notify,
            "playbook_on_vars_prompt": self._prompt,
            "playbook_on_stats": self._stats,
        }

    @property
    def has_root(self) -> bool:
        """Whether the root event has been made."""
        return self._hierarchy.root is not None

    @property
    def event_count(self) -> int:
        """How many events have been made."""
        return self._hierarchy.event_count

    def need_root(self) -> list[Event]:
        """Make the root where no event has."""
        return [] if self.has_root else self._hierarchy.start_playbook(self._playbook_name, self._about)

    def add_output(self) -> list[Event]:
        """Make an event for output that belongs to no other."""
        return self._hierarchy.add_to_root("verbose")

    def take(self, told: RunnerEvent, host: str | None = None) -> list[Event]:
        """Return the events that an event of runner makes: none for one that repeats another.

        :param host: of the announcement of a task, the host that begins it next.
        """
        event = told.event
        if event == "playbook_on_task_start":
            return self._task(told, host)
        if event in OF_HOST:
            return self._begin(told) if event == "runner_on_start" else self._report(told)
        if event in MESSAGES:
            return self._hierarchy.add_to_root(kind_of(told), _message(told))
        if event in _OF_PLAY:
            return self._hierarchy.add_to_play(event)
        return self._takers.get(event, self._unknown)(told)

    def _playbook(self, told: RunnerEvent) -> list[Event]:
        name = text_of(told.data.get("playbook"))
        self.playbook_count += name != "__adhoc_playbook__"
        return self._hierarchy.start_playbook(name, self._about)

    def _play(self, told: RunnerEvent) -> list[Event]:
        events = self._hierarchy.start_play(play_of(told))
        self._is_at_start = True
        if events:
            self._includes.start_play()
            self._tasks = {}
        return events

    def _task(self, told: RunnerEvent, host: str | None) -> list[Event]:
        is_core_made = self._is_at_start and is_core_action(told)
        self._is_at_start = is_core_made
        uuid = task_uuid_of(told)
        includes: tuple[Include, ...] = ()
        if not self._is_known(uuid) and not is_core_made and self._includes.is_loaded(told, uuid):
            includes = self._includes.chain(told, uuid, host)
        self._announced = task_of(told, is_core_made=is_core_made, includes=includes)
        return self._hierarchy.start_task(self._announced)

    def _is_known(self, task_uuid: str) -> bool:
        return self._hierarchy.known_task(_NOBODY, task_uuid) is not None

    def _begin(self, told: RunnerEvent) -> list[Event]:
        host, uuid = host_of(told), task_uuid_of(told)
        known = self._hierarchy.known_task(_NOBODY, uuid)
        task = known or task_of(told)
        if known is not None and known.includes:
            self._includes.begin(told, uuid, host)
            # What is known by its structure is the first task of that; this one may have another name.
            announced = self._announced
            task = announced if announced is not None and announced.uuid == uuid else task_of(told)
            task = task._replace(includes=known.includes, is_handler=known.is_handler)
        self._tasks[host] = task
        self._failures.go_on(host)
        return self._hierarchy.begin(host, task, {} if told.data else {"lost": ["event_data"]})

    def _report(self, told: RunnerEvent) -> list[Event]:
        host, data = host_of(told), result_of(told)
        task_uuid = task_uuid_of(told)
        if self._is_dry:
            data["check_mode"] = True
        if told.event == "runner_on_failed":
            data |= self._failures.judge(host, is_ignored=bool(data.get("ignore_errors")), lost=data.get("lost", []))
        task = self._hierarchy.known_task(host, task_uuid) or task_of(told)
        events = self._hierarchy.report(told.event, host, task_uuid, task, data)
        if "rescued" in data.get("lost", ()):
            self._failures.leave_open(host, events[-1].parent_uuid or "")
        action = events[-1].context.get("task_action", "")
        result = data.get("res")
        self._hides_artifacts |= action.endswith("set_stats") and isinstance(result, dict) and "censored" in result
        return events

    def _include(self, told: RunnerEvent) -> list[Event]:
        included = Included.of(told)
        self._includes.add(included, self._tasks)
        data: dict[str, Any] = {"included_file": included.file}
        if included.hosts:
            data["hosts"] = list(included.hosts)
            task = self._tasks.get(included.hosts[0])
            data |= {"task": task.name, "task_uuid": task.uuid} if task else {}
        return self._hierarchy.add_to_play(told.event, data if included.hosts else {**data, "lost": ["hosts", "task"]})

    def _notify(self, told: RunnerEvent) -> list[Event]:
        data = {"host": host_of(told), "handler": text_of(told.data.get("handler"))}
        return self._hierarchy.add_to_play(told.event, data)

    def _prompt(self, told: RunnerEvent) -> list[Event]:
        # Never the default, which may be the secret itself.
        data = {key: told.data.get(key) for key in _PROMPT_KEYS}
        return self._hierarchy.add_to_root(told.event, data)

    def _stats(self, told: RunnerEvent) -> list[Event]:
        self.stats_count += 1
        data = stats_of(told, hides_artifacts=self._hides_artifacts)
        failed = self._failures.settle(data)
        return self._hierarchy.add_to_root(told.event, {**data, **({"failed_tasks": failed} if failed else {})})

    def _unknown(self, told: RunnerEvent) -> list[Event]:
        """Take an event whose name is lost or new: a task that starts again makes none, anything else is a message."""
        if not told.event and self._is_known(base_uuid(told.uuid)):
            return []
        data = {"unknown_event": told.event} if told.event else {"lost": ["event", "event_data"]}
        return self._hierarchy.add_to_root("verbose", data)


def is_message(told: RunnerEvent) -> bool:
    """Return whether an event is a message, which may come before the root."""
    return told.event in MESSAGES or (not told.event and not told.data)


def kind_of(told: RunnerEvent) -> str:
    """Return what a message is; runner calls everything ``verbose`` that was printed before its plugin was loaded."""
    if told.event != "verbose" or told.data:
        return told.event
    return next((kind for mark, kind in _MARKS.items() if told.text.startswith(mark)), "verbose")


def _message(told: RunnerEvent) -> Mapping[str, Any]:
    address = told.data.get("remote_addr")
    return {"remote_addr": address} if isinstance(address, str) else {}
