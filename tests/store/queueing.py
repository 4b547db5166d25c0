# SPDX-License-Identifier: Apache-2.0
"""Launch jobs and take them through their lives, as dispatchers and executors do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forge_events.launches import Launch
from forge_events.nodes import Machine
from forge_events.store.records import Process
from tests.store.making import NOW, new_job

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence

    from forge_events.jobs import Job
    from forge_events.store import Store

GB = 2**30
LOST_AFTER = 30.0


def launched(
    store: Store, *, queue: int = 0, after: Sequence[int] = (), node: str | None = None, impact: int = 5, **facts: Any
) -> Job:
    """Add a pending job."""
    at = facts.pop("at", NOW)
    launch = facts.pop("launch", None) or Launch.of(playbook="site.yml", node=node)
    template = {"job_template_id": queue} if queue else {}
    job = new_job(facts.pop("uuid", None), launch_type="manual", impact=impact, **template, **facts)
    return store.queue.add(job, launch, queue=queue, after=after, at=at, by="me")


def manned(store: Store, node: str = "a", *, cores: float = 4, at: datetime.datetime = NOW, **facts: Any) -> Process:
    """Have a process work on a node; with 4 cores the node takes 16 forks."""
    known = {"machine": f"machine of {node}", "pid": 4711, "process_started": NOW, **facts}
    process = Process(id=0, node=node, last_seen=at, **known)
    return store.nodes.sign_on(process, Machine(cpu=cores, memory=8 * GB), "1.2", lost_after=LOST_AFTER)


def seen(store: Store, process: Process, at: datetime.datetime, *, cores: float = 4) -> None:
    """Have a process say that it is there."""
    assert store.nodes.beat(process, Machine(cpu=cores, memory=8 * GB), at)


def assigned(
    store: Store, job: Job, node: str = "a", at: datetime.datetime = NOW, reason: str = "there was room"
) -> Job:
    """Give a job a node."""
    with store.queue.choosing() as choice:
        return choice.assign(job, node, at, "dispatcher", reason)


def held(store: Store, job: Job, reason: str, at: datetime.datetime = NOW) -> Job:
    """Take a job on without a node."""
    with store.queue.choosing() as choice:
        return choice.hold(job, at, "dispatcher", reason)


def given_back(store: Store, job: Job, reason: str = "the node was lost", at: datetime.datetime = NOW) -> Job:
    """Make a waiting job pending again."""
    with store.queue.choosing() as choice:
        return choice.give_back(job, at, "reaper", reason)


def taken(store: Store, job: Job, process: int = 7, node: str = "a") -> Job:
    """Have a process take a job in hand that waits on a node."""
    (found,) = store.queue.take(node, process, limit=10, only=job.id)
    return found


def begun(store: Store, job: Job, at: datetime.datetime = NOW, pid: int = 4242) -> Job:
    """Begin a job that a process has in hand."""
    return store.queue.begin(job, pid, NOW, at, "executor")


def running(store: Store, node: str = "a", process: int = 7, **facts: Any) -> Job:
    """Launch a job and take it as far as it runs."""
    return begun(store, taken(store, assigned(store, launched(store, **facts), node), process, node))


def path(store: Store, job: Job) -> list[str]:
    """Return the statuses that a job has had, one after the other."""
    steps = store.transitions(job.id)
    return [steps[0].old.value, *(step.new.value for step in steps)]


def fresh(store: Store, job: Job) -> Job:
    """Return what is known of a job now."""
    return store.job(str(job.id))
