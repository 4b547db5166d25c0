# SPDX-License-Identifier: Apache-2.0
"""Turn the events of ansible-runner into the job events that the callback plugin would have recorded.

runner repeats plays and tasks under invented uuids, hangs messages, notifications and polls below whatever began last,
and gives a handler's second start the uuid of its first. Each event is therefore told to the
:class:`~forge_events.hierarchy.Hierarchy` anew, as the hook's call that it was. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forge_events.hierarchy import EVENTS, Hierarchy
from forge_events.ingestion.runner import facts
from forge_events.ingestion.runner.includes import Included, Includes
from forge_events.ingestion.runner.told import base_uuid, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from forge_events.hierarchy import Event, Include, Task
    from forge_events.ingestion.runner.failures import Failures
    from forge_events.ingestion.runner.told import Told

__all__ = ["Normaliser", "is_message"]

_NOBODY = "\0"
"""No host is called this; asking for its task finds tasks by their uuid alone."""

_OF_HOST = frozenset(name for name, rule in EVENTS.items() if rule.level == 3)
_MESSAGES = frozenset(name for name, rule in EVENTS.items() if rule.level == 0 and rule.parent)
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

    def take(self, told: Told, host: str | None = None) -> list[Event]:
        """Return the events that an event of runner makes: none for one that repeats another.

        :param host: of the announcement of a task, the host that begins it next.
        """
        event = told.event
        if event == "playbook_on_task_start":
            return self._task(told, host)
        if event in _OF_HOST:
            return self._begin(told) if event == "runner_on_start" else self._report(told)
        if event in _MESSAGES:
            return self._hierarchy.add_to_root(kind_of(told), _message(told))
        if event in _OF_PLAY:
            return self._hierarchy.add_to_play(event)
        return self._takers.get(event, self._unknown)(told)

    def _playbook(self, told: Told) -> list[Event]:
        name = text_of(told.data.get("playbook"))
        self.playbook_count += name != "__adhoc_playbook__"
        return self._hierarchy.start_playbook(name, self._about)

    def _play(self, told: Told) -> list[Event]:
        events = self._hierarchy.start_play(facts.play_of(told))
        self._is_at_start = True
        if events:
            self._includes.start_play()
            self._tasks = {}
        return events

    def _task(self, told: Told, host: str | None) -> list[Event]:
        is_core_made = self._is_at_start and facts.is_core_action(told)
        self._is_at_start = is_core_made
        uuid = facts.task_uuid_of(told)
        includes: tuple[Include, ...] = ()
        if not self._is_known(uuid) and not is_core_made and self._includes.is_loaded(told, uuid):
            includes = self._includes.chain(told, uuid, host)
        self._announced = facts.task_of(told, is_core_made=is_core_made, includes=includes)
        return self._hierarchy.start_task(self._announced)

    def _is_known(self, task_uuid: str) -> bool:
        return self._hierarchy.known_task(_NOBODY, task_uuid) is not None

    def _begin(self, told: Told) -> list[Event]:
        host, uuid = facts.host_of(told), facts.task_uuid_of(told)
        known = self._hierarchy.known_task(_NOBODY, uuid)
        task = known or facts.task_of(told)
        if known is not None and known.includes:
            self._includes.begin(told, uuid, host)
            # What is known by its structure is the first task of that; this one may have another name.
            announced = self._announced
            task = announced if announced is not None and announced.uuid == uuid else facts.task_of(told)
            task = task._replace(includes=known.includes, is_handler=known.is_handler)
        self._tasks[host] = task
        self._failures.go_on(host)
        return self._hierarchy.begin(host, task, {} if told.data else {"lost": ["event_data"]})

    def _report(self, told: Told) -> list[Event]:
        host, data = facts.host_of(told), facts.result_of(told)
        task_uuid = facts.task_uuid_of(told)
        if self._is_dry:
            data["check_mode"] = True
        if told.event == "runner_on_failed":
            data |= self._failures.judge(host, is_ignored=bool(data.get("ignore_errors")), lost=data.get("lost", []))
        task = self._hierarchy.known_task(host, task_uuid) or facts.task_of(told)
        events = self._hierarchy.report(told.event, host, task_uuid, task, data)
        if "rescued" in data.get("lost", ()):
            self._failures.leave_open(host, events[-1].parent_uuid or "")
        action = events[-1].context.get("task_action", "")
        result = data.get("res")
        self._hides_artifacts |= action.endswith("set_stats") and isinstance(result, dict) and "censored" in result
        return events

    def _include(self, told: Told) -> list[Event]:
        included = Included.of(told)
        self._includes.add(included, self._tasks)
        data: dict[str, Any] = {"included_file": included.file}
        if included.hosts:
            data["hosts"] = list(included.hosts)
            task = self._tasks.get(included.hosts[0])
            data |= {"task": task.name, "task_uuid": task.uuid} if task else {}
        return self._hierarchy.add_to_play(told.event, data if included.hosts else {**data, "lost": ["hosts", "task"]})

    def _notify(self, told: Told) -> list[Event]:
        data = {"host": facts.host_of(told), "handler": text_of(told.data.get("handler"))}
        return self._hierarchy.add_to_play(told.event, data)

    def _prompt(self, told: Told) -> list[Event]:
        # Never the default, which may be the secret itself.
        data = {key: told.data.get(key) for key in _PROMPT_KEYS}
        return self._hierarchy.add_to_root(told.event, data)

    def _stats(self, told: Told) -> list[Event]:
        self.stats_count += 1
        data = facts.stats_of(told, hides_artifacts=self._hides_artifacts)
        failed = self._failures.settle(data)
        return self._hierarchy.add_to_root(told.event, {**data, **({"failed_tasks": failed} if failed else {})})

    def _unknown(self, told: Told) -> list[Event]:
        """Take an event whose name is lost or new: a task that starts again makes none, anything else is a message."""
        if not told.event and self._is_known(base_uuid(told.uuid)):
            return []
        data = {"unknown_event": told.event} if told.event else {"lost": ["event", "event_data"]}
        return self._hierarchy.add_to_root("verbose", data)


def is_message(told: Told) -> bool:
    """Return whether an event is a message, which may come before the root."""
    return told.event in _MESSAGES or (not told.event and not told.data)


def kind_of(told: Told) -> str:
    """Return what a message is; runner calls everything ``verbose`` that was printed before its plugin was loaded."""
    if told.event != "verbose" or told.data:
        return told.event
    return next((kind for mark, kind in _MARKS.items() if told.text.startswith(mark)), "verbose")


def _message(told: Told) -> Mapping[str, Any]:
    address = told.data.get("remote_addr")
    return {"remote_addr": address} if isinstance(address, str) else {}
