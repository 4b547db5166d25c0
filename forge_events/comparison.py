# SPDX-License-Identifier: Apache-2.0
"""Say what is different between two runs: tasks that are new, gone, failed, healed, changed, slower or faster. Pure.

A task is the same one in another run if it has the same play, role, name and action, and is as many-th of these.
"""

from __future__ import annotations

import statistics
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from forge_events.tasks import JobTask

__all__ = [
    "Comparison",
    "Difference",
    "HostDifference",
    "Run",
    "TaskKey",
    "TaskResult",
    "compare",
    "durations_of",
    "told",
]

_LEAST = 0.5
"""Seconds by which a task has to differ, to be called slower or faster."""

_SHARE = 0.25
_SPREADS = 3
_NORMAL = 1.4826
"""What makes a standard deviation of a median absolute deviation."""


class TaskKey(NamedTuple):
    """What makes a task the same one in another run.

    :param nth: how many tasks of the same names came before it.
    """

    play: str
    role: str
    name: str
    action: str
    nth: int = 0


class TaskResult(NamedTuple):
    """The final result of a task on a host, as far as runs are compared by it.

    :param failed: also where that was ignored or rescued.
    """

    host: str
    task: str
    counter: int
    event: str
    failed: bool
    changed: bool
    duration: float | None


class Run(NamedTuple):
    """What came of a job: its tasks by counter, and the results of its hosts.

    :param host: the only host that it is looked at for; None for all.
    """

    tasks: Sequence[JobTask]
    results: Sequence[TaskResult]
    host: str | None = None


class Difference(NamedTuple):
    """One task that differs.

    :param hosts: where it does, by name; empty where that is not a matter of hosts.
    :param then: seconds that it took before, the median of several runs; ``now`` those of the later run.
    """

    task: TaskKey
    path: str
    hosts: Sequence[str] = ()
    then: float | None = None
    now: float | None = None


class HostDifference(NamedTuple):
    """One host that fares otherwise: ``ok``, ``changed``, ``failed`` or ``absent``."""

    host: str
    then: str
    now: str


class Comparison(NamedTuple):
    """What is different in the later of two runs.

    :param failed: tasks with the hosts on which they failed now and not then; ``healed`` and ``changed`` likewise.
    :param slower: tasks that took longer than they used to, by how much.
    """

    new: list[Difference]
    gone: list[Difference]
    failed: list[Difference]
    healed: list[Difference]
    changed: list[Difference]
    slower: list[Difference]
    faster: list[Difference]
    hosts: list[HostDifference]


class _Seen(NamedTuple):
    """A run by task: where each is, and the hosts that had a result, failed and changed."""

    paths: dict[TaskKey, str]
    on: dict[TaskKey, set[str]]
    failed: dict[TaskKey, set[str]]
    changed: dict[TaskKey, set[str]]


def compare(then: Run, now: Run, earlier: Sequence[Mapping[TaskKey, float]] = ()) -> Comparison:
    """Return what is different.

    :param earlier: how long tasks took in some runs up to the earlier one, as :func:`durations_of` has it.
    """
    before, after = _seen(then), _seen(now)
    slower, faster = _timed(after, durations_of(now), earlier)
    return Comparison(
        new=[Difference(key, path, sorted(after.on[key])) for key, path in after.paths.items() if key not in before.on],
        gone=[Difference(key, path) for key, path in before.paths.items() if key not in after.on],
        failed=_more(after, after.failed, before.failed),
        healed=_healed(before, after),
        changed=_changed(before, after),
        slower=slower,
        faster=faster,
        hosts=_hosts(before, after),
    )


def durations_of(run: Run) -> dict[TaskKey, float]:
    """Return how many seconds each task took, on the slowest host that is looked at, where that is known."""
    if run.host is None:
        return {key: task.duration for key, task in _keyed(run.tasks) if task.duration is not None}
    return {key: result.duration for key, _, result in told(run) if result.duration is not None}


def told(run: Run) -> Iterator[tuple[TaskKey, JobTask, TaskResult]]:
    """Yield each result with its task."""
    named: dict[str, list[tuple[TaskKey, JobTask]]] = {}
    for key, task in _keyed(run.tasks):
        named.setdefault(task.name, []).append((key, task))
    for result in run.results:
        found = _task_of(result, named.get(result.task, []))
        if found is not None:
            yield *found, result


def _keyed(tasks: Iterable[JobTask]) -> list[tuple[TaskKey, JobTask]]:
    found = []
    counts: Counter[TaskKey] = Counter()
    for task in tasks:
        key = TaskKey(task.play, task.role, task.name, task.action)
        found.append((key._replace(nth=counts[key]), task))
        counts[key] += 1
    return found


def _seen(run: Run) -> _Seen:
    results = list(told(run))
    mine = {key for key, _, _ in results}
    keyed = [(key, task) for key, task in _keyed(run.tasks) if run.host is None or key in mine]
    seen = _Seen(
        paths={key: task.path for key, task in keyed},
        on={key: set() for key, _ in keyed},
        failed={key: set() for key, _ in keyed},
        changed={key: set() for key, _ in keyed},
    )
    for key, task, result in results:
        _add(seen, result, key, task)
    return seen


def _task_of(result: TaskResult, tasks: Sequence[tuple[TaskKey, JobTask]]) -> tuple[TaskKey, JobTask] | None:
    """Return the task that a result is of: of those with its name, the last one that it may belong to."""
    around = (found for found in reversed(tasks) if found[1].counter < result.counter <= found[1].last_counter)
    return next(around, None)


def _add(seen: _Seen, result: TaskResult, key: TaskKey, task: JobTask) -> None:
    if result.event != "runner_on_skipped":
        seen.on[key].add(result.host)
    # Where a task failed on nobody in the end, what failed was ignored or rescued.
    if result.failed and task.is_failed:
        seen.failed[key].add(result.host)
    elif result.changed:
        seen.changed[key].add(result.host)


def _more(seen: _Seen, now: Mapping[TaskKey, set[str]], then: Mapping[TaskKey, set[str]]) -> list[Difference]:
    """Return the tasks with the hosts that are there now and were not then."""
    more = ((key, hosts - then.get(key, set())) for key, hosts in now.items())
    return [Difference(key, seen.paths[key], sorted(hosts)) for key, hosts in more if hosts]


def _healed(before: _Seen, after: _Seen) -> list[Difference]:
    well = {key: after.on[key] - after.failed[key] for key in after.on}
    healed = {key: hosts & well.get(key, set()) for key, hosts in before.failed.items()}
    return [Difference(key, after.paths[key], sorted(hosts)) for key, hosts in healed.items() if hosts]


def _changed(before: _Seen, after: _Seen) -> list[Difference]:
    known = {key: hosts & before.on[key] for key, hosts in after.changed.items() if key in before.on}
    return _more(after, known, before.changed)


def _timed(
    seen: _Seen, now: Mapping[TaskKey, float], earlier: Sequence[Mapping[TaskKey, float]]
) -> tuple[list[Difference], list[Difference]]:
    differing = []
    for key, took in now.items():
        past = [run[key] for run in earlier if key in run]
        if past and abs(took - statistics.median(past)) > _tolerance(past):
            differing.append(Difference(key, seen.paths[key], (), statistics.median(past), took))
    differing.sort(key=lambda found: -abs(_growth(found)))
    slower = [found for found in differing if _growth(found) > 0]
    return slower, [found for found in differing if _growth(found) < 0]


def _tolerance(past: Sequence[float]) -> float:
    """Return by how many seconds a task may differ from its median and be as quick as ever."""
    middle = statistics.median(past)
    spread = _NORMAL * statistics.median(abs(took - middle) for took in past)
    return max(_LEAST, _SHARE * middle, _SPREADS * spread)


def _growth(found: Difference) -> float:
    return (found.now or 0.0) - (found.then or 0.0)


def _hosts(before: _Seen, after: _Seen) -> list[HostDifference]:
    then, now = _fared(before), _fared(after)
    pairs = ((host, then.get(host, "absent"), now.get(host, "absent")) for host in sorted(then.keys() | now.keys()))
    return [HostDifference(*pair) for pair in pairs if pair[1] != pair[2]]


def _fared(seen: _Seen) -> dict[str, str]:
    fared: dict[str, str] = {}
    for word, found in (("ok", seen.on), ("changed", seen.changed), ("failed", seen.failed)):
        fared.update((host, word) for hosts in found.values() for host in hosts)
    return fared
