# SPDX-License-Identifier: Apache-2.0
"""The receiver that stays: fair turns, outages, merges, and nothing that grows."""

from __future__ import annotations

import errno
import fcntl
import os
import pathlib
import shutil
import threading
from functools import partial

import pytest

from forge_events.errors import SchemaMismatch, StoreUnavailable, UnknownJob
from forge_events.events import EventFilter
from forge_events.ingestion import damage
from forge_events.ingestion.receiver import TURN
from forge_events.ingestion.service import Pace, Service
from forge_events.ingestion.spools import MAX_EVENTS
from forge_events.jobs import JobStatus
from forge_events.services.stopping import Stop
from forge_events.store import open_store
from forge_events.store.records import Merged
from tests.ingestion.spools import Spool, now
from tests.ingestion.waiting import until
from tests.stores import faulty

BATCH = MAX_EVENTS


class Told:
    """Keep all that is reported."""

    def __init__(self):
        self.spools, self.away, self.back, self.blocks = [], [], [], []

    def received(self, received):
        self.spools.append(received)

    def is_away(self, error, pause):
        self.away.append((error, pause))

    def is_back(self, seconds):
        self.back.append(seconds)

    def merged(self, merged):
        self.blocks.append(merged)


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def stop():
    with Stop() as made:
        yield made


@pytest.fixture
def service(url, folder, told, stop):
    made = Service(partial(open_store, url), folder, told, stop)
    yield made
    made._close()


def fill(spool, count):
    for number in range(count):
        spool.event(stdout=f"{number}\n")
    return spool


def open_files():
    return len(list(pathlib.Path("/proc/self/fd").iterdir()))


def count_of(url, uuid):
    with open_store(url) as store:
        return store.job(uuid).event_count


def test_a_huge_backlog_holds_nobody_back(service, url, folder):
    huge = fill(Spool(folder).root(), 5 * TURN * BATCH)
    small = [Spool(folder).done() for _ in range(3)]
    done = service.run_once(now())
    assert done.has_more
    assert done.event_count == TURN * BATCH + 3 * 2
    assert [spool.path.exists() for spool in [huge, *small]] == [True, False, False, False]
    late = Spool(folder).done()
    assert service.run_once(now()).has_more
    assert not late.path.exists()
    huge.stats().eof()
    while service.run_once(now()).has_more:
        pass
    assert not huge.path.exists()
    assert count_of(url, huge.uuid) == 5 * TURN * BATCH + 2


def test_a_spool_that_ends_within_its_turn_has_no_more(service, folder):
    fill(Spool(folder).root(), TURN * BATCH - 3).stats().eof()
    assert not service.run_once(now()).has_more
    assert list(folder.iterdir()) == []


def test_much_behind_the_end_of_a_spool_is_taken_in_at_once(service, url, folder):
    """Nobody can go on behind the end: the position never goes beyond it."""
    spool = fill(Spool(folder).root().eof(), 2 * TURN * BATCH)
    assert not service.run_once(now()).has_more
    assert count_of(url, spool.uuid) == 2 * TURN * BATCH + 1


def test_a_round_tells_what_began_and_ended(service, told, folder):
    spool = Spool(folder).root()
    service.run_once(now())
    service.run_once(now())
    spool.stats().eof()
    service.run_once(now())
    assert [(one.event_count, one.has_begun, one.has_ended) for one in told.spools] == [
        (1, True, False),
        (1, False, True),
    ]


def test_nothing_is_remembered_of_what_is_over(service, folder):
    Spool(folder).root()
    counts = []
    for _ in range(2):
        for _ in range(20):
            Spool(folder)._writer.close()
            spool = Spool(folder).done()
            spool._writer.close()
            service.run_once(now())
            for path in folder.glob("*.jsonl"):
                path.unlink()
            service.run_once(now())
        counts.append((len(service._receiver._known), len(service._told), open_files()))
    assert counts[0] == counts[1]
    assert counts[0][:2] == (0, 0)


# Outages


class Away:
    """Open a store whose database comes and goes."""

    def __init__(self, url):
        self._url, self.is_away, self.opened = url, True, 0

    def __call__(self):
        self.opened += 1
        if self.is_away:
            raise StoreUnavailable("db", "it is away")
        return open_store(self._url)


def test_an_outage_is_told_of_once_and_so_is_its_end(url, folder, told, stop):
    door = Away(url)
    service = Service(door, folder, told, stop, Pace(first_pause=0.5, longest_pause=4))
    spool = Spool(folder).done()
    pauses = []
    for _ in range(6):
        done = service.run_once(now())
        assert isinstance(done.outage, StoreUnavailable)
        pauses.append(service._outages.lasts(done.outage))
    for pause, most in zip(pauses, [0.5, 1, 2, 4, 4, 4], strict=True):
        assert most / 2 <= pause <= most
    assert len(told.away) == 1
    assert told.away[0][1] == pauses[0]
    door.is_away = False
    assert service.run_once(now()).event_count == 2
    service._outages.is_over()
    assert len(told.back) == 1
    assert not spool.path.exists()
    service._close()
    assert service._outages.lasts(StoreUnavailable("db", "it is away")) <= 0.5


def test_failing_attempts_leave_nothing_open(folder, told, stop):
    service = Service(partial(open_store, "postgresql://127.0.0.1:1/none"), folder, told, stop)
    counts = []
    for _ in range(3):
        for _ in range(10):
            assert service.run_once(now()).outage is not None
        counts.append(open_files())
    assert counts[1] == counts[2]


def poisoned(store, uuid):
    """Return a store that fails as if it were away, for one job."""

    def append(own, job, batch, **more):
        if job.uuid == uuid:
            raise StoreUnavailable("db", "something went wrong")
        return own(job, batch, **more)

    return faulty(store, append=append)


def test_a_spool_that_makes_the_store_fail_comes_last(url, folder, told, stop):
    first = Spool(folder).done()
    others = [Spool(folder).done() for _ in range(2)]
    service = Service(lambda: poisoned(open_store(url), first.uuid), folder, told, stop)
    assert service.run_once(now()).outage is not None
    assert all(spool.path.exists() for spool in others)
    assert service.run_once(now()).outage is not None
    assert not any(spool.path.exists() for spool in others)
    assert first.path.exists()
    service._close()


def forgetful(store):
    """Return a store from which a job is dropped while its events arrive, once."""
    dropped: set[int] = set()

    def append(own, job, batch, **more):
        if dropped:
            return own(job, batch, **more)
        dropped.add(job.id)
        raise UnknownJob(str(job.id))

    return faulty(store, append=append)


def test_a_job_that_is_dropped_meanwhile_begins_anew(url, folder, told, stop):
    spools = [Spool(folder).done() for _ in range(2)]
    service = Service(lambda: forgetful(open_store(url)), folder, told, stop)
    assert service.run_once(now()).has_more
    assert [spool.path.exists() for spool in spools] == [True, False]
    assert not service.run_once(now()).has_more
    assert not spools[0].path.exists()
    service._close()


def test_another_schema_ends_the_receiver(folder, told, stop):
    def refuse():
        raise SchemaMismatch("db", "0001", ["0001", "0002"])

    with pytest.raises(SchemaMismatch):
        Service(refuse, folder, told, stop).run()


def test_a_folder_that_cannot_be_read_is_an_outage(service, told, folder):
    shutil.rmtree(folder)
    folder.touch()
    assert service.run_once(now()).outage is not None
    folder.unlink()
    assert service.run_once(now()).outage is None


def test_a_spool_that_cannot_be_read_is_told_of_once_and_tried_again(service, told, folder, monkeypatch):
    # Root may read everything, so the fault is in what keeps the damaged lines.
    spool = Spool(folder).root().line(b"damage").stats().eof()

    def fail(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as broken:
        broken.setattr(damage, "keep", fail)
        for _ in range(3):
            service.run_once(now())
    assert [one.problem for one in told.spools] == [os.strerror(errno.EIO)]
    service.run_once(now())
    assert not spool.path.exists()


# Beside the work


def merging(store, told):
    """Return a store that has blocks to merge, one after the other has been told of."""

    def merge(_):
        for number in range(100):
            yield Merged(number, 1000, 1, 0.1)
            until(lambda: len(told.blocks) > number)  # noqa: B023 - it is called before the next one

    return faulty(store, merge=merge)


def test_partitions_are_merged_beside_the_work_until_it_is_time_to_stop(sqlite_url, folder, stop):
    class Patient(Told):
        def merged(self, merged):
            self.blocks.append(merged)
            if len(self.blocks) == 3:
                Spool(folder).done()
            if self.blocks[3:] and not list(folder.iterdir()):
                stop.set()

    told = Patient()
    opened = []

    def door():
        opened.append(merging(open_store(sqlite_url), told))
        return opened[-1]

    Service(door, folder, told, stop, Pace(poll=0.05)).run()
    assert [block.block for block in told.blocks] == list(range(len(told.blocks)))
    assert 3 < len(told.blocks) < 100
    assert len(opened) == 2
    with open_store(sqlite_url) as store:
        assert [job.status for job in store.jobs()] == [JobStatus.SUCCESSFUL]


def test_merges_keep_their_distance(sqlite_url, folder, told, stop):
    service = Service(partial(open_store, sqlite_url), folder, told, stop, Pace(merge=60))
    merger, began = service._merger, 1000.0
    assert merger.begin(began)
    merger.end()
    assert not merger.begin(began + 59)
    assert merger.begin(began + 61)
    merger.end()


def test_draining_waits_for_a_spool_that_another_receiver_is_at(url, folder, told, stop, service):
    spool = Spool(folder).done()
    with spool.path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = service.run_once(now())
        assert (done.event_count, done.has_more, done.has_others) == (0, False, True)
        draining = threading.Thread(target=service.drain)
        draining.start()
        assert spool.path.exists()
    draining.join(60)
    assert not spool.path.exists()
    with open_store(url) as store:
        assert len(list(store.events(store.job(spool.uuid).id, EventFilter()))) == 2


def test_a_wish_to_stop_ends_every_wait(stop):
    assert not stop.wait(0)
    stop.set()
    stop.set()
    assert stop.wait(600)
    until(stop.is_set)
