# SPDX-License-Identifier: Apache-2.0
"""Choose, order and draw the events of a job as the tree that they form.

The drawing is the one of Tower's documentation, line for line::

    `-- playbook_on_start
        |-- playbook_on_play_start-preflight
        |   `-- playbook_on_task_start-check_ram
        |       |-- runner_on_ok_hostA
        |       `-- runner_on_ok_hostB

Plays come in the order in which they were announced, and their tasks in that of :mod:`forge_events.lockstep`, whatever
the strategy. Below a task, events are ordered by the name of their host and then as they came: hosts report in whatever
order they finish, and one job should have one drawing. Pure.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events.hierarchy import CONTAINERS, EVENTS
from forge_events.lockstep import TaskPlace, arranged
from forge_events.rollup import is_tolerated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from forge_events.events import JobEvent

__all__ = [
    "CHECK_MODE",
    "HELPERS",
    "Selection",
    "TreeEvent",
    "TreeNode",
    "arrange",
    "as_objects",
    "build_tree",
    "draw",
    "duration_of",
    "grow",
    "host_label",
    "place_in_task",
    "printable",
    "slower",
]

CHECK_MODE = " [check mode]"
"""What follows the name of something that came of a dry run."""

HELPERS = frozenset(
    {
        "verbose",
        "debug",
        "warning",
        "deprecated",
        "system_warning",
        "playbook_on_stats",
        "playbook_on_vars_prompt",
        "playbook_on_include",
        "playbook_on_notify",
        "runner_on_start",
        "runner_on_async_poll",
        "runner_on_async_ok",
        "runner_on_async_failed",
        "runner_on_file_diff",
    }
)
"""Events that tell how something came about; what came of it is in another event or on the terminal."""

_PLAY, _TASK = "playbook_on_play_start", "playbook_on_task_start"
_SKIPPED = frozenset({"runner_on_skipped", "runner_item_on_skipped"})
# What an event is about, where that is neither a host nor in its output.
_SUBJECTS = {
    "playbook_on_notify": "handler",
    "playbook_on_include": "included_file",
    "playbook_on_vars_prompt": "varname",
}
# One that others wrote may have more levels than the hierarchy makes.
_DEEPEST = 16
_LONGEST_DETAIL = 72
_MAX_DIGITS = 10
# Control characters, separators of lines, what turns the direction of text round, and surrogates.
_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]",
)


class TreeNode(NamedTuple):
    """One event of a tree, with the events below it in counter order."""

    event: Any
    children: list[TreeNode]


def build_tree(events: Iterable[Any]) -> list[TreeNode]:
    """Return the tree of events that have ``uuid`` and ``parent_uuid`` and come in counter order.

    :return: the roots: one for a whole job; an event whose parent is not among the events before it is a root too. A
        chain of parents that is longer than any job makes ends at that length, with all that follows side by side.
    """
    nodes: dict[str | None, tuple[TreeNode | None, int]] = {}
    roots: list[TreeNode] = []
    for event in events:
        parent, depth = nodes.get(event.parent_uuid, (None, 0))
        node = TreeNode(event, [])
        (parent.children if parent is not None else roots).append(node)
        nodes[event.uuid] = (node, depth + 1) if depth < _DEEPEST else (parent, depth)
    return roots


class Selection(NamedTuple):
    """Which events of a tree are wanted; plays and tasks stay as the ancestors of what is, and the root always.

    :param has_helpers: also the events of :data:`HELPERS`.
    :param has_skipped: also what was skipped. A task that nothing else is left of stays.
    :param is_failed_only: only what failed, with its ancestors.
    :param host: only events of this host, with their ancestors.
    """

    has_helpers: bool = False
    has_skipped: bool = True
    is_failed_only: bool = False
    host: str | None = None

    def wants(self, event: TreeEvent) -> bool:
        """Return whether an event is wanted for its own sake and not for what is below it."""
        return not (
            (event.event in HELPERS and not self.has_helpers)
            or (event.event in _SKIPPED and not self.has_skipped)
            or (self.is_failed_only and not event.failed)
            or (self.host is not None and event.host_name != self.host)
        )


class TreeEvent(NamedTuple):
    """What a tree needs of a job event; a job of 100,000 results fits into memory without them.

    :param label: name of the event, with the play, task or host that it is about.
    :param is_tolerated: it failed, and that was ignored or rescued.
    :param duration: seconds that a host took for a task; in a tree also of the task, those of its slowest host.
    :param place: where a task stands; None for anything else.
    """

    uuid: str
    parent_uuid: str | None
    counter: int
    event: str
    label: str
    host_name: str
    failed: bool
    changed: bool
    is_tolerated: bool
    duration: float | None = None
    place: TaskPlace | None = None

    @classmethod
    def of(cls, event: JobEvent) -> TreeEvent:
        """Return what a tree needs of an event."""
        by_itself = event.event not in CONTAINERS and event.event != "playbook_on_stats"
        return cls(
            uuid=event.uuid,
            parent_uuid=event.parent_uuid,
            counter=event.counter,
            event=event.event,
            label=_label(event),
            host_name=event.host_name,
            failed=event.failed,
            changed=event.changed,
            is_tolerated=by_itself and event.failed and is_tolerated(event.event_data),
            duration=duration_of(event),
            place=_place(event.event_data) if event.event == _TASK else None,
        )


def grow(events: Iterable[JobEvent], selection: Selection | None = None) -> list[TreeNode]:
    """Return the tree of the events that are wanted, ordered for drawing.

    :param events: the events of one job by counter.
    :param selection: all but the helpers, if None.
    :return: the roots, each a `TreeNode` of a :class:`TreeEvent`; one for a whole job.
    """
    return arrange(map(TreeEvent.of, events), selection)


def arrange(events: Iterable[TreeEvent], selection: Selection | None = None) -> list[TreeNode]:
    """Return the tree as :func:`grow` does, for who keeps what a tree needs of the events."""
    wanted = selection or Selection()
    roots = [_timed(root) for root in build_tree(events)]
    return [_ordered(TreeNode(root.event, _selected(map(_in_lockstep, root.children), wanted))) for root in roots]


def draw(roots: Sequence[TreeNode], indent: str = "") -> Iterator[tuple[str, TreeEvent]]:
    """Yield the lines of the drawing, each as its branches and the event whose label follows them."""
    for number, node in enumerate(roots, start=1):
        is_last = number == len(roots)
        yield indent + ("`-- " if is_last else "|-- "), node.event
        yield from draw(node.children, indent + ("    " if is_last else "|   "))


def as_objects(roots: Sequence[TreeNode]) -> list[dict[str, Any]]:
    """Return the tree as nested dictionaries: the fields of :class:`TreeEvent` but ``place``, and ``children``."""
    return [_as_object(root) for root in roots]


def _as_object(node: TreeNode) -> dict[str, Any]:
    fields = node.event._asdict()
    del fields["place"]
    return {**fields, "children": as_objects(node.children)}


def printable(text: str) -> str:
    """Return a text on one line that no terminal takes for a command: control characters become escapes."""
    return _CONTROL.sub(lambda found: ascii(found.group())[1:-1], text)


def host_label(host: str, delegated_host: Any) -> str:
    """Return a host as Ansible shows it: with the other one on which its task ran, where there is one."""
    return printable(f"{host} -> {delegated_host}" if delegated_host else host)


def duration_of(event: JobEvent) -> float | None:
    """Return how many seconds an event says that it took."""
    found = event.event_data.get("duration")
    return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def slower(one: float | None, other: float | None) -> float | None:
    """Return the longer one of two durations, of which none or one may be known."""
    return max((found for found in (one, other) if found is not None), default=None)


def _timed(node: TreeNode) -> TreeNode:
    if node.event.event != _TASK:
        return TreeNode(node.event, [_timed(child) for child in node.children])
    slowest = functools.reduce(slower, (child.event.duration for child in node.children), None)
    return TreeNode(node.event._replace(duration=slowest), node.children)


def _in_lockstep(play: TreeNode) -> TreeNode:
    """Return a play with its tasks in order, and what else is below it behind the task that was announced before."""
    if play.event.event != _PLAY:
        return play
    tasks: list[TreeNode] = []
    following: list[list[TreeNode]] = [[]]
    for child in play.children:
        if child.event.place is None:
            following[-1].append(child)
        else:
            tasks.append(child)
            following.append([])
    order = arranged([task.event.place for task in tasks], _ways(tasks))
    children = [node for number in order for node in (tasks[number], *following[number + 1])]
    return TreeNode(play.event, [*following[0], *children])


def _ways(tasks: Sequence[TreeNode]) -> list[list[int]]:
    """Return for each host the numbers of the tasks that it has begun, in its order."""
    begun: dict[str, dict[int, int]] = {}
    for number, task in enumerate(tasks):
        for child in task.children:
            begun.setdefault(child.event.host_name, {}).setdefault(number, child.event.counter)
    return [sorted(way, key=way.__getitem__) for way in begun.values()]


def _selected(nodes: Iterable[TreeNode], selection: Selection) -> list[TreeNode]:
    pruned = (TreeNode(node.event, _selected(node.children, selection)) for node in nodes)
    return [node for node in pruned if node.children or selection.wants(node.event)]


def _ordered(node: TreeNode) -> TreeNode:
    children = [_ordered(child) for child in node.children]
    if node.event.event == _TASK:
        children.sort(key=lambda child: place_in_task(child.event))
    return TreeNode(node.event, children)


def place_in_task(event: TreeEvent) -> tuple[str, int]:
    """Return by what the events below a task are ordered."""
    return event.host_name, event.counter


def _place(data: dict[str, Any]) -> TaskPlace:
    above = data.get("included_at")
    steps = (*(above if isinstance(above, list) else ()), data.get("task_path"))
    return TaskPlace(tuple(map(_step, steps)), data.get("is_conditional") is True)


def _step(path: Any) -> tuple[str, int]:
    file, _, line = str(path or "").rpartition(":")
    return file, int(line) if line.isdecimal() and len(line) < _MAX_DIGITS else 0


def _label(event: JobEvent) -> str:
    data = event.event_data
    if event.event in CONTAINERS or event.parent_uuid is None:
        name = data.get("name") if event.event != "playbook_on_start" else None
        return event.event + (f"-{printable(str(name))}" if name else "")
    host = f"_{host_label(event.host_name, data.get('delegated_host'))}" if event.host_name else ""
    detail = _shortened(_detail(event, data))
    return f"{event.event}{host}{detail}{CHECK_MODE if data.get('check_mode') is True else ''}"


def _detail(event: JobEvent, data: dict[str, Any]) -> str:
    """Return what tells an event from others of its name and host."""
    if event.event.startswith("runner_item_"):
        return f" ({_item(data.get('res'))})"
    if event.event == "runner_retry":
        return f" (attempt {_of_result(data, 'attempts')})"
    if event.event in _SUBJECTS:
        return f"-{data.get(_SUBJECTS[event.event], '')}"
    return f"-{_first_line(event.stdout)}" if EVENTS[event.event].level == 0 else ""


def _item(result: Any) -> str:
    if not isinstance(result, dict):
        return ""
    if "censored" in result:
        return "censored"
    label = result.get("_ansible_item_label")
    return str(result.get(result.get("ansible_loop_var") or "item", "") if label is None else label)


def _of_result(data: dict[str, Any], key: str) -> Any:
    result = data.get("res")
    return result.get(key, "") if isinstance(result, dict) else ""


def _first_line(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text).strip().partition("\n")[0]


def _shortened(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _LONGEST_DETAIL else text[: _LONGEST_DETAIL - 3] + "..."
