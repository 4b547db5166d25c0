# SPDX-License-Identifier: Apache-2.0
"""Kill dispatchers, runners and PostgreSQL at random under load, and check afterwards that nothing was lost or doubled.

``python -m tests.dispatcher.campaign --minutes 30 --backend postgresql --seed 1``
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import pathlib
import random
import signal
import tempfile
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from forge_events.errors import ForgeEventsError
from forge_events.jobs import JobStatus
from forge_events.store import open_store, upgrade
from tests import postgresql
from tests.dispatcher import checks
from tests.dispatcher.engine import Engine, engine, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from forge_events.jobs import Job

# Quick enough for a campaign; the ratios are those of the defaults.
SETTINGS = {"HEARTBEAT": "1", "NODE_LOST_AFTER": "4", "JOB_LEASE": "600"}
MOST_PENDING = 12
DRAIN = 600.0


class Campaign:
    """One campaign against one engine.

    :param server: PostgreSQL, if the engine's database is there.
    """

    def __init__(self, made: Engine, server: postgresql.Server | None, seed: int) -> None:
        self.made, self.server = made, server
        self.random = random.Random(seed)  # noqa: S311 - to be repeated
        self.nodes = ("a", "b", "c") if server is not None else ("a",)
        self.down: dict[str, float] = {}
        self.killed_runners: set[str] = set()
        self.canceled: set[int] = set()
        self.counts: collections.Counter[str] = collections.Counter()
        self.launched = 0

    def run(self, seconds: float) -> None:
        """Do harm for so long, then wait for calm and check."""
        end = time.monotonic() + seconds
        for node in self.nodes:
            self.made.start(node)
        harms = self._harms()
        while time.monotonic() < end:
            self._attempt(self._launch)
            self._raise_the_dead()
            if self.random.random() < 0.25:
                self._attempt(self.random.choice(harms))
            time.sleep(self.random.uniform(0.05, 0.5))
        self._calm()
        self._check()

    def _harms(self) -> list[Callable[[], None]]:
        harms = [self._kill_dispatcher, self._kill_dispatcher, self._kill_runner, self._kill_playbook, self._cancel]
        return [*harms, self._kill_server] if self.server is not None else harms

    def _attempt(self, work: Callable[[], None]) -> None:
        """Do something that may not be possible just now."""
        with contextlib.suppress(ForgeEventsError):
            work()

    def _launch(self) -> None:
        with open_store(self.made.url) as store:
            if sum(store.queue.counts().values()) < MOST_PENDING:
                seconds = self.random.choice([0, 0, 0.5, 3])
                # A name of its own for each attempt: whether one that failed was stored is not known.
                self.launched += 1
                self.made.launch(store, seconds=seconds, name=f"job-{self.launched}")

    def _raise_the_dead(self) -> None:
        for node, at in list(self.down.items()):
            if time.monotonic() >= at:
                del self.down[node]
                self.made.start(node)

    def _kill_dispatcher(self) -> None:
        alive = [node for node in self.nodes if node not in self.down]
        if alive:
            node = self.random.choice(alive)
            self.made.kill(node)
            # Sometimes longer than a node may be away.
            self.down[node] = time.monotonic() + self.random.choice([0, 0.5, 2, 8])
            self.counts["dispatchers killed"] += 1

    def _active(self) -> Job | None:
        with open_store(self.made.url) as store:
            running = [job for job in store.queue.active() if job.runner_pid is not None]
        return self.random.choice(running) if running else None

    def _kill_runner(self) -> None:
        job = self._active()
        if job is not None and job.runner_pid is not None:
            self.killed_runners.add(job.uuid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(job.runner_pid, signal.SIGKILL)
            self.counts["runners killed"] += 1

    def _kill_playbook(self) -> None:
        job = self._active()
        mine = [line for line in checks.survivors([job.uuid] if job else []) if "ansible-playbook" in line]
        if job is not None and mine:
            self.killed_runners.add(job.uuid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(self.random.choice(mine).split()[0]), signal.SIGKILL)
            self.counts["playbooks killed"] += 1

    def _cancel(self) -> None:
        with open_store(self.made.url) as store:
            jobs = [job for job in store.jobs(limit=MOST_PENDING) if not job.status.is_final]
            if jobs:
                job = self.random.choice(jobs)
                self.canceled.add(job.id)
                store.queue.request_cancel(job, checks.now(), "campaign")
                self.counts["asked to cancel"] += 1

    def _kill_server(self) -> None:
        if self.server is not None and self.random.random() < 0.3:
            self.server.kill()
            time.sleep(self.random.choice([0, 0.5, 2]))
            self.server.start()
            self.counts["servers killed"] += 1

    def _calm(self) -> None:
        for node in list(self.down):
            del self.down[node]
            self.made.start(node)
        with open_store(self.made.url) as store:
            until(lambda: not any(store.queue.counts().values()), DRAIN)

    def _check(self) -> None:
        with open_store(self.made.url) as store:
            jobs = checks.all_jobs(store)
            steps = checks.paths(store, jobs)
            capacity = {node.hostname: node.capacity for node in store.nodes.all()}
        checks.check_capacity(steps, jobs, capacity)
        checks.check_marks(self.made.marks, jobs)
        assert not checks.survivors(job.uuid for job in jobs)
        assert all(job.status.is_final for job in jobs)
        for job in jobs:
            self._check_end(job)
        self.counts.update(str(job.status) for job in jobs)
        self.counts["jobs"] = len(jobs)

    def _check_end(self, job: Job) -> None:
        """Check that an end has a cause, and that its explanation names it."""
        if job.status is JobStatus.CANCELED:
            assert job.id in self.canceled, job
            assert job.job_explanation.startswith("canceled by campaign"), job
        elif job.status is not JobStatus.SUCCESSFUL:
            assert job.uuid in self.killed_runners or "before it began" in job.job_explanation, job
            assert job.job_explanation, job


def campaign(made: Engine, server: postgresql.Server | None, *, seconds: float, seed: int) -> dict[str, int]:
    """Run a campaign, and return how often what was done."""
    found = Campaign(made, server, seed)
    found.run(seconds)
    return dict(found.counts)


def main() -> None:
    """Run it as a command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--backend", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep", type=pathlib.Path, help="a folder that stays, with all logs")
    asked = parser.parse_args()
    with ExitStack() as stack:
        home = asked.keep or pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="forge-events-")))
        url, server = f"sqlite:///{home}/home/events.db", None
        if asked.backend == "postgresql":
            server = stack.enter_context(postgresql.server())
            server.start()
            url = server.url()
            upgrade(url)
        made = stack.enter_context(engine(home / "home", url, **SETTINGS))
        found = campaign(made, server, seconds=asked.minutes * 60, seed=asked.seed)
        print({"backend": asked.backend, "seed": asked.seed, "minutes": asked.minutes, **found})  # noqa: T201


if __name__ == "__main__":
    main()
