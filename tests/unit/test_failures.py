# SPDX-License-Identifier: Apache-2.0
"""What was rescued of the failures that ansible-runner tells of."""

from __future__ import annotations

import pytest

from forge_events.ingestion.runner.normaliser import Failures

LOST = {"lost": ["rescued"]}


def told(failures: Failures, *names: str) -> None:
    """Tell live of a host's failures, each named by its task; ``+`` stands for a task that the host begins."""
    for name in names:
        if name == "+":
            failures.go_on("h")
        else:
            assert failures.judge("h", is_ignored=False, lost=[]) == LOST
            failures.leave_open("h", name)


def counts(failures: int = 0, rescued: int = 0) -> dict[str, dict[str, int]]:
    return {"failures": {"h": failures}, "rescued": {"h": rescued}}


@pytest.mark.parametrize(
    ("names", "failed", "tasks"),
    [
        ("a+", 0, ""),
        ("a", 1, "a"),
        ("a+b", 1, "b"),
        ("a+b+", 1, "b"),
        ("a+b+", 2, "ab"),
        ("ab+c+", 1, "a"),
        ("a+", 5, "a"),
    ],
)
def test_statistics_settle_what_was_left_open(names, failed, tasks):
    failures = Failures()
    told(failures, *names)
    assert sorted(failures.settle(counts(failed))) == list(tasks)


def test_the_statistics_of_a_second_playbook_count_those_of_the_first():
    failures = Failures()
    told(failures, "a")
    assert failures.settle(counts(1)) == ["a"]
    told(failures, "b", "+")
    assert failures.settle(counts(1, 1)) == []


def test_a_task_that_failed_on_two_hosts_is_named_once():
    failures = Failures()
    for host in ("g", "h"):
        failures.judge(host, is_ignored=False, lost=[])
        failures.leave_open(host, "a")
    assert failures.settle({"failures": {"g": 1, "h": 1}}) == ["a"]


def test_statistics_that_are_known_beforehand_leave_nothing_open():
    failures = Failures(counts(1, 1))
    assert failures.judge("h", is_ignored=True, lost=[]) == {"rescued": False}
    assert failures.judge("h", is_ignored=False, lost=[]) == {"rescued": True}
    assert failures.judge("h", is_ignored=False, lost=[]) == {"rescued": False}
    assert failures.judge("h", is_ignored=False, lost=["res"]) == {"lost": ["res", "rescued"]}
    failures.leave_open("h", "a")
    assert failures.settle(counts(1, 1)) == []


@pytest.mark.parametrize("stats", [{}, {"failures": None}, {"failures": {"h": "x"}}])
def test_statistics_that_are_none_settle_nothing(stats):
    failures = Failures(stats)
    told(failures, "a")
    assert failures.settle(stats) == []
