# SPDX-License-Identifier: Apache-2.0
"""One job of a million events: how long a page takes, and how much memory the command line."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from forge_events.events import EventFilter
from forge_events.store import open_store
from tests.benchmarks.store.population import HOST, add_job

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 9
ALL = EventFilter()


def measure(url: str, event_count: int) -> dict[str, float]:
    """Return milliseconds by what was asked of the job, in the midst of it."""
    with open_store(url) as store:
        job, middle = add_job(store, "large", event_count), event_count // 2
        common, rare = EventFilter(host="host7"), EventFilter(host=HOST)
        works = {
            "page of 100": lambda: list(store.events(job.id, ALL, after=middle, limit=100)),
            "tail of 100": lambda: store.last_events(job.id, ALL, limit=100),
            "a common host's page": lambda: list(store.events(job.id, common, after=middle, limit=100)),
            "a host with one event": lambda: list(store.events(job.id, rare)),
            "range of 100 lines": lambda: list(store.stdout(job.id, start=middle, end=middle + 100)),
        }
        return {what: _median(work) for what, work in works.items()}


def memory(url: str, reference: str) -> float:
    """Return the peak memory, in MiB, of the command that writes all events of a job."""
    # The first line tells what the process was like at its largest; the events go nowhere.
    program = (
        "import contextlib, resource, sys\n"
        "from forge_events.cli.main import main\n"
        "with contextlib.suppress(SystemExit): main()\n"
        "sys.stderr.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "events", reference, "--jsonl"],
        env={**os.environ, "FORGE_EVENTS_DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
        text=True,
    )
    return int(done.stderr) / 1024


def _median(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        assert work()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000
