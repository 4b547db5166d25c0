# SPDX-License-Identifier: Apache-2.0
"""How a job ended is decided by one table, whoever saw it end."""

from __future__ import annotations

import datetime

import pytest

from forge_events.events import JobEvent
from forge_events.ingestion.outcome import End, decide
from forge_events.jobs import JobStatus
from forge_events.rollup import is_failed

WHEN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
WHOLE = {"has_stats": True, "needs_stats": True}
CUT = {"has_stats": False, "needs_stats": True}
AD_HOC = {"has_stats": False, "needs_stats": False}
CLEAN = {"ok": {"h": 1}}
FAILED = {"failures": {"h": 1}}
UNREACHABLE = {"dark": {"h": 1}}
ERROR = "ERROR! no such handler"


def event(name: str, data: dict[str, object] | None = None, stdout: str = "") -> JobEvent:
    facts = {"uuid": name, "parent_uuid": None, "counter": 1, "event": name, "event_data": data or {}}
    facts["failed"] = is_failed(name, data or {})
    return JobEvent.model_validate({**facts, "stdout": stdout, "created": WHEN, "job_id": 1, "runner_ident": "j"})


def end(rc=None, eof=WHOLE, stats=CLEAN, error="", *, has_failed=False, **exit_):
    return decide(
        End(
            process="process 1 on h",
            eof=eof,
            exit={"rc": rc, **exit_} if rc is not None or exit_ else None,
            stats=None if stats is None else event("playbook_on_stats", stats),
            error=event("error", stdout=f"{error}\n") if error else None,
            last=None,
            has_failed=has_failed,
            event_count=3,
            rc=rc,
        )
    )


def judged(*args, **kwargs) -> tuple[str, str]:
    verdict = end(*args, **kwargs)
    return verdict.status.value, verdict.reason


@pytest.mark.parametrize("status", [status for status in JobStatus if status.is_final])
@pytest.mark.parametrize("rc", [None, 0, 2, 137])
def test_a_status_that_is_stated_holds(status, rc):
    assert judged(rc, None, None, status=status.value, explanation="why") == (status.value, "why")


@pytest.mark.parametrize("stats", [CLEAN, FAILED, UNREACHABLE, None])
@pytest.mark.parametrize("eof", [WHOLE, CUT, AD_HOC])
@pytest.mark.parametrize("error", ["", ERROR])
def test_exit_code_0_is_a_success(stats, eof, error):
    assert judged(0, eof, stats, error, has_failed=True) == ("successful", "")


def test_exit_code_0_of_a_record_that_was_not_closed_is_a_success_that_says_so():
    status, reason = judged(0, None, None)
    assert status == "successful"
    assert reason == "process 1 on h ended without closing its record: its exit code is 0; 3 events were kept"


@pytest.mark.parametrize(
    ("rc", "words"),
    [
        (-9, "killed by SIGKILL"),
        (143, "killed by SIGTERM"),
        (99, "Ansible was interrupted with exit code 99"),
        (250, "Ansible itself broke down with exit code 250"),
    ],
)
@pytest.mark.parametrize("stats", [CLEAN, FAILED, None])
@pytest.mark.parametrize("eof", [WHOLE, CUT, AD_HOC, None])
def test_what_stopped_ansible_is_an_error(rc, words, stats, eof):
    status, reason = judged(rc, eof, stats, has_failed=True)
    assert status == "error"
    assert words in reason


@pytest.mark.parametrize("rc", [125, 126, 127])
def test_what_could_not_be_started_is_an_error(rc):
    assert judged(rc, CUT, None) == ("error", f"the command could not be started: its exit code is {rc}")
    assert judged(rc, AD_HOC, None, explanation="no such image") == (
        "error",
        f"the command could not be started: its exit code is {rc}; the last error shown was: no such image",
    )


@pytest.mark.parametrize(("rc", "stats"), [(2, FAILED), (4, UNREACHABLE), (6, {**FAILED, **UNREACHABLE}), (7, FAILED)])
def test_failed_hosts_are_a_failure_that_needs_no_words(rc, stats):
    assert judged(rc, stats=stats) == ("failed", "")


@pytest.mark.parametrize("rc", [2, 4])
def test_failed_hosts_of_a_record_that_was_not_closed_are_a_failure(rc):
    status, reason = judged(rc, None, None)
    assert status == "failed"
    assert f"its exit code is {rc}; 3 events were kept" in reason


@pytest.mark.parametrize("rc", [2, 4])
def test_an_exit_code_that_speaks_of_hosts_is_a_failure_of_which_the_statistics_say_nothing(rc):
    assert judged(rc) == ("failed", f"Ansible ended with exit code {rc}, though its statistics name no failed host")


@pytest.mark.parametrize("rc", [1, 2, 4, 5, 20])
@pytest.mark.parametrize(("eof", "stats"), [(CUT, None), (CUT, FAILED), (WHOLE, CLEAN), (WHOLE, FAILED)])
def test_what_ansible_said_of_its_end_is_why_the_playbook_failed(rc, eof, stats):
    assert judged(rc, eof, stats, ERROR) == ("failed", f"Ansible ended with exit code {rc}: {ERROR}")


def test_the_words_of_whoever_saw_it_end_are_what_ansible_said():
    assert judged(5, AD_HOC, None, explanation="usage") == ("failed", "Ansible ended with exit code 5: usage")


def test_a_playbook_that_gave_up_without_a_word_has_failed_by_a_code_of_ansibles_own():
    assert judged(1, CUT, None) == (
        "failed",
        "Ansible ended with exit code 1 without the statistics that close a playbook",
    )
    assert judged(40, CUT, None) == ("error", "the exit code is 40, though nothing failed")


@pytest.mark.parametrize("rc", [1, 7, 40])
def test_another_exit_code_though_nothing_failed_is_an_error(rc):
    assert judged(rc) == ("error", f"the exit code is {rc}, though nothing failed")
    assert judged(rc, AD_HOC, None) == ("error", f"the exit code is {rc}, though nothing failed")


def test_an_ad_hoc_command_fails_with_its_hosts():
    assert judged(2, AD_HOC, None, ERROR, has_failed=True) == ("failed", "")
    assert judged(1, AD_HOC, None, ERROR, has_failed=True) == ("failed", f"Ansible ended with exit code 1: {ERROR}")


@pytest.mark.parametrize("rc", [1, 20])
def test_a_record_that_was_not_closed_is_an_error_unless_its_statistics_tell(rc):
    assert judged(rc, None, None, ERROR, has_failed=True)[0] == "error"
    assert judged(rc, None, FAILED)[0] == "failed"


def test_without_an_exit_code_the_record_tells():
    assert judged() == ("successful", "")
    assert judged(stats=FAILED) == ("failed", "")
    assert judged(eof=None, stats=FAILED)[0] == "error"
    assert judged(eof=CUT, stats=None, has_failed=True)[0] == "error"
    assert judged(eof=AD_HOC, stats=None) == ("successful", "")
    assert judged(eof=AD_HOC, stats=None, error=ERROR) == ("successful", "")
    assert judged(eof=AD_HOC, stats=None, has_failed=True) == ("failed", "")
    assert judged(error=ERROR) == ("failed", f"Ansible reported an error when the playbook was over: {ERROR}")
    assert judged(explanation="its statistics tell") == ("successful", "its statistics tell")
