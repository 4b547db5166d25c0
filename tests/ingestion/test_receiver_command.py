# SPDX-License-Identifier: Apache-2.0
"""``forge-events receiver`` as an operator meets it: its lines, its signals, its exit codes."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import threading

import psutil
import pytest

from forge_events.ingestion.spools import source_of
from forge_events.services.stopping import Stop
from forge_events.services.watching import Watch
from forge_events.store import open_store
from tests.ingestion.spools import Spool
from tests.ingestion.waiting import until


def gone(path):
    return lambda: not path.exists()


def test_a_receiver_takes_in_what_comes_and_tells_of_each_job(url, folder, receive):
    receiver = receive(url).until_ready()
    spool = Spool(folder, name="first").root()
    receiver.until_told("job 1 began")
    spool.event(stdout="a secret of its own\n").stats().eof()
    until(gone(spool.path), told=receiver.told)
    assert receiver.end() == 0
    assert receiver.err == []
    assert receiver.out[0].startswith(f"receiving from {folder} into ")
    assert receiver.out[1:] == [
        f"job 1 began  {spool.uuid}  first",
        f"job 1 successful  {spool.uuid}  3 events  first",
    ]


def test_a_receiver_drains_what_is_there_at_its_start(url, folder, receive):
    spools = [Spool(folder).done() for _ in range(3)]
    receiver = receive(url)
    until(lambda: not list(folder.iterdir()), told=receiver.told)
    assert receiver.end() == 0
    with open_store(url) as store:
        assert {job.uuid for job in store.jobs()} == {spool.uuid for spool in spools}


def test_draining_once_ends_by_itself(sqlite_url, folder, receive):
    spool = Spool(folder).done()
    assert receive(sqlite_url, "--once").process.wait(60) == 0
    assert not spool.path.exists()
    assert receive(sqlite_url, "--once").process.wait(60) == 0


def test_a_spool_with_damage_is_told_of(sqlite_url, folder, receive):
    spool = Spool(folder).root().line(b"geheim").stats().eof()
    (folder / "other.jsonl").write_text("geheim\n")
    receiver = receive(sqlite_url, "--once")
    assert receiver.process.wait(60) == 5
    damaged, broken = sorted(receiver.err, key=len, reverse=True)
    assert damaged == (
        f"forge-events: {spool.path}: 1 line is no event, the first one because the line is not JSON: JSONDecodeError;"
        f" it is kept in {spool.path}.damaged"
    )
    place = f"{folder}/other.jsonl"
    assert broken == (
        f"forge-events: {place} cannot be ingested: its first line is no header; it is kept in {place}.broken"
    )


@pytest.mark.parametrize(("number", "rc"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_in_good_order(url, folder, receive, number, rc):
    spool = Spool(folder).root()
    for _ in range(20_000):
        spool.event(stdout="x" * 200)
    receiver = receive(url).until_told("began")
    assert receiver.end(number) == rc
    assert receiver.err == []
    with open_store(url) as store:
        events = store.job(spool.uuid).event_count
        assert events in range(500, 20_002)
        with spool.path.open("rb") as file:
            assert store.position(source_of(spool.uuid, file)) > 0
    assert receive(url, "--once").process.wait(60) == 0
    with open_store(url) as store:
        assert store.job(spool.uuid).event_count == 20_001


def test_a_receiver_in_the_background_of_a_shell_lives_through_ctrl_c(sqlite_url, folder, receive):
    ignore = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    receiver = receive(sqlite_url, before=[sys.executable, "-c", ignore]).until_ready()
    receiver.process.send_signal(signal.SIGINT)
    spool = Spool(folder).done()
    until(gone(spool.path), told=receiver.told)
    assert receiver.end() == 0


def test_a_folder_that_comes_later_and_is_replaced(sqlite_url, folder, receive):
    folder.rmdir()
    receiver = receive(sqlite_url, "--poll", "0.1").until_ready()
    for _ in range(3):
        folder.mkdir()
        spool = Spool(folder).done()
        until(gone(spool.path), told=receiver.told)
        folder.rmdir()
    assert receiver.end() == 0
    assert receiver.err == []


def test_a_recorder_that_is_killed_is_noticed(sqlite_url, folder, receive):
    receiver = receive(sqlite_url, "--poll", "0.1").until_ready()
    with subprocess.Popen(["sleep", "600"]) as recorder:
        spool = Spool(folder, pid=recorder.pid).root()
        receiver.until_told("began")
        recorder.kill()
    receiver.until_told("job 1 error")
    until(gone(spool.path), told=receiver.told)
    assert receiver.end() == 0


@pytest.mark.parametrize(
    ("variable", "value", "rc"),
    [
        ("FORGE_EVENTS_DATABASE_URL", "mysql://u:geheim@h/d", 6),
        ("FORGE_EVENTS_SPOOL_DIR", "/dev/null", 7),
    ],
)
def test_what_can_never_work_ends_it(sqlite_url, folder, receive, variable, value, rc):
    url, place = (value, folder) if variable.endswith("URL") else (sqlite_url, value)
    receiver = receive(url, place=place)
    assert receiver.process.wait(60) == rc
    (line,) = receiver.err
    assert line.startswith("forge-events: ")
    assert "geheim" not in receiver.told()


def test_an_idle_receiver_takes_next_to_no_time(sqlite_url, folder, receive):
    Spool(folder).root()
    receiver = receive(sqlite_url).until_told("began")
    process = psutil.Process(receiver.process.pid)
    before, files = sum(process.cpu_times()[:2]), process.num_fds()
    later = Spool(folder).done()
    until(gone(later.path), told=receiver.told)
    with Stop() as nobody:
        nobody.wait(3)
    assert sum(process.cpu_times()[:2]) - before < 1
    assert process.num_fds() <= files + 8
    assert receiver.end() == 0


# What it waits with


def test_a_change_ends_the_wait(folder):
    with Stop() as stop, Watch(folder, stop, poll=0.05) as watch:
        watch.wait()
        patient = Watch(folder, stop, poll=600)
        with patient:
            (folder / "before").touch()
            _wait_while(patient, lambda number: (folder / str(number)).touch())


def test_a_wish_to_stop_ends_the_wait(folder, tmp_path):
    for place in (folder, tmp_path / "missing"):
        with Stop() as stop, Watch(place, stop, poll=600) as watch:
            stop.set()
            watch.wait()


def test_a_missing_folder_is_polled(tmp_path):
    with Stop() as stop, Watch(tmp_path / "missing", stop, poll=0.01) as watch:
        watch.wait()
        (tmp_path / "missing").mkdir()
        watch.wait()
        (tmp_path / "missing").rmdir()
        watch.wait()


def test_a_machine_that_has_no_notifications_left_is_no_fault(folder, monkeypatch):
    def refuse(*_, **__):
        raise OSError("inotify watch limit reached")
        yield

    monkeypatch.setattr("forge_events.services.watching.watch", refuse)
    with Stop() as stop, Watch(folder, stop, poll=0.01) as watch:
        for _ in range(3):
            watch.wait()


def _wait_while(watch, change):
    """Wait in this thread while another one changes something until the wait is over."""
    is_over = threading.Event()

    def work():
        for number in itertools.count():
            change(number)
            if is_over.wait(0.05):
                return

    worker = threading.Thread(target=work)
    worker.start()
    watch.wait()
    is_over.set()
    worker.join()
