# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.store.making import Play, append

CHANGED = {"changed": True}


@pytest.fixture
def play(job):
    return Play(job)


def counts(store, job):
    """Return what is not zero, by host; ``processed`` is always 1."""
    found = {}
    for summary in store.host_summaries(job.id):
        numbers = summary.model_dump(exclude={"host_name"}, exclude_defaults=True)
        assert numbers.pop("processed") == 1
        found[summary.host_name] = numbers
    return found


@pytest.mark.parametrize(
    ("event", "data", "expected"),
    [
        ("runner_on_ok", {"res": {}}, {"ok": 1}),
        ("runner_on_ok", {"res": CHANGED}, {"ok": 1, "changed": 1}),
        ("runner_on_failed", {"res": {}}, {"failures": 1}),
        ("runner_on_failed", {"res": CHANGED}, {"failures": 1}),
        ("runner_on_failed", {"res": {}, "ignore_errors": True}, {"ok": 1, "ignored": 1}),
        ("runner_on_failed", {"res": CHANGED, "ignore_errors": True}, {"ok": 1, "ignored": 1, "changed": 1}),
        ("runner_on_failed", {"res": {}, "ignore_errors": False, "rescued": True}, {"rescued": 1}),
        ("runner_on_unreachable", {"res": {}}, {"dark": 1}),
        ("runner_on_unreachable", {"res": {}, "ignore_unreachable": True}, {"ok": 1, "ignored": 1}),
        ("runner_on_unreachable", {"res": {}, "ignore_errors": True}, {"ok": 1, "ignored": 1}),
        ("runner_on_skipped", {"res": {}}, {"skipped": 1}),
        ("runner_on_ok", {"res": {}, "task_action": "ansible.builtin.include_tasks"}, None),
        ("runner_on_ok", {"res": {}, "task_action": "include_role"}, None),
        ("runner_on_start", {}, None),
        ("runner_item_on_ok", {"res": CHANGED}, None),
        ("runner_item_on_failed", {"res": {}}, None),
        ("runner_retry", {"res": {}}, None),
        ("runner_on_async_ok", {"res": {}}, None),
        ("runner_on_async_failed", {"res": {}}, None),
        ("playbook_on_notify", {"handler": "x"}, None),
    ],
)
def test_an_event_counts_as_in_ansibles_recap(store, job, play, event, data, expected):
    play.host(event, play.task("t"), "h", **data)
    append(store, job, play.events)
    assert counts(store, job) == ({} if expected is None else {"h": expected})


def test_what_is_included_counts_for_each_of_its_hosts(store, job, play):
    play.add("playbook_on_include", play.play, hosts=["h1", "h2"])
    append(store, job, play.events)
    assert counts(store, job) == {"h1": {"ok": 1}, "h2": {"ok": 1}}


def test_counts_grow_over_batches_and_hosts_come_by_name(store, job, play):
    task = play.task("t")
    append(store, job, play.events)
    for host in ("b", "a", "b"):
        append(store, job, [play.host("runner_on_ok", task, host, res={})])
    assert list(counts(store, job).items()) == [("a", {"ok": 1}), ("b", {"ok": 2})]


def test_statistics_replace_what_was_counted(store, job, play):
    task = play.task("t")
    play.host("runner_on_ok", task, "gone", res={})
    play.host("runner_on_ok", task, "h", res={})
    stats = {"ok": {"h": 7}, "changed": {"h": 3}, "dark": {"d": 1}, "processed": {"h": 1, "d": 1}}
    play.add("playbook_on_stats", play.root, **stats)
    append(store, job, play.events)
    assert counts(store, job) == {"h": {"ok": 7, "changed": 3}, "d": {"dark": 1}}


def test_all_eight_counts_of_the_statistics_are_taken(store, job, play):
    names = ("ok", "changed", "failures", "dark", "skipped", "rescued", "ignored")
    play.add("playbook_on_stats", play.root, processed={"h": 1}, **{name: {"h": n + 2} for n, name in enumerate(names)})
    append(store, job, play.events)
    assert counts(store, job) == {"h": {name: n + 2 for n, name in enumerate(names)}}


@pytest.mark.parametrize("in_one_batch", [True, False])
def test_the_last_statistics_count_and_later_events_come_on_top(store, job, play, in_one_batch):
    play.add("playbook_on_stats", play.root, ok={"old": 1})
    play.add("playbook_on_stats", play.root, ok={"h": 2})
    play.host("runner_on_ok", play.task("second playbook"), "h", res={})
    for batch in [play.events] if in_one_batch else [[event] for event in play.events]:
        append(store, job, batch)
    assert counts(store, job) == {"h": {"ok": 3}}


@pytest.mark.parametrize("ok", [None, 5, [], "x", {"h": "many"}, {"h": -1}, {"h": 2**60}, {"h": 1.5}])
def test_strange_statistics_stop_nothing(store, job, play, ok):
    play.add("playbook_on_stats", play.root, ok=ok, changed={"h": 1})
    append(store, job, play.events)
    assert counts(store, job) == {"h": {"changed": 1}}


def test_many_thousand_hosts_are_counted(store, job, play):
    hosts = [f"h{number}" for number in range(40_000)]
    play.add("playbook_on_include", play.play, hosts=hosts)
    append(store, job, play.events)
    append(store, job, [play.add("playbook_on_include", play.play, hosts=hosts)])
    assert all(numbers == {"ok": 2} for numbers in counts(store, job).values())
    assert len(store.host_summaries(job.id)) == len(hosts)


def test_a_host_failed_if_it_has_failures_or_was_unreachable(store, job, play):
    stats = {"failures": {"f": 1}, "dark": {"d": 1}, "rescued": {"r": 1}, "ok": {"o": 1}}
    play.add("playbook_on_stats", play.root, **stats)
    append(store, job, play.events)
    assert [summary.host_name for summary in store.host_summaries(job.id) if summary.failed] == ["d", "f"]


def test_a_job_without_hosts_has_no_summaries(store, job):
    assert store.host_summaries(job.id) == []
