# SPDX-License-Identifier: Apache-2.0
"""The handlers record live, whatever becomes of the run, the spool or the one who reads."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from forge_events.events import EventFilter
from forge_events.ingestion import RunnerRecorder
from forge_events.ingestion.receiver import drain
from forge_events.ingestion.sources import IngestOptions, find
from forge_events.jobs import JobStatus
from forge_events.store import open_store
from tests.conftest import ROOT
from tests.ingestion.runner.conftest import take
from tests.ingestion.runner.running import PLAYBOOKS
from tests.ingestion.spools import job_of, now

EVENTS = [
    {"event": "playbook_on_start", "uuid": "r", "counter": 1, "event_data": {"playbook": "s.yml"}},
    {"event": "verbose", "uuid": "v", "counter": 2, "stdout": "a\r\nb", "start_line": 0, "end_line": 2},
    {"event": "playbook_on_stats", "uuid": "s", "counter": 3, "event_data": {"ok": {"h": 1}}},
]


class Runner:
    """What runner hands to ``finished_callback``."""

    def __init__(self, ident: str, rc: int) -> None:
        self.rc = rc
        self.config = type("Config", (), {"ident": ident})()


def tell(recorder: RunnerRecorder, ident: str, status: str = "successful", rc: int = 0) -> None:
    recorder.status_handler({"status": "starting", "runner_ident": ident, "command": ["ansible-playbook", "s.yml"]})
    for event in EVENTS:
        event = {**event, "uuid": f"{event['uuid']} {ident}", "runner_ident": ident}
        assert recorder.event_handler(event) is True
    recorder.status_handler({"status": status, "runner_ident": ident})
    recorder.finished_callback(Runner(ident, rc))


@pytest.fixture
def spool_dir(tmp_path):
    return tmp_path / "spool"


def test_runs_at_the_same_time_are_jobs_of_their_own(spool_dir, tmp_path):
    recorder = RunnerRecorder(spool_dir)
    threads = [threading.Thread(target=tell, args=(recorder, f"ident {n}")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = take(spool_dir, tmp_path / "events.db")
    assert sorted(len({job.uuid}) for job in found.jobs) == [1] * 8
    assert {job.status for job in found.jobs} == {JobStatus.SUCCESSFUL}
    assert found.stdout == "a\nb\n"


@pytest.mark.parametrize(
    ("status", "rc", "expected"),
    [
        ("successful", 0, JobStatus.SUCCESSFUL),
        ("canceled", 254, JobStatus.CANCELED),
        ("timeout", 254, JobStatus.FAILED),
        ("error", None, JobStatus.ERROR),
    ],
)
def test_what_runner_says_of_the_end_is_the_end(spool_dir, tmp_path, status, rc, expected):
    tell(RunnerRecorder(spool_dir), "x", status, rc)
    job = take(spool_dir, tmp_path / "events.db").job
    assert (job.status, job.rc) == (expected, rc)


def test_a_run_that_nobody_finishes_ends_with_the_process(spool_dir, tmp_path):
    recorder = RunnerRecorder(spool_dir)
    for event in EVENTS:
        recorder.event_handler({**event, "runner_ident": "x"})
    recorder.close()
    job = take(spool_dir, tmp_path / "events.db").job
    assert (job.status, job.rc) == (JobStatus.SUCCESSFUL, None)
    assert "did not say how the job ended" in job.job_explanation


def test_a_spool_that_cannot_be_written_is_logged_once_and_runner_goes_on(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    tell(RunnerRecorder(tmp_path / "file" / "spool"), "x")
    assert [record.message for record in caplog.records] == [
        "a job of ansible-runner cannot be recorded whole: NotADirectoryError"
    ]


def test_an_event_that_is_none_is_logged_and_the_others_are_not_lost(spool_dir, tmp_path, caplog):
    recorder = RunnerRecorder(spool_dir)
    recorder.event_handler({**EVENTS[0], "runner_ident": "x"})
    recorder.event_handler({"event": "verbose", "runner_ident": "x"})
    recorder.event_handler({**EVENTS[1], "runner_ident": "x", "event_data": {"nan": float("nan")}})
    recorder.event_handler({**EVENTS[2], "runner_ident": "x"})
    recorder.finished_callback(Runner("x", 0))
    assert len(take(spool_dir, tmp_path / "events.db").events) == 3
    assert len(caplog.records) == 1


def test_what_runner_is_handed_back_is_what_it_gave(spool_dir):
    event = {**EVENTS[1], "runner_ident": "x"}
    before = dict(event)
    RunnerRecorder(spool_dir).event_handler(event)
    assert event == before


SLOW = """
import sys, time, ansible_runner
kept = []

def slow(event):
    time.sleep(0.15)
    kept.append(event.get("event"))
    return True

try:
    ansible_runner.run(
        private_data_dir=sys.argv[1], playbook=sys.argv[2], inventory=sys.argv[3], quiet=True, event_handler=slow
    )
except Exception as error:
    print(type(error).__module__, type(error).__name__)
print("playbook_on_stats" in kept)
"""
MANY = """
- hosts: all
  gather_facts: false
  connection: local
  tasks:
    - ansible.builtin.debug: {msg: "{{ item }}"}
      loop: "{{ range(8) | list }}"
"""


@pytest.fixture
def many(tmp_path):
    """Return a playbook of which runner tells more than a slow consumer takes while it runs."""
    (tmp_path / "data").mkdir()
    (tmp_path / "many.yml").write_text(textwrap.dedent(MANY))
    (tmp_path / "hosts").write_text("".join(f"host{number}\n" for number in range(10)))
    return [str(tmp_path / name) for name in ("data", "many.yml", "hosts")]


def test_runner_itself_loses_the_tail_with_a_slow_consumer_and_its_artifact_gives_it_back(many, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SLOW, *many], capture_output=True, text=True, check=True, timeout=120, cwd=tmp_path
    )
    assert done.stdout.splitlines()[-2:] == ["pexpect.exceptions TIMEOUT", "False"]
    folder = tmp_path / "data"
    (artifact,) = (folder / "artifacts").iterdir()
    assert not (artifact / "status").exists()

    with open_store(f"sqlite:///{tmp_path}/events.db") as store:
        later = now() + datetime.timedelta(hours=1)
        for source in find(folder):
            received = list(source.ingest(store, IngestOptions(lambda: later)))
        job = job_of(received[-1])
        events = list(store.events(job.id, EventFilter()))
    items = [event for event in events if event.event == "runner_item_on_ok"]
    assert (len(items), events[-1].event) == (80, "playbook_on_stats")
    assert events[-1].event_data["lost"] == ["stdout"]
    assert job.status is JobStatus.SUCCESSFUL


def test_a_consumer_that_reads_the_spool_may_be_as_slow_as_it_likes(many, tmp_path):
    script = SLOW.replace("event_handler=slow", "**handlers").replace(
        "kept = []",
        "from pathlib import Path\nfrom forge_events.ingestion import RunnerRecorder\nkept = ['playbook_on_stats']\n"
        "recorder = RunnerRecorder(Path(sys.argv[4]))\nhandlers = {name: getattr(recorder, name) for name in "
        "('event_handler', 'status_handler', 'finished_callback')}",
    )
    spool_dir = tmp_path / "spool"
    done = subprocess.run(
        [sys.executable, "-c", script, *many, str(spool_dir)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        cwd=ROOT,
    )
    assert done.stdout.splitlines() == ["True"]
    consumed = []
    with open_store(f"sqlite:///{tmp_path}/events.db") as store:
        drain(spool_dir, store, now())
        for event in store.events(store.job("latest").id, EventFilter(), limit=20):
            time.sleep(0.15)
            consumed.append(event)
        consumed += store.events(store.job("latest").id, EventFilter(), after=20)
        assert store.job("latest").status is JobStatus.SUCCESSFUL
    assert len([event for event in consumed if event.event == "runner_item_on_ok"]) == 80
    assert consumed[-1].event == "playbook_on_stats"
    assert "PLAY RECAP" in consumed[-1].stdout


def test_three_lines_record_with_the_settings_own_spool(tmp_path):
    script = (
        "import ansible_runner, sys\n"
        "from forge_events.ingestion import event_handler, finished_callback, status_handler\n"
        "ansible_runner.run(private_data_dir=sys.argv[1], playbook=sys.argv[2], inventory=sys.argv[3], quiet=True,\n"
        "    event_handler=event_handler, status_handler=status_handler, finished_callback=finished_callback)\n"
    )
    (tmp_path / "data").mkdir()
    subprocess.run(
        [
            sys.executable,
            "-c",
            script,
            str(tmp_path / "data"),
            str(PLAYBOOKS / "handlers.yml"),
            str(PLAYBOOKS / "hosts"),
        ],
        check=True,
        timeout=120,
        cwd=ROOT,
        env={
            **os.environ,
            "FORGE_EVENTS_HOME": str(tmp_path / "home"),
            "ANSIBLE_PYTHON_INTERPRETER": os.path.realpath(sys.executable),
        },
    )
    found = take(tmp_path / "home" / "spool", tmp_path / "events.db")
    assert (found.job.status, found.job.name, found.job.rc) == (JobStatus.SUCCESSFUL, "handlers.yml", 0)
