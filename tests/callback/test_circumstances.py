# SPDX-License-Identifier: Apache-2.0
"""Who ran a job, and under what circumstances its results came about: check mode, delegation, statistics of hosts."""

from __future__ import annotations

import os
import pwd

import pytest

ENDS = ("runner_on_ok", "runner_on_failed", "runner_on_skipped", "runner_on_unreachable")


def play(ansible, tmp_path, *arguments):
    return ansible.play("circumstances.yml", "-e", f"target={tmp_path}", *arguments)


def about(run, key):
    """Return what the final result of each task says under a key of ``event_data``."""
    return {event.event_data["task"]: event.event_data.get(key) for event in run.events if event.event in ENDS}


def test_a_delegated_result_names_the_host_that_the_terminal_shows(ansible, lawful, tmp_path):
    run = play(ansible, tmp_path)
    lawful(run)
    assert about(run, "delegated_host") == {
        "on h2": "h2",
        "hidden on h2": "h2",
        "left out on h2": "h2",
        "on lost": "lost",
        "on each": None,
        "fails on h2": "h2",
        "at home": None,
        "dry by itself": None,
        "at last": None,
    }
    assert b"[h1 -> lost" in run.output
    assert {event.event_data["host"] for event in run.events if "delegated_host" in event.event_data} == {"h1"}
    (unreachable,) = run.named("runner_on_unreachable")
    assert unreachable.event_data["delegated_host"] == "lost"


def test_each_item_and_attempt_names_its_own_host(ansible, tmp_path):
    run = play(ansible, tmp_path)
    items = run.under("on each", "runner_item_on_ok")
    assert [event.event_data["delegated_host"] for event in items] == ["h2", "h3"]
    assert {event.event_data["delegated_host"] for event in run.under("fails on h2", "runner_retry")} <= {"h2"}


@pytest.mark.parametrize(("arguments", "is_dry"), [([], False), (["--check"], True)])
def test_what_would_have_changed_is_told_from_what_has(ansible, tmp_path, arguments, is_dry):
    run = play(ansible, tmp_path, *arguments)
    assert run.records[0].value["check_mode"] is is_dry
    found = about(run, "check_mode")
    assert found["dry by itself"] is True
    assert found["on h2"] is None  # it says that it is never dry
    assert found["at last"] is (True if is_dry else None)
    assert [event.event_data["res"]["changed"] for event in run.under("at last", "runner_on_ok")] == [True]
    assert (tmp_path / "at-last").exists() is not is_dry


def test_statistics_of_hosts_are_kept_beside_those_of_the_run(ansible):
    (stats,) = ansible.play("made.yml", ANSIBLE_SHOW_CUSTOM_STATS="1").named("playbook_on_stats")
    assert stats.event_data["artifact_data"] == {"version": 3}
    assert stats.event_data["host_artifact_data"] == {"h1": {"token": "of h1"}, "h2": {"token": "of h2"}}


def test_statistics_under_no_log_are_left_out_for_hosts_too(ansible):
    run = ansible.play("made_hidden.yml", ANSIBLE_SHOW_CUSTOM_STATS="1")
    (stats,) = run.named("playbook_on_stats")
    assert all("censored" in made for made in stats.event_data["host_artifact_data"].values())
    assert "of h1" not in str(stats.event_data) + stats.stdout


def test_a_job_says_who_ran_it(ansible):
    user = pwd.getpwuid(os.geteuid()).pw_name
    header = ansible.play("made.yml", SUDO_USER="alice").records[0].value
    assert (header["run_by"], header["run_as"]) == ("alice", user)
