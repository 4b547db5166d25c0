# SPDX-License-Identifier: Apache-2.0
"""What must hold of launched jobs, read from what was written down and from nobody's word."""

from __future__ import annotations

import datetime
import os
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import psutil

from forge_events.dispatcher.processes import MARKER
from forge_events.jobs import TRANSITIONS, JobStatus

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable, Mapping

    from forge_events.jobs import Job, Transition
    from forge_events.store import Store


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def all_jobs(store: Store) -> list[Job]:
    """Return all jobs that were launched, oldest first."""
    found: list[Job] = []
    before = None
    while page := store.jobs(before=before, limit=500):
        found += page
        before = page[-1].id
    return [job for job in reversed(found) if job.is_launched]


def paths(store: Store, jobs: Iterable[Job]) -> dict[int, list[Transition]]:
    """Return the steps of each job, and check that they are a path of the lifecycle to where the job is."""
    steps = {job.id: store.transitions(job.id) for job in jobs}
    for job in jobs:
        at = JobStatus.NEW
        for step in steps[job.id]:
            assert step.old is at, (job.id, step)
            assert step.new in TRANSITIONS[at], (job.id, step)
            at = step.new
        assert at is job.status, (job, steps[job.id])
    return steps


def check_capacity(steps: Mapping[int, list[Transition]], jobs: Iterable[Job], capacity: Mapping[str, int]) -> int:
    """Check that no node ever had more than it can take, by the times of the steps; return the most that one had.

    A job that is larger than every node may have an idle one for itself.
    """
    changes = []
    for job in jobs:
        node = job.execution_node
        for step in steps[job.id]:
            if node is not None and step.new is JobStatus.RUNNING:
                changes.append((step.at, 1, node, job.impact))
            if node is not None and step.old is JobStatus.RUNNING:
                changes.append((step.at, 0, node, -job.impact))
    used: Counter[str] = Counter()
    most = 0
    for _, _, node, impact in sorted(changes):
        is_alone = used[node] == 0
        used[node] += impact
        most = max(most, used[node])
        assert used[node] <= capacity[node] or is_alone, (node, used[node])
    return most


def check_order(steps: Mapping[int, list[Transition]]) -> None:
    """Check that jobs were given their nodes in the order of their ids, where none was given back."""
    taken = [next(step.at for step in steps[job] if step.new is JobStatus.WAITING) for job in sorted(steps)]
    assert taken == sorted(taken)


def check_marks(folder: pathlib.Path, jobs: Iterable[Job]) -> None:
    """Check by the marks that playbooks left that none was run twice, and that what is successful was run to its end.

    A playbook writes a line when it begins and a line when it ends into a file of its job's name.
    """
    marks = defaultdict(list, {path.name: path.read_text().split() for path in folder.iterdir()})
    for job in jobs:
        found = marks[job.name]
        assert found.count("begin") <= 1, (job, found)
        if job.status is JobStatus.SUCCESSFUL:
            assert found == ["begin", "end"], (job, found)


def survivors(uuids: Iterable[str]) -> list[str]:
    """Return the processes of jobs that are still there."""
    wanted, found = set(uuids), []
    for process in psutil.process_iter():
        try:
            is_one = process.environ().get(MARKER) in wanted
            if is_one and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                found.append(f"{process.pid} {process.cmdline()}")
        except psutil.Error:
            continue
    return found
