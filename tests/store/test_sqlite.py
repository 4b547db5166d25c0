# SPDX-License-Identifier: Apache-2.0
"""What only the SQLite store promises: the file, its settings, and how it says what is wrong with it."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing

import pytest
import sqlalchemy

from forge_events.errors import ForgeEventsError, SchemaMismatch, StoreUnavailable, UnsupportedStore, ValueRejected
from forge_events.jobs import JobStatus
from forge_events.store import Retention, open_store
from forge_events.store.schema import REVISIONS
from forge_events.store.sqlite import SQLiteDatabase
from forge_events.store.store import Store
from tests.store.making import NOW, Play, append, ended, make_event, new_job

# For another process, since locks are kept for each one.
COUNT = """
import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM main_job").fetchone()[0])
"""

not_root = pytest.mark.skipif(os.geteuid() == 0, reason="no permission stops root")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "home" / "events.db"


@pytest.fixture
def store(file):
    with open_store(f"sqlite:///{file}") as opened:
        yield opened


@pytest.fixture
def raw(store, file):
    """Return a connection of somebody else, who knows SQL only."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        yield connection


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def refusal(url):
    with pytest.raises(ForgeEventsError) as caught, open_store(url):
        pass
    assert "\n" not in str(caught.value)
    return caught.value


def test_the_file_and_its_folder_are_the_owners_alone(store, file):
    append(store, job := store.add_job(new_job()), [make_event(job, 1)])
    assert mode(file.parent) == 0o700
    assert {path.name: mode(path) for path in file.parent.iterdir()} == {
        "events.db": 0o600,
        "events.db-shm": 0o600,
        "events.db-wal": 0o600,
    }


def test_a_folder_that_is_there_keeps_its_mode(file):
    file.parent.mkdir(mode=0o755)
    open_store(f"sqlite:///{file}").close()
    assert mode(file.parent) == 0o755


@pytest.mark.parametrize(("pragma", "value"), [("journal_mode", "wal"), ("auto_vacuum", 2), ("page_size", 8192)])
def test_the_file_has_its_settings(raw, pragma, value):
    assert raw.execute(f"PRAGMA {pragma}").fetchone()[0] == value


def test_an_empty_file_becomes_a_database(file):
    file.parent.mkdir()
    file.touch()
    with open_store(f"sqlite:///{file}") as store:
        store.add_job(new_job())
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA page_size").fetchone()[0] == 8192


def test_a_new_file_that_another_process_is_making_is_waited_for(file):
    file.parent.mkdir()
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.executescript("CREATE TABLE t (x); DROP TABLE t; BEGIN IMMEDIATE")
        release = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
        release.start()
        with open_store(f"sqlite:///{file}") as store:
            store.add_job(new_job())
        release.join()


def test_opening_it_again_takes_no_lock_of_this_process_away(store, file):
    count = [sys.executable, "-c", COUNT, str(file)]
    store.add_job(new_job())
    with open_store(f"sqlite:///{file}"):
        # Without a lock to be seen, this is the last one to close it, and removes the log that the store writes to.
        subprocess.run(count, check=True)
        store.add_job(new_job())
        assert subprocess.run(count, check=True, capture_output=True).stdout == b"2\n"


def test_a_link_to_a_file_that_is_missing_makes_the_file(tmp_path):
    (tmp_path / "link.db").symlink_to(tmp_path / "events.db")
    with open_store(f"sqlite:///{tmp_path}/link.db"):
        pass
    assert mode(tmp_path / "events.db") == 0o600


@pytest.mark.parametrize("name", ["a b", "a?b", "a#b", "a%20b", "ü", "a;b", "file:x", "-", "a@b:c"])
def test_a_path_may_hold_any_character(tmp_path, name):
    file = tmp_path / name / "events.db"
    with open_store(f"sqlite:///{file}") as store:
        store.add_job(new_job())
    assert file.exists()


def test_a_path_may_be_no_utf8(tmp_path):
    file = tmp_path / os.fsdecode(b"\xff") / "events.db"
    with open_store(f"sqlite:///{file}") as store:
        store.add_job(new_job())
    assert [os.fsencode(path.name) for path in tmp_path.iterdir()] == [b"\xff"]


def test_a_relative_path_is_relative_to_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_store("sqlite:///sub/events.db") as store:
        job = store.add_job(new_job())
        monkeypatch.chdir("/")
        assert store.job("latest") == job
    assert (tmp_path / "sub" / "events.db").exists()


@pytest.mark.parametrize(
    "url",
    ["", "events.db", "/tmp/events.db", "sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://h/d", "sqlite3:///x"],
)
def test_another_url_is_refused(url):
    assert isinstance(refusal(url), UnsupportedStore)


def test_a_refusal_shows_no_password():
    error = str(refusal("mysql://me:geheim@db.example/events"))
    assert "geheim" not in error
    assert "db.example/events" in error


def test_a_file_that_is_no_database_is_refused_and_kept(file):
    file.parent.mkdir()
    file.write_text("not a database at all, but long enough to have a header of a hundred bytes" * 2)
    before = file.read_bytes()
    error = refusal(f"sqlite:///{file}")
    assert isinstance(error, StoreUnavailable)
    assert "the file is not a SQLite database" in str(error)
    assert file.read_bytes() == before


def test_a_folder_is_refused(tmp_path):
    assert isinstance(refusal(f"sqlite:///{tmp_path}"), StoreUnavailable)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "home").touch()
    assert isinstance(refusal(f"sqlite:///{tmp_path}/home/events.db"), StoreUnavailable)


@not_root
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    assert "ermission" in str(refusal(f"sqlite:///{tmp_path}/home/events.db"))
    tmp_path.chmod(0o700)


@not_root
def test_a_file_that_may_not_be_read_is_refused(store, file):
    file.chmod(0o000)
    assert "ermission" in str(refusal(f"sqlite:///{file}"))


@not_root
def test_a_file_that_may_not_be_written_can_be_read(store, file):
    job = store.add_job(new_job())
    store.close()
    file.chmod(0o400)
    with open_store(f"sqlite:///{file}") as reader:
        assert reader.job("latest") == job
        with pytest.raises(StoreUnavailable, match="no permission to write"):
            reader.add_job(new_job())


@pytest.mark.parametrize("revision", ["0000", "9999"])
def test_the_database_of_another_version_is_refused(raw, file, revision):
    raw.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    error = refusal(f"sqlite:///{file}")
    assert isinstance(error, SchemaMismatch)
    assert (error.found, error.expected) == (revision, REVISIONS[-1])


def test_the_database_of_another_program_is_refused_and_kept(file):
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE bookmark (url TEXT)")
        connection.commit()
    before = file.read_bytes()
    assert "another program" in str(refusal(f"sqlite:///{file}"))
    assert file.read_bytes() == before


def test_a_locked_database_says_so_after_its_time(store, file, raw):
    raw.execute("BEGIN IMMEDIATE")
    database = SQLiteDatabase(file, busy_timeout=0.1)
    with Store(database) as waiting:
        with pytest.raises(StoreUnavailable, match="another program keeps it locked"):
            waiting.add_job(new_job())
        assert waiting.jobs() == []
        raw.execute("ROLLBACK")
        assert waiting.add_job(new_job()).id == 1


def test_a_full_disk_says_so_and_loses_nothing(store):
    job = store.add_job(new_job())
    append(store, job, [make_event(job, 1)])
    with store._database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        append(store, job, [make_event(job, 2, stdout="x" * 100_000)])
    assert store.position(job.uuid) == 1
    assert store.job(job.uuid).event_count == 1
    with store._database.reading() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    assert append(store, job, [make_event(job, 2, stdout="x" * 100_000)])


def test_a_damaged_database_says_so(store, file):
    job = store.add_job(new_job())
    append(store, job, [make_event(job, number, stdout="x" * 3000) for number in range(1, 200)])
    store.close()
    with file.open("r+b") as opened:
        opened.seek(8192)
        opened.write(b"\xff" * (file.stat().st_size - 8192))
    with pytest.raises(StoreUnavailable, match="the file is damaged"), open_store(f"sqlite:///{file}") as broken:
        broken.job("latest")


def test_a_removed_database_does_not_come_back_empty(file):
    store = Store(SQLiteDatabase(file))
    store.close()
    file.unlink()
    with pytest.raises(StoreUnavailable):
        store.jobs()
    assert not file.exists()
    store.close()


def test_an_error_shows_nothing_of_an_event(store, raw):
    job = store.add_job(new_job())
    raw.execute("CREATE TRIGGER t BEFORE INSERT ON main_jobevent BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(ValueRejected, match=r"no$") as caught:
        append(store, job, [make_event(job, 1, stdout="geheim", event_data={"res": "geheim"})])
    error: BaseException | None = caught.value
    while error is not None:
        assert "geheim" not in str(error)
        error = error.__cause__ or error.__context__


def test_events_of_a_job_whose_dropping_was_stopped_are_deleted_by_the_next(store, raw):
    jobs = [ended(store), ended(store), ended(store)]
    for job in jobs:
        append(store, job, [make_event(job, counter) for counter in (1, 2)])
    for table in ("main_jobtransition", "main_spoolposition", "main_jobhostsummary"):
        raw.execute(f"DELETE FROM {table} WHERE job_id = 2")  # noqa: S608
    raw.execute("DELETE FROM main_job WHERE id = 2")
    assert list(store.drop_jobs(Retention(NOW))) == []
    assert raw.execute("SELECT DISTINCT job_id FROM main_jobevent").fetchall() == [(1,), (3,)]


CONTRADICTIONS = [
    "UPDATE main_job SET status = 'odd'",
    "UPDATE main_job SET status = 'running', started = NULL, finished = NULL",
    "UPDATE main_job SET status = 'running', started = created",  # and finished is still there
    "UPDATE main_job SET status = 'new', finished = NULL",  # and started is still there
    "UPDATE main_job SET status = 'pending', finished = NULL",
    "UPDATE main_job SET finished = NULL",
    "UPDATE main_job SET uuid = NULL",
    "UPDATE main_job SET uuid = 'that of another job'",
    "UPDATE main_jobtransition SET old = 'successful'",
    "UPDATE main_jobtransition SET new = 'odd'",
    "UPDATE main_jobtransition SET job_id = 99",
    "UPDATE main_jobevent SET counter = 0",
    "UPDATE main_jobevent SET event_data = NULL",
    "UPDATE main_jobhostsummary SET ok = NULL",
    "DELETE FROM main_job",
]


@pytest.mark.parametrize("statement", CONTRADICTIONS)
def test_the_database_refuses_what_cannot_be(store, raw, statement):
    job, _ = ended(store, NOW), ended(store, NOW)
    append(store, job, [make_event(job, 1, "runner_on_ok", event_data={"host": "h"})])
    raw.execute("PRAGMA foreign_keys=ON")
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(statement)


@pytest.mark.parametrize("status", JobStatus)
def test_the_database_knows_every_status(raw, status):
    started = "created" if status is JobStatus.RUNNING else "NULL"
    finished = "created" if status.is_final else "NULL"
    raw.execute(
        "INSERT INTO main_job (uuid, name, status, launch_type, command, created) VALUES (1, 1, 'new', 1, 1, 1)"
    )
    raw.execute(f"UPDATE main_job SET status = ?, started = {started}, finished = {finished}", (status,))  # noqa: S608


def test_only_the_steps_of_jobs_wait_for_the_disk(store):
    """A spool is deleted when its job has ended; what is not on the disk by then would be lost with the power."""
    sent: list[str] = []
    sqlalchemy.event.listen(store._database._engine, "before_cursor_execute", lambda *call: sent.append(call[2]))
    job = store.add_job(new_job())
    assert "PRAGMA synchronous=FULL" in sent
    sent.clear()
    append(store, job, [make_event(job, 1)])
    assert "PRAGMA synchronous=FULL" not in sent
    sent.clear()
    store.transition(job, JobStatus.RUNNING, at=NOW, by="test")
    assert sent[:2] == ["PRAGMA synchronous=FULL", "BEGIN IMMEDIATE"]
    assert "PRAGMA synchronous=NORMAL" not in sent


def test_event_data_can_be_asked_for_in_sql(store, raw):
    job = store.add_job(new_job())
    append(store, job, [make_event(job, 1, event_data={"res": {"rc": 3, "msg": "ü\0\udc80"}})])
    wanted = "SELECT json_extract(event_data, '$.res.rc'), event_data FROM main_jobevent"
    rc, text = raw.execute(wanted).fetchone()
    assert rc == 3
    assert text.isascii()


def test_nothing_walks_through_all_events_of_a_job(store, raw):
    """Ask SQLite how it runs the statements that the store really sends."""
    sent: list[tuple[str, tuple[object, ...]]] = []
    listen = sqlalchemy.event.listen
    listen(store._database._engine, "before_cursor_execute", lambda *call: sent.append((call[2], call[3])))
    play = Play(store.add_job(new_job()))
    play.host("runner_on_failed", play.task("t"), "h", res={"changed": True})
    append(store, play.job, play.events)
    assert list(store.stdout(play.job.id, start=1, end=2)) == []
    plans = [plan for statement, values in sent for plan in explain(raw, statement, values)]
    assert sum("USING INDEX main_jobevent_container (job_id=? AND uuid=?)" in plan for plan in plans) >= 3
    assert sum("USING INDEX main_jobevent_lines (job_id=? AND end_line>?)" in plan for plan in plans) == 2
    assert not [plan for plan in plans if plan.endswith("PRIMARY KEY (job_id=?)") or plan.startswith("SCAN")]


def explain(raw, statement, values):
    # The greatest counter is at the end of the job; SQLite goes there, and calls it a search of the job.
    if "main_jobevent" not in statement or not statement.startswith(("SELECT", "UPDATE")) or "max(" in statement:
        return []
    return [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
