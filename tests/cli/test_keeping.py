# SPDX-License-Identifier: Apache-2.0
"""``usage`` and ``partitions``: what the database takes, and how it lies there."""

from __future__ import annotations

import datetime

import pytest

from forge_events.store import open_store
from tests.cli.story import Story, example
from tests.store.making import ended

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.fixture
def recorded(anywhere):
    """Record two runs of one playbook and one of another; one of them long ago."""
    for name, days in (("a.yml", 0), ("a.yml", 3), ("b.yml", 100)):
        example(name=name, started=NOW - days * DAY).spool_to(anywhere.spool, rc=0)
    anywhere.good("jobs")
    return anywhere


def test_usage_tells_what_is_taken_and_by_whom(recorded):
    usage = recorded.good("usage", "--free", "20GiB", "--json").json
    assert set(usage) == {
        *("size", "data_size", "source_size", "free", "daily_source_size", "growth", "days", "days_left"),
        *("templates", "months", "jobs"),
    }
    assert [(share["name"], share["job_count"]) for share in usage["templates"]] == [("a.yml", 2), ("b.yml", 1)]
    assert sum(share["event_count"] for share in usage["months"]) == 3 * len(example().events)
    assert {share["name"] for share in usage["jobs"]} == {"1", "2", "3"}
    for group in ("templates", "months", "jobs"):
        assert all(set(s) == {"name", "job_count", "event_count", "size", "disk_size"} for s in usage[group])
        assert sum(share["size"] for share in usage[group]) == usage["source_size"]
        assert sum(share["disk_size"] for share in usage[group]) == pytest.approx(usage["data_size"], abs=3)
    assert usage["free"] == 20 * 1024**3
    assert usage["days_left"] == pytest.approx(usage["free"] / usage["growth"])


def test_usage_is_told_to_people_too(recorded):
    lines = recorded.good("usage", "--free", "20GiB", "--days", "7", "--limit", "1").lines
    assert [line.split()[0] for line in lines[:3]] == ["database", "free", "growth"]
    assert lines[1] == "free       20.0 GiB"
    assert lines[2].endswith(" a day, measured over the last 7 days")
    assert lines[3].startswith("days left  ") and lines[3].split()[-1].replace(",", "").isdigit()
    headers = [line.split() for line in lines if "RECORDED" in line]
    assert headers == [[name, "JOBS", "EVENTS", "RECORDED", "ON", "DISK"] for name in ("TEMPLATE", "MONTH", "JOB")]
    assert sum(line.startswith(("a.yml", "b.yml")) for line in lines) == 1


def test_where_nothing_grows_there_is_no_end(anywhere):
    assert anywhere.good("usage", "--free", "1G", "--json").json["days_left"] is None
    assert "days left  no end in sight: nothing was recorded in that time" in anywhere.good("usage").lines


def test_the_disk_of_a_server_that_is_elsewhere_is_unknown(on_server):
    example(started=NOW).spool_to(on_server.spool)
    elsewhere = on_server.url.replace("127.0.0.1", "db.example") + "?hostaddr=127.0.0.1"
    lines = on_server.good("usage", env={"FORGE_EVENTS_DATABASE_URL": elsewhere}).lines
    assert lines[1].startswith("free       unknown; the server's disk cannot be seen from here, --free 20G tells")
    assert lines[3] == "days left  unknown"
    told = on_server.good("usage", "--json", env={"FORGE_EVENTS_DATABASE_URL": elsewhere}).json
    assert (told["free"], told["days_left"]) == (None, None)


def test_sqlite_has_no_partitions_and_says_so(cli):
    example().spool_to(cli.spool)
    assert cli.good("partitions", "--merge").lines == [
        "nothing to merge",
        "SQLite keeps the events of all jobs in one table: there are no partitions",
        "text search: no index; all output is read",
    ]
    told = {"has_partitions": False, "has_text_index": False, "merged": [], "blocks": []}
    assert cli.good("partitions", "--json").json == told


def test_partitions_shows_the_blocks_and_their_leaves(on_server):
    assert on_server.good("partitions").lines[0] == "there are no partitions yet; the first job that starts makes one"
    example(started=NOW).spool_to(on_server.spool, rc=0)
    Story("runs", NOW).begin_spool(on_server.spool)
    header, row, search = on_server.good("partitions").lines
    assert header.split() == ["BLOCK", "KIND", "IDS", "JOBS", "ACTIVE", "LEAVES", "EVENTS", "SIZE", "OLDEST", "NEWEST"]
    assert row.split()[:7] == ["0", "leaves", "1-999", "2", "1", "2", str(len(example().events) + 1)]
    assert search.startswith("text search: an index of pg_trgm helps")
    told = on_server.good("partitions", "--json").json
    assert (told["has_partitions"], told["has_text_index"], told["merged"]) == (True, True, [])
    (block,) = told["blocks"]
    assert (block["number"], block["is_merged"], block["leaf_count"]) == (0, False, 2)
    assert block["size"] > 0


def test_a_block_whose_jobs_have_ended_is_merged_on_demand(on_server, server):
    example(started=NOW).spool_to(on_server.spool, rc=0)
    assert on_server.good("partitions", "--merge").lines[0] == "nothing to merge"
    with open_store(on_server.url) as store:
        server.execute("SELECT setval('main_job_id_seq', 1000)", on_server.url.rpartition("/")[2])
        ended(store)
    merged, _, first, second, _ = on_server.good("partitions", "--merge").lines
    assert merged.startswith(f"merged block 0: 1 job, {len(example().events)} events, in ")
    assert first.split()[1:6] == ["merged", "1-999", "1", "0", "0"]
    assert second.split()[1:6] == ["leaves", "1000-1999", "1", "0", "1"]
    assert on_server.good("partitions", "--merge", "--json").json["merged"] == []
