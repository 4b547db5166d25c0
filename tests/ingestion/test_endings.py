# SPDX-License-Identifier: Apache-2.0
"""How a job ended is what its spool says, or what became of its processes."""

from __future__ import annotations

import datetime
import json
import os
import signal
import sys

import psutil
import pytest

from forge_events.events import EventFilter
from forge_events.ingestion.receiver import Receiver, drain
from forge_events.ingestion.sources import ingest
from forge_events.jobs import JobStatus
from tests.ingestion.spools import ELSEWHERE, HERE, Spool, job_of, now

NO_STATS = {"has_stats": False}
NOT_NEEDED = {"has_stats": False, "needs_stats": False}


@pytest.fixture
def end(store, folder):
    """Drain what was written and return the job, which must have ended."""

    def ended(spool: Spool):
        drain(folder, store, now())
        job = store.job(spool.uuid)
        assert job.status.is_final
        assert not spool.path.exists()
        assert "\n" not in job.job_explanation
        return job

    return ended


# Closed by the recorder


def test_clean_statistics_are_a_success(end, folder):
    job = end(Spool(folder).done())
    assert (job.status, job.job_explanation, job.rc) == (JobStatus.SUCCESSFUL, "", None)


@pytest.mark.parametrize(
    "counts", [{"failures": {"h": 1}}, {"dark": {"h": 2}}, {"failures": {"h": 0}, "dark": {"h": 1}}]
)
def test_failures_and_unreachable_hosts_are_a_failure(end, folder, counts):
    job = end(Spool(folder).root().stats(**counts).eof())
    assert (job.status, job.job_explanation) == (JobStatus.FAILED, "")


@pytest.mark.parametrize(
    "counts", [{"rescued": {"h": 1}}, {"ignored": {"h": 1}}, {"skipped": {"h": 1}}, {"failures": {"h": 0}}]
)
def test_other_counts_are_no_failure(end, folder, counts):
    assert end(Spool(folder).root().stats(**counts).eof()).status is JobStatus.SUCCESSFUL


def test_the_last_statistics_count(end, folder):
    job = end(Spool(folder).root().stats(failures={"h": 1}).stats().eof())
    assert job.status is JobStatus.SUCCESSFUL


def test_a_playbook_without_its_statistics_is_an_error(end, folder):
    job = end(Spool(folder).root().eof(**NO_STATS))
    assert job.status is JobStatus.ERROR
    assert job.job_explanation == "Ansible ended before the statistics that close a playbook: it was interrupted"


def test_a_second_playbook_without_its_statistics_is_an_error(end, folder):
    job = end(Spool(folder).root().stats().eof(**NO_STATS))
    assert job.status is JobStatus.ERROR


def test_the_explanation_has_the_last_error_without_colours_on_one_line(end, folder):
    spool = (
        Spool(folder)
        .root()
        .error("first\n")
        .error("\x1b[0;31mERROR! no\r\n  file \0x\x1b[0m\n")
        .event(stdout="later\n")
    )
    job = end(spool.eof(**NO_STATS))
    assert job.job_explanation.endswith("; the last error shown was: ERROR! no file x")


def test_a_long_error_is_cut(end, folder):
    job = end(Spool(folder).root().error("x" * 600 + "\n").eof(**NO_STATS))
    assert job.job_explanation.endswith(" " + "x" * 500)


def test_an_error_of_ansible_after_the_statistics_is_a_failure(end, folder):
    job = end(Spool(folder).root().stats().error("ERROR! second playbook\n").eof())
    assert job.status is JobStatus.FAILED
    assert "ERROR! second playbook" in job.job_explanation


def test_an_error_before_the_statistics_is_none(end, folder):
    job = end(Spool(folder).root().error("[ERROR]: passing\n").stats().eof())
    assert (job.status, job.job_explanation) == (JobStatus.SUCCESSFUL, "")


def test_where_no_statistics_are_owed_nothing_failed_is_a_success(end, folder):
    assert end(Spool(folder).root().eof(**NOT_NEEDED)).status is JobStatus.SUCCESSFUL


@pytest.mark.parametrize(
    ("excuse", "status"), [({}, JobStatus.FAILED), ({"ignore_errors": True}, JobStatus.SUCCESSFUL)]
)
def test_where_no_statistics_are_owed_a_failure_that_rolled_up_counts(end, folder, excuse, status):
    spool = Spool(folder).root().event("playbook_on_task_start")
    spool.event("runner_on_failed", parent_uuid="event-2", event_data={"host": "h", **excuse})
    assert end(spool.eof(**NOT_NEEDED)).status is status


def test_events_that_the_recorder_could_not_write_are_told_of(end, folder):
    job = end(Spool(folder).root().stats().eof(event_count=7))
    assert (job.status, job.job_explanation) == (JobStatus.SUCCESSFUL, "only 2 of 7 events were recorded")
    job = end(Spool(folder).root().eof(event_count=7, **NO_STATS))
    assert job.job_explanation.endswith("it was interrupted; only 1 of 7 events were recorded")


def test_an_end_without_any_facts_is_read_from_the_events(end, folder):
    spool = Spool(folder).root().stats().line({"eof": {}})
    job = end(spool)
    assert job.status is JobStatus.SUCCESSFUL
    assert job.finished > job.started


@pytest.mark.parametrize("finished", [None, "then", 10**30, "9999-12-31T23:59:59-12:00", ["x"]])
def test_a_strange_time_of_the_end_is_passed_over(end, folder, finished):
    job = end(Spool(folder).root().stats().eof(finished=finished))
    assert job.status is JobStatus.SUCCESSFUL
    assert now() - job.finished < datetime.timedelta(minutes=5)


# Closed by whoever started the command; the recorder is this very process.


@pytest.fixture
def started(folder):
    return Spool(folder, expects_exit=True, recorder_pid=os.getpid())


def test_an_expected_exit_code_is_waited_for(store, folder, started):
    started.done()
    (received,) = drain(folder, store, now())
    assert job_of(received).status is JobStatus.RUNNING
    assert started.path.exists()
    started.exit(0)
    (received,) = drain(folder, store, now())
    assert (job_of(received).status, job_of(received).rc) == (JobStatus.SUCCESSFUL, 0)
    assert not started.path.exists()


def test_a_failed_playbook_keeps_its_exit_code(end, started):
    job = end(started.root().stats(failures={"h": 1}).eof().exit(2))
    assert (job.status, job.rc, job.job_explanation) == (JobStatus.FAILED, 2, "")


def test_an_exit_code_though_nothing_failed_is_an_error(end, started):
    job = end(started.done().exit(77))
    assert (job.status, job.rc) == (JobStatus.ERROR, 77)
    assert job.job_explanation == "the exit code is 77, though nothing failed"


def test_a_breakdown_of_ansible_is_an_error(end, started):
    job = end(started.done().exit(250))
    assert (job.status, job.rc) == (JobStatus.ERROR, 250)
    assert job.job_explanation == "Ansible itself broke down with exit code 250"


def test_exit_code_0_is_a_success_whatever_failed_on_the_way(end, started):
    spool = started.root().error("[ERROR]: passing\n").stats(failures={"h": 1}, dark={"g": 1})
    job = end(spool.eof().exit(0))
    assert (job.status, job.rc, job.job_explanation) == (JobStatus.SUCCESSFUL, 0, "")
    assert job.failed


def test_an_interrupted_playbook_keeps_its_exit_code(end, started):
    job = end(started.root().error("[ERROR]: User interrupted execution\n").eof(**NO_STATS).exit(99))
    assert (job.status, job.rc) == (JobStatus.ERROR, 99)
    assert "User interrupted execution" in job.job_explanation


@pytest.mark.parametrize(
    ("rc", "name"), [(-9, "SIGKILL"), (137, "SIGKILL"), (-15, "SIGTERM"), (143, "SIGTERM"), (139, "SIGSEGV")]
)
@pytest.mark.parametrize("has_eof", [True, False])
def test_a_killed_command_says_by_what(end, started, rc, name, has_eof):
    spool = started.root().stats()
    job = end((spool.eof() if has_eof else spool).exit(rc))
    assert (job.status, job.rc) == (JobStatus.ERROR, rc)
    assert job.job_explanation == f"the command was killed by {name}; 2 events were kept"


def test_an_exit_without_an_end_is_an_error(end, started):
    job = end(started.root().error("ERROR! out of memory\n").exit(1))
    assert (job.status, job.rc) == (JobStatus.ERROR, 1)
    assert job.job_explanation == (
        f"process {os.getpid()} on {HERE} ended without closing its record: its exit code is 1; 2 events were kept; "
        "the last error shown was: ERROR! out of memory"
    )


def test_the_words_of_the_starter_count(end, started):
    job = end(started.root().error("x\n").eof(**NOT_NEEDED).exit(4, explanation="ERROR! no such playbook"))
    assert (job.status, job.job_explanation) == (
        JobStatus.FAILED,
        "Ansible ended with exit code 4: ERROR! no such playbook",
    )


def test_the_words_of_the_starter_alone_are_no_error(end, started):
    job = end(started.root().eof(**NOT_NEEDED).exit(0, explanation="no Ansible ran"))
    assert (job.status, job.job_explanation) == (JobStatus.SUCCESSFUL, "no Ansible ran")


@pytest.mark.parametrize("rc", [None, "2", 2.5, 2**40, [2]])
def test_a_strange_exit_code_is_passed_over(end, started, rc):
    job = end(started.done().exit(rc))
    assert (job.status, job.rc) == (JobStatus.SUCCESSFUL, None)


def test_the_exit_after_a_torn_line_is_not_needed(store, folder):
    """A process that is killed while it writes leaves a torn line, to which its starter's line is glued."""
    spool = Spool(folder, pid=_a_dead_process(), expects_exit=True, recorder_pid=_a_dead_process()).root().torn()
    spool.exit(-9)
    (received,) = drain(folder, store, now())
    assert job_of(received).status is JobStatus.ERROR
    assert job_of(received).event_count == 1
    assert len(received.damages) == 1


# Closed by nobody


def record(start, folder, **header):
    """Start a process that records; return it and its spool's path when its first events are there."""
    process = start("recording", str(folder), json.dumps(header))
    assert process.stdout.readline() == "ready\n"
    (path,) = folder.glob("*.jsonl")
    return process, path


def tell(process, what):
    process.stdin.write(f"{what}\n")
    process.stdin.flush()
    assert process.stdout.readline() == "did\n"


def _a_dead_process() -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid


def test_a_killed_process_leaves_an_error_and_its_events(store, folder, start):
    process, path = record(start, folder)
    (received,) = drain(folder, store, now())
    assert job_of(received).status is JobStatus.RUNNING
    tell(process, "torn")
    process.send_signal(signal.SIGKILL)
    process.wait()
    (received,) = drain(folder, store, now())
    job = job_of(received)
    assert (job.status, job.rc, job.event_count, received.damages) == (JobStatus.ERROR, None, 2, [])
    assert job.job_explanation == (
        f"process {process.pid} on {HERE} ended without closing its record: "
        "it was killed or the machine went down; 2 events were kept"
    )
    assert job.finished == store.last_events(job.id, EventFilter())[0].created
    assert "".join(store.stdout(job.id)) == "before\n"
    assert not path.exists()


def test_a_killed_process_that_nobody_has_waited_for_is_gone(store, folder, start):
    process, _ = record(start, folder)
    process.send_signal(signal.SIGKILL)
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert job_of(drain(folder, store, now())[0]).status is JobStatus.ERROR


def test_a_receiver_that_has_seen_it_all_sees_the_process_die(store, folder, start):
    receiver = Receiver(folder, store)
    process, _ = record(start, folder)
    assert job_of(receiver.drain(now())[0]).status is JobStatus.RUNNING
    assert receiver.drain(now()) == []
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert job_of(receiver.drain(now())[0]).status is JobStatus.ERROR


def test_a_process_that_ends_as_it_should_is_a_success(store, folder, start):
    process, _ = record(start, folder)
    tell(process, "finish")
    process.communicate()
    (received,) = drain(folder, store, now())
    assert (job_of(received).status, job_of(received).event_count) == (JobStatus.SUCCESSFUL, 3)


def test_a_stopped_process_is_not_gone(store, folder, start):
    process, _ = record(start, folder)
    process.send_signal(signal.SIGSTOP)
    assert job_of(drain(folder, store, now())[0]).status is JobStatus.RUNNING


def test_a_younger_process_with_the_same_number_is_another(end, folder):
    before = datetime.datetime.fromtimestamp(psutil.Process().create_time(), datetime.UTC)
    started = (before - datetime.timedelta(seconds=10)).isoformat()
    # As recorders wrote it before they told of the time since the machine's start.
    job = end(Spool(folder, pid=os.getpid(), started=started, uptime=None).root())
    assert job.status is JobStatus.ERROR


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the time since the machine's start")
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_process_is_the_same_when_the_clock_is_set_while_it_runs(store, folder, hours):
    started = (now() + datetime.timedelta(hours=hours)).isoformat()
    Spool(folder, pid=os.getpid(), started=started).root()
    assert job_of(drain(folder, store, now())[0]).status is JobStatus.RUNNING


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the time since the machine's start")
@pytest.mark.parametrize("facts", [{"uptime": 0.5}, {"boot_id": "another"}])
def test_a_process_that_began_later_is_another_whatever_the_clock_says(end, folder, facts):
    assert end(Spool(folder, pid=os.getpid(), **facts).root()).status is JobStatus.ERROR


def test_an_older_process_with_the_same_number_may_be_the_one(store, folder):
    Spool(folder, pid=os.getpid()).root()
    assert job_of(drain(folder, store, now())[0]).status is JobStatus.RUNNING


def test_when_the_starter_was_killed_too_the_end_of_the_spool_counts(store, folder, start):
    starter, _ = record(start, folder.parent)
    spool = Spool(folder, pid=_a_dead_process(), expects_exit=True, recorder_pid=starter.pid).done()
    assert job_of(drain(folder, store, now())[0]).status is JobStatus.RUNNING
    starter.kill()
    starter.wait()
    (received,) = drain(folder, store, now())
    assert (job_of(received).status, job_of(received).rc) == (JobStatus.SUCCESSFUL, None)
    assert not spool.path.exists()


def test_what_stands_behind_the_end_of_a_spool_does_not_hide_it(store, folder, start):
    starter, _ = record(start, folder.parent)
    spool = Spool(folder, pid=_a_dead_process(), expects_exit=True, recorder_pid=starter.pid).done()
    spool.event(stdout="late\n").line(b"rubbish")
    for _ in range(2):
        assert job_of(drain(folder, store, now())[0]).status is JobStatus.RUNNING
    starter.kill()
    starter.wait()
    job = job_of(drain(folder, store, now())[0])
    assert (job.status, job.event_count) == (JobStatus.SUCCESSFUL, 3)


def test_when_only_the_starter_was_killed_the_job_goes_on(store, folder):
    spool = Spool(folder, expects_exit=True, recorder_pid=_a_dead_process()).root()
    assert job_of(drain(folder, store, now())[0]).status is JobStatus.RUNNING
    spool.stats().eof()
    assert job_of(drain(folder, store, now())[0]).status is JobStatus.SUCCESSFUL


def test_a_process_on_another_machine_is_not_judged(store, folder):
    spool = Spool(folder, host=ELSEWHERE, pid=_a_dead_process()).root()
    for _ in range(2):
        assert job_of(drain(folder, store, now())[0]).status is JobStatus.RUNNING
    spool.stats().eof()
    assert job_of(drain(folder, store, now())[0]).status is JobStatus.SUCCESSFUL


@pytest.mark.parametrize("pid", [os.getpid(), None], ids=["alive", "unknown"])
def test_a_spool_of_another_machine_that_is_ingested_is_over(store, tmp_path, pid):
    spool = Spool(tmp_path, host=ELSEWHERE, pid=pid).root()
    (received,) = ingest(spool.path, store, now())
    assert job_of(received).status is JobStatus.ERROR
    assert "1 event was kept" in job_of(received).job_explanation


def test_a_spool_of_a_living_process_that_is_ingested_is_not_over(store, tmp_path):
    spool = Spool(tmp_path).root()
    assert job_of(ingest(spool.path, store, now())[0]).status is JobStatus.RUNNING
    spool.stats().eof()
    assert job_of(ingest(spool.path, store, now())[0]).status is JobStatus.SUCCESSFUL


def test_a_status_that_was_told_never_changes(store, folder, tmp_path):
    spool = Spool(tmp_path, host=ELSEWHERE).root().stats().eof()
    ingest(spool.path, store, now())
    spool.error("too late").exit(1)
    (received,) = ingest(spool.path, store, now())
    assert (job_of(received).status, job_of(received).rc) == (JobStatus.SUCCESSFUL, None)


def test_an_end_that_was_presumed_gives_way_to_the_one_that_is_told(store, folder, tmp_path):
    spool = Spool(tmp_path, host=ELSEWHERE).root()
    presumed = job_of(ingest(spool.path, store, now())[0])
    assert (presumed.status, store.transitions(presumed.id)[-1].by) == (JobStatus.ERROR, "receiver (presumed)")
    spool.stats().eof().exit(0)
    (received,) = ingest(spool.path, store, now())
    job = job_of(received)
    assert (job.status, job.rc, job.job_explanation) == (JobStatus.SUCCESSFUL, 0, "")
    assert (received.event_count, job.event_count, received.has_ended) == (1, 2, True)
    assert [step.by for step in store.transitions(job.id)] == ["receiver", "receiver"]
    assert ingest(spool.path, store, now())[0].has_ended is False
    assert store.job(str(job.id)) == job
