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
5.  Failures and changes roll up to task, play and playbook, but for failures that were ignored or rescued.
6.  No runner call is merged with another; ``run`` numbers the times that a host ran a task, ``batch`` the serial batch.
7.  Include variables are hashed in memory and never part of an event.
8.  Several playbooks of one process are one job with one root; where no hook makes a root or a play, they are made.
9.  An event's uuid is its own; Ansible's stay in ``event_data`` as ``play_uuid`` and ``task_uuid``.

Pure and standard library only: no clock, no files, no Ansible. The module is shipped inside the collection as it
stands.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = [
    "CONTAINERS",
    "EVENTS",
    "Event",
    "Hierarchy",
    "Include",
    "Node",
    "Play",
    "RollUp",
    "Rule",
    "Task",
    "build_tree",
    "is_changed",
    "is_failed",
    "is_tolerated",
    "late_failures",
    "rolls_up",
    "violations",
]


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

_DEEPEST = 16
"""Levels of a tree; one that others wrote may have more than the hierarchy makes."""

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

    __slots__ = ("batch", "bits", "by_signature", "by_uuid", "context", "current", "play", "uuid")

    def __init__(self, play: Play, event_uuid: str, context: dict[str, Any]) -> None:
        self.play = play
        self.uuid = event_uuid
        self.context = context
        self.batch = 1
        self.bits: dict[str, int] = {}
        self.by_uuid: dict[str, _Tasks] = {}
        self.by_signature: dict[str, _Tasks] = {}
        self.current: dict[str, tuple[str, _Tasks, _Occurrence]] = {}

    def bit(self, host: str) -> int:
        return self.bits.setdefault(host, 1 << len(self.bits))

    def add_task(self, task: Task) -> _Tasks:
        signature = task.signature
        tasks = self.by_signature.get(signature)
        if tasks is None:
            tasks = self.by_signature[signature] = _Tasks(task)
        self.by_uuid[task.uuid] = tasks
        return tasks


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
    """

    def __init__(self, playbook: str = "", new_uuid: Callable[[], str] | None = None) -> None:
        self._new_uuid = new_uuid or _uuids()
        self._counter = 0
        self._root: str | None = None
        self._context: dict[str, Any] = {"playbook": playbook}
        self._play: _PlayState | None = None

    @property
    def has_root(self) -> bool:
        """Whether the root event has been made."""
        return self._root is not None

    @property
    def event_count(self) -> int:
        """How many events have been made."""
        return self._counter

    def forget(self, counter: int) -> None:
        """Give the counters after this one again: events that were made and could not be told."""
        self._counter = min(self._counter, counter)

    def start_playbook(self, playbook: str, data: Mapping[str, Any] | None = None) -> list[Event]:
        """Make the root; for a later playbook of the same process only remember its name for what follows."""
        self._context = {**self._context, "playbook": playbook}
        if self._root is not None:
            return []
        self._root = self._new_uuid()
        self._context["playbook_uuid"] = self._root
        return [self._event(_ROOT, self._root, None, self._context, data)]

    def start_play(self, play: Play, data: Mapping[str, Any] | None = None) -> list[Event]:
        """Make a play's event, or for a batch of the play that runs count it and forget where its hosts were."""
        if self._play is not None and self._play.play.uuid == play.uuid:
            self._play.batch += 1
            self._play.current.clear()
            return []
        events = self.need_root()
        event_uuid = self._new_uuid()
        context = {**self._context, "play": play.name, "play_uuid": play.uuid, "play_pattern": play.pattern}
        self._play = _PlayState(play, event_uuid, context)
        own = {"name": play.name, "pattern": play.pattern, **(data or {})}
        events.append(self._event(_PLAY, event_uuid, self._root, context, own))
        return events

    def start_task(self, task: Task) -> list[Event]:
        """Make a task's event, unless it is known by uuid or may be known by structure.

        Of a task that has a known structure and a new uuid, the first host to begin it tells whether it is another one.
        """
        events = self._need_play()
        play = self._running()
        if task.uuid in play.by_uuid:
            return events
        tasks = play.add_task(task)
        if not tasks.occurrences:
            self._announce(tasks, task, events)
        return events

    def begin(self, host: str, task: Task, data: Mapping[str, Any] | None = None) -> list[Event]:
        """Make ``runner_on_start``: a host begins a task. Comes before any other event of the host for that task."""
        events = self.start_task(task)
        play = self._running()
        tasks, bit = play.by_uuid[task.uuid], play.bit(host)
        occurrence = tasks.begun_by(bit, task.uuid) or self._announce(tasks, task, events)
        occurrence.begin(host, bit, task.uuid)
        play.current[host] = (task.uuid, tasks, occurrence)
        events.append(self._host_event("runner_on_start", host, task.uuid, occurrence, data))
        return events

    def report(
        self, event: str, host: str, task_uuid: str, task: Task, data: Mapping[str, Any] | None = None
    ) -> list[Event]:
        """Make an event of level 3 for a host.

        :param task_uuid: the uuid of the task that the result names.
        :param task: is announced where neither that uuid nor a task that the host began is known.
        """
        events = self._need_play()
        play = self._running()
        known_uuid, tasks = self._task_of(host, task_uuid)
        if tasks is None:
            events += self.start_task(task)
            known_uuid, tasks = task.uuid, play.by_uuid[task.uuid]
        current = play.current.get(host)
        if current is not None and current[0] == known_uuid:
            occurrence = current[2]
        else:
            occurrence = tasks.last_of(play.bit(host)) or self._announce(tasks, tasks.task, events)
        events.append(self._host_event(event, host, known_uuid, occurrence, data))
        return events

    def known_task(self, host: str, task_uuid: str) -> Task | None:
        """Return the announced task that a host's result is for, by rule 3; None if there is none."""
        tasks = self._task_of(host, task_uuid)[1]
        return tasks.task if tasks else None

    def add_to_play(self, event: str, data: Mapping[str, Any] | None = None) -> list[Event]:
        """Make an event of level 2 other than a task."""
        events = self._need_play()
        play = self._running()
        events.append(self._event(event, self._new_uuid(), play.uuid, play.context, data))
        return events

    def add_to_root(self, event: str, data: Mapping[str, Any] | None = None) -> list[Event]:
        """Make an event whose parent is the root: a message, a prompt or the statistics."""
        events = self.need_root()
        events.append(self._event(event, self._new_uuid(), self._root, self._context, data))
        return events

    def _task_of(self, host: str, task_uuid: str) -> tuple[str, _Tasks | None]:
        play = self._play
        if play is None:
            return task_uuid, None
        tasks = play.by_uuid.get(task_uuid)
        if tasks is None and host in play.current:
            return play.current[host][:2]
        return task_uuid, tasks

    def _running(self) -> _PlayState:
        if self._play is None:  # pragma: no cover - every caller has made the play
            raise LookupError("no play runs")
        return self._play

    def need_root(self) -> list[Event]:
        """Make the root where no hook has; rule 8."""
        return [] if self._root is not None else self.start_playbook(self._context["playbook"])

    def _need_play(self) -> list[Event]:
        return [] if self._play is not None else self.start_play(Play(uuid=self._new_uuid(), name=""))

    def _announce(self, tasks: _Tasks, task: Task, events: list[Event]) -> _Occurrence:
        play = self._running()
        event_uuid = self._new_uuid()
        about = {"task": task.name, "task_action": task.action, "task_path": task.path}
        occurrence = _Occurrence(event_uuid, {**play.context, **about, **task.details})
        tasks.occurrences.append(occurrence)
        own: dict[str, Any] = {"name": task.name, "task_uuid": task.uuid, "is_conditional": task.is_handler}
        if task.included_at:
            own["included_at"] = list(task.included_at)
        events.append(self._event(_TASK, event_uuid, play.uuid, occurrence.context, own))
        return occurrence

    def _host_event(
        self, event: str, host: str, task_uuid: str, occurrence: _Occurrence, data: Mapping[str, Any] | None
    ) -> Event:
        self._counter += 1
        event_uuid = self._new_uuid()
        own = {
            "uuid": event_uuid,
            "host": host,
            "task_uuid": task_uuid,
            "batch": self._running().batch,
            "run": occurrence.runs.get(host, 1),
        }
        if data:
            own.update(data)
        return Event(event, event_uuid, occurrence.uuid, self._counter, occurrence.context, own)

    def _event(
        self,
        event: str,
        event_uuid: str,
        parent_uuid: str | None,
        context: Mapping[str, Any],
        data: Mapping[str, Any] | None,
    ) -> Event:
        self._counter += 1
        return Event(event, event_uuid, parent_uuid, self._counter, context, {"uuid": event_uuid, **(data or {})})


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


class Node(NamedTuple):
    """One event of a tree, with the events below it in counter order."""

    event: Any
    children: list[Node]


def build_tree(events: Iterable[Any]) -> list[Node]:
    """Return the tree of events that have ``uuid`` and ``parent_uuid`` and come in counter order.

    :return: the roots: one for a whole job; an event whose parent is not among the events before it is a root too. A
        chain of parents that is longer than any job makes ends at that length, with all that follows side by side.
    """
    nodes: dict[str | None, tuple[Node | None, int]] = {}
    roots: list[Node] = []
    for event in events:
        parent, depth = nodes.get(event.parent_uuid, (None, 0))
        node = Node(event, [])
        (parent.children if parent is not None else roots).append(node)
        nodes[event.uuid] = (node, depth + 1) if depth < _DEEPEST else (parent, depth)
    return roots


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
