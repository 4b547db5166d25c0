# SPDX-License-Identifier: Apache-2.0
"""``cleanup-jobs``: what ended long ago goes, and everything else stays."""

from __future__ import annotations

import contextlib
import datetime
import signal
import time

import psycopg
import pytest

from forge_events.store import open_store
from tests.cli.story import Story
from tests.store.making import ended

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.fixture
def ages(anywhere):
    """Record jobs that ended 100, 50 and 10 days ago, and one that runs."""
    for days in (100, 50, 10):
        story = Story("site.yml", NOW - days * DAY)
        story.play("p")
        story.results(story.task("t"), a="failed" if days == 50 else "ok")
        story.message("verbose", "much to say " * 5000)
        story.stats(failures={"a": 1} if days == 50 else {}, ok={"a": 1})
        story.spool_to(anywhere.spool, rc=2 if days == 50 else 0)
    Story("runs", NOW).begin_spool(anywhere.spool)
    assert names(anywhere) == {100, 50, 10, 0}
    return anywhere


def names(cli):
    """Return how many days ago the jobs began that there are."""
    started = [datetime.datetime.fromisoformat(job["started"]) for job in cli.good("jobs", "--json").json]
    return {round((NOW - time) / DAY) for time in started}


def test_what_ended_long_ago_is_dropped_and_never_what_runs(ages):
    begin, dropped, end = ages.good("cleanup-jobs").lines
    assert begin.startswith("dropping jobs that ended before 20")
    assert dropped.startswith("dropped job ")
    assert dropped.endswith(", 7 events")
    assert ", site.yml, successful, ended 20" in dropped
    assert end.startswith("1 job with ")
    assert " of recorded events dropped, " in end
    assert names(ages) == {50, 10, 0}


def test_json_is_one_object_of_what_was_dropped_and_freed(ages):
    told = ages.good("cleanup-jobs", "--days", "0", "--json").json
    assert set(told) == {"dropped", "freed_bytes", "is_dry_run"}
    assert (told["is_dry_run"], len(told["dropped"])) == (False, 3)
    assert all(set(drop) == {"job", "event_count", "size"} for drop in told["dropped"])
    assert [drop["job"]["status"] for drop in told["dropped"]] == ["successful", "failed", "successful"]
    assert told["freed_bytes"] > 0
    assert names(ages) == {0}
    assert ages.good("cleanup-jobs", "--days", "0", "--json").json["dropped"] == []


def test_a_dry_run_drops_nothing(ages):
    lines = ages.good("cleanup-jobs", "--days", "20", "--dry-run").lines
    assert lines[0].startswith("looking for jobs that ended before")
    assert [line.split(", ")[2] for line in lines[1:-1]] == ["successful", "failed"]
    assert all(line.startswith("would drop job ") for line in lines[1:-1])
    assert lines[-1].startswith("2 jobs with ")
    assert lines[-1].endswith("would be dropped")
    told = ages.good("cleanup-jobs", "--dry-run", "--json").json
    assert (told["is_dry_run"], told["freed_bytes"], len(told["dropped"])) == (True, 0, 1)
    assert names(ages) == {100, 50, 10, 0}


def test_a_status_a_name_and_the_last_ones_narrow_it_down(ages):
    narrow = ("--name", "x", "--status", "failed", "--keep-last", "2")
    line = ages.good("cleanup-jobs", "--days", "0", *narrow).lines[0]
    assert line.endswith(", called x, with status failed, without the last 2 of each template")
    assert names(ages) == {100, 50, 10, 0}
    ages.good("cleanup-jobs", "--days", "0", "--name", "site.yml", "--keep-last", "2")
    assert names(ages) == {50, 10, 0}
    ages.good("cleanup-jobs", "--days", "0", "--status", "failed")
    assert names(ages) == {10, 0}


def test_a_template_is_known_by_its_jobs_also_after_it_was_renamed(cli, tmp_path):
    (tmp_path / "site.yml").write_text("- hosts: all\n")
    cli.good("template", "create", "deploy", str(tmp_path / "site.yml"))
    ids = [cli("template", "launch", "deploy").text.strip() for _ in range(2)]
    for job in (*ids, cli("launch", str(tmp_path / "site.yml"), "--name", "deploy").text.strip()):
        cli.good("cancel", job)
    cli.good("template", "edit", "deploy", "--name", "roll out")

    def dropped(*words):
        found = cli.good("cleanup-jobs", "--days", "0", "--dry-run", "--json", *words).json["dropped"]
        return {str(one["job"]["id"]) for one in found}

    assert dropped("--template", "roll out") == set(ids)
    assert dropped("--template", "roll out", "--keep-last", "1") == {ids[0]}
    # The one without a template is a series of its own, though it has the name that the template had.
    assert dropped("--keep-last", "1") == {ids[0]}
    assert cli("cleanup-jobs", "--template", "deploy").rc == 3


_WAITING = "SELECT FROM pg_locks WHERE NOT granted AND relation = %s::regclass"


@contextlib.contextmanager
def locked(url, table):
    """Keep a table locked, as somebody does who reads in it; give what returns when somebody waits for it."""

    def waits():
        until = time.monotonic() + 60
        while not connection.execute(_WAITING, [table]).fetchall():
            assert time.monotonic() < until
            time.sleep(0.05)

    with psycopg.connect(url) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS SHARE MODE".encode())
        yield waits


def test_ctrl_c_leaves_dropped_what_was_dropped_and_the_rest_for_the_next_time(on_server):
    with open_store(on_server.url) as store:
        jobs = [ended(store, NOW - (90 - number) * DAY) for number in range(55)]
        # The last one is in the second batch.
        table = f"main_jobevent_job_{jobs[-1].id}"
        with locked(on_server.url, table) as waits, on_server.start("cleanup-jobs", "--days", "5") as process:
            waits()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        left = len(store.jobs(limit=100))
    assert process.returncode == 130
    assert err == (
        b"forge-events: interrupted; what was dropped stays dropped, and the same command goes on with the rest\n"
    )
    assert 0 < left < len(jobs)
    assert out.count(b"\ndropped job ") == len(jobs) - left
    assert len(on_server.good("cleanup-jobs", "--days", "5", "--json").json["dropped"]) == left


@pytest.mark.full
def test_what_others_keep_locked_is_one_line(on_server):
    with open_store(on_server.url) as store:
        job = ended(store, NOW - 100 * DAY)
    with locked(on_server.url, f"main_jobevent_job_{job.id}"):
        result = on_server("cleanup-jobs", "--json")
    assert (result.rc, result.json["dropped"]) == (6, [])
    assert "others kept it locked" in result.complaint
    assert len(on_server.good("cleanup-jobs", "--json").json["dropped"]) == 1
