# SPDX-License-Identifier: Apache-2.0
"""How long readers and writers wait while thousands of old jobs are dropped."""

from __future__ import annotations

import datetime
import threading
import time
import uuid
from typing import TYPE_CHECKING, NamedTuple

from forge_events.events import EventFilter
from forge_events.store import Retention, open_store
from tests.benchmarks.store.population import NOW, add_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from forge_events.store import Store

PAGE = 100


class Found(NamedTuple):
    """Seconds of the longest statement of readers and writers, without the cleanup and with it, and what failed."""

    calm: float
    busy: float
    took: float
    dropped_count: int
    work_count: int
    errors: list[str]


def measure(url: str, *, seconds_of_calm: float = 10) -> Found:
    """Let two readers and two writers work, alone for a while and then beside a cleanup of all that has ended."""
    crowd = _Crowd(url)
    with open_store(url) as store:
        kept = add_job(store, "kept", 10_000, ended=NOW + datetime.timedelta(days=1))
        crowd.start(kept.id)
        time.sleep(seconds_of_calm)
        calm = crowd.longest()
        began = time.perf_counter()
        dropped_count = sum(1 for _ in store.drop_jobs(Retention(NOW)))
        took = time.perf_counter() - began
        busy = crowd.longest()
        crowd.stop()
    return Found(calm, busy, took, dropped_count, crowd.count, crowd.errors)


class _Crowd:
    """Threads that read and write, each with a store of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._is_over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._longest = 0.0
        self.count = 0
        self.errors: list[str] = []

    def start(self, job_id: int) -> None:
        works = [lambda store: _read(store, job_id), _list, _write, _write]
        self._threads = [threading.Thread(target=self._run, args=(work,)) for work in works]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def longest(self) -> float:
        """Return the longest work since the last call, in seconds."""
        found, self._longest = self._longest, 0.0
        return found

    def _run(self, work: Callable[[Store], None]) -> None:
        try:
            with open_store(self._url) as store:
                while not self._is_over.is_set():
                    began = time.perf_counter()
                    work(store)
                    self._longest = max(self._longest, time.perf_counter() - began)
                    self.count += 1
        except Exception as error:  # noqa: BLE001 - told of in the end
            self.errors.append(f"{type(error).__name__}: {error}")


def _read(store: Store, job_id: int) -> None:
    list(store.events(job_id, EventFilter(), after=5000, limit=PAGE))


def _list(store: Store) -> None:
    store.jobs(limit=50)


def _write(store: Store) -> None:
    """Record a small job, which begins and ends."""
    add_job(store, str(uuid.uuid4()), PAGE, ended=NOW + datetime.timedelta(days=1))
