# SPDX-License-Identifier: Apache-2.0
"""One process of many that work on one store: ``python -m tests.store.working VERB URL ...``."""

from __future__ import annotations

import datetime
import json
import random
import sys

from forge_events.dispatcher.dispatcher import Dispatcher
from forge_events.errors import NameTaken
from forge_events.jobs import JobStatus
from forge_events.launches import Launch
from forge_events.store import open_store
from forge_events.templates import JobTemplate
from tests.store.acting import VERBS, Actor, Call
from tests.store.making import ALL, NOW, append, make_event, new_job
from tests.store.queueing import LOST_AFTER, begun

BATCHES, BATCH = 30, 50
CALLS = 150


def write(url: str, job_uuid: str) -> None:
    """Append many batches to a job of one's own."""
    with open_store(url) as store:
        job = store.add_job(new_job(job_uuid))
        for first in range(1, BATCHES * BATCH, BATCH):
            events = [make_event(job, counter, stdout=f"{counter}\n") for counter in range(first, first + BATCH)]
            if not append(store, job, events):
                raise SystemExit("somebody else wrote to my job")


def compete(url: str, job_uuid: str) -> None:
    """Append what all others append too, from the same source; print how many batches were ours."""
    won = 0
    with open_store(url) as store:
        job = store.add_job(new_job(job_uuid))
        while (at := store.position("shared")) < BATCHES * BATCH:
            events = [
                make_event(job, at + offset, "runner_on_ok", event_data={"host": "h"}) for offset in range(1, BATCH + 1)
            ]
            won += store.append(job, events, source="shared", expected=at, position=at + BATCH)
    sys.stdout.write(f"{won}\n")


def read(url: str, wanted: str) -> None:
    """Read everything again and again until so many events are there; what is seen never shrinks."""
    seen = -1
    with open_store(url) as store:
        while seen < int(wanted):
            before, seen = seen, 0
            for job in store.jobs():
                counters = [event.counter for event in store.events(job.id, ALL)]
                seen += len(counters)
                if counters != list(range(1, len(counters) + 1)) or len(counters) % BATCH:
                    raise SystemExit("a part of a transaction was seen")
            if seen < before:
                raise SystemExit("events have vanished")


def come_first(url: str, _: str) -> None:
    """Open a store that may not be there yet, and use it."""
    with open_store(url) as store:
        store.add_job(new_job())


def take(url: str, limit: str) -> None:
    """Take all notifications, some at a time, and say that they were sent; print which ones they were."""
    taken = []
    with open_store(url) as store:
        while found := store.outbox.take(now := datetime.datetime.now(datetime.UTC), limit=int(limit)):
            for due in found:
                store.outbox.sent(due, now)
                taken.append([due.job_id, due.url])
    sys.stdout.write(f"{json.dumps(taken)}\n")


def add_template(url: str, name: str) -> None:
    """Add templates that another process adds too; print of each whether it was ours."""
    with open_store(url) as store:
        for number in range(20):
            launch = Launch.of(playbook="site.yml")
            template = JobTemplate(name=f"{name} {number}", launch=launch, created=NOW, modified=NOW)
            try:
                store.templates.add(template)
            except NameTaken:
                sys.stdout.write("NameTaken\n")
            else:
                sys.stdout.write("added\n")


def live(url: str, seed: str) -> None:
    """Do anything to the jobs that are there, and launch some."""
    chance = random.Random(int(seed))  # noqa: S311 - the same at each run
    with open_store(url) as store:
        actor = Actor(store, int(seed) + 1)
        for number in range(CALLS):
            call = Call(
                verb=chance.choice(VERBS),
                number=chance.randrange(10),
                status=chance.choice(list(JobStatus)),
                seconds=number + chance.uniform(-5, 5),
                looks=chance.random() < 0.8,
            )
            actor.do(call, [job.id for job in store.jobs(limit=10)])


def dispatch(url: str, node: str) -> None:
    """Decide, take, begin and end until every job has ended; print which ones were ours."""
    taken = []
    with open_store(url) as store:
        while any(store.queue.counts().values()):
            Dispatcher(store, lost_after=LOST_AFTER).run_once(NOW)
            for job in store.queue.take(node, 1, limit=2):
                running = begun(store, job)
                store.transition(running, JobStatus.SUCCESSFUL, at=NOW, by="test")
                taken.append(job.id)
    sys.stdout.write(f"{json.dumps(taken)}\n")


if __name__ == "__main__":
    verbs = {
        "write": write,
        "compete": compete,
        "read": read,
        "come_first": come_first,
        "add_template": add_template,
        "take": take,
        "live": live,
        "dispatch": dispatch,
    }
    verbs[sys.argv[1]](*sys.argv[2:])
