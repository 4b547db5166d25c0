# SPDX-License-Identifier: Apache-2.0
"""``results`` and ``search``: what happened in all jobs."""

from __future__ import annotations

import datetime
import json
import platform

import pytest

from forge_events.store import open_store
from tests.cli.conftest import CommandLine, shown
from tests.cli.story import NOON, Story, example
from tests.cli.test_reading import FIELDS, failing
from tests.store.making import Play, append, new_job

HERE = platform.node()
HOUR = datetime.timedelta(hours=1)
NO_INDEX = "no index helps to find text in this database; the output of all jobs is read"


@pytest.fixture
def told(anywhere):
    """Record three jobs: 1 and 2 are the example, on three hosts, and 3 has failed on another one."""
    for number in range(2):
        example(started=NOON - (3 - number) * HOUR).spool_to(anywhere.spool, rc=0)
    failing().spool_to(anywhere.spool, rc=2)
    anywhere.good("jobs")
    return anywhere


def lines(result):
    return [json.loads(line) for line in result.lines]


def test_the_results_of_a_host_come_from_all_jobs_newest_first(told):
    found = lines(told.good("results", "--host", "hostA", "--json"))
    assert {result["host_name"] for result in found} == {"hostA"}
    assert [result["job_id"] for result in found] == [2] * 5 + [1] * 5
    more = {"check_mode", "delegated_host", "duration", "controller"}
    assert all(
        set(result) == {"host_name", "created", "job_id", "counter", "event", "task", "failed", "changed", *more}
        for result in found
    )
    places = [(result["created"], result["job_id"], result["counter"]) for result in found]
    assert places == sorted(places, reverse=True)


def test_results_are_chosen_by_conditions_that_must_all_hold(told):
    (failed,) = lines(told.good("results", "--failed", "--jsonl"))
    assert (failed["host_name"], failed["task"], failed["event"]) == ("b", "mixed", "runner_on_failed")
    assert lines(told.good("results", "--failed", "--host", "a", "--jsonl")) == []
    (changed,) = lines(told.good("results", "--host", "a", "--changed", "--jsonl"))
    assert changed["task"] == "changes"
    assert len(lines(told.good("results", "--host", "hostB", "--task", "check_ram", "--jsonl"))) == 2
    assert lines(told.good("results", "--host", "hostB", "--days", "1", "--jsonl")) == []
    assert len(lines(told.good("results", "--host", "hostB", "--days", "36500000", "--jsonl"))) == 10


def test_results_are_paged(told):
    everything = lines(told.good("results", "--host", "hostC", "--jsonl"))
    first = lines(told.good("results", "--host", "hostC", "--jsonl", "--limit", "4"))
    place = f"{first[-1]['job_id']}:{first[-1]['counter']}"
    rest = lines(told.good("results", "--host", "hostC", "--jsonl", "--before", place))
    assert first + rest == everything


def test_results_for_people_are_a_line_each(told):
    header, *rows = told.good("results", "--host", "a").lines
    assert header.split() == ["TIME", "JOB", "COUNTER", "RESULT", "DURATION", "HOST", "CONTROLLER", "TASK"]
    assert [row.split() for row in rows] == [
        ["2026-01-02", "12:01:00", "3", "9", "changed", "a", HERE, "changes"],
        ["2026-01-02", "12:01:00", "3", "6", "ok", "a", HERE, "mixed"],
    ]
    assert told.good("results", "--host", "nobody").lines == [header]


def test_text_is_found_in_the_newest_job_first_whatever_the_case(told):
    result = told("search", "ok: [HOSTc", "--json", "--limit", "5")
    found = lines(result)
    assert result.rc == 0
    assert [(event["job_id"], event["host_name"]) for event in found] == [(2, "hostC")] * 4 + [(1, "hostC")]
    assert all(set(event) == FIELDS for event in found)
    before = lines(told("search", "ok: [HOSTc", "--json", "--before", "2"))
    assert {event["job_id"] for event in before} == {1}
    assert lines(told("search", "ok: [HOSTc", "--json", "--days", "1")) == []


def test_what_is_found_is_a_line_each_that_shows_the_text(told):
    header, row = told("search", "failed: [b]").lines
    assert header.split() == ["JOB", "COUNTER", "TIME", "HOST", "TEXT"]
    assert row.split() == ["3", "7", "2026-01-02", "12:01:00", "b", "runner_on_failed:", "[b]"]
    assert told("search", "100%_\\ and more").lines == [header]


def test_where_no_index_helps_is_said_once(cli):
    example().spool_to(cli.spool)
    assert cli("search", "PLAY").complaint == NO_INDEX
    assert len(cli("search", "PLAY", "--jsonl").lines) == 3


def test_on_a_server_without_its_extension_it_is_said_too(on_server, server):
    example().spool_to(on_server.spool)
    on_server.good("search", "PLAY")
    server.execute("DROP EXTENSION pg_trgm CASCADE", on_server.url.rpartition("/")[2])
    result = on_server("search", "PLAY", "--jsonl")
    assert result.complaint == NO_INDEX
    assert len(result.lines) == 3


@pytest.mark.parametrize("text", ["\udcff", "␛", "a'b\"", "%"])
def test_no_text_is_too_strange_to_look_for(told, text):
    assert told("search", text, "--jsonl").out == b""
    assert told.good("results", "--host", text, "--task", text, "--jsonl").out == b""
    assert told.good("events", "1", "--search", text, "--host", text, "--jsonl").out == b""


def test_a_listing_is_not_cut_at_the_pages_in_which_it_is_read(on_server):
    with open_store(on_server.url) as store:
        job = store.add_job(new_job())
        play = Play(job)
        task = play.task("t")
        for _ in range(1203):
            play.host("runner_on_ok", task, "h")
        append(store, job, play.events)
    found = lines(on_server.good("results", "--host", "h", "--jsonl", "--limit", "1100"))
    assert [result["counter"] for result in found] == list(range(1206, 106, -1))


def pulled(controller, **header):
    """Return what one machine of a fleet records, which calls itself localhost as they all do."""
    story = Story(f"of {controller}")
    story.play("p")
    task = story.task("disk")
    story.begin("localhost", task)
    about = {"duration": 72.2, "delegated_host": "store", "check_mode": True} if header.get("check_mode") else {}
    story.report("runner_on_failed", "localhost", task, res={}, **about)
    return story, {"host": controller, **header}


@pytest.fixture
def fleet(anywhere):
    """Record what two machines did, of which one only tried."""
    for controller, header in (("m1", {"run_by": "alice", "run_as": "root"}), ("m2", {"check_mode": True})):
        story, about = pulled(controller, **header)
        story.spool_to(anywhere.spool, rc=2, **about)
        anywhere.good("jobs")
    return anywhere


def test_results_tell_of_which_machine_localhost_was(fleet):
    assert {found["controller"] for found in lines(fleet.good("results", "--failed", "--json"))} == {"m1", "m2"}
    (found,) = lines(fleet.good("results", "--host", "localhost", "--controller", "m1", "--json"))
    assert (found["controller"], found["check_mode"], found["duration"]) == ("m1", False, None)
    assert lines(fleet.good("results", "--failed", "--controller", "m", "--json")) == []


def test_results_of_a_dry_run_are_told_apart(fleet):
    (found,) = lines(fleet.good("results", "--failed", "--check", "--json"))
    assert (found["controller"], found["delegated_host"], found["duration"]) == ("m2", "store", 72.2)
    (found,) = lines(fleet.good("results", "--failed", "--no-check", "--json"))
    assert found["controller"] == "m1"
    _, row = fleet.good("results", "--failed", "--check").lines
    assert row.split()[4:] == ["failed", "(check)", "1", "min", "12", "s", "localhost", "->", "store", "m2", "disk"]


def test_jobs_are_found_by_user_machine_and_check_mode(fleet):
    def names(*options):
        return [job["name"] for job in fleet.good("jobs", *options, "--json").json]

    assert names("--user", "alice") == names("--user", "root") == names("--controller", "m1") == ["of m1"]
    assert names("--check") == ["of m2"]
    assert names("--no-check", "--controller", "m2") == names("--user", "m1") == []
    assert {job["controller"] for job in fleet.good("jobs", "--json").json} == {"m1", "m2"}


def test_a_job_of_the_table_has_its_machine_and_user(fleet):
    _, dry, wet = [line.split() for line in fleet.good("jobs").lines]
    assert (dry[2:6], wet[-3:-1]) == (["of", "m2", "[check", "mode]"], ["m1", "alice"])
    text = fleet.good("show", wet[0]).text
    assert "run by          alice\n" in text and "run as          root\n" in text


def test_what_would_not_fit_on_a_terminal_is_left_out(fleet):
    text = shown(fleet.on_terminal("jobs", env={"NO_COLOR": "1"})).decode()
    assert "USER" not in text and "UUID" in text


def test_who_ran_a_job_survives_the_way_into_another_store(fleet, tmp_path):
    (tmp_path / "job.jsonl").write_bytes(fleet.good("export", "1").out)
    (tmp_path / "elsewhere").mkdir()
    other = CommandLine(tmp_path / "elsewhere")
    other.good("ingest", tmp_path / "job.jsonl")
    job = other.good("show", "latest", "--json").json
    assert (job["run_by"], job["run_as"], job["controller"]) == ("alice", "root", "m1")


def test_events_and_tree_have_the_same_marks(fleet):
    assert "localhost -> store" in fleet.good("events", "2", "--failed").lines[-1]
    assert fleet.good("events", "2", "--event", "runner_on_failed").lines[-1].endswith("disk [check mode]")
    assert fleet.good("tree", "2").lines[-1].endswith("runner_on_failed_localhost -> store [check mode]")
    # For people also how long it took; what is piped is the same for each run.
    shown_on_terminal = shown(fleet.on_terminal("tree", "2", env={"NO_COLOR": "1"})).decode()
    assert "runner_on_failed_localhost -> store [check mode]  1 min 12 s" in shown_on_terminal
    assert "playbook_on_task_start-disk  1 min 12 s" in shown_on_terminal
