# SPDX-License-Identifier: Apache-2.0
"""Why jobs stay pending or waiting: nobody decides, or there is no room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_events.doctor.check import fail, fine, warn
from forge_events.durations import lasted
from forge_events.jobs import JobStatus
from forge_events.situation import situation_of
from forge_events.store.records import Role

if TYPE_CHECKING:
    from forge_events.doctor.check import Finding, Subject
    from forge_events.nodes import Node

__all__ = ["capacity", "dispatcher", "nodes", "pending"]

_START = "`forge-events dispatcher`; under supervisord `supervisorctl start dispatcher`"
_STUCK = 60.0
"""Seconds after which a job that may run should have been looked at."""


def dispatcher(subject: Subject) -> Finding:
    """Look whether somebody decides which job runs where."""
    deciding = _deciding(subject)
    if deciding:
        ages = [subject.since(node.last_seen) for node in deciding if node.last_seen is not None]
        return fine(f"{_names(deciding)}, seen {lasted(min(ages))} ago")
    waiting = subject.store.queue.counts()[JobStatus.PENDING]
    if waiting:
        return fail(f"no dispatcher runs: {_jobs(waiting)} pending{_oldest(subject)}", _START)
    silent = [one for one in subject.working(Role.DISPATCHER) if one.only_job_id is None]
    if silent:
        last = max(silent, key=lambda one: one.last_seen)
        age = lasted(subject.since(last.last_seen))
        return fail(f"no dispatcher runs: process {last.pid} on node {last.node} was last seen {age} ago", _START)
    return fine("none runs, and no job waits for one")


def pending(subject: Subject) -> Finding:
    """Look whether jobs that may run are taken on."""
    oldest = subject.store.queue.oldest_pending()
    if oldest is None:
        return fine("no job is pending that may run")
    age = subject.since(oldest.created)
    if age < _STUCK or not _deciding(subject):
        return fine(f"{_jobs(subject.store.queue.counts()[JobStatus.PENDING])} pending, the oldest for {lasted(age)}")
    found = subject.found
    why = situation_of(subject.store, oldest, subject.now, lost_after=found.node_lost_after, lease=found.job_lease)
    words = f"job {oldest.id} has been pending for {lasted(age)}: {why}"
    if "about to take it" in why:
        return fail(f"{words}, and does not", "look at the dispatcher's log; `supervisorctl restart dispatcher`")
    return warn(words)


def capacity(subject: Subject) -> Finding:
    """Look whether there is room for the jobs that were taken on."""
    held = [job for job in subject.store.queue.active() if job.execution_node is None]
    running = [node for node in subject.store.nodes.all() if node.node_type.runs_jobs]
    if not held:
        words = ", ".join(f"{node.hostname} {max(0, node.remaining)} of {node.capacity}" for node in running)
        return fine(f"forks left: {words}" if words else "no job waits for capacity")
    words = f"{_jobs(len(held))} waiting for capacity, the oldest is job {held[0].id}: {held[0].job_explanation}"
    off = [node for node in running if not node.enabled]
    if len(off) == len(running):
        enable = " ".join(f"`forge-events node enable {node.hostname}`" for node in off)
        return fail(words, enable or "`forge-events node set NAME --type hybrid`")
    return warn(words, "wait, cancel a job, or add a node")


def nodes(subject: Subject) -> Finding:
    """Look whether the nodes that run jobs are there."""
    stale = {one.node for one in subject.working(Role.DISPATCHER) if one.only_job_id is None}
    has_deciding = bool(_deciding(subject))
    missed = [
        node
        for node in subject.store.nodes.all()
        if node.enabled
        and node.node_type.runs_jobs
        and (has_deciding or not node.node_type.dispatches)  # the dispatcher's check tells of the others
        and (node.hostname in stale or node.job_count)
        and not _is_there(node, subject)
    ]
    if not missed:
        return fine("all that have jobs or a process are seen")
    after = subject.found.node_lost_after
    words = "; ".join(f"node {node.hostname}: {node.explanation(subject.now, after)}" for node in missed)
    return fail(words, f"on that machine: {_START}")


def _deciding(subject: Subject) -> list[Node]:
    return [node for node in subject.store.nodes.all() if node.node_type.dispatches and _is_there(node, subject)]


def _is_there(node: Node, subject: Subject) -> bool:
    return node.is_manned and not node.is_lost(subject.now, subject.found.node_lost_after)


def _oldest(subject: Subject) -> str:
    oldest = subject.store.queue.oldest_pending()
    return f", the oldest for {lasted(subject.since(oldest.created))}" if oldest is not None else ""


def _names(found: list[Node]) -> str:
    return f"node{'s' if len(found) > 1 else ''} {', '.join(node.hostname for node in found)}"


def _jobs(count: int) -> str:
    return f"{count} job{'' if count == 1 else 's'}"
