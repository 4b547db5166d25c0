# SPDX-License-Identifier: Apache-2.0
"""The commands that look at jobs."""

from __future__ import annotations

import datetime
import json

import pytest

from tests.cli.story import DRAWING, NOON, Story, example


def failing(name="broken"):
    story = Story(name, NOON + datetime.timedelta(minutes=1))
    story.play("p")
    story.results(story.task("mixed"), a="ok", b="failed")
    task = story.task("changes")
    story.report("runner_on_ok", "a", task, res={"changed": True})
    story.stats(ok={"a": 2}, changed={"a": 1}, failures={"b": 1})
    return story


@pytest.fixture
def jobs(cli):
    """Return two jobs in the spool: 1 is the example, 2 has failed."""
    stories = example(), failing()
    stories[0].spool_to(cli.spool, rc=0)
    stories[1].spool_to(cli.spool, rc=2)
    return stories


def test_what_is_spooled_is_read_without_a_daemon_and_once(cli, jobs):
    assert [line.split()[:3] for line in cli.good("jobs").lines] == [
        ["ID", "STATUS", "NAME"],
        ["2", "failed", "broken"],
        ["1", "successful", "main.yml"],
    ]
    assert len(cli.good("jobs").lines) == 3


def test_jobs_as_json_have_all_fields(cli, jobs):
    broken, good = cli.good("jobs", "--json").json
    assert (good["id"], good["uuid"], good["status"], good["rc"]) == (1, jobs[0].uuid, "successful", 0)
    assert (broken["failed"], broken["changed"], broken["event_count"]) == (True, True, len(jobs[1].events))
    assert (good["elapsed"], good["started"]) == (5.0, "2026-01-02T12:00:00+00:00")


def test_jobs_are_filtered_and_paged(cli, jobs):
    assert [job["id"] for job in cli.good("jobs", "--status", "failed", "--json").json] == [2]
    assert [job["id"] for job in cli.good("jobs", "--limit", "1", "--json").json] == [2]
    assert [job["id"] for job in cli.good("jobs", "--before", "2", "--json").json] == [1]


def test_a_job_is_named_by_id_uuid_prefix_or_latest(cli, jobs):
    for reference, wanted in (("1", 1), (jobs[0].uuid[:8], 1), (jobs[1].uuid, 2), ("latest", 2)):
        assert cli.good("show", reference, "--json").json["id"] == wanted


def test_show_tells_how_a_job_came_to_its_status(cli, jobs):
    shown = cli.good("show", "2", "--json").json
    assert [(step["old"], step["new"]) for step in shown["transitions"]] == [("new", "running"), ("running", "failed")]
    text = cli.good("show", "2").text
    assert "exit code       2\n" in text
    assert "command         ansible-playbook main.yml\n" in text
    assert "running -> failed by receiver\n" in text


def test_the_tree_is_the_documents_drawing(cli, jobs):
    assert cli.good("tree", "1", "--no-skipped").text == DRAWING


def test_the_tree_of_failures_of_a_host_and_of_everything(cli, jobs):
    assert cli.good("tree", "2", "--failed").lines[-1].endswith("`-- runner_on_failed_b")
    assert "runner_on_ok_a" not in cli.good("tree", "2", "--host", "b").text
    assert len(cli.good("tree", "2", "--all").lines) == len(jobs[1].events)


def test_the_tree_as_json_is_nested(cli, jobs):
    (root,) = cli.good("tree", "1", "--json").json
    assert [play["label"] for play in root["children"]] == [
        "playbook_on_play_start-preflight",
        "playbook_on_play_start-install",
    ]
    assert [task["failed"] for task in root["children"][0]["children"]] == [False] * 3


def test_hosts_have_the_counts_of_the_recap(cli, jobs):
    assert cli.good("hosts", "2").lines[1].split() == ["a", "2", "1", "0", "0", "0", "0", "0"]
    summaries = cli.good("hosts", "2", "--json").json
    assert [(host["host_name"], host["failures"], host["failed"]) for host in summaries] == [
        ("a", 0, False),
        ("b", 1, True),
    ]


def events(cli, *arguments):
    return [json.loads(line) for line in cli.good("events", *arguments, "--jsonl").lines]


RUNNERS = {"uuid", "parent_uuid", "counter", "event", "event_data", "stdout", "start_line", "end_line", "created"}
OTHERS = {"verbosity", "pid", "runner_ident", "job_id", "host_name", "play", "task", "role", "failed", "changed"}
FIELDS = RUNNERS | OTHERS | {"playbook"}


def test_events_as_json_lines_have_all_fields_of_the_design(cli, jobs):
    found = events(cli, "1")
    assert all(set(event) == FIELDS for event in found)
    assert [event["counter"] for event in found] == list(range(1, len(jobs[0].events) + 1))
    assert [event["uuid"] for event in found] == [event.uuid for event in jobs[0].events]
    assert found[1]["event_data"]["name"] == "preflight"
    assert found[1]["stdout"] == "PLAY [preflight]\n"


@pytest.mark.parametrize(
    ("conditions", "wanted"),
    [
        (["--host", "hostC"], lambda event: event.host_name == "hostC"),
        (["--task", "check_ram"], lambda event: event.task == "check_ram"),
        (["--event", "runner_on_skipped"], lambda event: event.event == "runner_on_skipped"),
        (["--search", "play [INST"], lambda event: "PLAY [install]" in event.stdout),
        (["--after", "30"], lambda event: event.counter > 30),
        (["--limit", "7"], lambda event: event.counter <= 7),
        (["--host", "hostA", "--task", "install_tower"], lambda e: (e.host_name, e.task) == ("hostA", "install_tower")),
        (["--failed"], lambda _: False),
        (["--tail", "2"], lambda event: event.counter > 37),
        (["--host", "hostC", "--tail", "1"], lambda event: event.counter == 38),
    ],
)
def test_events_are_chosen_by_conditions_that_must_all_hold(cli, jobs, conditions, wanted):
    expected = [event.counter for event in jobs[0].events if wanted(event)]
    assert [event["counter"] for event in events(cli, "1", *conditions)] == expected


def test_failures_and_changes_roll_up(cli, jobs):
    assert {event["event"] for event in events(cli, "2", "--failed")} == {
        "playbook_on_start",
        "playbook_on_play_start",
        "playbook_on_task_start",
        "runner_on_failed",
        "playbook_on_stats",
    }
    assert {event["host_name"] for event in events(cli, "2", "--changed")} == {"", "a"}


def test_events_for_people_are_a_line_each(cli, jobs):
    header, *rows = cli.good("events", "2").lines
    assert header.split() == ["COUNTER", "TIME", "EVENT", "DURATION", "HOST", "TASK"]
    assert len(rows) == len(jobs[1].events)
    assert rows[-2].split() == ["9", "12:01:00", "runner_on_ok", "a", "changes"]


def test_no_line_of_a_table_is_folded_in_a_pipe(cli):
    Story("n" * 300).spool_to(cli.spool)
    assert len(cli.good("jobs").lines) == 2
    assert "n" * 300 in cli.good("jobs").lines[1]


def test_where_nothing_is_recorded_there_is_nothing_to_list(cli):
    assert cli.good("jobs", "--json").json == []
    assert len(cli.good("jobs").lines) == 1
