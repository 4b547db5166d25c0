# SPDX-License-Identifier: Apache-2.0
"""What only a server does: it goes away, comes back, refuses, and fills up."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import subprocess

import psycopg
import pytest

from forge_events.errors import StoreUnavailable, UnsupportedStore
from forge_events.store import open_store, upgrade
from tests import postgresql
from tests.store.making import ALL, append, ended, make_event, new_job, noise


@pytest.fixture(scope="module")
def mine(request):
    """Return a server that the tests of this file may do anything to."""
    bin_folder = request.config.getoption("--postgresql-bin")
    with postgresql.server(pathlib.Path(bin_folder) if bin_folder else None) as made:
        made.start()
        made.execute("CREATE DATABASE events")
        upgrade(made.url("events"))
        yield made


@pytest.fixture
def url(mine):
    if mine.process.poll() is not None:
        mine.start()
    return mine.url("events")


@pytest.fixture
def job(store):
    job = store.add_job(new_job())
    append(store, job, [make_event(job, 1)])
    # A job that is added is written down, and with it what was stored before.
    store.add_job(new_job())
    return job


@contextlib.contextmanager
def plainly():
    """Expect one line without anything that is nobody's business."""
    with pytest.raises(StoreUnavailable) as caught:
        yield caught
    assert "\n" not in str(caught.value)


def test_a_server_that_was_killed_is_found_again_by_the_same_store(mine, store, job):
    mine.kill()
    with plainly():
        append(store, job, [make_event(job, 2)])
    with plainly():
        store.jobs()
    mine.start()
    # What the server had not written down yet is gone with its position.
    there = {event.counter for event in store.events(job.id, ALL)}
    assert store.position(job.uuid) == len(there)
    assert append(store, job, [make_event(job, counter) for counter in (1, 2)])
    assert [event.counter for event in store.events(job.id, ALL)] == [1, 2]


def test_a_transaction_that_the_server_did_not_survive_has_changed_nothing(mine, store, job):
    position = store.position(job.uuid)
    with pytest.raises(StoreUnavailable), store._database.writing() as connection:  # noqa: PT012 - one after the other
        connection.exec_driver_sql("UPDATE main_spoolposition SET position = 999")
        mine.kill()
        connection.exec_driver_sql("SELECT 1")
    mine.start()
    assert store.position(job.uuid) == position


def test_a_server_that_takes_nobody_yet_says_so(mine, store):
    store.close()
    mine.stop()
    (mine.data / "standby.signal").touch()
    try:
        mine.launch(hot_standby="off")
        found = ""
        while "accepting connections" not in found:
            assert mine.process.poll() is None
            with pytest.raises(StoreUnavailable) as caught, open_store(mine.url("events")):
                pass
            found = str(caught.value)
    finally:
        mine.kill()
        (mine.data / "standby.signal").unlink()


def test_a_standby_can_be_read_and_says_that_it_cannot_be_written(mine, store, job):
    store.close()
    mine.stop()
    (mine.data / "standby.signal").touch()
    try:
        mine.start()
        with open_store(mine.url("events")) as standby:
            assert [event.counter for event in standby.events(job.id, ALL)] == [1]
            with plainly() as caught:
                append(standby, job, [make_event(job, 2)])
            assert "read-only" in str(caught.value)
    finally:
        mine.stop()
        (mine.data / "standby.signal").unlink()


def test_a_database_that_is_read_only_says_so(mine, store, job):
    mine.execute("ALTER DATABASE events SET default_transaction_read_only = on")
    try:
        with open_store(mine.url("events")) as reader:
            assert reader.job(job.uuid) == store.job(job.uuid)
            with plainly() as caught:
                reader.add_job(new_job())
            assert "read-only" in str(caught.value)
    finally:
        with psycopg.connect(mine.url(), autocommit=True) as connection:
            connection.execute("ALTER DATABASE events RESET default_transaction_read_only")


def test_a_server_without_a_connection_left_says_so(mine, store):
    mine.execute("CREATE ROLE plain LOGIN")
    with contextlib.ExitStack() as held, plainly() as caught:
        for _ in range(60):
            try:
                held.enter_context(psycopg.connect(mine.url("events", "plain")))
            except psycopg.OperationalError:
                break
        open_store(mine.url("events", "plain"))
    assert "connection left" in str(caught.value) or "slots" in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk is made by root alone")
def test_a_full_disk_loses_nothing_and_ends_when_there_is_space(mine, store, job, tmp_path):
    disk = mine.folder / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"this machine lets nobody make a small disk: {made.stderr.decode().strip()}")
    try:
        shutil.chown(disk, postgresql.UNPRIVILEGED)
        mine.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
        mine.execute("CREATE DATABASE small TABLESPACE small")
        upgrade(mine.url("small"))
        with open_store(mine.url("small")) as small:
            job = small.add_job(new_job())
            rows = [make_event(job, counter, stdout=noise(20_000)) for counter in range(1, 101)]
            with plainly() as caught:
                for first in range(0, 100 * 100, 100):
                    batch = [event.model_copy(update={"counter": event.counter + first}) for event in rows]
                    append(small, job, batch)
            assert "disk is full" in str(caught.value)
            kept = small.job(job.uuid).event_count
            assert kept == small.position(job.uuid) == len(list(small.events(job.id, ALL)))
            subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
            assert append(small, job, [make_event(job, 999_999)])
        mine.execute("DROP DATABASE small")
        mine.execute("DROP TABLESPACE small")
    finally:
        mine.stop()
        subprocess.run(["umount", str(disk)], check=False)
        mine.start()


@pytest.mark.parametrize("url", ["postgresql://u:geheim@127.0.0.1:1/x", "postgresql://127.0.0.1:1/x?password=geheim"])
def test_a_server_that_is_not_there_is_named_without_the_password(url):
    with plainly() as caught:
        open_store(url)
    assert "geheim" not in str(caught.value)
    assert "127.0.0.1:1/x" in str(caught.value)


@pytest.mark.parametrize("url", ["mysql://x", "postgresql", "http://u:geheim@x/y", "postgresql://h:port/x"])
def test_what_is_no_url_of_a_store_is_told_without_the_password(url):
    with pytest.raises(UnsupportedStore) as caught:
        open_store(url)
    assert "geheim" not in str(caught.value)


def test_a_database_that_is_not_there_says_so(mine, url):
    with plainly() as caught:
        open_store(mine.url("nowhere"))
    assert "nowhere" in str(caught.value)


def test_an_old_server_is_refused(store, monkeypatch):
    monkeypatch.setattr("forge_events.store.postgresql._OLDEST", 990_000)
    with plainly() as caught:
        store._database.check()
    assert "99 is the oldest that will do" in str(caught.value)


def test_the_free_space_of_a_server_here_is_known(store):
    assert store._database.free() > 0


def test_events_are_stored_as_json_that_sql_can_ask(mine, store):
    job = ended(store)
    append(store, job, [make_event(job, 1, "runner_on_ok", event_data={"res": {"rc": 7, "out": "a\0b"}})])
    asked = f"SELECT event_data->'res'->>'rc', event_data->'res'->>'out' FROM main_jobevent WHERE job_id = {job.id}"  # noqa: S608
    assert mine.execute(asked, "events") == [("7", "a␛0000b")]
