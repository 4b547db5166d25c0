# SPDX-License-Identifier: Apache-2.0
"""Queue many jobs of one trivial playbook at once, and check from what was written down how they were run.

``python -m tests.dispatcher.thousand --jobs 1000 --backend postgresql``
"""

from __future__ import annotations

import argparse
import pathlib
import tempfile
import time
from contextlib import ExitStack

from forge_events.jobs import JobStatus
from forge_events.store import open_store, upgrade
from tests import postgresql
from tests.dispatcher import checks
from tests.dispatcher.engine import Engine, engine, until

NODES = ("a", "b", "c")


def run(made: Engine, count: int, nodes: tuple[str, ...], *, seconds: float = 3600) -> dict[str, object]:
    """Queue so many jobs, start the dispatchers, wait, check, and return figures."""
    with open_store(made.url) as store:
        for number in range(count):
            made.launch(store, "trivial.yml", name=f"job-{number}")
        began = time.monotonic()
        for node in nodes:
            made.start(node)
        until(lambda: store.queue.counts() == dict.fromkeys(("pending", "waiting", "running"), 0), seconds)
        took = time.monotonic() - began
        jobs = checks.all_jobs(store)
        steps = checks.paths(store, jobs)
        capacity = {node.hostname: node.capacity for node in store.nodes.all()}
        checks.check_order(steps)
        checks.check_marks(made.marks, jobs)
        most = checks.check_capacity(steps, jobs, capacity)
    assert len(jobs) == count
    assert {job.status for job in jobs} == {JobStatus.SUCCESSFUL}
    assert len(list(made.marks.iterdir())) == count
    assert not checks.survivors(job.uuid for job in jobs)
    shares = {node: sum(job.execution_node == node for job in jobs) for node in nodes}
    return {"jobs": count, "seconds": round(took, 1), "capacity": capacity, "most": most, "shares": shares}


def main() -> None:
    """Run it as a command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--backend", choices=["sqlite", "postgresql"], default="sqlite")
    asked = parser.parse_args()
    with ExitStack() as stack:
        home = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="forge-events-")))
        url = f"sqlite:///{home}/home/events.db"
        if asked.backend == "postgresql":
            server = stack.enter_context(postgresql.server())
            server.start()
            url = server.url()
            upgrade(url)
        # One machine has three names here; together they take what it can.
        made = stack.enter_context(engine(home / "home", url))
        nodes = NODES if asked.backend == "postgresql" else NODES[:1]
        print(asked.backend, run(made, asked.jobs, nodes))  # noqa: T201 - what it is for


if __name__ == "__main__":
    main()
