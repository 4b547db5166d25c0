# SPDX-License-Identifier: Apache-2.0
"""Whatever happens to receivers and spools, every announced event is stored once or named in what is set aside."""

from __future__ import annotations

import random
import shutil
import signal
import time
from typing import Any

import pytest

from forge_events.events import EventFilter
from forge_events.ingestion.receiver import drain
from forge_events.ingestion.sources import ingest
from forge_events.jobs import JobStatus
from forge_events.store import open_store
from tests.ingestion.announced import announced
from tests.ingestion.spools import Spool, job_of, now
from tests.ingestion.waiting import until

EVENTS = 400


def written(folder, events=EVENTS):
    """Write a spool with damaged lines in between, and return what it announces."""
    spool = Spool(folder.parent).root()
    for number in range(events):
        spool.event("runner_on_ok", event_data={"host": f"h{number % 3}"}, stdout=f"{number}\n")
        if number % 97 == 0:
            spool.line(f"damage {number}".encode())
    spool.stats().eof()
    told = announced(spool)
    spool.path = spool.path.rename(folder / spool.path.name)
    return told._replace(damaged=folder / told.damaged.name)


def check(url, all_announced):
    with open_store(url) as store:
        for one in all_announced:
            one.check(store)
            assert store.job(one.uuid).status is JobStatus.SUCCESSFUL
            assert [step.new for step in store.transitions(store.job(one.uuid).id)] == [
                JobStatus.RUNNING,
                JobStatus.SUCCESSFUL,
            ]
        assert len(store.jobs(limit=10_000)) == len(all_announced)


@pytest.mark.parametrize("times", [12, pytest.param(200, marks=pytest.mark.full)])
def test_a_receiver_that_is_killed_at_random_moments_loses_nothing(url, folder, receive, times):
    chance = random.Random(times)  # noqa: S311
    told = [written(folder) for _ in range(4)]
    for _ in range(times):
        receiver = receive(url).until_ready()
        told.append(written(folder))
        # Any moment will do; what is random about it is the same at each run.
        time.sleep(chance.uniform(0, 0.3))
        assert receiver.end(signal.SIGKILL) == -signal.SIGKILL, receiver.told()
    last = receive(url, "--once")
    assert last.process.wait(120) in (0, 5), last.told()
    check(url, told)


def test_two_receivers_share_a_folder(url, folder, receive):
    told = [written(folder, events=3000) for _ in range(4)]
    receivers = [receive(url).until_ready() for _ in range(2)]
    told += [written(folder) for _ in range(4)]
    until(lambda: not list(folder.glob("*.jsonl")), told=lambda: "".join(receiver.told() for receiver in receivers))
    assert [receiver.end() for receiver in receivers] == [0, 0]
    ends = [line for receiver in receivers for line in receiver.out if " successful " in line]
    assert len(ends) == len(told)
    check(url, told)


def test_a_spool_that_is_delivered_three_times_is_stored_once(url, folder, tmp_path, receive):
    spool = Spool(tmp_path).root().line(b"damage").event(stdout="x\n").stats().eof()
    told = announced(spool)
    receiver = receive(url).until_ready()
    for number in range(3):
        copy = tmp_path / f"copy-{number}"
        shutil.copy(spool.path, copy)
        copy.rename(folder / spool.path.name)
        until(lambda: not (folder / spool.path.name).exists(), told=receiver.told)
    # And two more under other names, at once.
    for name in ("a.jsonl", "b.jsonl"):
        shutil.copy(spool.path, tmp_path / "copy")
        (tmp_path / "copy").rename(folder / name)
    until(lambda: not list(folder.glob("*.jsonl")), told=receiver.told)
    assert receiver.end() == 0
    check(url, [told._replace(damaged=folder / told.damaged.name)])


def test_recorders_a_receiver_and_a_reader_at_once(sqlite_url, folder, receive, start):
    """Four jobs are recorded while a receiver takes them in and readers, who drain as well, look at them."""
    receiver = receive(sqlite_url).until_ready()
    reader = start("draining", sqlite_url, str(folder), "150")
    spools = [Spool(folder).root() for _ in range(4)]
    for number in range(1500):
        for spool in spools:
            spool.event("runner_on_ok", event_data={"host": "h"}, stdout=f"{number}\n")
    told = [announced(spool.stats()) for spool in spools]
    for spool in spools:
        spool.eof()
    until(lambda: not list(folder.glob("*.jsonl")), told=receiver.told)
    assert reader.wait(120) == 0
    assert receiver.end() == 0
    assert receiver.err == []
    check(sqlite_url, told)


# Lines that are no events


def test_a_line_that_is_no_json_or_is_long_or_unknown_or_goes_back_holds_nothing_back(url, folder, receive):
    spool = Spool(folder).root().line(b"no json").event("playbook_on_wonder")
    spool.line(b"x" * 5_000_000).event(stdout="y" * 3_000_000)
    spool.event(counter=2, uuid="a second 2").event(counter=1, uuid="a second 1").event(counter=90).event(counter=50)
    spool.event(counter=90, uuid="a second 90").event().stats().eof()
    told, good = announced(spool), written(folder)
    receiver = receive(url, "--once")
    assert receiver.process.wait(120) == 5
    with open_store(url) as store:
        told.check(store)
        good.check(store)
        assert store.job(spool.uuid).status is JobStatus.SUCCESSFUL
    # Five megabytes are five pieces.
    assert len(told.named()) == 1 + 5 + 3
    (line,) = [line for line in receiver.err if spool.uuid in line]
    assert line.startswith(f"forge-events: {spool.path}: 5 lines are no event, the first one because ")
    assert line.endswith(f"it is kept in {told.damaged}")


@pytest.mark.full
def test_a_line_of_a_hundred_megabytes_holds_nothing_back(url, folder, receive):
    spool = Spool(folder).root().line(b"x" * 100_000_000).event()
    spool.line(b'{"event": "verbose", "stdout": "' + b"x" * 100_000_000 + b'"}').event().stats().eof()
    told = announced(spool)
    assert receive(url, "--once").process.wait(300) == 5
    with open_store(url) as store:
        assert store.job(spool.uuid).event_count == 4
    assert len(told.named()) == 2 * (100_000_000 // 2**20 + 1)


ODD = "a\0b\ud800c\udfffd␛e"
FIELDS = ["uuid", "parent_uuid", "event", "stdout", "runner_ident", "created"]
DATA = ["playbook", "play", "task", "role", "host", "res", ODD]


@pytest.mark.parametrize("field", [*FIELDS, *DATA])
def test_nul_and_lone_surrogates_are_stored_or_named_in_every_field_of_an_event(store, folder, field):
    spool = Spool(folder).root()
    fields: dict[str, Any] = {field: ODD} if field in FIELDS else {"event_data": {field: ODD, "deep": [{ODD: [ODD]}]}}
    spool.event(**{"event": "runner_on_ok", **fields}).event().stats().eof()
    told = announced(spool)
    (received,) = drain(folder, store, now())
    told.check(store)
    assert job_of(received).event_count == 4 - len(received.damages)
    if field in DATA:
        (event,) = [event for event in store.events(job_of(received).id, EventFilter()) if event.counter == 2]
        assert event.event_data == fields["event_data"]


@pytest.mark.parametrize(
    "field",
    ["name", "playbook", "directory", "host", "ansible_version", "parent_uuid", "command", "started", "job_uuid"],
)
def test_nul_and_lone_surrogates_in_a_header_hold_nothing_back(store, folder, field):
    odd = Spool(folder, **{field: [ODD] if field == "command" else ODD}) if field != "job_uuid" else None
    if odd is None:
        content = Spool(folder.parent).done().path.read_bytes()
        (folder / "odd.jsonl").write_bytes(content.replace(b'"job_uuid":"', b'"job_uuid":"\\u0000\\ud800', 1))
    else:
        odd.done()
    good = Spool(folder).done()
    received = drain(folder, store, now())
    assert store.job(good.uuid).status is JobStatus.SUCCESSFUL
    assert len(received) == 2
    for one in received:
        assert one.job is not None or (one.kept is not None and one.kept.exists())


def test_a_copy_elsewhere_can_be_ingested_while_the_receiver_works(url, folder, tmp_path, receive):
    spool = Spool(tmp_path).root().event().line(b"damage").stats().eof()
    told = announced(spool)
    receiver = receive(url).until_ready()
    shutil.copy(spool.path, folder / "copy")
    (folder / "copy").rename(folder / spool.path.name)
    with open_store(url) as store:
        for _ in range(3):
            ingest(spool.path, store, now())
    until(lambda: not (folder / spool.path.name).exists(), told=receiver.told)
    assert receiver.end() == 0
    with open_store(url) as store:
        assert store.job(told.uuid).event_count == 3
