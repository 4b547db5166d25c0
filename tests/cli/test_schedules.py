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
