# SPDX-License-Identifier: Apache-2.0
"""What is told of a failure that somebody rescued or ignored is what Ansible counts in its recap."""

from __future__ import annotations

from collections import Counter

import pytest

from forge_events.rollup import RollUp

STRATEGIES = ("linear", "free")


def counted(run, flag):
    """Return how many final results of each host are told to have been rescued or ignored, or neither."""
    kinds = ("runner_on_failed", "runner_on_unreachable")
    failures = [event.event_data for event in run.events if event.event in kinds]
    if flag is None:
        return Counter(data["host"] for data in failures if not (data["ignore_errors"] or data.get("rescued")))
    return Counter(data["host"] for data in failures if data.get(flag))


def recap(run, kind):
    return run.named("playbook_on_stats")[-1].event_data[kind]


def failed(run):
    """Return the names of the plays and tasks that failed, and whether the playbook did."""
    found = RollUp()
    for event in run.events:
        found.add(event.event, event.uuid, event.parent_uuid, event.event_data)
    names = {event.uuid: event.event_data.get("name") for event in run.events}
    return {names[uuid] for uuid in found.failed}


def version(run):
    return tuple(int(part) for part in run.records[0].value["ansible_version"].split(".")[:2])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_is_caught_fails_nothing(strategy, ansible, lawful):
    run = ansible.play("rescues.yml", "-e", f"strategy={strategy}")
    lawful(run)
    assert run.rc == 0, run.output.decode()
    assert counted(run, "rescued") == recap(run, "rescued")
    assert counted(run, "ignore_errors") == recap(run, "ignored")
    # Before ansible-core 2.19 a handler that is flushed in a block was counted as failed, though the rescue caught it.
    handlers = {"fails as a handler", "fails as a handler in a loop"} if version(run) < (2, 19) else set()
    assert counted(run, None) == recap(run, "failures")
    assert failed(run) <= {None, "caught", *handlers}
    assert bool(failed(run)) == bool(handlers)


def test_what_is_caught_though_ansible_counts_it_is_told_as_it_happened(ansible, lawful):
    run = ansible.play("cleared.yml")
    lawful(run)
    assert run.rc == 0
    assert counted(run, "rescued") == dict.fromkeys(("h1", "h2", "h3"), 1)
    assert counted(run, None) == {"h2": 1}
    assert failed(run) == {"fails", "cleared", None}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_is_not_caught_fails_its_task(strategy, ansible, lawful):
    run = ansible.play("lost_hosts.yml", "-e", f"strategy={strategy}")
    lawful(run)
    assert run.rc == 2
    assert counted(run, "rescued") == recap(run, "rescued")
    assert counted(run, None) == recap(run, "failures")
    assert failed(run) == {"fails then", "fails once", "fails again", "fails at the end", "lost", None}


def test_hosts_that_fail_with_another_count_as_ansible_counts_them(ansible, lawful):
    run = ansible.play("fatal.yml")
    lawful(run)
    assert run.rc == (0 if version(run) < (2, 19) else 2)
    assert counted(run, "rescued") == recap(run, "rescued") == {"h1": 1}
    assert failed(run) == set()
