# SPDX-License-Identifier: Apache-2.0
"""Choosing, ordering and drawing the tree of a job."""

from __future__ import annotations

import pytest

from forge_events.tree import HELPERS, Selection, as_objects, draw, grow, printable
from tests.cli.story import DRAWING, Story, example


def drawn(story, **selection):
    return "".join(f"{branches}{event.label}\n" for branches, event in draw(grow(story.events, Selection(**selection))))


@pytest.mark.parametrize("order", ["ABC", "CAB", "CBA"])
def test_the_example_is_drawn_as_in_the_document_whoever_finishes_first(order):
    assert drawn(example(order), has_skipped=False) == DRAWING


def test_skipped_results_are_drawn_unless_they_are_left_out():
    tree = drawn(example())
    assert tree.count("runner_on_skipped_hostC") == 1
    assert tree.count("runner_on_skipped") == 3


def test_helpers_are_drawn_on_demand_only():
    story = example()
    story.message("warning", "\x1b[1;35m[WARNING]: look out\x1b[0m\nand more\n")
    assert not any(name in drawn(story) for name in HELPERS)
    everything = drawn(story, has_helpers=True)
    assert everything.count("runner_on_start_hostA") == 5
    assert "`-- warning-[WARNING]: look out\n" in everything
    assert "|-- playbook_on_stats\n" in everything
    assert everything.count("\n") == len(story.events)


def test_a_task_of_which_everything_was_skipped_stays():
    story = Story()
    story.play("p")
    story.results(story.task("t"), h="skipped")
    assert drawn(story, has_skipped=False).endswith("        `-- playbook_on_task_start-t\n")


def test_only_failures_with_what_they_belong_to():
    story = Story()
    story.play("good")
    story.results(story.task("fine"), a="ok", b="ok")
    story.play("bad")
    story.results(story.task("mixed"), a="ok", b="failed")
    assert drawn(story, is_failed_only=True) == (
        "`-- playbook_on_start\n"
        "    `-- playbook_on_play_start-bad\n"
        "        `-- playbook_on_task_start-mixed\n"
        "            `-- runner_on_failed_b\n"
    )


def test_an_ignored_failure_is_a_failure_that_is_tolerated():
    story = Story()
    story.play("p")
    task = story.task("t")
    story.begin("h", task)
    story.report("runner_on_failed", "h", task, res={}, ignore_errors=True)
    shown = {event.label: event for _, event in draw(grow(story.events, Selection(is_failed_only=True)))}
    assert shown["runner_on_failed_h"].is_tolerated
    assert not shown["playbook_on_play_start-p"].failed


def test_where_nothing_failed_only_the_root_is_left():
    assert drawn(example(), is_failed_only=True) == "`-- playbook_on_start\n"


def test_only_one_host_with_what_it_belongs_to():
    tree = drawn(example(), host="hostC", has_skipped=False)
    assert "hostA" not in tree
    assert tree.count("hostC") == 4
    assert "install_tower" not in tree
    assert drawn(example(), host="nobody") == "`-- playbook_on_start\n"


def test_one_hosts_failures_leave_out_what_other_hosts_failed_in():
    story = Story()
    story.play("p")
    story.results(story.task("t1"), a="failed", b="ok")
    story.results(story.task("t2"), a="ok", b="failed")
    tree = drawn(story, host="a", is_failed_only=True)
    assert "t1" in tree
    assert "t2" not in tree


def test_items_and_attempts_come_before_their_result_and_say_which_they_are():
    story = Story()
    story.play("p")
    task = story.task("t")
    for host in ("b", "a"):
        story.begin(host, task)
    for item in ("x", "y"):
        for host in ("b", "a"):
            story.report("runner_item_on_ok", host, task, res={"item": item, "ansible_loop_var": "item"})
    story.report("runner_retry", "a", task, res={"attempts": 1})
    for host in ("b", "a"):
        story.report("runner_on_ok", host, task, res={})
    assert [line.lstrip(" |`-") for line in drawn(story).splitlines()[3:]] == [
        "runner_item_on_ok_a (x)",
        "runner_item_on_ok_a (y)",
        "runner_retry_a (attempt 1)",
        "runner_on_ok_a",
        "runner_item_on_ok_b (x)",
        "runner_item_on_ok_b (y)",
        "runner_on_ok_b",
    ]


def test_a_censored_item_has_no_name():
    story = Story()
    story.play("p")
    task = story.task("t")
    story.report("runner_item_on_ok", "h", task, res={"censored": "...", "item": "secret"})
    assert "runner_item_on_ok_h (censored)" in drawn(story)


def test_names_cannot_break_the_drawing_or_command_the_terminal():
    story = Story()
    story.play("evil\x1b[2J\nname")
    assert drawn(story) == "`-- playbook_on_start\n    `-- playbook_on_play_start-evil\\x1b[2J\\nname\n"
    assert printable("é\udc80\u2028") == "é\\udc80\\u2028"


def test_long_details_are_cut():
    story = Story()
    story.play("p")
    task = story.task("t")
    story.report("runner_item_on_ok", "h", task, res={"item": "x" * 500})
    assert max(map(len, drawn(story).splitlines())) < 130


def test_the_tree_as_objects_is_nested_and_complete():
    story = example()
    (root,) = as_objects(grow(story.events, Selection(has_helpers=True)))
    counters = []

    def walk(node):
        counters.append(node["counter"])
        for child in node["children"]:
            assert child["parent_uuid"] == node["uuid"]
            walk(child)

    walk(root)
    assert sorted(counters) == [event.counter for event in story.events]
    assert root["label"] == root["event"] == "playbook_on_start"


def test_events_without_their_root_are_drawn_all_the_same():
    tree = [event.label for _, event in draw(grow(example().events[1:]))]
    assert tree[0] == "playbook_on_play_start-preflight"
    assert "playbook_on_play_start-install" in tree
