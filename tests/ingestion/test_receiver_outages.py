# SPDX-License-Identifier: Apache-2.0
"""A receiver whose database goes away says so once, keeps trying, and misses nothing when it is back."""

from __future__ import annotations

import contextlib

import psycopg
import pytest

from forge_events.jobs import JobStatus
from forge_events.store import open_store
from tests.ingestion.announced import announced
from tests.ingestion.spools import Spool
from tests.ingestion.waiting import until

AWAY, BACK = "is not available", "working again after"


def written(folder, events=50):
    spool = Spool(folder.parent).root()
    for number in range(events):
        spool.event(stdout=f"{number}\n")
    spool.stats().eof()
    told = announced(spool)
    spool.path.rename(folder / spool.path.name)
    return told


def until_empty(folder, receiver):
    until(lambda: not list(folder.glob("*.jsonl")), told=receiver.told)


def check(url, receiver, told, outages=1):
    """Assert that nothing is missing, and that each outage is two lines."""
    assert receiver.end() == 0
    with open_store(url) as store:
        for one in told:
            one.check(store)
            assert store.job(one.uuid).status is JobStatus.SUCCESSFUL
    lines = receiver.err
    assert [AWAY in line for line in lines] == [True, False] * outages
    assert [BACK in line for line in lines] == [False, True] * outages
    assert all("; trying again in " in line and "nothing is lost" in line for line in lines[::2])


def test_a_server_that_is_killed_and_comes_back(fragile, fragile_url, folder, receive):
    receiver = receive(fragile_url).until_ready()
    running = Spool(folder).root()
    receiver.until_told("began")
    told = [written(folder, events=2000) for _ in range(3)]
    fragile.kill()
    told.append(written(folder))
    receiver.until_told(AWAY)
    running.event(stdout="while it was away\n").stats().eof()
    fragile.start()
    until_empty(folder, receiver)
    check(fragile_url, receiver, told)
    with open_store(fragile_url) as store:
        assert store.job(running.uuid).event_count == 3


@pytest.mark.parametrize("times", [pytest.param(20, marks=pytest.mark.full)])
def test_a_server_that_is_killed_again_and_again(fragile, fragile_url, folder, receive, times):
    receiver = receive(fragile_url).until_ready()
    told = []
    for number in range(1, times + 1):
        told += [written(folder, events=1000) for _ in range(2)]
        fragile.kill()
        told.append(written(folder))
        receiver.until_told(AWAY, times=number)
        fragile.start()
        receiver.until_told(BACK, times=number)
    until_empty(folder, receiver)
    check(fragile_url, receiver, told, outages=times)


def test_a_server_that_is_away_at_the_start_is_waited_for(fragile, fragile_url, folder, receive):
    fragile.stop()
    told = [written(folder)]
    receiver = receive(fragile_url).until_told(AWAY)
    fragile.start()
    until_empty(folder, receiver)
    check(fragile_url, receiver, told)


def test_a_receiver_that_waits_for_its_server_can_be_stopped(fragile, fragile_url, folder, receive):
    fragile.stop()
    receiver = receive(fragile_url).until_told(AWAY)
    assert receiver.end() == 0
    fragile.start()


def test_a_database_that_takes_nothing_for_a_while(fragile, fragile_url, folder, receive):
    name = fragile_url.rpartition("/")[2]
    receiver = receive(fragile_url).until_ready()
    told = [written(folder)]
    until_empty(folder, receiver)
    fragile.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    drop = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %(name)s"
    fragile.execute(drop, parameters={"name": name})
    told.append(written(folder))
    receiver.until_told(AWAY)
    fragile.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = off")
    until_empty(folder, receiver)
    check(fragile_url, receiver, told)


def test_a_server_that_has_no_connection_left(fragile, fragile_url, folder, receive):
    fragile.stop()
    fragile.start(max_connections="6", superuser_reserved_connections="0", max_wal_senders="0")
    told = [written(folder)]
    with contextlib.ExitStack() as held:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                held.enter_context(psycopg.connect(fragile_url))
        receiver = receive(fragile_url).until_told(AWAY)
        assert "too many clients" in receiver.err[0]
    until_empty(folder, receiver)
    check(fragile_url, receiver, told)


def test_a_server_that_is_away_ends_a_receiver_that_shall_not_stay(fragile, fragile_url, folder, receive):
    fragile.stop()
    told = written(folder)
    receiver = receive(fragile_url, "--once")
    assert receiver.process.wait(60) == 6
    assert [AWAY in line for line in receiver.err] == [True]
    assert (folder / f"{told.uuid}.jsonl").exists()
    fragile.start()


def test_a_database_without_tables_ends_the_receiver(fragile, fragile_url, folder, receive):
    receiver = receive(fragile.url("postgres"))
    assert receiver.process.wait(60) == 6
    (line,) = receiver.err
    assert "`forge-events db upgrade` makes them" in line


def test_a_database_that_gets_another_schema_ends_the_receiver(fragile, fragile_url, folder, receive):
    receiver = receive(fragile_url).until_ready()
    fragile.execute("UPDATE alembic_version SET version_num = '9999'", database=fragile_url.rpartition("/")[2])
    fragile.kill()
    told = written(folder)
    receiver.until_told(AWAY)
    fragile.start()
    assert receiver.process.wait(60) == 6
    assert "has the schema 9999" in receiver.err[-1]
    assert (folder / f"{told.uuid}.jsonl").exists()
