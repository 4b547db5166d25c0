# SPDX-License-Identifier: Apache-2.0
"""The line that tells how far a running job is."""

from __future__ import annotations

import datetime

from forge_events.progress import Progress
from tests.cli.story import Story


def progress_of(story):
    progress = Progress()
    for event in story.events:
        progress.see(event)
    return progress


def line(story, seconds=0):
    return progress_of(story).line(datetime.timedelta(seconds=seconds))


def test_a_job_that_has_just_begun_has_nothing_to_tell():
    assert line(Story(), 75) == "running 1 min 15 s · 0 failures"


def test_hosts_done_of_the_current_task():
    story = Story()
    story.play("install")
    task = story.task("check_ram")
    for host in ("a", "b", "c"):
        story.begin(host, task)
    story.report("runner_on_ok", "a", task, res={})
    assert line(story, 3) == "running 3 s · play install · check_ram 1/3 hosts · 0 failures"


def test_a_task_that_all_have_done_is_no_longer_current():
    story = Story()
    story.play("p")
    story.results(story.task("done"), a="ok", b="failed")
    assert progress_of(story).current() == []
    assert line(story) == "running 0 s · play p · 1 failure"


def test_under_free_several_tasks_are_current():
    story = Story()
    story.play("p")
    for number in range(5):
        story.begin(f"h{number}", story.task(f"t{number}"))
    assert line(story).endswith("t0 0/1 hosts · t1 0/1 hosts · t2 0/1 hosts · 2 more tasks · 0 failures")


def test_failures_that_were_ignored_or_rescued_are_not_counted():
    story = Story()
    story.play("p")
    task = story.task("t")
    for host, tolerated in (("a", "ignore_errors"), ("b", "rescued"), ("c", "other")):
        story.begin(host, task)
        story.report("runner_on_failed", host, task, res={}, **{tolerated: True})
    story.begin("d", task)
    story.report("runner_on_unreachable", "d", task, res={})
    assert progress_of(story).failure_count == 2


def test_a_host_that_begins_a_handler_again_is_under_way_again():
    story = Story()
    story.play("p")
    handler = story.task("restart", is_handler=True)
    story.results(handler, a="ok")
    story.begin("a", handler)
    assert progress_of(story).current() == [("restart", 0, 1)]


def test_a_play_forgets_the_tasks_of_the_one_before():
    story = Story()
    story.play("one")
    story.begin("a", story.task("hangs"))
    story.play("two")
    assert progress_of(story).current() == []


def test_names_cannot_command_the_terminal():
    story = Story()
    story.play("\x1b[2J")
    assert "\x1b" not in line(story)
