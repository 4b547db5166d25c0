# SPDX-License-Identifier: Apache-2.0
"""Whatever anybody does to launched jobs, in whatever order and at once: their lives are ways through the lifecycle."""

from __future__ import annotations

import collections
import json
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from forge_events.jobs import JobStatus
from forge_events.store import open_store
from forge_events.store.schema import transitions
from tests.conftest import ROOT
from tests.store.acting import VERBS, Actor, Call, check_life
from tests.store.queueing import launched, manned

calls = st.builds(
    Call, st.sampled_from(VERBS), st.integers(0, 2), st.sampled_from(JobStatus), st.floats(0, 60), st.booleans()
)


@pytest.fixture
def actors(url, store):
    with open_store(url) as another:
        yield [Actor(store, 1), Actor(another, 2)]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 1), calls), min_size=12, max_size=40))
def test_every_life_is_a_way_through_the_lifecycle(store, actors, script):
    job_ids: list[int] = []
    for number, call in script:
        made = actors[number].do(call, job_ids)
        job_ids += [made.id] if made is not None else []
    for job_id in job_ids:
        check_life(store, job_id)


def finished(*commands):
    """Run processes of ``tests.store.working`` at once, and return what each printed."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.store.working", *command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    try:
        ends = [process.communicate(timeout=240) for process in started]
    finally:
        for process in started:
            process.kill()
    assert [end[1] for end in ends] == [""] * len(ends)
    assert [process.returncode for process in started] == [0] * len(ends)
    return [end[0] for end in ends]


def test_processes_that_do_anything_at_once_leave_every_life_whole(url, store):
    for _ in range(3):
        launched(store, impact=1)
    finished(*[("live", url, str(seed)) for seed in range(3)])
    jobs = store.jobs(limit=10_000)
    assert len(jobs) > 3
    for job in jobs:
        check_life(store, job.id)


def test_processes_that_decide_and_take_at_once_give_each_job_to_one_node(url, store):
    for node in "ab":
        manned(store, node)
    impacts = [1, 7, 3, 5, 16, 2, 8, 4] * 4
    jobs = {job.id: job for job in (launched(store, impact=impact) for impact in impacts)}
    taken = [json.loads(printed) for printed in finished(*[("dispatch", url, node) for node in "abab"])]
    assert sorted(job_id for ids in taken for job_id in ids) == sorted(jobs)
    for job_id in jobs:
        check_life(store, job_id)
        assert store.job(str(job_id)).status is JobStatus.SUCCESSFUL
    assert_capacity_was_kept_to(store, jobs)


def assert_capacity_was_kept_to(store, jobs):
    with store._database.reading() as connection:
        wanted = select(transitions.c.job_id, transitions.c.new).order_by(transitions.c.id)
        rows = connection.execute(wanted).all()
    consumed: collections.Counter[str] = collections.Counter()
    for job_id, new in rows:
        node, impact = store.job(str(job_id)).execution_node, jobs[job_id].impact
        if new == JobStatus.RUNNING:
            consumed[node] += impact
        elif JobStatus(new).is_final:
            consumed[node] -= impact
        assert all(forks <= 16 for forks in consumed.values())
