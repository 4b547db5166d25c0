# SPDX-License-Identifier: Apache-2.0
"""``schedule preview``: when something comes next."""

from __future__ import annotations

import pytest

MOVED = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:1
SUMMARY:Patch day
DTSTART;TZID=Eastern Standard Time:20990106T020000
RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=3
END:VEVENT
BEGIN:VEVENT
UID:1
SUMMARY:Patch day
RECURRENCE-ID;TZID=Eastern Standard Time:20990113T020000
DTSTART;TZID=Eastern Standard Time:20990114T030000
END:VEVENT
END:VCALENDAR
"""


def test_a_rule_is_previewed_on_the_clock_of_its_zone_and_in_utc(cli):
    rule = "DTSTART;TZID=Europe/Berlin:20370327T023000 RRULE:FREQ=DAILY"
    assert cli("schedule", "preview", rule, "-n", "3").lines == [
        "every day at 02:30, Europe/Berlin",
        "LOCAL                         UTC",
        "Fri 2037-03-27 02:30:00 CET   2037-03-27 01:30:00",
        "Sat 2037-03-28 02:30:00 CET   2037-03-28 01:30:00",
        "Sun 2037-03-29 03:30:00 CEST  2037-03-29 01:30:00  clocks are set forward over 02:30",
    ]
    assert cli("schedule", "preview", rule, "-n", "1", "--json").json == {
        "words": "every day at 02:30, Europe/Berlin",
        "timezone": "Europe/Berlin",
        "local": ["2037-03-27T02:30:00+01:00"],
        "utc": ["2037-03-27T01:30:00Z"],
    }


def test_cron_is_read_on_the_clock_of_a_zone(cli):
    found = cli("schedule", "preview", "--cron", "30 6 * * 1-5", "--zone", "America/New_York", "--json").json
    assert found["words"] == "every weekday at 06:30, America/New_York"
    assert len(found["local"]) == 10
    assert all("T06:30:00" in local for local in found["local"])


def test_a_calendar_file_is_read_with_its_moved_occurrences(cli, tmp_path):
    path = tmp_path / "team.ics"
    path.write_text(MOVED)
    found = cli("schedule", "preview", "--ics", path, "--json").json
    assert found["timezone"] == "America/New_York"
    assert found["utc"] == ["2099-01-06T07:00:00Z", "2099-01-14T08:00:00Z", "2099-01-20T07:00:00Z"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("hello", "the file is no calendar"),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR\n", "the calendar has no events"),
        (MOVED.replace("Eastern Standard Time", "Moon/Base"), "there is no such time zone: Moon/Base"),
        (MOVED.replace("COUNT=3", "COUNT=x"), "RRULE cannot be understood"),
        (MOVED.replace("WEEKLY", "SECONDLY"), "FREQ=SECONDLY is not understood"),
        ("x" * (10 * 2**20 + 1), "the file has more than 10 MiB"),
    ],
)
def test_what_is_no_calendar_is_refused_in_one_line(cli, tmp_path, content, reason):
    path = tmp_path / "team.ics"
    path.write_text(content)
    done = cli("schedule", "preview", "--ics", path)
    assert done.rc == 2
    assert reason in done.complaint


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["DTSTART:20990101T000000Z RRULE:FREQ=DAILY", "--cron", "* * * * *"],
        ["--cron", "* * * * *"],
        ["--cron", "61 * * * *", "--zone", "UTC"],
        ["--cron", "* * * *", "--zone", "UTC"],
        ["--cron", "* * * * *", "--zone", "Nowhere"],
        ["--ics", "missing.ics"],
        ["DTSTART:20990101T000000Z RRULE:FREQ=NEVER"],
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(cli, arguments):
    done = cli("schedule", "preview", *arguments)
    assert done.rc == 2
    assert done.complaint


def test_what_is_over_does_not_come_again(cli):
    done = cli("schedule", "preview", "DTSTART:20200101T000000Z RRULE:FREQ=DAILY;COUNT=2")
    assert done.lines == ["every day at 00:00, 2 times, UTC", "it does not come again"]


@pytest.fixture
def made(cli, tmp_path):
    (tmp_path / "ping.yml").write_text("- hosts: localhost\n  gather_facts: false\n  tasks: [ping: ]\n")
    cli.good("template", "create", "T", "ping.yml", "--ask", "limit,extra-vars", cwd=tmp_path)
    return cli


def test_a_schedule_is_made_shown_changed_and_deleted(made, tmp_path):
    words = ["--cron", "30 2 * * *", "--zone", "Europe/Berlin", "--grace", "2h", "--overlap", "queue", "--jitter", "1m"]
    created = made.good("schedule", "create", "nightly", "--template", "T", *words, "-l", "web", "-e", "k=geheim")
    assert created.lines[0].startswith("schedule 1  nightly  2")
    shown = made.good("schedule", "show", "nightly", "--json").json
    assert shown["words"] == "every day at 02:30, Europe/Berlin"
    assert (shown["template"], shown["grace"], shown["overlap"], shown["jitter"]) == ("T", 7200, "queue", 60)
    assert shown["fields"] == {"limit": "web", "extra_vars": {"k": "<hidden>"}}
    assert len(shown["upcoming"]) == 5
    assert shown["upcoming"][0] == shown["next_run"]
    lines = made.good("schedule", "show", "nightly").lines
    assert lines[0] == "nightly: every day at 02:30, Europe/Berlin"
    assert [line[:5] for line in lines].count("LOCAL") == 1
    assert made.good("schedule", "list", "--json").json[0]["name"] == "nightly"
    (tmp_path / "out.ics").write_bytes(made.good("schedule", "export", "nightly").out)
    made.good("schedule", "create", "again", "--template", "T", "--ics", tmp_path / "out.ics")
    again = made.good("schedule", "show", "again", "--json").json
    assert (again["words"], again["timezone"]) == (shown["words"], "Europe/Berlin")
    made.good("schedule", "edit", "again", "--name", "weekly", "--catch-up", "all", "--rrule", RULE, "--zone", "UTC")
    assert made.good("schedule", "show", "weekly", "--json").json["next_run"] == "2099-01-01T05:00:00Z"
    made.good("schedule", "disable", "weekly")
    assert made.good("schedule", "show", "weekly", "--json").json["upcoming"] == []
    made.good("schedule", "enable", "weekly")
    job = made("schedule", "run-now", "weekly", "--json").json
    assert (job["status"], job["launch_type"]) == ("pending", "scheduled")
    made.good("schedule", "delete", "weekly")
    assert made("schedule", "show", "weekly").rc == 3
    assert [one["name"] for one in made.good("schedule", "list", "--json").json] == ["nightly"]
    assert b"geheim" not in created.out


RULE = "DTSTART:20990101T050000 RRULE:FREQ=DAILY"


@pytest.mark.parametrize(
    ("words", "rc", "reason"),
    [
        (["--at", "+1h", "--tags", "a"], 2, "tags cannot be used: the job template 'T' does not let it be changed"),
        (["--at", "+1h", "--limit", "@/etc/passwd"], 2, "a part of it begins with @"),
        (["--at", "2020-01-01T00:00", "--zone", "UTC"], 2, "2020-01-01T00:00: it is over"),
        (["--at", "2099-01-01T00:00"], 2, "it says no time zone"),
        (["--at", "+999999999d"], 2, "the calendar ends before"),
        (["--at", "soon"], 2, "a time is written such as"),
        (["--at", "+1h", "--rrule", RULE], 2, "give one of --rrule, --cron, --at and --ics"),
        (["--rrule", RULE], 2, "it says no time zone"),
        (["--at", "+1h", "--grace", "long"], 2, "a duration is a number with s, m, h or d"),
        (["--at", "+1h", "--catch-up", "often"], 2, "catch_up cannot be used"),
        (["--at", "+1h", "--template", "other"], 3, "there is no job template 'other'"),
    ],
)
def test_what_cannot_be_a_schedule_is_refused_in_one_line(made, words, rc, reason):
    done = made("schedule", "create", "x", "--template", "T", *words)
    assert (done.rc, done.out) == (rc, b"")
    assert reason in done.complaint
    assert made("schedule", "list", "--json").json == []


def test_what_is_due_is_launched_by_whoever_dispatches(made):
    made.good("schedule", "create", "s", "--template", "T", "--at", "+1s")
    with made.start("dispatcher", "-v") as dispatcher:
        while b"job 1 successful" not in (line := dispatcher.stdout.readline()):
            assert line
        dispatcher.terminate()
    shown = made.good("schedule", "show", "s", "--json").json
    assert [(one["outcome"], one["job_id"]) for one in shown["past"]] == [("launched", 1)]
    assert shown["next_run"] is None
    job = made.good("show", "1", "--json").json
    assert (job["launch_type"], job["run_by"]) == ("scheduled", "schedule s")
