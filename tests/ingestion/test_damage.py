# SPDX-License-Identifier: Apache-2.0
"""Lines of a spool that are no events, and files that are no spools, hold nothing else back."""

from __future__ import annotations

import datetime
import json
import os
from typing import Any

import pytest

from forge_events.errors import BrokenSpool, StoreUnavailable
from forge_events.events import EventFilter
from forge_events.ingestion.receiver import drain
from forge_events.ingestion.sources import ingest
from forge_events.jobs import JobStatus
from forge_events.store import open_store
from tests.ingestion.spools import Spool, job_of, kept_of, now

ALL = EventFilter()
not_root = pytest.mark.skipif(os.geteuid() == 0, reason="no permission stops root")


def counters(store, job):
    return [event.counter for event in store.events(job.id, ALL)]


DAMAGED = [
    b"garbage",
    b"",
    b"\xff\x00\xfe",
    b"[1, 2]",
    b"5",
    b'{"no": "kind"}',
    b'{"event": 5, "counter": 90, "uuid": "x", "created": "2026-01-01T00:00:00Z"}',
    b'{"event": ["verbose"], "counter": 90, "uuid": "x", "created": "2026-01-01T00:00:00Z"}',
    b'{"event": "verbose", "uuid": "x", "created": "2026-01-01T00:00:00Z"}',
    b'{"event": "verbose", "counter": 0, "uuid": "x", "created": "2026-01-01T00:00:00Z"}',
    b'{"event": "verbose", "counter": 9223372036854775808, "uuid": "x", "created": "2026-01-01T00:00:00Z"}',
    b'{"event": "verbose", "counter": 90, "uuid": "", "created": "2026-01-01T00:00:00Z"}',
    b'{"event": "verbose", "counter": 90, "uuid": "\\ud800", "created": "2026-01-01T00:00:00Z"}',
    b'{"event": "verbose", "counter": 90, "uuid": "x"}',
    b'{"event": "verbose", "counter": 90, "uuid": "x", "created": "yesterday"}',
    b'{"event": "verbose", "counter": 90, "uuid": "x", "created": "9999-12-31T23:59:59-12:00"}',
    b'{"event": "verbose", "counter": 90, "uuid": "x", "created": "2026-01-01T00:00:00Z", "stdout": 5}',
    b'{"event": "verbose", "counter": 90, "uuid": "x", "created": "2026-01-01T00:00:00Z", "event_data": []}',
    b'{"event": "verbose", "counter": 90, "uuid": "x", "created": "2026-01-01T00:00:00Z", "end_line": -1}',
    b'{"header": {"format": 1}}',
    b'{"eof": 5}',
    b'{"exit": []}',
    b"[" * 100_000,
    b'{"event": "verbose", "counter": ' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("line", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_line_is_named_and_kept_and_holds_nothing_back(store, folder, line):
    spool = Spool(folder).root().line(line).stats().eof()
    (received,) = drain(folder, store, now())
    assert counters(store, job_of(received)) == [1, 2]
    assert job_of(received).status is JobStatus.SUCCESSFUL
    (damage,) = received.damages
    assert damage.reason
    assert not spool.path.exists()
    assert received.kept == spool.path.with_name(f"{spool.path.name}.damaged")
    kept = [json.loads(text) for text in kept_of(received).read_bytes().splitlines()]
    assert "".join(piece["line"] for piece in kept).encode("utf-8", "surrogateescape") == line + b"\n"
    assert kept[0]["position"] == damage.start
    assert {piece["reason"] for piece in kept} == {damage.reason}


def test_the_reason_shows_nothing_of_the_line(store, folder):
    Spool(folder).root().line(b'{"event": "verbose", "counter": "geheim", "stdout": {"geheim": 1}}').stats().eof()
    (received,) = drain(folder, store, now())
    assert "geheim" not in received.damages[0].reason
    assert "counter" in received.damages[0].reason


def test_damaged_lines_are_kept_once_in_their_order(store, folder):
    spool = Spool(folder, expects_exit=True, recorder_pid=os.getpid()).line(b"one").root()
    drain(folder, store, now())
    spool.line(b"two").line(b"three").eof().line(b"behind the end")
    for _ in range(3):
        drain(folder, store, now())
    spool.exit(0)
    drain(folder, store, now())
    kept = (folder / f"{spool.path.name}.damaged").read_bytes().splitlines()
    assert [json.loads(line)["line"] for line in kept] == ["one\n", "two\n", "three\n", "behind the end\n"]


def test_damaged_lines_are_kept_whole_after_a_crash(store, folder, tmp_path):
    spool = Spool(folder).root().line(b"one").line(b"two")
    (received,) = drain(folder, store, now())
    whole = kept_of(received).read_bytes()
    # As if the process had died while it wrote the second line, and before anything was stored.
    kept_of(received).write_bytes(whole[:-10])
    with open_store(f"sqlite:///{tmp_path}/second.db") as second:
        drain(folder, second, now())
        assert second.job(spool.uuid).event_count == 1
    assert kept_of(received).read_bytes() == whole


def test_an_event_of_a_newer_recorder_is_kept_as_a_message(store, folder):
    Spool(folder).root().event("playbook_on_wonder", stdout="shown\n", event_data={"a": 1}).stats().eof()
    (received,) = drain(folder, store, now())
    assert received.damages == []
    event = list(store.events(job_of(received).id, ALL))[1]
    assert (event.event, event.stdout) == ("verbose", "shown\n")
    assert event.event_data == {"a": 1, "unknown_event": "playbook_on_wonder"}


def test_a_name_that_is_no_text_becomes_text(store, folder):
    Spool(folder).root().event("playbook_on_task_start", event_data={"task": 5, "play": None, "role": ["r"]}).eof()
    (received,) = drain(folder, store, now())
    event = list(store.events(job_of(received).id, ALL))[1]
    assert (event.task, event.play, event.role) == ("5", "", '["r"]')


def test_counters_that_go_back_or_come_twice_are_harmless(store, folder):
    spool = Spool(folder).root()
    for counter in (5, 3, 5, 1, 4):
        spool.event(counter=counter, uuid=f"u{counter}")
    spool.stats().eof()
    (received,) = drain(folder, store, now())
    assert counters(store, job_of(received)) == [1, 3, 4, 5, 7]
    assert job_of(received).event_count == 5


# Files that are no spools


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no spool\n", "its first line is no header"),
        (b'{"event": "verbose"}\n', "its first line is no header"),
        (b'{"header": {"format": 1}}\n', "does not say which job"),
        (b'{"header": {"job_uuid": "x", "started": "2026-01-01T00:00:00Z"}}\n', "does not say which job"),
        (b'{"header": {"format": 1, "job_uuid": "", "started": "2026-01-01T00:00:00Z"}}\n', "does not say which job"),
        (b'{"header": {"format": 1, "job_uuid": "x", "started": "then"}}\n', "does not say which job"),
        (b"\0" * 100 + b"\n", "its first line is no header"),
    ],
)
def test_a_file_that_is_no_spool_is_set_aside_and_told_of_once(store, folder, content, reason):
    file = folder / "x.jsonl"
    file.write_bytes(content)
    good = Spool(folder).done()
    told = [received for received in drain(folder, store, now()) if received.problem]
    assert [received.path for received in told] == [file]
    assert reason in told[0].problem
    assert kept_of(told[0]).read_bytes() == content
    assert not file.exists()
    assert store.job(good.uuid).status is JobStatus.SUCCESSFUL
    assert drain(folder, store, now()) == []
    with pytest.raises(BrokenSpool, match=reason):
        ingest(kept_of(told[0]), store, now())


def test_a_file_that_was_set_aside_is_not_overwritten(store, folder):
    (folder / "x.jsonl.broken").write_text("first")
    (folder / "x.jsonl").write_text("second\n")
    (received,) = drain(folder, store, now())
    assert received.kept == folder / "x.jsonl.broken-2"
    assert [(folder / name).read_text() for name in ("x.jsonl.broken", "x.jsonl.broken-2")] == ["first", "second\n"]
    assert drain(folder, store, now()) == []


@pytest.mark.parametrize("content", [b"", b'{"header": {"form'])
def test_a_header_that_is_being_written_is_waited_for(store, folder, content):
    file = folder / "x.jsonl"
    file.write_bytes(content)
    assert drain(folder, store, now()) == []
    assert file.exists()
    (received,) = drain(folder, store, now() + datetime.timedelta(hours=1))
    assert received.problem == "it has no whole line"
    assert kept_of(received).read_bytes() == content
    with pytest.raises(BrokenSpool, match="no whole line"):
        ingest(kept_of(received), store, now())


def test_a_spool_of_a_newer_version_stays_for_that_version(store, folder):
    spool = Spool(folder)
    newer = spool.path.read_bytes().replace(b'"format":1', b'"format":2')
    spool.path.write_bytes(newer)
    for _ in range(2):
        (received,) = drain(folder, store, now())
        assert "format 2" in received.problem
    assert spool.path.read_bytes() == newer
    with pytest.raises(BrokenSpool, match="format 2"):
        ingest(spool.path, store, now())


def test_other_files_are_none_of_its_business(store, folder):
    (folder / "notes.txt").write_text("x")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    assert drain(folder, store, now()) == []
    assert len(list(folder.iterdir())) == 3


def test_a_missing_folder_is_an_empty_one(store, tmp_path):
    assert drain(tmp_path / "missing", store, now()) == []


def test_a_file_in_the_place_of_the_folder_is_told_of(store, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BrokenSpool, match="Not a directory"):
        drain(tmp_path / "file", store, now())


@not_root
def test_a_folder_that_may_not_be_read_is_told_of(store, folder):
    folder.chmod(0o000)
    try:
        with pytest.raises(BrokenSpool, match="Permission denied"):
            drain(folder, store, now())
    finally:
        folder.chmod(0o700)


@not_root
def test_a_spool_that_may_not_be_read_is_told_of_and_stops_no_other(store, folder):
    closed, good = Spool(folder).done(), Spool(folder).done()
    closed.path.chmod(0o000)
    told = [received for received in drain(folder, store, now()) if received.problem]
    assert [(received.path, received.problem) for received in told] == [(closed.path, "Permission denied")]
    assert store.job(good.uuid).status is JobStatus.SUCCESSFUL
    closed.path.chmod(0o600)
    drain(folder, store, now())
    assert store.job(closed.uuid).status is JobStatus.SUCCESSFUL


@not_root
def test_in_a_folder_that_may_not_be_changed_everything_is_read_once(store, folder):
    spool = Spool(folder).done()
    folder.chmod(0o500)
    try:
        for _ in range(3):
            (received,) = drain(folder, store, now())
            assert (job_of(received).status, job_of(received).event_count) == (JobStatus.SUCCESSFUL, 2)
        assert spool.path.exists()
    finally:
        folder.chmod(0o700)


def test_a_store_that_refuses_loses_nothing(sqlite_url, folder):
    spool = Spool(folder).root()
    with open_store(sqlite_url) as opened:
        store: Any = opened
        drain(folder, store, now())
        spool.event(stdout="x" * 500_000).stats().eof()
        with store._database.reading() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        with pytest.raises(StoreUnavailable, match="the disk is full"):
            drain(folder, store, now())
        assert spool.path.exists()
        with store._database.reading() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count=1000000")
        (received,) = drain(folder, store, now())
        assert (job_of(received).status, job_of(received).event_count) == (JobStatus.SUCCESSFUL, 3)
