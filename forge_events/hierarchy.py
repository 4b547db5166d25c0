# SPDX-License-Identifier: Apache-2.0
"""The strict hierarchy of job events: playbook, play, task, host.

Ansible announces a play once for each serial batch, and a task once for each host, batch or load, as the strategy has
it. :class:`Hierarchy` takes these announcements as they come and gives events such that the tree of plays and tasks
is the same under every strategy. Its rules:

1.  A play is its uuid: the first announcement makes the event, later ones count the batch.
2.  A task is one event for each play, whoever announces it first. Tasks that Ansible makes anew for each batch or load
    (fact gathering, everything below a dynamic include) are recognised by their structure: path, action, role, chain of
    includes with hashed variables, and how many tasks of that structure the host has begun before.
3.  A host's event belongs to the task that its result names; where nobody announced that task, to the one that this
    host began last. Never to the task that was announced last.
4.  A parent exists before its child and has a smaller counter; counters are dense from 1; the root alone has no parent.
5.  Failures and changes roll up to task, play and playbook, but for failures that were ignored or rescued
    (``rollup.py``).
6.  No runner call is merged with another; ``run`` numbers the times that a host ran a task, ``batch`` the serial batch.
7.  Include variables are hashed in memory and never part of an event.
8.  Several playbooks of one process are one job with one root; where no hook makes a root or a play, they are made.
9.  An event's uuid is its own; Ansible's stay in ``event_data`` as ``play_uuid`` and ``task_uuid``.

Pure and standard library only, since it is shipped inside the collection as it stands.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["CONTAINERS", "EVENTS", "Event", "Hierarchy", "Include", "Play", "Rule", "Task", "violations"]


class Rule(NamedTuple):
    """Where events of one name stand: their level, the event that is their parent, whether they tell of a failure."""

    level: int
    parent: str | None
    is_failure: bool = False


_ROOT, _PLAY, _TASK = "playbook_on_start", "playbook_on_play_start", "playbook_on_task_start"

EVENTS: dict[str, Rule] = {
    _ROOT: Rule(0, None),
    "verbose": Rule(0, _ROOT),
    "debug": Rule(0, _ROOT),
    "warning": Rule(0, _ROOT),
    "deprecated": Rule(0, _ROOT),
    "system_warning": Rule(0, _ROOT),
    "error": Rule(0, _ROOT, is_failure=True),
    _PLAY: Rule(1, _ROOT),
    "playbook_on_vars_prompt": Rule(1, _ROOT),
    "playbook_on_stats": Rule(1, _ROOT),
    _TASK: Rule(2, _PLAY),
    "playbook_on_include": Rule(2, _PLAY),
    "playbook_on_notify": Rule(2, _PLAY),
    "playbook_on_no_hosts_matched": Rule(2, _PLAY),
    "playbook_on_no_hosts_remaining": Rule(2, _PLAY),
    "runner_on_start": Rule(3, _TASK),
    "runner_on_ok": Rule(3, _TASK),
    "runner_on_failed": Rule(3, _TASK, is_failure=True),
    "runner_on_skipped": Rule(3, _TASK),
    "runner_on_unreachable": Rule(3, _TASK, is_failure=True),
    "runner_on_async_poll": Rule(3, _TASK),
    "runner_on_async_ok": Rule(3, _TASK),
    "runner_on_async_failed": Rule(3, _TASK, is_failure=True),
    "runner_item_on_ok": Rule(3, _TASK),
    "runner_item_on_failed": Rule(3, _TASK, is_failure=True),
    "runner_item_on_skipped": Rule(3, _TASK),
    "runner_retry": Rule(3, _TASK),
    "runner_on_file_diff": Rule(3, _TASK),
}
"""Every event name with its place in the hierarchy. Handlers are tasks with ``is_conditional``."""

CONTAINERS = frozenset({_ROOT, _PLAY, _TASK})
"""The names of events that have children."""


class Play(NamedTuple):
    """What Ansible says of a play: its uuid, which all its batches share, its name and its pattern of hosts."""

    uuid: str
    name: str
    pattern: str = ""


class Include(NamedTuple):
    """One include or import above a task: where it stands, what it does, and its variables as JSON values."""

    path: str
    action: str
    variables: Mapping[str, Any]


class Task(NamedTuple):
    """What Ansible says of a task when it announces it.

    :param path: file and line; ``column`` tells tasks of one line apart.
    :param argument: what a ``meta`` task does, since all of them have one action.
    :param is_core_made: Ansible made the task by itself for this batch, as it does to gather facts.
    :param includes: the includes above a task that a dynamic include loaded, nearest first; empty for any other task.
    :param included_at: file and line of each include and import above a task, outermost first.
    :param is_censored: ``no_log`` holds for the task, or is a template that may hold.
    :param is_censored_at_times: it is such a template, so that only a result can tell.
    :param has_rescue: a failure of the task is caught by a ``rescue``.
    :param details: more to say in ``event_data`` of the task and of its hosts' events.
    """

    uuid: str
    name: str
    action: str = ""
    path: str = ""
    column: int = 0
    argument: str = ""
    is_handler: bool = False
    is_core_made: bool = False
    includes: tuple[Include, ...] = ()
    included_at: tuple[str, ...] = ()
    is_censored: bool = False
    is_censored_at_times: bool = False
    has_rescue: bool = False
    details: Mapping[str, Any] = {}

    @property
    def signature(self) -> str:
        """What is equal for all announcements of one task in one play: its uuid, or its hashed structure."""
        if self.is_core_made:
            return f"core {self.action} {self.argument}"
        if not self.includes:
            return self.uuid
        place = [self.is_handler, self.path, self.column, self.action, self.argument, self.details.get("role")]
        chain = [[include.path, include.action, include.variables] for include in self.includes]
        structure = json.dumps([place, chain], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(structure.encode()).hexdigest()


class Event(NamedTuple):
    """One event as the hierarchy gives it: its place in the job, and what it tells.

    :param context: what it has in common with its siblings: playbook, play, task; the same object for all of them.
    :param own: what it tells by itself.
    """

    event: str
    uuid: str
    parent_uuid: str | None
    counter: int
    context: Mapping[str, Any]
    own: Mapping[str, Any]

    @property
    def event_data(self) -> dict[str, Any]:
        """Everything that the event tells."""
        return {**self.context, **self.own}


class _Occurrence:
    """One task event, and which hosts have begun it: a bit for each host, in all and by Ansible's uuid."""

    __slots__ = ("begun", "context", "hosts", "runs", "uuid")

    def __init__(self, event_uuid: str, context: dict[str, Any]) -> None:
        self.uuid = event_uuid
        self.context = context
        self.hosts = 0
        self.begun: dict[str, int] = {}
        self.runs: dict[str, int] = {}

    def begin(self, host: str, bit: int, task_uuid: str) -> None:
        if self.hosts & bit:
            self.runs[host] = self.runs.get(host, 1) + 1
        self.hosts |= bit
        self.begun[task_uuid] = self.begun.get(task_uuid, 0) | bit


class _Tasks:
    """The tasks of one play that are one by their signature: mostly a single occurrence."""

    __slots__ = ("occurrences", "task")

    def __init__(self, task: Task) -> None:
        self.task = task
        self.occurrences: list[_Occurrence] = []

    def begun_by(self, bit: int, task_uuid: str) -> _Occurrence | None:
        """Return the occurrence that a host begins with this uuid; None if it is a new one."""
        for occurrence in self.occurrences:
            if occurrence.begun.get(task_uuid, 0) & bit:
                return occurrence
        return next((occurrence for occurrence in self.occurrences if not occurrence.hosts & bit), None)

    def last_of(self, bit: int) -> _Occurrence | None:
        """Return the occurrence that a host began last; the first one for a host that began none (meta tasks)."""
        begun = (occurrence for occurrence in reversed(self.occurrences) if occurrence.hosts & bit)
        return next(begun, self.occurrences[0] if self.occurrences else None)


class _PlayState:
    """The play that runs: its event, its tasks, and which task each host is at."""

    __slots__ = ("batch", "bits", "by_signature", "by_uuid", "context", "current", "play_uuid", "uuid")

    def __init__(self, play_uuid: str, event_uuid: str, context: dict[str, Any]) -> None:
        self.play_uuid = play_uuid
        self.uuid = event_uuid
        self.context = context
        self.batch = 1
        self.bits: dict[str, int] = {}
        self.by_uuid: dict[str, _Tasks] = {}
        self.by_signature: dict[str, _Tasks] = {}
        self.current: dict[str, tuple[str, _Tasks, _Occurrence]] = {}

    def bit(self, host: str) -> int:
        return self.bits.setdefault(host, 1 << len(self.bits))


def _uuids() -> Callable[[], str]:
    """Return a maker of uuids of version 8 (RFC 9562): 74 random bits that the events of a job share, and a number."""
    random = uuid.uuid4().hex
    shared = f"{random[:8]}-{random[8:12]}-8{random[13:16]}-{random[16:20]}"
    numbers = itertools.count(1)
    return lambda: f"{shared}-{next(numbers):012x}"


class Hierarchy:
    """Give the events of one job for what Ansible's hooks report, in the order of the calls.

    Every method returns the events that the call makes, parents before children: none for an announcement that is
    already known, one as a rule, more where a parent has to be made first. Not safe for threads; what is kept grows
    with the tasks of the play that runs and is freed with it.

    :param playbook: what to call the playbook until a hook names it.
    :param new_uuid: makes the uuid of an event.

    ``event_count`` is how many events have been made, ``root`` the root's uuid.
    """

    def __init__(self, playbook: str = "", new_uuid: Callable[[], str] | None = None) -> None:
        self._new_uuid = new_uuid or _uuids()
        self.event_count = 0
        self.root: str | None = None
        self._context: dict[str, Any] = {"playbook": playbook}
        self._play: _PlayState | None = None

    def forget(self, counter: int) -> None:
        """Give the counters after this one again: events that were made and could not be told."""
        self.event_count = min(self.event_count, counter)

    def start_playbook(self, playbook: str, data: Mapping[str, Any] | None = None) -> list[Event]:
        """Make the root; for a later playbook of the same process only remember its name for what follows."""
        self._context = {**self._context, "playbook": playbook}
        if self.root is not None:
            return []
        self.root = self._context["playbook_uuid"] = self._new_uuid()
        return [self._event(_ROOT, None, self._context, data, self.root)]

    def start_play(self, play: Play, data: Mapping[str, Any] | None = None) -> list[Event]:
        """Make a play's event, or for a batch of the play that runs count it and forget where its hosts were."""
        if self._play is not None and self._play.play_uuid == play.uuid:
            self._play.batch += 1
            self._play.current.clear()
            return []
        events = self.need_root()
        context = {**self._context, "play": play.name, "play_uuid": play.uuid, "play_pattern": play.pattern}
        own = {"name": play.name, "pattern": play.pattern, **(data or {})}
        events.append(self._event(_PLAY, self.root, context, own))
        self._play = _PlayState(play.uuid, events[-1].uuid, context)
        return events

    def start_task(self, task: Task) -> list[Event]:
        """Make a task's event, unless it is known by uuid or may be known by structure.

        Of a task that has a known structure and a new uuid, the first host to begin it tells whether it is another one.
        """
        play, events = self._need_play()
        if task.uuid not in play.by_uuid:
            tasks = play.by_uuid[task.uuid] = play.by_signature.setdefault(task.signature, _Tasks(task))
            if not tasks.occurrences:
                self._announce(play, tasks, task, events)
        return events

    def begin(self, host: str, task: Task, data: Mapping[str, Any] | None = None) -> list[Event]:
        """Make ``runner_on_start``: a host begins a task. Comes before any other event of the host for that task."""
        events = self.start_task(task)
        play = self._need_play()[0]
        tasks, bit = play.by_uuid[task.uuid], play.bit(host)
        occurrence = tasks.begun_by(bit, task.uuid) or self._announce(play, tasks, task, events)
        occurrence.begin(host, bit, task.uuid)
        play.current[host] = (task.uuid, tasks, occurrence)
        events.append(self._host_event("runner_on_start", host, task.uuid, play.batch, occurrence, data))
        return events

    def report(
        self, event: str, host: str, task_uuid: str, task: Task, data: Mapping[str, Any] | None = None
    ) -> list[Event]:
        """Make an event of level 3 for a host.

        :param task_uuid: the uuid of the task that the result names.
        :param task: is announced where neither that uuid nor a task that the host began is known.
        """
        play, events = self._need_play()
        known_uuid, tasks = self._task_of(host, task_uuid)
        if tasks is None:
            events += self.start_task(task)
            known_uuid, tasks = task.uuid, play.by_uuid[task.uuid]
        current = play.current.get(host)
        if current is not None and current[0] == known_uuid:
            occurrence = current[2]
        else:
            occurrence = tasks.last_of(play.bit(host)) or self._announce(play, tasks, tasks.task, events)
        events.append(self._host_event(event, host, known_uuid, play.batch, occurrence, data))
        return events

    def known_task(self, host: str, task_uuid: str) -> Task | None:
        """Return the announced task that a host's result is for, by rule 3; None if there is none."""
        tasks = self._task_of(host, task_uuid)[1]
        return tasks.task if tasks else None

    def add_to_play(self, event: str, data: Mapping[str, Any] | None = None) -> list[Event]:
        """Make an event of level 2 other than a task."""
        play, events = self._need_play()
        events.append(self._event(event, play.uuid, play.context, data))
        return events

    def add_to_root(self, event: str, data: Mapping[str, Any] | None = None) -> list[Event]:
        """Make an event whose parent is the root: a message, a prompt or the statistics."""
        events = self.need_root()
        events.append(self._event(event, self.root, self._context, data))
        return events

    def need_root(self) -> list[Event]:
        """Make the root where no hook has; rule 8."""
        return [] if self.root is not None else self.start_playbook(self._context["playbook"])

    def _need_play(self) -> tuple[_PlayState, list[Event]]:
        """Return the play that runs, and the events that it takes to make one where no hook has; rule 8."""
        events = [] if self._play is not None else self.start_play(Play(uuid=self._new_uuid(), name=""))
        return cast("_PlayState", self._play), events

    def _task_of(self, host: str, task_uuid: str) -> tuple[str, _Tasks | None]:
        play = self._play
        tasks = play.by_uuid.get(task_uuid) if play else None
        return play.current[host][:2] if play and tasks is None and host in play.current else (task_uuid, tasks)

    def _announce(self, play: _PlayState, tasks: _Tasks, task: Task, events: list[Event]) -> _Occurrence:
        context = {**play.context, "task": task.name, "task_action": task.action, "task_path": task.path}
        context |= task.details
        own: dict[str, Any] = {"name": task.name, "task_uuid": task.uuid, "is_conditional": task.is_handler}
        if task.included_at:
            own["included_at"] = list(task.included_at)
        events.append(self._event(_TASK, play.uuid, context, own))
        occurrence = _Occurrence(events[-1].uuid, context)
        tasks.occurrences.append(occurrence)
        return occurrence

    def _host_event(
        self, event: str, host: str, task_uuid: str, batch: int, occurrence: _Occurrence, data: Mapping[str, Any] | None
    ) -> Event:
        own = {"host": host, "task_uuid": task_uuid, "batch": batch, "run": occurrence.runs.get(host, 1)}
        if data:
            own.update(data)
        return self._event(event, occurrence.uuid, occurrence.context, own)

    def _event(
        self,
        event: str,
        parent_uuid: str | None,
        context: Mapping[str, Any],
        data: Mapping[str, Any] | None,
        event_uuid: str | None = None,
    ) -> Event:
        self.event_count += 1
        event_uuid = event_uuid or self._new_uuid()
        own = {"uuid": event_uuid, **data} if data else {"uuid": event_uuid}
        return Event(event, event_uuid, parent_uuid, self.event_count, context, own)


def violations(events: Iterable[Any]) -> Iterator[str]:
    """Yield in words where events, in the order given, break the rules of counters, parents and levels."""
    names: dict[str, str] = {}
    for number, event in enumerate(events, start=1):
        rule = EVENTS.get(event.event)
        parent = names.get(event.parent_uuid) if event.parent_uuid is not None else None
        if event.counter != number:
            yield f"event {number} has counter {event.counter}"
        if event.uuid in names:
            yield f"event {number} has the uuid of another"
        if rule is None:
            yield f"event {number} has the unknown name {event.event!r}"
        elif parent != rule.parent:
            yield f"event {number}, {event.event}, has parent {parent}, not {rule.parent}"
        if (number == 1) != (event.event == _ROOT):
            yield f"event {number} is {event.event}"
        names[event.uuid] = event.event
