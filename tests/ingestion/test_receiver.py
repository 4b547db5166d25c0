# SPDX-License-Identifier: Apache-2.0
"""Events come from spools to the store once, whatever the spools look like."""

from __future__ import annotations

import datetime
import json
import os
import sys

import pytest

from forge_events.errors import BrokenSpool
from forge_events.events import EventFilter
from forge_events.ingestion.receiver import Receiver, drain
from forge_events.ingestion.sources import ingest
from forge_events.jobs import JobStatus
from tests.ingestion.spools import ELSEWHERE, HERE, Spool, job_of, now

ALL = EventFilter()
not_root = pytest.mark.skipif(os.geteuid() == 0, reason="no permission stops root")


def counters(store, job):
    return [event.counter for event in store.events(job.id, ALL)]


def test_a_finished_spool_becomes_a_job_and_is_deleted(store, folder):
    spool = Spool(folder, directory="/srv", ansible_version="2.19.14", parent_uuid="parent", name="n").done()
    (received,) = drain(folder, store, now())
    job = store.job(spool.uuid)
    assert received.job == job
    assert (received.event_count, list(received.damages), received.problem, received.kept) == (2, [], "", None)
    assert job.status is JobStatus.SUCCESSFUL
    assert (job.name, job.host, job.pid, job.directory) == ("n", HERE, os.getpid(), "/srv")
    assert (job.ansible_version, job.parent_uuid, job.launch_type) == ("2.19.14", "parent", "recorded")
    assert job.command == ["ansible-playbook", "site.yml"]
    assert counters(store, job) == [1, 2]
    assert list(folder.iterdir()) == []


def test_the_steps_of_a_recorded_job(store, folder):
    started, finished = now() - datetime.timedelta(seconds=30), now()
    Spool(folder, started=started.isoformat()).root().stats().eof(finished=finished.isoformat())
    (received,) = drain(folder, store, now())
    assert (job_of(received).created, job_of(received).started, job_of(received).finished) == (
        started,
        started,
        finished,
    )
    assert job_of(received).elapsed == (finished - started).total_seconds()
    steps = [(step.new, step.at, step.by) for step in store.transitions(job_of(received).id)]
    assert steps == [(JobStatus.RUNNING, started, "receiver"), (JobStatus.SUCCESSFUL, finished, "receiver")]


def test_a_job_runs_as_soon_as_its_header_is_there(store, folder):
    spool = Spool(folder)
    drain(folder, store, now())
    assert store.job(spool.uuid).status is JobStatus.RUNNING
    assert spool.path.exists()


def test_what_is_added_to_a_spool_is_added_to_the_job(store, folder):
    spool = Spool(folder)
    for count in range(1, 4):
        spool.event(stdout=f"{count}\n")
        (received,) = drain(folder, store, now())
        assert (received.event_count, job_of(received).event_count) == (1, count)
    spool.stats().eof()
    assert job_of(drain(folder, store, now())[0]).status is JobStatus.SUCCESSFUL
    assert drain(folder, store, now()) == []


def test_a_torn_line_waits_for_its_rest(store, folder):
    spool = Spool(folder).root()
    line = json.dumps({"uuid": "2", "counter": 2, "event": "verbose", "created": now().isoformat()}).encode()
    spool.torn(line[:20])
    drain(folder, store, now())
    assert counters(store, store.job(spool.uuid)) == [1]
    spool.torn(line[20:])
    drain(folder, store, now())
    assert counters(store, store.job(spool.uuid)) == [1]
    spool.torn(b"\n")
    (received,) = drain(folder, store, now())
    assert counters(store, job_of(received)) == [1, 2]
    assert received.damages == []


def test_jobs_get_their_ids_in_the_order_in_which_they_started(store, folder):
    started = now()
    for minutes in (2, 0, 3, 1):
        Spool(folder, name=str(minutes), started=(started + datetime.timedelta(minutes=minutes)).isoformat()).done()
    drain(folder, store, now())
    assert [job.name for job in store.jobs()] == ["3", "2", "1", "0"]


def test_a_batch_boundary_loses_nothing(store, folder):
    spool = Spool(folder)
    for _ in range(1201):
        spool.event()
    spool.event(event_data={"res": "x" * 5_000_000}).event(stdout="y" * 5_000_000).stats().eof()
    (received,) = drain(folder, store, now())
    assert received.event_count == 1204
    assert counters(store, job_of(received)) == list(range(1, 1205))


def test_a_name_is_made_up_where_none_is_given(store, folder):
    Spool(folder, job_uuid="job-1", name="", command=["ansible", "all"]).done()
    Spool(folder, job_uuid="job-2", name=None, playbook="a.yml").done()
    Spool(folder, job_uuid="job-3", name="", command=[]).done()
    drain(folder, store, now())
    assert [store.job(f"job-{number}").name for number in (1, 2, 3)] == ["ansible all", "a.yml", "job-3"]


@pytest.mark.parametrize(
    "strange",
    [
        {"pid": "x"},
        {"pid": -1},
        {"pid": 2**40},
        {"command": "no list"},
        {"host": 5},
        {"name": ["x"]},
        {"expects_exit": "?"},
    ],
)
def test_a_strange_field_of_a_header_is_taken_as_missing(store, folder, strange):
    spool = Spool(folder, **strange).done()
    drain(folder, store, now())
    assert store.job(spool.uuid).status is JobStatus.SUCCESSFUL


def test_a_command_line_that_is_no_utf8_is_kept(store, folder):
    command = ["ansible-playbook", os.fsdecode(b"\xff.yml"), "a\0b"]
    spool = Spool(folder, command=command, name=command[1], directory=command[1]).done()
    drain(folder, store, now())
    job = store.job(spool.uuid)
    assert (job.command, job.name, job.directory) == (command, command[1], command[1])


# Spools from elsewhere


def test_ingesting_keeps_the_file_and_can_be_repeated(store, tmp_path):
    spool = Spool(tmp_path, host=ELSEWHERE).root().line(b"damaged").stats().eof()
    content = spool.path.read_bytes()
    (first,) = ingest(spool.path, store, now())
    assert (first.event_count, len(first.damages), first.kept) == (2, 1, None)
    before = (store.jobs(), store.transitions(job_of(first).id), list(store.events(job_of(first).id, ALL)))
    for _ in range(3):
        (again,) = ingest(spool.path, store, now())
        assert (again.event_count, list(again.damages), job_of(again)) == (0, [], job_of(first))
    assert (store.jobs(), store.transitions(job_of(first).id), list(store.events(job_of(first).id, ALL))) == before
    assert spool.path.read_bytes() == content
    assert {path.name for path in tmp_path.iterdir()} - {"home"} == {spool.path.name}


def test_ingesting_a_copy_of_what_was_drained_changes_nothing(store, folder, tmp_path):
    spool = Spool(folder).done()
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(spool.path.read_bytes())
    drain(folder, store, now())
    before = store.jobs()
    assert ingest(copy, store, now())[0].event_count == 0
    assert store.jobs() == before


def test_a_folder_is_ingested_with_all_its_spools(store, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    spools = [Spool(folder).done() for _ in range(3)]
    (folder / "bad.jsonl").write_text("bad\n")
    received = ingest(folder, store, now())
    assert sorted(one.job.uuid for one in received if one.job) == sorted(spool.uuid for spool in spools)
    assert [one.path.name for one in received if one.problem] == ["bad.jsonl"]
    assert len(list(folder.iterdir())) == 4


@pytest.mark.parametrize("name", ["missing.jsonl", "pipe"])
def test_what_is_no_file_cannot_be_ingested(store, tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BrokenSpool) as caught:
        ingest(tmp_path / name, store, now())
    assert "\n" not in str(caught.value)


# Coming back again and again


@pytest.fixture
def opened():
    """Count how often files below a folder are opened."""
    seen: list[str] = []
    is_on = True

    def hook(event, arguments):
        if is_on and event == "open" and isinstance(arguments[0], str) and arguments[0].endswith(".jsonl"):
            seen.append(arguments[0])

    sys.addaudithook(hook)
    yield seen
    is_on = False


def test_a_receiver_does_not_open_what_has_not_grown(store, folder, opened):
    spools = [Spool(folder).root() for _ in range(3)]
    (folder / "x.jsonl").write_bytes(Spool(folder).path.read_bytes().replace(b'"format":1', b'"format":9'))
    receiver = Receiver(folder, store)
    assert len(receiver.drain(now())) == 5
    opened.clear()
    for _ in range(5):
        assert receiver.drain(now()) == []
    assert opened == []
    spools[1].event()
    (received,) = receiver.drain(now())
    assert (received.path, received.event_count) == (spools[1].path, 1)
    assert set(opened) == {str(spools[1].path)}
