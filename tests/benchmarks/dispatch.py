# SPDX-License-Identifier: Apache-2.0
"""Measure the dispatcher: from launch to running, from a hook to the store, idle, and among many pending jobs.

``python -m tests.benchmarks.dispatch``
"""

from __future__ import annotations

import argparse
import datetime
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING

import psutil
import sqlalchemy

from forge_events.dispatcher.dispatcher import Dispatcher
from forge_events.events import EventFilter
from forge_events.jobs import JobStatus
from forge_events.nodes import Machine
from forge_events.store import open_store, upgrade
from forge_events.store.records import Process
from forge_events.store.schema import jobs
from tests import postgresql
from tests.dispatcher.engine import Engine, engine, lateness, until

if TYPE_CHECKING:
    from forge_events.store import Store

_TASK = 0.3
"""Seconds that each task takes of a job whose events are waited for."""

# ansible-runner by itself: from the start of its process to the first event that it tells of.
BARE = """
import sys, time, ansible_runner
seen = []
def hear(event):
    if event.get("event") == "playbook_on_start" and not seen:
        seen.append(time.time()); print(seen[0], flush=True)
    return False
ansible_runner.run(private_data_dir=sys.argv[1], project_dir=sys.argv[2], playbook="trivial.yml", quiet=True,
    inventory=["localhost,"], event_handler=hear, suppress_env_files=True,
    extravars={"ansible_connection": "local", "marks": sys.argv[3], "mark": "bare"})
"""


def now() -> datetime.datetime:
    """Return the time."""
    return datetime.datetime.now(datetime.UTC)


def bare_start(made: Engine, folder: pathlib.Path) -> float:
    """Return how many seconds ansible-runner by itself takes to its first event."""
    folder.mkdir()
    beside = {"PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
    began = time.time()
    arguments = [sys.executable, "-c", BARE, str(folder), str(made.project), str(made.marks)]
    done = subprocess.run(arguments, check=True, capture_output=True, text=True, env={**made.environment(), **beside})
    return float(done.stdout.split()[0]) - began


def launched(made: Engine, store: Store) -> tuple[float, float]:
    """Return how many seconds a launched job takes to be running, and to its first event."""
    began = now()
    job = made.launch(store, "trivial.yml")
    until(lambda: store.job(str(job.id)).status.is_final)
    running = next(step.at for step in store.transitions(job.id) if step.new is JobStatus.RUNNING)
    first = next(iter(store.events(job.id, EventFilter(event="playbook_on_start"))))
    return (running - began).total_seconds(), (first.created - began).total_seconds()


def starts(made: Engine, store: Store, rounds: int) -> None:
    """Measure both ways to start, one after the other."""
    bare, to_running, to_event = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            bare.append(bare_start(made, pathlib.Path(folder) / str(number)))
            running, event = launched(made, store)
            to_running.append(running)
            to_event.append(event)
    alone, whole = statistics.median(bare), statistics.median(to_event)
    beyond = statistics.median(event - own for event, own in zip(to_event, bare, strict=True))
    print(f"  launch to running                     {statistics.median(to_running) * 1000:7.0f} ms")
    print(f"  launch to the playbook's first event  {whole * 1000:7.0f} ms")
    print(f"  ansible-runner by itself to the same  {alone * 1000:7.0f} ms")
    print(f"  beyond ansible-runner's own start     {beyond * 1000:7.0f} ms (bound 150), ratio {whole / alone:.2f}")


def recorded(made: Engine, store: Store) -> int:
    """Start to record the playbook that launched jobs are compared by, and return its job's id."""
    variables = [f"-eseconds={_TASK}", "-eansible_connection=local", "-ilocalhost,"]
    command = ["record", "--", "ansible-playbook", *variables, str(made.project / "slow.yml")]
    beside = {"PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
    known = {job.id for job in store.jobs()}
    subprocess.Popen(
        [sys.executable, "-P", "-m", "forge_events", *command],
        env={**made.environment(), **beside},
        stdout=subprocess.DEVNULL,
    )
    until(lambda: {job.id for job in store.jobs()} - known)
    return max(job.id for job in store.jobs())


def seen(made: Engine, store: Store) -> None:
    """Measure how long events take from the hook until others see them."""
    job = made.launch(store, "slow.yml", seconds=_TASK)
    until(lambda: store.job(str(job.id)).status is JobStatus.RUNNING)
    own = lateness(store, job.id)
    with made.receiver():
        received = lateness(store, recorded(made, store))
    one, other = statistics.median(own), statistics.median(received)
    most = f"{len(own)} events, at most {max(own) * 1000:.0f} ms"
    print(f"  hook to store, by the dispatcher      {one * 1000:7.0f} ms (bound 300), {most}")
    print(f"  hook to store, by a receiver          {other * 1000:7.0f} ms, ratio {one / other:.2f}")


def idle(made: Engine, seconds: float) -> None:
    """Measure what an idle dispatcher takes of a core."""
    process = psutil.Process(made.dispatchers["a"].pid)
    before = process.cpu_times()
    time.sleep(seconds)
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    print(f"  idle for {seconds:.0f} s: {100 * used / seconds:.2f} % of a core (bound 0.5)")


def fill(url: str, count: int, at: datetime.datetime) -> None:
    """Queue so many jobs that no dispatcher sees, all at once."""
    engine_of = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    job = {"name": "site.yml", "launch_type": "manual", "impact": 2, "created": at, "status": "pending", "command": []}
    what = {"playbook": "site.yml", "project": "/srv"}
    with engine_of.begin() as connection:
        rows = [{**job, "uuid": str(uuid.uuid4()), "launch": what} for _ in range(count)]
        connection.execute(sqlalchemy.insert(jobs), rows)
    engine_of.dispose()


def decide(url: str, count: int, rounds: int) -> tuple[float, float]:
    """Return the median seconds of a decision that gives one job a node, and of one that finds no room."""
    placing, holding = [], []
    with open_store(url) as store:
        fill(url, count - sum(store.queue.counts().values()), now())
        process = Process(0, "a", "bench", 1, now(), now())
        store.nodes.sign_on(process, Machine(cpu=0.5, memory=2**40), "bench", lost_after=1)
        dispatcher = Dispatcher(store, lost_after=3600)
        for _ in range(rounds):
            began = time.perf_counter()
            decided = dispatcher.run_once(now())
            placing.append(time.perf_counter() - began)
            began = time.perf_counter()
            dispatcher.run_once(now())
            holding.append(time.perf_counter() - began)
            for job in decided.assigned:
                store.transition(store.job(str(job.id)), JobStatus.ERROR, at=now(), by="bench")
    return statistics.median(placing), statistics.median(holding)


def decisions(url: str, many: int) -> None:
    """Measure decisions among few and among many pending jobs."""
    few = decide(url, 100, 15)
    lots = decide(url, many, 15)
    for name, one, other in zip(("gives a job a node", "finds no room"), few, lots, strict=True):
        ratio = other / one
        figures = f"100 pending {one * 1000:6.1f} ms, {many} {other * 1000:6.1f} ms"
        print(f"  a decision that {name:<20} {figures}, {ratio:.2f} x (bound 2)")


def main() -> None:
    """Run it as a command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--idle", type=float, default=60)
    parser.add_argument("--pending", type=int, default=100_000)
    parser.add_argument("--only-decisions", action="store_true", help="leave out what needs a quiet machine")
    asked = parser.parse_args()
    for backend in ("sqlite", "postgresql"):
        with ExitStack() as stack:
            folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="forge-events-")))
            urls = [f"sqlite:///{folder}/{name}.db" for name in ("engine", "decisions")]
            if backend == "postgresql":
                server = stack.enter_context(postgresql.server())
                server.start()
                server.execute("CREATE DATABASE engine")
                server.execute("CREATE DATABASE decisions")
                urls = [server.url("engine"), server.url("decisions")]
            for url in urls:
                upgrade(url)
            print(f"{backend}, medians of {asked.rounds} rounds")
            if asked.only_decisions:
                decisions(urls[1], asked.pending)
                continue
            made = stack.enter_context(engine(folder / "home", urls[0]))
            made.start()
            store = stack.enter_context(open_store(urls[0]))
            until(store.nodes.dispatchers)
            starts(made, store, asked.rounds)
            seen(made, store)
            idle(made, asked.idle)
            made.kill()
            decisions(urls[1], asked.pending)


if __name__ == "__main__":
    main()
