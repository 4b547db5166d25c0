# SPDX-License-Identifier: Apache-2.0
"""What only the PostgreSQL store promises: where events are, how they are merged, and what is locked meanwhile."""

from __future__ import annotations

import threading

import psycopg
import pytest
from sqlalchemy import event

from forge_events.errors import StoreBusy
from forge_events.events import EventFilter, ResultFilter
from forge_events.jobs import JobStatus
from forge_events.store import Merged, Retention, merging, open_store, partitions, retention, waiting
from tests.store.making import ALL, NOW, Play, append, ended, later, make_event, new_job

BLOCK = 5


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(partitions, "BLOCK", BLOCK)


@pytest.fixture
def url(postgresql_url):
    return postgresql_url


@pytest.fixture
def raw(url):
    """Return a connection of somebody else, who knows SQL only."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def tables(raw):
    """Return the tables of events, by name."""
    found = raw.execute("SELECT relname FROM pg_class WHERE relname LIKE 'main_jobevent%' AND relkind IN ('r', 'p')")
    return sorted(name.removeprefix("main_jobevent").removeprefix("_") for (name,) in found)


def running(store):
    return store.transition(store.add_job(new_job()), JobStatus.RUNNING, at=NOW, by="test")


def filled(store, count=1, hosts=("h1", "h2"), *, is_ended=True):
    """Add jobs that have a play each."""
    made = []
    for _ in range(count):
        job = ended(store) if is_ended else running(store)
        play = Play(job)
        task = play.task("t")
        for host in hosts:
            play.host("runner_on_ok", task, host, res={"changed": True})
        append(store, job, play.events)
        made.append(store.job(job.uuid))
    return made


def contents(store):
    return {job.id: (job, list(store.events(job.id, ALL))) for job in store.jobs(limit=1000)}


def test_a_job_gets_its_leaf_when_it_starts(store, raw):
    job = store.add_job(new_job())
    assert tables(raw) == [""]
    store.transition(job, JobStatus.RUNNING, at=NOW, by="test")
    assert tables(raw) == ["", "block_000000", "job_1"]


def test_events_are_in_the_leaf_and_nowhere_else(store, raw):
    filled(store, 2)
    for job_id in (1, 2):
        of_leaf = f"SELECT count(*), min(job_id), max(job_id) FROM ONLY main_jobevent_job_{job_id}"  # noqa: S608
        assert raw.execute(of_leaf).fetchone() == (5, job_id, job_id)


def test_a_block_is_merged_when_all_its_jobs_have_ended(store, raw):
    filled(store, BLOCK)
    before = contents(store)
    assert [(done.block, done.job_count, done.event_count) for done in store.merge()] == [(0, 4, 20)]
    assert tables(raw) == ["", "block_000000", "block_000001", "job_5"]
    assert contents(store) == before
    assert list(store.merge()) == []


def test_a_block_with_a_running_job_is_left_alone(store, raw):
    filled(store, 2)
    filled(store, 1, is_ended=False)
    filled(store, 2)
    assert list(store.merge()) == []
    assert "job_1" in tables(raw)


def test_a_block_that_may_get_another_job_is_left_alone(store):
    filled(store, BLOCK - 1)
    assert list(store.merge()) == []


def test_what_is_merged_answers_every_question_as_before(store):
    jobs = filled(store, BLOCK)
    asked = [EventFilter(host="h1"), EventFilter(task="t"), EventFilter(is_changed=True), EventFilter(search="")]

    def answers():
        return [
            [list(store.events(job.id, where)) for job in jobs for where in asked],
            [store.last_events(job.id, ALL, limit=3) for job in jobs],
            ["".join(store.stdout(job.id)) for job in jobs],
            store.host_results(ResultFilter(host="h1")),
            list(store.search("a")),
        ]

    before = answers()
    assert len(list(store.merge())) == 1
    assert answers() == before


def test_events_that_come_late_join_the_merged(store, raw):
    job = filled(store, BLOCK)[0]
    list(store.merge())
    append(store, job, [make_event(job, 6, stdout="late")])
    assert [event.counter for event in store.events(job.id, ALL)] == [1, 2, 3, 4, 5, 6]
    assert "job_1" not in tables(raw)


def test_a_job_of_a_merged_block_is_dropped_alone(store):
    jobs = filled(store, BLOCK)
    list(store.merge())
    dropped = [drop.job.id for drop in store.drop_jobs(Retention(later(1), keep_last=4))]
    assert dropped == [jobs[0].id]
    others = contents(store)
    assert jobs[0].id not in others
    assert len(others) == BLOCK - 1


def test_a_block_without_jobs_is_dropped(store, raw):
    filled(store, BLOCK + 2)
    list(store.merge())
    assert len(list(store.drop_jobs(Retention(later(1))))) == BLOCK + 2
    # The block of the next job stays: it would have to be made again.
    assert tables(raw) == ["", "block_000001"]


def test_a_merged_block_that_is_mostly_dropped_is_rewritten(store, raw):
    jobs = filled(store, BLOCK)
    list(store.merge())
    oid = raw.execute("SELECT 'main_jobevent_block_000000'::regclass::oid").fetchone()
    kept = contents(store)[jobs[3].id]
    assert len(list(store.drop_jobs(Retention(later(1), keep_last=2)))) == 3
    assert raw.execute("SELECT 'main_jobevent_block_000000'::regclass::oid").fetchone() != oid
    assert raw.execute("SELECT count(*) FROM ONLY main_jobevent_block_000000").fetchone() == (5,)
    assert contents(store)[jobs[3].id] == kept


def test_what_an_earlier_merge_left_unfinished_is_done_again(store, raw, monkeypatch):
    filled(store, BLOCK)
    before = contents(store)

    def die(*_):
        raise KeyboardInterrupt

    for step in ("_finish_target", "_swap_patiently", "_copy"):
        raw.execute("DROP TABLE IF EXISTS main_jobevent_merging_000000")
        with monkeypatch.context() as broken:
            broken.setattr(merging, step, die)
            broken.setattr(merging, "_clear", lambda *_: None)
            with pytest.raises(KeyboardInterrupt):
                list(store.merge())
        assert "merging_000000" in tables(raw)
        assert contents(store) == before
    assert len(list(store.merge())) == 1
    assert tables(raw) == ["", "block_000000", "block_000001", "job_5"]
    assert contents(store) == before


def test_leaves_that_an_earlier_merge_did_not_drop_are_dropped(store, raw, monkeypatch):
    filled(store, BLOCK)
    with monkeypatch.context() as broken:
        broken.setattr(merging, "_clear", lambda *_: None)
        list(store.merge())
    assert "merged_000000" in tables(raw)
    assert "job_1" in tables(raw)
    list(store.drop_jobs(Retention(NOW)))
    assert tables(raw) == ["", "block_000000", "block_000001", "job_5"]


def test_events_that_arrive_during_a_merge_put_it_off(store, url, monkeypatch):
    job = filled(store, BLOCK)[0]
    swap = merging._swap_patiently

    def late(*arguments):
        with open_store(url) as other:
            append(other, job, [make_event(job, 6)])
        return swap(*arguments)

    with monkeypatch.context() as delayed:
        delayed.setattr(merging, "_swap_patiently", late)
        assert list(store.merge()) == []
    assert len(list(store.events(job.id, ALL))) == 6
    assert len(list(store.merge())) == 1
    assert len(list(store.events(job.id, ALL))) == 6


def test_two_merges_at_once_do_it_once(store, url, monkeypatch):
    filled(store, BLOCK)
    finish = merging._finish_target
    found: list[Merged] = []

    def meanwhile(*arguments):
        with open_store(url) as other:
            found.extend(other.merge())
        finish(*arguments)

    monkeypatch.setattr(merging, "_finish_target", meanwhile)
    assert len(list(store.merge())) == 1
    assert found == []


def test_a_reader_that_takes_long_does_not_stop_a_merge_or_drop_for_long(store, url, raw, monkeypatch):
    monkeypatch.setattr(merging, "LOCK_TIMEOUT", 0.05)
    monkeypatch.setattr(waiting, "ATTEMPTS", 2)
    jobs = filled(store, BLOCK)
    with psycopg.connect(url) as reader:
        reader.execute("SELECT * FROM main_jobevent WHERE job_id = 1").fetchall()
        assert list(store.merge()) == []
        with pytest.raises(StoreBusy):
            list(store.drop_jobs(Retention(later(1))))
        # Whoever comes while the lock is waited for waits no longer than that.
        assert len(list(store.events(jobs[0].id, ALL))) == 5
    assert len(list(store.drop_jobs(Retention(later(1))))) == BLOCK
    assert not raw.execute("SELECT * FROM main_jobevent").fetchall()


def locks_of(store):
    """Watch how many tables of jobs each transaction has open."""
    seen: list[int] = []
    database = store._database

    def look(connection, cursor, statement, *_):
        if "pg_locks" not in statement:
            wanted = (
                "SELECT count(DISTINCT relation) FROM pg_locks JOIN pg_class ON pg_class.oid = relation"
                " WHERE pid = pg_backend_pid() AND relname ~ '^main_jobevent_(job|block)_[0-9]+$'"
            )
            seen.append(connection.exec_driver_sql(wanted).scalar_one())

    event.listen(database._engine, "after_cursor_execute", look)
    return seen


def test_no_statement_opens_the_leaves_of_other_jobs(store):
    jobs = filled(store, 4 * BLOCK)
    list(store.merge())
    more = filled(store, BLOCK - 2)
    seen = locks_of(store)
    for job in (jobs[0], more[0]):
        list(store.events(job.id, EventFilter(host="h1")))
        list(store.events(job.id, EventFilter(is_failed=True, search="x")))
        store.last_events(job.id, ALL)
        list(store.stdout(job.id, start=1, end=2))
        append(store, job, [make_event(job, 10, "runner_on_failed", parent_uuid="event-3", event_data={"host": "h"})])
    store.host_results(ResultFilter(host="h1"))
    store.host_results(ResultFilter(is_failed=True))
    store.jobs()
    filled(store)
    store.usage(NOW)
    list(store.search("nothing like it"))
    assert seen
    # A leaf and its block; or a merged block.
    assert max(seen) <= 2


def test_the_blocks_are_listed(store):
    filled(store, BLOCK)
    filled(store, 1, is_ended=False)
    list(store.merge())
    merged, current = store.blocks()
    assert (merged.number, merged.is_merged, merged.first, merged.last) == (0, True, 1, BLOCK - 1)
    assert (merged.job_count, merged.active_count, merged.leaf_count, merged.event_count) == (4, 0, 0, 20)
    assert (current.number, current.is_merged, current.first, current.last) == (1, False, BLOCK, 2 * BLOCK - 1)
    assert (current.job_count, current.active_count, current.leaf_count, current.event_count) == (2, 1, 2, 10)
    assert merged.size > 8192 < current.size
    assert (merged.oldest, merged.newest) == (NOW, NOW)


def test_many_may_start_jobs_of_one_block_at_once(url):
    errors = []

    def start():
        try:
            with open_store(url) as store:
                for _ in range(5):
                    store.transition(store.add_job(new_job()), JobStatus.RUNNING, at=NOW, by="test")
        except Exception as error:  # noqa: BLE001 - told of below
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with open_store(url) as store:
        assert len(store.jobs()) == 30
        assert sum(block.leaf_count for block in store.blocks()) == 30


def test_dropping_many_jobs_takes_few_locks_at_a_time(store, raw, monkeypatch):
    monkeypatch.setattr(retention, "_MAX_JOBS", 3)
    filled(store, 2 * BLOCK)
    assert len(list(store.drop_jobs(Retention(later(1))))) == 2 * BLOCK
    assert not any(name.startswith("job_") for name in tables(raw))
