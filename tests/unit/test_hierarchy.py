# SPDX-License-Identifier: Apache-2.0
"""The nine rules of the hierarchy, without Ansible."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_events.hierarchy import CONTAINERS, EVENTS, Hierarchy, Include, Play, Task, violations
from forge_events.rollup import RollUp, is_changed, is_failed, rolls_up
from forge_events.tree import build_tree

PLAY = Play("p1", "first", "all")


def task(uuid, name="t", **more):
    return Task(uuid=uuid, name=name, **more)


def included(uuid, name="inner", item=1, **more):
    """Make a task below a dynamic include whose loop is at an item."""
    return Task(
        uuid, name, "debug", "in.yml:1", 3, includes=(Include("main.yml:4", "include_tasks", {"item": item}),), **more
    )


@pytest.fixture
def started():
    numbers = itertools.count(1)
    hierarchy = Hierarchy("main.yml", new_uuid=lambda: f"u{next(numbers)}")
    events = hierarchy.start_playbook("main.yml") + hierarchy.start_play(PLAY)
    return hierarchy, events


def names(events):
    return [event.event for event in events]


def test_a_playbook_a_play_a_task_and_a_result_are_parent_and_child(started):
    hierarchy, events = started
    one = task("t1", "one")
    events += hierarchy.start_task(one) + hierarchy.begin("a", one) + hierarchy.report("runner_on_ok", "a", "t1", one)
    assert names(events) == [
        "playbook_on_start",
        "playbook_on_play_start",
        "playbook_on_task_start",
        "runner_on_start",
        "runner_on_ok",
    ]
    assert list(violations(events)) == []
    data = events[-1].event_data
    assert (data["playbook"], data["play"], data["task"], data["host"]) == ("main.yml", "first", "one", "a")
    assert (data["play_uuid"], data["task_uuid"], data["run"], data["batch"]) == ("p1", "t1", 1, 1)


def test_rule_1_a_play_is_announced_once_and_its_batches_are_counted(started):
    hierarchy, _ = started
    assert hierarchy.start_play(PLAY) == []
    one = task("t1")
    hierarchy.start_task(one)
    assert hierarchy.begin("a", one)[0].event_data["batch"] == 2


def test_rule_2_a_task_is_announced_once_whoever_announces_it(started):
    hierarchy, _ = started
    one = task("t1")
    assert names(hierarchy.start_task(one)) == ["playbook_on_task_start"]
    assert hierarchy.start_task(one) == []
    hierarchy.start_play(PLAY)
    assert hierarchy.start_task(one) == []


def test_rule_2_a_task_loaded_again_for_another_host_is_the_same(started):
    hierarchy, _ = started
    first, again = included("x1"), included("x2")
    hierarchy.start_task(first)
    hierarchy.begin("a", first)
    assert hierarchy.start_task(again) == []
    assert names(hierarchy.begin("b", again)) == ["runner_on_start"]


def test_rule_2_a_task_that_a_host_begins_again_by_another_load_is_another_one(started):
    hierarchy, _ = started
    for number, load in enumerate((included("x1"), included("x2"), included("x3"))):
        assert names(hierarchy.start_task(load)) == (["playbook_on_task_start"] if not number else [])
        made = hierarchy.begin("a", load)
        assert names(made) == ["playbook_on_task_start"] * bool(number) + ["runner_on_start"]


def test_rule_2_two_hosts_that_loop_apart_meet_in_the_same_tasks(started):
    hierarchy, events = started
    for load, host in [("x1", "a"), ("x2", "a"), ("x3", "b"), ("x4", "b")]:
        events += hierarchy.start_task(included(load)) + hierarchy.begin(host, included(load))
    assert names(events).count("playbook_on_task_start") == 2


def test_rule_2_other_variables_of_an_include_are_another_task(started):
    hierarchy, _ = started
    assert hierarchy.start_task(included("x1", item=1))
    assert hierarchy.start_task(included("x2", item=2))


def test_rule_2_gathering_facts_is_one_task_for_all_batches(started):
    hierarchy, events = started
    for batch, host in enumerate(("a", "b")):
        facts = task(f"f{batch}", "Gathering Facts", action="gather_facts", is_core_made=True)
        events += hierarchy.start_task(facts) + hierarchy.begin(host, facts) + hierarchy.start_play(PLAY)
    assert names(events).count("playbook_on_task_start") == 1


def test_rule_3_a_result_belongs_to_the_task_that_it_names_not_to_the_last_announced(started):
    hierarchy, events = started
    one, two = task("t1", "one"), task("t2", "two")
    events += hierarchy.start_task(one) + hierarchy.begin("a", one)
    events += hierarchy.start_task(two) + hierarchy.begin("b", two)
    late = hierarchy.report("runner_on_ok", "a", "t1", one)
    assert late[0].event_data["task"] == "one"


def test_rule_3_a_result_of_an_unknown_task_belongs_to_the_one_its_host_began_last(started):
    hierarchy, _ = started
    one, two = task("t1", "one"), task("t2", "two")
    for each, host in ((one, "a"), (two, "b")):
        hierarchy.start_task(each)
        hierarchy.begin(host, each)
    poll = hierarchy.report("runner_on_async_poll", "a", "made up", task("made up", ""))
    assert names(poll) == ["runner_on_async_poll"]
    assert (poll[0].event_data["task"], poll[0].event_data["task_uuid"]) == ("one", "t1")
    assert hierarchy.known_task("a", "made up") == one


def test_rule_6_a_host_that_runs_a_task_again_has_its_runs_numbered(started):
    hierarchy, _ = started
    handler = task("h1", is_handler=True)
    runs = []
    for _ in range(3):
        hierarchy.start_task(handler)
        hierarchy.begin("a", handler)
        runs += hierarchy.report("runner_on_ok", "a", "h1", handler)
    assert [event.event_data["run"] for event in runs] == [1, 2, 3]
    assert len({event.parent_uuid for event in runs}) == 1


def test_rule_7_the_variables_of_an_include_are_in_no_event(started):
    hierarchy, events = started
    secret = included("x1", item="hush")
    events += hierarchy.start_task(secret) + hierarchy.begin("a", secret)
    assert "hush" not in repr(events)


def test_rule_8_a_second_playbook_is_named_and_makes_no_root(started):
    hierarchy, _ = started
    assert hierarchy.start_playbook("second.yml") == []
    assert hierarchy.start_play(Play("p2", "second"))[0].event_data["playbook"] == "second.yml"


@pytest.mark.parametrize(
    ("call", "made"),
    [
        (lambda h: h.add_to_root("verbose"), ["playbook_on_start", "verbose"]),
        (
            lambda h: h.add_to_play("playbook_on_notify"),
            ["playbook_on_start", "playbook_on_play_start", "playbook_on_notify"],
        ),
        (
            lambda h: h.report("runner_on_ok", "a", "t", task("t")),
            ["playbook_on_start", "playbook_on_play_start", "playbook_on_task_start", "runner_on_ok"],
        ),
    ],
)
def test_rule_8_missing_parents_are_made(call, made):
    events = call(Hierarchy())
    assert names(events) == made
    assert list(violations(events)) == []


def test_rule_9_uuids_are_never_those_of_ansible(started):
    hierarchy, events = started
    events += hierarchy.start_task(task("t1"))
    assert not {event.uuid for event in events} & {"p1", "t1"}


HOSTS = st.sampled_from("abc")
TASKS = st.one_of(
    st.builds(task, st.sampled_from(["s1", "s2", "s3"])),
    st.builds(included, st.sampled_from(["d1", "d2", "d3", "d4"]), item=st.integers(1, 2)),
    st.builds(lambda uuid: task(uuid, action="setup", is_core_made=True), st.sampled_from(["c1", "c2"])),
)
RUNNER = st.sampled_from(sorted(name for name, rule in EVENTS.items() if rule.level == 3 and name != "runner_on_start"))
CALLS = st.one_of(
    st.tuples(st.just("start_playbook"), st.sampled_from(["a.yml", "b.yml"])),
    st.tuples(st.just("start_play"), st.builds(Play, st.sampled_from(["p1", "p2"]), st.just("p"))),
    st.tuples(st.just("start_task"), TASKS),
    st.tuples(st.just("begin"), HOSTS, TASKS),
    st.tuples(st.just("report"), RUNNER, HOSTS, st.sampled_from(["s1", "d1", "c1", "unknown"]), TASKS),
    st.tuples(st.just("add_to_play"), st.sampled_from(["playbook_on_notify", "playbook_on_include"])),
    st.tuples(st.just("add_to_root"), st.sampled_from(["verbose", "error", "playbook_on_stats"])),
)


@given(st.lists(CALLS, max_size=60))
@settings(max_examples=400, deadline=None)
def test_any_interleaving_of_hooks_keeps_the_rules(calls):
    hierarchy = Hierarchy("p.yml")
    events = [event for name, *arguments in calls for event in getattr(hierarchy, name)(*arguments)]
    assert list(violations(events)) == []
    runner_calls = [call for call in calls if call[0] in ("begin", "report")]
    assert len([event for event in events if EVENTS[event.event].level == 3]) == len(runner_calls)
    roots = build_tree(events)
    assert len(roots) == bool(events)


@given(st.permutations(range(6)), st.data())
@settings(max_examples=200, deadline=None)
def test_any_order_of_hosts_and_loads_gives_the_tasks_of_one_load_for_all(order, data):
    """Two hosts of three loop items each, of which two are equal: loaded together or apart, in any interleaving."""
    items = {"a": [1, 1, 2], "b": [1, 1, 2]}
    queues = {host: list(enumerate(values)) for host, values in items.items()}
    hierarchy, events = Hierarchy("p.yml"), []
    events += hierarchy.start_play(PLAY)
    for _ in order:
        host = data.draw(st.sampled_from(sorted(host for host, queue in queues.items() if queue)))
        index, item = queues[host].pop(0)
        load = included(f"{host}{index}", item=item)
        events += hierarchy.start_task(load) + hierarchy.begin(host, load)
    assert names(events).count("playbook_on_task_start") == 3
    assert list(violations(events)) == []


def test_failures_and_changes_roll_up_to_the_root(started):
    hierarchy, events = started
    one, two = task("t1"), task("t2")
    for each in (one, two):
        events += hierarchy.start_task(each) + hierarchy.begin("a", each)
    events += hierarchy.report("runner_on_failed", "a", "t1", one, {"ignore_errors": True, "res": {"changed": True}})
    events += hierarchy.report("runner_item_on_failed", "a", "t2", two, {"rescued": True})
    roll_up = rolled(events)
    assert roll_up.failed == set()
    assert roll_up.changed == {events[-2].parent_uuid, events[1].uuid, events[0].uuid}
    events += hierarchy.report("runner_on_failed", "a", "t2", two)
    assert rolled(events).failed == {events[-1].parent_uuid, events[1].uuid, events[0].uuid}


def rolled(events):
    roll_up = RollUp()
    for event in events:
        roll_up.add(event.event, event.uuid, event.parent_uuid, event.event_data)
    return roll_up


def test_a_roll_up_goes_on_from_known_parents(started):
    hierarchy, events = started
    one = task("t1")
    events += hierarchy.start_task(one)
    roll_up = RollUp({event.uuid: event.parent_uuid for event in events})
    late = hierarchy.report("runner_on_unreachable", "a", "t1", one)[0]
    roll_up.add(late.event, late.uuid, late.parent_uuid, late.event_data)
    assert roll_up.failed == {event.uuid for event in events}


def test_an_ignored_failure_stays_visible_on_its_own_event():
    assert is_failed("runner_on_failed", {"ignore_errors": True})
    assert not rolls_up("runner_on_failed", {"ignore_errors": True})
    assert rolls_up("runner_on_failed", {"ignore_errors": False})


@pytest.mark.parametrize(
    ("event", "data", "expected"),
    [
        ("runner_on_ok", {"res": {"changed": True}}, True),
        ("runner_retry", {"res": {"changed": True}}, False),
        ("runner_on_ok", {"res": {"changed": "yes"}}, False),
        ("runner_on_ok", {"res": "odd"}, False),
        ("playbook_on_stats", {"changed": {"a": 0}}, False),
        ("playbook_on_stats", {"changed": {"a": 2}}, True),
    ],
)
def test_what_tells_of_a_change(event, data, expected):
    assert is_changed(event, data) is expected


def test_every_event_has_a_container_for_a_parent():
    assert {rule.parent for rule in EVENTS.values()} - {None} == CONTAINERS
    assert all(EVENTS[rule.parent].level < max(rule.level, 1) for rule in EVENTS.values() if rule.parent)


def test_violations_are_told(started):
    _, events = started
    assert list(violations(events[1:]))
    assert list(violations([*events, events[-1]]))
    assert list(violations([events[0]._replace(event="unheard_of")]))


class Foreign(NamedTuple):
    """An event that somebody else wrote."""

    uuid: str
    parent_uuid: str | None


def flat(nodes):
    return [found for node in nodes for found in (node.event, *flat(node.children))]


@pytest.mark.parametrize(
    "events",
    [
        [Foreign("a", "a")],
        [Foreign("a", "b"), Foreign("b", "a"), Foreign("c", "b")],
        [Foreign("a", None), Foreign("b", "a"), Foreign("a", "b"), Foreign("c", "a")],
        [Foreign(str(number), str(number - 1)) for number in range(20_000)],
    ],
    ids=["its own parent", "a circle", "a uuid twice", "a long chain"],
)
def test_whatever_the_parents_are_each_event_is_in_the_tree_once(events):
    assert flat(build_tree(events)) == events
