# SPDX-License-Identifier: Apache-2.0
"""Nothing that is under ``no_log`` is recorded."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("strategy", "arguments"),
    [
        ("free", ["-vvv", "--diff"]),
        pytest.param("linear", [], marks=pytest.mark.full),
        pytest.param("free", [], marks=pytest.mark.full),
        pytest.param("linear", ["-vvv", "--diff"], marks=pytest.mark.full),
    ],
)
def test_no_secret_is_in_the_record(strategy, arguments, ansible, lawful, tmp_path):
    more = {
        "ANSIBLE_STRATEGY": strategy,
        "ANSIBLE_SHOW_CUSTOM_STATS": "True",
        "ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "True" if arguments else "False",
    }
    run = ansible.play("secrets.yml", "-e", f"target={tmp_path}", "-e", "secret=hush-extra", *arguments, **more)
    lawful(run)
    record = run.spools[0].read_bytes()
    found = {record[max(0, at - 200) : at + 40] for at in places(record, b"hush")}
    assert not found
    assert len(run.under("items", "runner_item_on_ok")) == 4
    assert all("censored" in event.event_data["res"] for event in run.under("items", "runner_item_on_ok"))
    assert run.under("items", "runner_on_ok")[0].event_data["res"]["changed"] is True


def places(record, word):
    at = record.find(word)
    while at >= 0:
        yield at
        at = record.find(word, at + 1)


@pytest.mark.full
def test_a_poll_takes_no_log_from_the_task_that_polls(ansible, lawful, tmp_path):
    run = ansible.play("secrets.yml", "-e", f"target={tmp_path}")
    lawful(run)
    polls = run.under("asynchronous", "runner_on_async_poll") + run.under("asynchronous items", "runner_on_async_poll")
    assert polls
    assert all("censored" in event.event_data["res"] for event in polls)


def test_a_template_that_hides_hides(ansible, lawful):
    run = ansible.play("at_times.yml", "-e", "hide=true", "-vvv", ANSIBLE_DISPLAY_ARGS_TO_STDOUT="True")
    lawful(run)
    record = run.spools[0].read_bytes()
    assert not {record[max(0, at - 200) : at + 40] for at in places(record, b"hush")}


def test_a_template_that_does_not_hide_hides_no_final_result(ansible, lawful):
    run = ansible.play("at_times.yml", "-e", "hide=false")
    lawful(run)
    assert run.under("plain", "runner_on_ok")[0].event_data["res"]["stdout"] == "hush-plain"
    assert run.under("items", "runner_item_on_ok")[0].event_data["res"]["stdout"] == "hush-item"
    assert run.under("fails", "runner_on_failed")[0].event_data["res"]["msg"] == "hush-failure"
