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
from forge_events.store import listeners, open_store
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
def listener(url, store):
    with open_store(url) as listening:
        made = listening.queue.listen()
        yield made
        made.close()


def is_notified(listener, patience=PATIENCE):
    """Return whether something has come, and take it."""
    has_come = bool(select.select([listener], [], [], patience)[0])
    listener.drain()
    return has_come


@pytest.mark.parametrize(
    "verb",
    [
        assigned,
        held,
        lambda store, job: store.queue.request_cancel(job, NOW, "me"),
        lambda store, job: begun(store, taken(store, assigned(store, job))),
    ],
)
def test_what_happens_to_a_job_is_notified(store, listener, verb):
    job = launched(store)
    assert is_notified(listener)
    verb(store, job) if verb is not held else held(store, job, "no room")
    assert is_notified(listener)


def test_the_end_of_a_job_and_the_wish_to_cancel_it_are_notified(store, listener):
    job = running(store)
    is_notified(listener)
    store.queue.request_cancel(job, NOW, "me")
    assert is_notified(listener)
    store.transition(job, JobStatus.SUCCESSFUL, at=NOW, by="test")
    assert is_notified(listener)


def test_a_node_for_a_job_that_waited_is_notified(store, listener):
    job = held(store, launched(store), "no room")
    is_notified(listener)
    assigned(store, job)
    assert is_notified(listener)


def test_a_recorded_job_notifies_those_that_depend_on_it_alone(store, listener, job):
    runs = store.transition(job, JobStatus.RUNNING, at=NOW, by="receiver")
    assert not is_notified(listener, 0)
    launched(store, after=[job.id])
    assert is_notified(listener)
    store.transition(runs, JobStatus.SUCCESSFUL, at=NOW, by="receiver")
    assert is_notified(listener)


def test_what_is_not_committed_is_not_notified(store, listener):
    def fail():
        with store.queue.choosing() as choice:
            choice.assign(job, "a", NOW, "test", "")
            raise ZeroDivisionError

    job = launched(store)
    is_notified(listener)
    with pytest.raises(ZeroDivisionError):
        fail()
    assert not is_notified(listener, 0)


def test_every_listener_is_notified_and_as_often_as_one_likes(url, store, listener):
    with open_store(url) as another:
        second = another.queue.listen()
        for _ in range(3):
            launched(store)
        assert is_notified(listener)
        assert is_notified(second)
        second.close()
    launched(store)
    assert is_notified(listener)


def test_a_listener_that_a_killed_process_left_behind_is_harmless(url, store, listener):
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", HANG, url], cwd=ROOT, check=False, capture_output=True)
        assert (done.returncode, done.stderr) == (-9, b"")
    launched(store)
    assert is_notified(listener)


def test_a_file_listener_of_nobody_is_taken_away(tmp_path):
    listener = listeners.FileListener(tmp_path, "here")
    os.mkfifo(tmp_path / "listener-left-behind")
    os.mkfifo(tmp_path / "new-about-to-be-opened")
    (tmp_path / "note").write_text("something else")
    listeners.notify(tmp_path)
    assert is_notified(listener)
    assert {path.name for path in tmp_path.iterdir()} == {listener._path.name, "new-about-to-be-opened", "note"}
    assert (tmp_path / "note").read_text() == "something else"
    listener.close()


def test_a_file_listener_stays_where_the_one_who_notifies_is_in_trouble(tmp_path, monkeypatch):
    listener = listeners.FileListener(tmp_path, "here")

    def too_many(*_):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", too_many)
        listeners.notify(tmp_path)
    listeners.notify(tmp_path)
    assert is_notified(listener)
    listener.close()


def test_a_file_listener_that_nobody_hears_does_not_hold_up_who_is_notified(tmp_path):
    listener = listeners.FileListener(tmp_path, "here")
    os.write(listener.fileno(), b"." * 65536)
    listeners.notify(tmp_path)
    assert is_notified(listener)
    assert not is_notified(listener, 0)
    listener.close()


def test_where_nobody_listens_nothing_is_notified(tmp_path):
    listeners.notify(tmp_path / "nothing")


def test_a_listener_that_is_no_pipe_is_not_written_to(tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    folder = tmp_path / "listeners"
    folder.mkdir()
    (folder / "listener-link").symlink_to(outside)
    (folder / "listener-circle").symlink_to("listener-circle")
    (folder / "listener-file").write_bytes(b"a file")
    os.mknod(folder / "listener-socket", 0o600 | stat.S_IFSOCK)
    listener = listeners.FileListener(folder, "here")
    listeners.notify(folder)
    assert listener.drain()
    listener.close()
    assert outside.read_bytes() == b"mine"
    assert (folder / "listener-file").read_bytes() == b"a file"
    assert len(list(folder.iterdir())) == 4
