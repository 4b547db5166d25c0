# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
import uuid as uuids

import psutil
import pytest

from forge_events.dispatcher import processes
from forge_events.dispatcher.processes import MARKER, Known, end, family, identity, is_alive
from tests.conftest import ROOT

ACTORS = pathlib.Path(__file__).with_name("actors.py")

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has it")
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")


def until(condition, patience=20.0):
    """Wait for a condition and return what it gave."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, "it has not come to that"
        time.sleep(0.01)
    return found


def marked(uuid):
    """Return the numbers of the living processes that name a job, found in another way than the code finds them."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            is_zombie = path.joinpath("stat").read_text().rpartition(")")[2].split()[0] == "Z"
            if f"{MARKER}={uuid}".encode() in path.joinpath("environ").read_bytes().split(b"\0") and not is_zombie:
                found.append(int(path.name))
        except OSError:
            continue
    return found


class Job:
    """A root and those that it starts, each in a role."""

    def __init__(self, folder, *roles, **options):
        self.uuid = str(uuids.uuid4())
        self.folder = folder
        env = {**os.environ, MARKER: self.uuid}
        command = [sys.executable, "-S", str(ACTORS), str(folder), *roles]
        self.process = subprocess.Popen(command, env=env, **options)
        self.root = identity(self.process.pid)

    def pids(self, role):
        return [int(path.name.partition("-")[2]) for path in self.folder.glob(f"{role}-*")]

    def ready(self, role, count=1):
        return until(lambda: pids if len(pids := self.pids(role)) == count else None)

    def all(self):
        return [int(path.name.partition("-")[2]) for path in self.folder.glob("[a-z]*-*")]

    def end(self, grace=0.2):
        return end(self.root, self.uuid, grace=grace)


@pytest.fixture
def start(tmp_path):
    jobs: list[Job] = []

    def started(*roles, **options):
        folder = tmp_path / str(len(jobs))
        folder.mkdir()
        jobs.append(Job(folder, *roles, **options))
        return jobs[-1]

    yield started
    for job in jobs:
        job.process.kill()
        job.process.wait()
        for pid in {*marked(job.uuid), *job.all()}:
            with contextlib.suppress(psutil.Error):
                if str(ACTORS) in psutil.Process(pid).cmdline():
                    psutil.Process(pid).kill()


def is_gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_process_is_known_by_its_number_and_its_start(start):
    job = start("plain")
    assert job.root == identity(job.process.pid)
    assert abs(job.root.started - time.time()) < 60
    assert is_alive(job.root)
    assert not is_alive(job.root._replace(started=job.root.started - 2))
    assert not is_alive(job.root._replace(started=job.root.started + 2))


def test_what_is_not_there_is_not_known(start):
    job = start("zombie")
    job.process.wait()
    assert identity(job.process.pid) is None
    assert not is_alive(Known(job.process.pid, time.time()))


def test_a_zombie_is_dead(start):
    job = start("zombie")
    until(lambda: psutil.Process(job.process.pid).status() == psutil.STATUS_ZOMBIE)
    assert identity(job.process.pid) is not None
    assert not is_alive(job.root)
    assert family(job.root, job.uuid) == []
    assert job.end() == []


@linux
def test_a_clock_that_is_set_changes_no_process(start, monkeypatch):
    job = start("plain")
    job.ready("plain")
    processes._boot_time.cache_clear()
    job.root = identity(job.process.pid)
    real = psutil._pslinux.boot_time()
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: real + 3600)
    assert is_alive(job.root)
    # Another process, which has read the clock only now, goes by the environment.
    processes._boot_time.cache_clear()
    assert not is_alive(job.root)
    assert is_alive(job.root, uuid=job.uuid)
    assert not is_alive(job.root, uuid="another")
    assert [process.pid for process in family(job.root, job.uuid)] == [job.root.pid]
    monkeypatch.undo()
    processes._boot_time.cache_clear()


@pytest.mark.parametrize("is_root_known", [True, False])
def test_a_family_is_found_wherever_its_members_went(start, is_root_known):
    job = start("plain", "worker", "daemon", "zombie")
    pids = [*job.ready("plain"), *job.ready("worker"), *job.ready("daemon"), job.process.pid]
    found = family(job.root if is_root_known else None, job.uuid)
    assert sorted(process.pid for process in found) == sorted(pids)


def test_a_member_without_a_marker_is_found_below_the_root(start):
    job = start("unmarked", "plain")
    (pid,) = job.ready("ignorant")
    assert pid in [process.pid for process in family(job.root, job.uuid)]
    assert pid in [process.pid for process in family(None, job.uuid)]
    assert pid not in marked(job.uuid)


def test_all_end_whatever_they_do_about_it(start):
    job = start("plain", "worker", "daemon", "ignorant", "unmarked", "zombie")
    for role in ("plain", "worker", "daemon", "unmarked"):
        job.ready(role)
    pids = job.ready("ignorant", 2) + job.all()
    assert job.end() == []
    assert all(is_gone(pid) for pid in pids)
    assert job.process.wait() == -9
    assert marked(job.uuid) == []


def test_a_member_without_a_marker_is_not_lost_when_its_parent_ends(start):
    job = start("unmarked", "plain")
    (pid,) = job.ready("ignorant")
    parent = job.ready("unmarked")
    assert job.end(grace=1) == []
    assert is_gone(pid) and is_gone(*parent)


def test_members_are_asked_before_they_are_killed(start):
    job = start("polite", "plain")
    job.ready("polite")
    job.ready("plain")
    assert job.end(grace=1) == []
    assert (job.folder / "told").exists()


def test_a_root_whose_work_is_gone_ends_by_itself_and_nobody_waits_longer(start):
    job = start("plain", "worker", "--wait")
    job.ready("plain")
    job.ready("worker")
    begun = time.monotonic()
    assert job.end(grace=60) == []
    assert job.process.wait() == 0
    assert time.monotonic() - begun < 30


def test_without_grace_nobody_is_asked(start):
    job = start("polite", "plain")
    job.ready("polite")
    assert job.end(grace=0) == []
    assert not (job.folder / "told").exists()


def test_those_who_start_others_while_they_are_ended_end(start):
    job = start("stubborn", "plain")
    job.ready("stubborn")
    assert job.end(grace=2) == []
    assert len(job.pids("child")) >= 2
    assert marked(job.uuid) == []


def test_those_who_double_while_they_are_ended_end(start):
    job = start("bomb", "bomb", "plain")
    job.ready("plain")
    assert job.end() == []
    assert marked(job.uuid) == []


def test_one_that_hops_from_process_to_process_ends(start):
    job = start("runner", "plain")
    until((job.folder / "runner").exists)
    assert job.end() == []
    time.sleep(0.1)
    assert marked(job.uuid) == []


def test_what_has_ended_is_ended_at_once(start):
    job = start("zombie")
    job.process.wait()
    begun = time.monotonic()
    assert job.end(grace=60) == []
    assert end(None, job.uuid, grace=60) == []
    assert time.monotonic() - begun < 30


def test_others_live_on(start):
    job, other, own = start("plain", "worker"), start("plain", "worker"), subprocess.Popen(["sleep", "600"])
    job.ready("worker")
    other.ready("worker")
    before = marked(other.uuid)
    assert job.end() == []
    assert marked(other.uuid) == before
    assert own.poll() is None
    own.kill()
    own.wait()


def test_a_process_that_got_the_number_of_the_root_lives_on(start):
    job, other = start("plain"), start("plain")
    other.ready("plain")
    earlier = other.root._replace(started=other.root.started - 100)
    assert family(earlier, job.uuid) == family(None, job.uuid)
    assert end(earlier, job.uuid, grace=0) == []
    assert other.process.poll() is None
    assert job.process.wait() == -9


def test_a_process_that_got_the_number_of_a_member_gets_no_signal(start):
    job = start("plain")
    job.ready("plain")
    member = psutil.Process(job.process.pid)
    vars(member)["_ident"] = (member.pid, 0.0)
    assert processes._send(member, signal.SIGKILL)
    assert job.process.poll() is None


@linux
def test_where_processes_cannot_be_opened_they_get_their_signals(start, monkeypatch):
    def refuse(_):
        raise PermissionError

    monkeypatch.setattr(os, "pidfd_open", refuse)
    job = start("plain", "ignorant")
    job.ready("ignorant")
    assert job.end() == []
    assert job.process.wait() == -9


def run(code, **env):
    """Run a program, as another process than the one that tests."""
    head = f"import sys, os, subprocess; sys.path.insert(0, {str(ROOT)!r})\n"
    program = [sys.executable, "-c", f"{head}from forge_events.dispatcher.processes import *\n{code}"]
    done = subprocess.run(program, env={**os.environ, **env}, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_nobody_ends_itself_nor_what_is_above_it_nor_its_other_children(start):
    code = """
own = subprocess.Popen(["sleep", "600"], env={})
marked = subprocess.Popen(["sleep", "600"])
print(own.pid, marked.pid, *(process.pid for process in family(identity(os.getppid()), "x")))
print(end(identity(os.getppid()), "x", grace=0.1), own.poll(), marked.wait())
own.kill()
"""
    own, marked_one, *found, left, own_rc, rc = run(code, **{MARKER: "x"})
    assert found == [marked_one]
    assert (left, own_rc, rc) == ("[]", "None", "-15")
    assert own != marked_one


def as_other_users(job):
    (nobody,), (powerful,) = job.ready("nobody"), job.ready("powerful")
    until(lambda: psutil.Process(nobody).uids().real != 0)
    return nobody, powerful


@as_root
def test_who_may_not_be_ended_is_told_of(start):
    job = start("other_user", "--wait")
    nobody, powerful = as_other_users(job)
    code = f"""
import time
os.setgid(65534); os.setuid(65534)
begun = time.monotonic()
print(*(process.pid for process in end(identity({nobody}), {job.uuid!r}, grace=0.1)))
print(time.monotonic() - begun < 5)
"""
    assert run(code) == [str(powerful), "True"]
    assert is_gone(nobody) and not is_gone(powerful)


@as_root
def test_root_ends_the_processes_of_others(start):
    job = start("other_user", "plain")
    nobody, powerful = as_other_users(job)
    assert job.end() == []
    assert is_gone(nobody) and is_gone(powerful)


@linux
def test_orphans_become_children_of_the_one_who_asks_for_them():
    code = """
assert become_subreaper()
out = subprocess.run(["sh", "-c", "sleep 600 >/dev/null 2>&1 & echo $!"], capture_output=True, text=True).stdout
import psutil
orphan = psutil.Process(int(out))
print(orphan.ppid() == os.getpid())
orphan.kill()
"""
    assert run(code) == ["True"]


def test_where_there_are_no_subreapers_there_is_none(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not processes.become_subreaper()


def written(process):
    """Return the command line of a process, if it is still there."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - command: sleep 4711
      async: 4712
      poll: 0
    - command: sleep 4713
"""


def test_a_playbook_ends_with_its_workers_and_what_it_left_running(tmp_path):
    (tmp_path / "site.yml").write_text(PLAYBOOK)
    uuid = str(uuids.uuid4())
    own = {"ANSIBLE_ASYNC_DIR": str(tmp_path / "async"), "ANSIBLE_PYTHON_INTERPRETER": sys.executable}
    command = ["ansible-playbook", "-i", "localhost,", "site.yml"]
    process = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, **own, MARKER: uuid})
    root = identity(process.pid)

    def sleepers():
        return {"sleep 4711", "sleep 4713"} <= {written(member) for member in family(root, uuid)}

    until(sleepers, patience=60)
    assert end(root, uuid, grace=5) == []
    process.wait()
    assert marked(uuid) == []
