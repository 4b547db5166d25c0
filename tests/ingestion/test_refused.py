# SPDX-License-Identifier: Apache-2.0
"""What the database itself refuses is set aside, and nothing else with it."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest

from forge_events.errors import BrokenSpool, ValueRejected
from forge_events.events import EventFilter
from forge_events.ingestion.receiver import drain
from forge_events.ingestion.sources import ingest
from forge_events.jobs import JobStatus
from forge_events.store import open_store
from forge_events.store.location import sqlite_file
from tests.ingestion.announced import announced
from tests.ingestion.spools import Spool, job_of, kept_of, now
from tests.stores import faulty

ALL = EventFilter()


def refuse(url, table, column):
    """Have a database refuse rows that say evil in a column."""
    file = sqlite_file(url)
    if file is None:
        with psycopg.connect(url) as server:
            server.execute(f"ALTER TABLE {table} ADD CONSTRAINT good CHECK ({column} <> 'evil')".encode())
        return
    open_store(url).close()
    connection = sqlite3.connect(file)
    connection.execute(
        f"CREATE TRIGGER good BEFORE INSERT ON {table} WHEN new.{column} = 'evil'"
        " BEGIN SELECT RAISE(ABORT, 'evil is refused'); END"
    )
    connection.close()


@pytest.fixture
def picky(url):
    """Open a store whose database refuses events that show evil, and jobs of that name."""
    refuse(url, "main_jobevent", "stdout")
    with open_store(url) as store:
        yield store


def test_a_refused_event_is_set_aside_and_all_others_are_stored(picky, folder):
    spool = Spool(folder).root().line(b"damage").event(stdout="evil").line(b"more").event(stdout="fine")
    spool.event(stdout="evil").stats().eof()
    told = announced(spool)
    (received,) = drain(folder, picky, now())
    told.check(picky)
    assert [event.counter for event in picky.events(job_of(received).id, ALL)] == [1, 3, 5]
    assert job_of(received).status is JobStatus.SUCCESSFUL
    assert received.event_count == 3
    assert kept_of(received) == told.damaged
    reasons = {damage.start: damage.reason for damage in received.damages}
    assert sorted(reasons) == sorted(told.named())
    assert list(reasons.values()).count("the database does not take it") == 2
    assert not spool.path.exists()


def test_a_refused_event_is_set_aside_once_whoever_comes_again(picky, folder, tmp_path):
    spool = Spool(folder).root().event(stdout="evil")
    content = spool.path.read_bytes()
    drain(folder, picky, now())
    spool.event(stdout="evil").line(b"damage").stats().eof()
    told = announced(spool)
    drain(folder, picky, now())
    told.check(picky)
    assert len(told.named()) == 3
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(content)
    # A copy is a file of its own, of which it is told as well.
    for told_of in (["the database does not take it"], []):
        (received,) = ingest(copy, picky, now())
        assert (received.event_count, [damage.reason for damage in received.damages]) == (0, told_of)


def test_refused_events_on_both_sides_of_a_batch(picky, folder):
    spool = Spool(folder).root()
    for number in range(1400):
        spool.event(stdout="evil" if number in (0, 498, 499, 500, 1000, 1399) else "fine")
    spool.stats().eof()
    told = announced(spool)
    (received,) = drain(folder, picky, now())
    told.check(picky)
    assert (received.event_count, len(received.damages)) == (1396, 6)


def test_refused_events_of_a_spool_from_elsewhere_are_told_of(picky, tmp_path):
    spool = Spool(tmp_path).root().event(stdout="evil").stats().eof()
    (received,) = ingest(spool.path, picky, now())
    assert (received.event_count, len(received.damages), received.kept) == (2, 1, None)
    assert [path.name for path in tmp_path.glob("*.damaged")] == []


def test_a_refused_header_sets_the_file_aside_and_holds_nothing_back(url, folder):
    refuse(url, "main_job", "name")
    evil, good = Spool(folder, name="evil").done(), Spool(folder).done()
    content = evil.path.read_bytes()
    with open_store(url) as store:
        received = {one.path: one for one in drain(folder, store, now())}
        assert store.job(good.uuid).status is JobStatus.SUCCESSFUL
        assert [job.uuid for job in store.jobs()] == [good.uuid]
        assert received[evil.path].problem == "the database does not take what its header says"
        assert kept_of(received[evil.path]).read_bytes() == content
        assert drain(folder, store, now()) == []
        with pytest.raises(BrokenSpool, match="does not take what its header says"):
            ingest(kept_of(received[evil.path]), store, now())


def test_a_receiver_names_what_is_refused_and_shows_nothing_of_it(url, folder, receive):
    refuse(url, "main_jobevent", "stdout")
    spool = Spool(folder).root().event(stdout="evil").stats().eof()
    receiver = receive(url, "--once")
    assert receiver.process.wait(60) == 5
    (line,) = receiver.err
    assert line == (
        f"forge-events: {spool.path}: 1 line is no event, the first one because the database does not take it;"
        f" it is kept in {spool.path}.damaged"
    )
    assert "evil" not in receiver.told()


def unwilling(store, error):
    """Return a store whose Python cannot bring a value into the database's form."""

    def append(own, job, batch, **more):
        if any(event.stdout == "evil" for event in batch):
            raise error
        return own(job, batch, **more)

    return faulty(store, append=append)


@pytest.mark.parametrize(
    "error",
    [ValueRejected("x", "evil"), RecursionError(), OverflowError("evil"), ValueError("evil"), TypeError()],
    ids=lambda error: type(error).__name__,
)
def test_whatever_the_store_says_to_a_value(store, folder, error):
    spool = Spool(folder).root().event(stdout="evil").event().stats().eof()
    told = announced(spool)
    (received,) = drain(folder, unwilling(store, error), now())
    told.check(store)
    (damage,) = received.damages
    assert "evil" not in damage.reason


# Counters


def test_an_event_whose_counter_is_another_ones_is_set_aside(store, folder):
    spool = Spool(folder).root()
    for counter, uuid in [(3, "a"), (3, "b"), (2, "c"), (3, "a"), (1, "d")]:
        spool.event(counter=counter, uuid=uuid)
    told = announced(spool)
    (received,) = drain(folder, store, now())
    assert [(event.counter, event.uuid) for event in store.events(job_of(received).id, ALL)] == [
        (1, "event-1"),
        (2, "c"),
        (3, "a"),
    ]
    assert [damage.reason for damage in received.damages] == ["its counter is that of another event"] * 2
    spool.event(counter=3, uuid="e").event(counter=2, uuid="c").event(counter=9).eof()
    told = announced(spool)
    (received,) = drain(folder, store, now())
    told.check(store)
    assert len(told.named()) == 3


def test_events_behind_the_end_are_read_again_without_harm(store, folder):
    spool = Spool(folder, expects_exit=True, recorder_pid=None).root().stats()
    spool.eof()
    for _ in range(3):
        spool.event()
        drain(folder, store, now())
    assert [event.counter for event in store.events(1, ALL)] == [1, 2, 3] or not spool.path.exists()
    assert not list(folder.glob("*.damaged"))
