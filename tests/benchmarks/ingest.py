# SPDX-License-Identifier: Apache-2.0
"""How fast an artifact of ansible-runner is ingested, beside reading and parsing the same files with nothing else.

``python -m tests.benchmarks.ingest [EVENTS]`` prints, for each of three rounds, both rates, their ratio, and the memory
that the process had at the most after each.
"""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import resource
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from forge_events.ingestion.sources import ingest
from forge_events.store import open_store
from tests.ingestion.runner.artifacts import Artifact

if TYPE_CHECKING:
    from collections.abc import Callable

WANTED = 10_000
"""Events a second on the embedded store."""

ROUNDS = 3
HOSTS = tuple(f"host{number:03}" for number in range(100))


def write(folder: pathlib.Path, count: int) -> pathlib.Path:
    """Write an artifact of at least so many events; return its folder."""
    artifact = Artifact(folder).root().play()
    number = 10
    while artifact.counter < count - 1:
        artifact.task(number, *HOSTS)
        number += 1
    return artifact.stats().end().folder


def read(folder: pathlib.Path) -> int:
    """Read and parse all event files, and do nothing with them; return how many there were."""
    count = 0
    with os.scandir(folder / "job_events") as entries:
        for entry in entries:
            with open(entry.path, "rb") as file:  # noqa: PTH123 - no slower way than need be
                json.loads(file.read())
            count += 1
    return count


def take(folder: pathlib.Path, database: pathlib.Path) -> int:
    """Ingest the artifact; return how many events that were."""
    with open_store(f"sqlite:///{database}") as store:
        (received,) = ingest(folder, store, datetime.datetime.now(datetime.UTC))
        return received.event_count


def rate(work: Callable[[], int]) -> float:
    """Return how many a second a work does."""
    start = time.perf_counter()
    count = work()
    return count / (time.perf_counter() - start)


def peak() -> float:
    """Return the most memory that this process had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)


def main(count: int) -> int:
    """Print the figures; 1 if no round was as fast as it should be."""
    with tempfile.TemporaryDirectory(prefix="forge-events-bench-") as name:
        folder = pathlib.Path(name)
        artifact = write(folder, count)
        best = 0.0
        print(f"{'events':>8} {'read/s':>8} {'ingest/s':>9} {'ratio':>6} {'MB before':>10} {'MB after':>9}")
        for number in range(ROUNDS):
            reading, before = rate(lambda: read(artifact)), peak()
            database = folder / f"{number}.db"
            taking = rate(lambda path=database: take(artifact, path))  # type: ignore[misc]
            best = max(best, taking)
            print(f"{count:8} {reading:8.0f} {taking:9.0f} {reading / taking:6.2f} {before:10.0f} {peak():9.0f}")
        print(f"wanted: {WANTED} events/s; the best round was {best:.0f}")
    return 0 if best >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
