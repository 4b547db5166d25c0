# SPDX-License-Identifier: Apache-2.0
"""Whoever waits for work is woken, and nobody else's fault keeps it from that."""

from __future__ import annotations

import errno
import os
import select
import stat
import subprocess
import sys

import pytest

from forge_events.jobs import JobStatus
from forge_events.store import bells, open_store
from tests.conftest import ROOT
from tests.store.making import NOW
from tests.store.queueing import assigned, begun, held, launched, running, taken

PATIENCE = 10.0
HANG = """
import os, signal, sys
from forge_events.store import open_store
open_store(sys.argv[1]).queue.listen()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def bell(url, store):
    with open_store(url) as listening:
        made = listening.queue.listen()
        yield made
        made.close()


def rings(bell, patience=PATIENCE):
    """Return whether a bell has rung, and hush it."""
    has_rung = bool(select.select([bell], [], [], patience)[0])
    bell.hush()
    return has_rung


@pytest.mark.parametrize(
    "verb",
    [
        assigned,
        held,
        lambda store, job: store.queue.request_cancel(job, NOW, "me"),
        lambda store, job: begun(store, taken(store, assigned(store, job))),
    ],
)
def test_what_happens_to_a_job_rings(store, bell, verb):
    job = launched(store)
    assert rings(bell)
    verb(store, job) if verb is not held else held(store, job, "no room")
    assert rings(bell)


def test_the_end_of_a_job_and_the_wish_to_cancel_it_ring(store, bell):
    job = running(store)
    rings(bell)
    store.queue.request_cancel(job, NOW, "me")
    assert rings(bell)
    store.transition(job, JobStatus.SUCCESSFUL, at=NOW, by="test")
    assert rings(bell)


def test_a_node_for_a_job_that_waited_rings(store, bell):
    job = held(store, launched(store), "no room")
    rings(bell)
    assigned(store, job)
    assert rings(bell)


def test_a_recorded_job_rings_for_those_that_depend_on_it_alone(store, bell, job):
    runs = store.transition(job, JobStatus.RUNNING, at=NOW, by="receiver")
    assert not rings(bell, 0)
    launched(store, after=[job.id])
    assert rings(bell)
    store.transition(runs, JobStatus.SUCCESSFUL, at=NOW, by="receiver")
    assert rings(bell)


def test_what_is_not_committed_does_not_ring(store, bell):
    def fail():
        with store.queue.choosing() as choice:
            choice.assign(job, "a", NOW, "test", "")
            raise ZeroDivisionError

    job = launched(store)
    rings(bell)
    with pytest.raises(ZeroDivisionError):
        fail()
    assert not rings(bell, 0)


def test_every_bell_rings_and_as_often_as_one_likes(url, store, bell):
    with open_store(url) as another:
        second = another.queue.listen()
        for _ in range(3):
            launched(store)
        assert rings(bell)
        assert rings(second)
        second.close()
    launched(store)
    assert rings(bell)


def test_a_bell_that_a_killed_process_left_behind_is_harmless(url, store, bell):
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", HANG, url], cwd=ROOT, check=False, capture_output=True)
        assert (done.returncode, done.stderr) == (-9, b"")
    launched(store)
    assert rings(bell)


def test_a_file_bell_of_nobody_is_taken_away(tmp_path):
    bell = bells.FileBell(tmp_path, "here")
    os.mkfifo(tmp_path / "bell-left-behind")
    os.mkfifo(tmp_path / "new-about-to-be-opened")
    (tmp_path / "note").write_text("something else")
    bells.ring(tmp_path)
    assert rings(bell)
    assert {path.name for path in tmp_path.iterdir()} == {bell._path.name, "new-about-to-be-opened", "note"}
    assert (tmp_path / "note").read_text() == "something else"
    bell.close()


def test_a_file_bell_stays_where_the_one_who_rings_is_in_trouble(tmp_path, monkeypatch):
    bell = bells.FileBell(tmp_path, "here")

    def too_many(*_):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", too_many)
        bells.ring(tmp_path)
    bells.ring(tmp_path)
    assert rings(bell)
    bell.close()


def test_a_file_bell_that_nobody_hears_does_not_hold_up_who_rings(tmp_path):
    bell = bells.FileBell(tmp_path, "here")
    os.write(bell.fileno(), b"." * 65536)
    bells.ring(tmp_path)
    assert rings(bell)
    assert not rings(bell, 0)
    bell.close()


def test_where_nobody_listens_nothing_rings(tmp_path):
    bells.ring(tmp_path / "nothing")


def test_a_bell_that_is_no_pipe_is_not_written_to(tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    folder = tmp_path / "bells"
    folder.mkdir()
    (folder / "bell-link").symlink_to(outside)
    (folder / "bell-circle").symlink_to("bell-circle")
    (folder / "bell-file").write_bytes(b"a file")
    os.mknod(folder / "bell-socket", 0o600 | stat.S_IFSOCK)
    bell = bells.FileBell(folder, "here")
    bells.ring(folder)
    assert bell.hush()
    bell.close()
    assert outside.read_bytes() == b"mine"
    assert (folder / "bell-file").read_bytes() == b"a file"
    assert len(list(folder.iterdir())) == 4
