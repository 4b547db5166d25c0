# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL with many jobs: ended blocks merged, as after the background merge, and the youngest with its leaves."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import psycopg

from forge_events.events import JobEvent
from forge_events.jobs import JobStatus, NewJob
from forge_events.store import open_store, partitions

if TYPE_CHECKING:
    from forge_events.jobs import Job
    from forge_events.store import Store

EVENTS_OF_A_JOB = 4
HALF = partitions.BLOCK // 2
HOST = "db3"
PLACE_OF_HOST = 50
NOW = datetime.datetime.now(datetime.UTC)

# A job a minute, back from now; each with a play, a task and two results of hosts, about 400 bytes an event.
_JOBS = """
    INSERT INTO main_job (id, uuid, name, status, launch_type, command, created, started, finished, elapsed, rc,
        event_count, event_size)
    SELECT id, 'job-' || id, 'site.yml', 'successful', 'recorded', '[]', at, at, at, 0, 0, 4, 1600
    FROM (SELECT id, now() - (%(last)s - id + 1) * interval '1 minute' AS at
        FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS id) AS job
"""
_EVENTS = """
    INSERT INTO {table} (job_id, counter, uuid, parent_uuid, event, created, start_line, end_line, verbosity, failed,
        changed, host_name, role, task, play, playbook, stdout, event_data)
    SELECT id, n, id || '-' || n, CASE WHEN n > 1 THEN id || '-' || least(n - 1, 2) END,
        (ARRAY['playbook_on_start', 'playbook_on_play_start', 'runner_on_ok', 'runner_on_failed'])[n],
        now() - (%(last)s - id + 1) * interval '1 minute', n, n + 1, 0, n = 4, n = 3,
        CASE WHEN n > 2 THEN 'host' || (id * 2 + n) %% 997 ELSE '' END, '', 'install', 'web', 'site.yml',
        'ok: ' || md5(id::text || n), jsonb_build_object('res', repeat(md5(id::text), 8))
    FROM generate_series(%(low)s::bigint, %(high)s::bigint) AS id, generate_series(1, 4) AS n
"""
_RESULTS = """
    INSERT INTO main_jobhostresult
    SELECT host_name, created, job_id, counter, event, task, failed, changed FROM {table} WHERE host_name <> ''
"""


def populate(url: str, job_count: int) -> None:
    """Add jobs to an empty database so that the youngest block is half full; then one real one with its own leaf."""
    last = max(job_count, HALF) // partitions.BLOCK * partitions.BLOCK + min(job_count, HALF)
    first = last - job_count + 1
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
        connection.execute(_JOBS, {"first": first, "last": last})
        connection.execute("SELECT setval('main_job_id_seq', %s)", [last])
        for block in range(partitions.block_of(first), partitions.block_of(last)):
            low, after = partitions.bounds(block)
            _merged(connection, block, max(first, low), after - 1, last)
    _leaves(url, max(first, partitions.bounds(partitions.block_of(last))[0]), last)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE main_job")
        connection.execute("ANALYZE main_jobhostresult")


def _merged(connection: psycopg.Connection, block: int, low: int, high: int, last: int) -> None:
    name, (first, after) = partitions.block_name(block), partitions.bounds(block)
    for statement in (
        f"CREATE TABLE {name} (LIKE main_jobevent INCLUDING ALL, CHECK (job_id >= {first} AND job_id < {after}))",
        f"ALTER TABLE main_jobevent ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({after})",
    ):
        connection.execute(statement.encode())
    connection.execute(_EVENTS.format(table=name).encode(), {"low": low, "high": high, "last": last})
    connection.execute(_RESULTS.format(table=name).encode())


def _leaves(url: str, low: int, high: int) -> None:
    with open_store(url) as store, psycopg.connect(url, autocommit=True) as connection:
        for job_id in range(low, high + 1):
            store._database.prepare(job_id)
            values = {"low": job_id, "high": job_id, "last": high}
            connection.execute(_EVENTS.format(table=partitions.leaf_name(job_id)).encode(), values)
            connection.execute(_RESULTS.format(table=partitions.leaf_name(job_id)).encode())


def add_job(store: Store, name: str, event_count: int, *, ended: datetime.datetime = NOW) -> Job:
    """Add a job with a leaf of its own: results of a thousand hosts, each hundredth of them failed."""
    job = store.add_job(NewJob(uuid=f"{name}-{event_count}", name=name, created=ended))
    job = store.transition(job, JobStatus.RUNNING, at=ended, by="benchmark")
    for first in range(1, event_count + 1, 10_000):
        batch = [_event(job, counter) for counter in range(first, min(first + 10_000, event_count + 1))]
        store.append(job, batch, source=job.uuid, expected=first - 1, position=batch[-1].counter)
    return store.transition(job, JobStatus.SUCCESSFUL, at=ended, by="benchmark")


def _event(job: Job, counter: int) -> JobEvent:
    kind = "playbook_on_start" if counter == 1 else "runner_on_failed" if counter % 100 == 0 else "runner_on_ok"
    host = HOST if counter == PLACE_OF_HOST else f"host{counter % 997}"
    line = {
        "uuid": f"{job.id}-{counter}",
        "parent_uuid": None if counter == 1 else f"{job.id}-1",
        "counter": counter,
        "event": kind,
        "created": NOW.isoformat(),
        "stdout": f"{kind}: [{host}] => {{'n': {counter}}}\n",
        "start_line": counter - 1,
        "end_line": counter,
        "event_data": {"task": "install", "play": "web", "host": host, "res": {"n": counter}} if counter > 1 else {},
    }
    return JobEvent.from_spool(line, job.id)
