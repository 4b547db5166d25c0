# SPDX-License-Identifier: Apache-2.0
"""A tree that grows event by event ends as the tree that is drawn at once."""

from __future__ import annotations

import pytest

from forge_events.growing import GrowingTree
from forge_events.tree import Selection, TreeEvent, draw, grow
from tests.cli.story import Story, example


def busy():
    story = Story("busy")
    story.play("one")
    slow = story.task("slow")
    story.results(slow, b="ok", a="skipped", c="failed")
    story.message("verbose", "a message\n")
    story.task("that nobody does")
    story.play("two")
    last = story.task("last")
    for host, seconds in (("b", 1.5), ("a", 72.0)):
        story.begin(host, last)
        story.report("runner_on_ok", host, last, res={}, duration=seconds)
    story.stats(ok={"a": 2})
    return story


SELECTIONS = [
    Selection(),
    Selection(has_helpers=True),
    Selection(has_skipped=False),
    Selection(is_failed_only=True),
    Selection(host="a"),
    Selection(host="nobody"),
]


@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
@pytest.mark.parametrize("story", [busy(), example()], ids=["busy", "example"])
def test_the_end_is_that_of_the_whole_tree(story, selection):
    growing = GrowingTree(selection)
    for event in story.events:
        growing.add([TreeEvent.of(event)])
    whole = list(draw(grow(story.events, selection)))
    assert growing.end(1000) == whole
    assert growing.end(3) == whole[-3:]
    assert growing.end(0) == []


def test_a_task_took_as_long_as_its_slowest_host():
    found = {event.label: event.duration for _, event in draw(grow(busy().events))}
    assert found["playbook_on_task_start-last"] == 72.0
    assert (found["runner_on_ok_b"], found["playbook_on_task_start-that nobody does"]) == (1.5, None)
