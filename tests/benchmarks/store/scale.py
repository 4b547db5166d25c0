# SPDX-License-Identifier: Apache-2.0
"""How long the everyday work takes with ten jobs recorded, and with a million."""

from __future__ import annotations

import datetime
import itertools
import statistics
import time
import uuid
from typing import TYPE_CHECKING

from forge_events.events import EventFilter, ResultFilter
from forge_events.jobs import JobStatus, NewJob
from forge_events.store import Retention, open_store
from tests.benchmarks.store.population import HOST, NOW, add_job, populate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from forge_events.jobs import Job
    from forge_events.store import Store

ROUNDS = 9
PAGE = 100
ALL = EventFilter()
LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)

Figures = dict[str, float]
"""Milliseconds, the median of the rounds, by what was done."""


def measure(url: str, job_count: int) -> Figures:
    """Fill an empty database, and measure what is done all day."""
    populate(url, job_count)
    with open_store(url) as store:
        job = add_job(store, "measured", 10_000)
        for number in range(PAGE):
            add_job(store, f"of {HOST} {number}", PAGE)
        return {what: _median(times()) for what, times in _works(url, store, job).items()}


def _works(url: str, store: Store, job: Job) -> dict[str, Callable[[], Iterator[float]]]:
    week = ResultFilter(host=HOST, since=NOW - datetime.timedelta(days=7))
    return {
        "start a job": lambda: _starts(store),
        "first read on a fresh connection": lambda: _times(lambda: _first_read(url, job)),
        "page of 100 events": lambda: _times(lambda: list(store.events(job.id, ALL, after=5000, limit=PAGE))),
        "failed events of a job": lambda: _times(lambda: list(store.events(job.id, EventFilter(is_failed=True)))),
        "a host's 100 results of 7 days": lambda: _times(lambda: store.host_results(week, limit=PAGE)),
        "drop one job": lambda: _drops(store),
    }


def _times(work: Callable[[], object]) -> Iterator[float]:
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        yield time.perf_counter() - began


def _first_read(url: str, job: Job) -> None:
    with open_store(url) as fresh:
        assert len(list(fresh.events(job.id, ALL, limit=PAGE))) == PAGE


def _starts(store: Store) -> Iterator[float]:
    """Start jobs that were added before: the partition is made, and the step written down durably."""
    for _ in range(ROUNDS):
        job = store.add_job(NewJob(uuid=str(uuid.uuid4()), name="started", created=NOW))
        began = time.perf_counter()
        store.transition(job, JobStatus.RUNNING, at=NOW, by="benchmark")
        yield time.perf_counter() - began


def _drops(store: Store) -> Iterator[float]:
    """Drop jobs that ended long ago, one at a time."""
    for number in itertools.islice(itertools.count(), ROUNDS):
        add_job(store, f"victim {number}", PAGE, ended=LONG_AGO)
        began = time.perf_counter()
        (dropped,) = store.drop_jobs(Retention(LONG_AGO + datetime.timedelta(days=1)))
        yield time.perf_counter() - began
        assert dropped.event_count == PAGE


def _median(times: Iterator[float]) -> float:
    return statistics.median(times) * 1000
