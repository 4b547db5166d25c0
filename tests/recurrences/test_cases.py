# SPDX-License-Identifier: Apache-2.0
"""Cases in which libraries of recurrences are known to be wrong or apart, each with what RFC 5545 asks for."""

from __future__ import annotations

import datetime
import itertools

import pytest

from forge_events.errors import InvalidRecurrence
from forge_events.recurrences import Recurrence
from forge_events.recurrences.words import in_words

UTC = datetime.UTC


def times(text, since, number):
    first = datetime.datetime.fromisoformat(since).replace(tzinfo=UTC)
    return [f"{one.at:%Y-%m-%dT%H:%M}" for one in itertools.islice(Recurrence.parse(text).since(first), number)]


NEW_YORK = "DTSTART;TZID=America/New_York:20260101T{} RRULE:"
BERLIN = "DTSTART;TZID=Europe/Berlin:20260101T{} RRULE:"
CASES = {
    "daily in the gap": (
        NEW_YORK.format("023000") + "FREQ=DAILY",
        "2027-03-13",
        "2027-03-13T07:30 2027-03-14T07:30 2027-03-15T06:30",
    ),
    "daily in the fold": (
        NEW_YORK.format("013000") + "FREQ=DAILY",
        "2027-11-06",
        "2027-11-06T05:30 2027-11-07T05:30 2027-11-08T06:30",
    ),
    "hourly through the gap": (
        NEW_YORK.format("000000") + "FREQ=HOURLY",
        "2027-03-14T05:00",
        "2027-03-14T05:00 2027-03-14T06:00 2027-03-14T07:00 2027-03-14T08:00",
    ),
    "hourly through the fold": (
        NEW_YORK.format("000000") + "FREQ=HOURLY",
        "2027-11-07T04:00",
        "2027-11-07T04:00 2027-11-07T05:00 2027-11-07T06:00 2027-11-07T07:00",
    ),
    "half hours through the fold": (
        NEW_YORK.format("000000") + "FREQ=DAILY;BYHOUR=0,1,2,3;BYMINUTE=0,30",
        "2027-11-07T04:30",
        "2027-11-07T04:30 2027-11-07T05:00 2027-11-07T05:30 2027-11-07T06:00 2027-11-07T06:30 2027-11-07T07:00",
    ),
    "a jump of half an hour": (
        "DTSTART;TZID=Australia/Lord_Howe:20260101T021500 RRULE:FREQ=DAILY",
        "2027-10-01",
        "2027-10-01T15:45 2027-10-02T15:45 2027-10-03T15:15",
    ),
    "a day that there is not": (
        "DTSTART;TZID=Pacific/Apia:20110101T100000 RRULE:FREQ=DAILY",
        "2011-12-29",
        "2011-12-29T20:00 2011-12-30T20:00 2011-12-31T20:00",
    ),
    "Ramadan": (
        "DTSTART;TZID=Africa/Casablanca:20260101T023000 RRULE:FREQ=DAILY",
        "2026-02-14T12:00",
        "2026-02-15T01:30 2026-02-16T02:30",
    ),
    "beyond the last transition that is listed": (
        NEW_YORK.format("120000") + "FREQ=YEARLY;BYMONTH=7;BYMONTHDAY=1",
        "2040-01-01",
        "2040-07-01T16:00",
    ),
    "every five hours since long ago": (
        "DTSTART:20200101T000000Z RRULE:FREQ=HOURLY;INTERVAL=5",
        "2026-01-01",
        "2026-01-01T02:00 2026-01-01T07:00",
    ),
    "hours of work": (
        BERLIN.format("080000") + "FREQ=HOURLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=8,17",
        "2026-01-02T10:00",
        "2026-01-02T16:00 2026-01-05T07:00",
    ),
    "the last workday": (
        BERLIN.format("180000") + "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "2026-01-01",
        "2026-01-30T17:00 2026-02-27T17:00",
    ),
    "the third of a set": (
        "DTSTART:19970904T090000Z RRULE:FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
        "1997-01-01",
        "1997-09-04T09:00 1997-10-07T09:00 1997-11-06T09:00",
    ),
    "the second Tuesday": (
        BERLIN.format("040000") + "FREQ=MONTHLY;BYDAY=2TU",
        "2026-01-01",
        "2026-01-13T03:00 2026-02-10T03:00",
    ),
    "the Wednesday after it": (
        BERLIN.format("040000") + "FREQ=MONTHLY;BYDAY=WE;BYMONTHDAY=9,10,11,12,13,14,15",
        "2026-01-01",
        "2026-01-14T03:00 2026-02-11T03:00",
    ),
    "a start that the rule does not name": (
        "DTSTART:20260101T090000Z RRULE:FREQ=WEEKLY;BYDAY=MO",
        "2026-01-01",
        "2026-01-05T09:00 2026-01-12T09:00",
    ),
    "the 31st": (
        "DTSTART:20260131T090000Z RRULE:FREQ=MONTHLY",
        "2026-01-01",
        "2026-01-31T09:00 2026-03-31T09:00 2026-05-31T09:00",
    ),
    "the last day": (
        "DTSTART:20260101T090000Z RRULE:FREQ=MONTHLY;BYMONTHDAY=-1",
        "2026-02-01",
        "2026-02-28T09:00 2026-03-31T09:00",
    ),
    "day 366": ("DTSTART:20260101T090000Z RRULE:FREQ=YEARLY;BYYEARDAY=366", "2026-01-01", "2028-12-31T09:00"),
    "weeks from Monday": (
        "DTSTART:19970805T090000Z RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
        "1997-01-01",
        "1997-08-05T09:00 1997-08-10T09:00 1997-08-19T09:00 1997-08-24T09:00",
    ),
    "weeks from Sunday": (
        "DTSTART:19970805T090000Z RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
        "1997-01-01",
        "1997-08-05T09:00 1997-08-17T09:00 1997-08-19T09:00 1997-08-31T09:00",
    ),
    "a count with an exception": (
        "DTSTART:20260101T090000Z RRULE:FREQ=DAILY;COUNT=4 EXDATE:20260102T090000Z",
        "2026-01-01",
        "2026-01-01T09:00 2026-01-03T09:00 2026-01-04T09:00",
    ),
    "the 29th of February": (
        "DTSTART:20240229T090000Z RRULE:FREQ=YEARLY",
        "2024-03-01",
        "2028-02-29T09:00 2032-02-29T09:00",
    ),
    "week 53": (
        "DTSTART:20200101T090000Z RRULE:FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO",
        "2020-01-01",
        "2020-12-28T09:00 2026-12-28T09:00",
    ),
    "week 20 without a day": (
        "DTSTART:19970512T090000Z RRULE:FREQ=YEARLY;BYWEEKNO=20",
        "1997-01-01",
        "1997-05-12T09:00 1998-05-11T09:00 1999-05-17T09:00",
    ),
    "an exception in the zone": (
        NEW_YORK.format("090000") + "FREQ=DAILY EXDATE;TZID=America/New_York:20260102T090000",
        "2026-01-01",
        "2026-01-01T14:00 2026-01-03T14:00",
    ),
    "an exception in UTC": (
        NEW_YORK.format("090000") + "FREQ=DAILY EXDATE:20260102T140000Z",
        "2026-01-01",
        "2026-01-01T14:00 2026-01-03T14:00",
    ),
    "an exception of the second time": (
        NEW_YORK.format("000000") + "FREQ=HOURLY EXDATE:20271107T060000Z",
        "2027-11-07T05:00",
        "2027-11-07T05:00 2027-11-07T07:00",
    ),
    "an exception of a day": (
        NEW_YORK.format("090000") + "FREQ=DAILY EXDATE;VALUE=DATE:20260102",
        "2026-01-01",
        "2026-01-01T14:00 2026-01-03T14:00",
    ),
    "a date more, twice": (
        NEW_YORK.format("090000") + "FREQ=DAILY;COUNT=2 RDATE;TZID=America/New_York:20260105T080000,20260105T080000",
        "2026-01-01",
        "2026-01-01T14:00 2026-01-02T14:00 2026-01-05T13:00",
    ),
    "two rules": (
        "DTSTART:20260101T090000Z RRULE:FREQ=DAILY;COUNT=2 RRULE:FREQ=DAILY;BYHOUR=8;COUNT=1",
        "2026-01-01",
        "2026-01-01T09:00 2026-01-02T08:00 2026-01-02T09:00",
    ),
    "until in UTC": (
        NEW_YORK.format("200000") + "FREQ=DAILY;UNTIL=20260103T010000Z",
        "2026-01-01",
        "2026-01-02T01:00 2026-01-03T01:00",
    ),
    "until without a zone": (
        NEW_YORK.format("200000") + "FREQ=DAILY;UNTIL=20260102T200000",
        "2026-01-01",
        "2026-01-02T01:00 2026-01-03T01:00",
    ),
    "until a day": (
        NEW_YORK.format("200000") + "FREQ=DAILY;UNTIL=20260102",
        "2026-01-01",
        "2026-01-02T01:00 2026-01-03T01:00",
    ),
    "Mondays and the first Monday": (
        "DTSTART:20260101T090000Z RRULE:FREQ=MONTHLY;BYDAY=MO,1MO;COUNT=3",
        "2026-01-01",
        "2026-01-05T09:00 2026-01-12T09:00 2026-01-19T09:00",
    ),
    "the last of a week that has begun": (
        "DTSTART:20260101T090000Z RRULE:FREQ=WEEKLY;BYDAY=MO,TH,FR;BYSETPOS=2",
        "2026-01-01",
        "2026-01-01T09:00 2026-01-08T09:00",
    ),
    "the last week of the year before": (
        "DTSTART:20200101T090000Z RRULE:FREQ=YEARLY;BYWEEKNO=53;BYDAY=FR",
        "2020-12-01",
        "2021-01-01T09:00 2027-01-01T09:00",
    ),
    "minutes that are counted, not hurried": (
        "DTSTART:20260101T000000Z RRULE:FREQ=MINUTELY;COUNT=3",
        "2025-01-01",
        "2026-01-01T00:00 2026-01-01T00:01 2026-01-01T00:02",
    ),
    "every 23 hours for years": (
        "DTSTART:20200101T000000Z RRULE:FREQ=HOURLY;INTERVAL=23",
        "2026-01-01",
        "2026-01-01T16:00 2026-01-02T15:00",
    ),
    "a rule that is taken out": (
        "DTSTART:20260101T090000Z RRULE:FREQ=DAILY EXRULE:FREQ=WEEKLY;BYDAY=SA,SU",
        "2026-01-02",
        "2026-01-02T09:00 2026-01-05T09:00",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_hard_cases(case):
    text, since, expected = CASES[case]
    found = times(text, since, len(expected.split()) + 1)
    assert found[: len(expected.split())] == expected.split()
    if "COUNT" in text or "UNTIL" in text:
        assert len(found) == len(expected.split())


REFUSED = {
    "DTSTART:20260101T000000Z RRULE:FREQ=SECONDLY": "FREQ=SECONDLY is not understood",
    "DTSTART:20260101T000000Z RRULE:FREQ=DAILY;INTERVAL=0": "INTERVAL=0 is no number from 1 to 100000",
    "DTSTART:20260101T000000Z RRULE:FREQ=DAILY;COUNT=10001": "COUNT=10001 is no number from 1 to 10000",
    "DTSTART:20260101T000000Z RRULE:FREQ=DAILY;COUNT=2;UNTIL=20270101": "both COUNT and UNTIL",
    "DTSTART:20260101T000000 RRULE:FREQ=DAILY": "says no time zone",
    "DTSTART;TZID=Europe/Berln:20260101T000000 RRULE:FREQ=DAILY": "did you mean Europe/Berlin?",
    "DTSTART;TZID=../../etc/passwd:20260101T000000 RRULE:FREQ=DAILY": "no such time zone",
    "DTSTART;TZID=America:20260101T000000 RRULE:FREQ=DAILY": "no such time zone",
    "DTSTART;TZID=Europe/Berlin:20260101T000000Z RRULE:FREQ=DAILY": "both TZID and Z",
    "DTSTART:20260101T000000Z FREQ=DAILY": "write RRULE:FREQ=DAILY",
    "DTSTART:20260101T000000Z DTSTART:20260101T000000Z RRULE:FREQ=DAILY": "several DTSTART",
    "RRULE:FREQ=DAILY": "no DTSTART",
    "DTSTART:20260101T000000Z": "neither RRULE nor RDATE",
    "DTSTART:20261301T000000Z RRULE:FREQ=DAILY": "is no time",
    "DTSTART:99991231T000000Z RRULE:FREQ=DAILY": "is no time",
    "DTSTART:20260101T000000Z RRULE:INTERVAL=1": "has no FREQ",
    "DTSTART:20260101T000000Z RRULE:FREQ=DAILY;BYDAY=1MO": "needs FREQ=MONTHLY or FREQ=YEARLY",
    "DTSTART:20260101T000000Z RRULE:FREQ=DAILY;BYDAY=XX": "is no weekday",
    "DTSTART:20260101T000000Z RRULE:FREQ=DAILY;BYEASTER=1": "BYEASTER is not understood",
    "DTSTART:20260101T000000Z RRULE:FREQ=DAILY;BYHOUR=24": "BYHOUR=24 is no number from 0 to 23",
    "DTSTART:20260101T000000Z RRULE:FREQ=DAILY;BYMONTHDAY=0": "BYMONTHDAY has no place 0",
    "DTSTART:20260101T000000Z RRULE:FREQ=HOURLY;BYSETPOS=1": "BYSETPOS needs FREQ=DAILY or longer",
    "DTSTART:20260101T000000Z RRULE:FREQ=DAILY;FREQ=DAILY": "FREQ stands twice",
    "DTSTART:20260101T000000Z RRULE:FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30": "never occurs",
    "DTSTART:20260101T000000Z RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30": "never occurs",
    "DTSTART:20260101T000000Z RRULE:FREQ=MINUTELY EXRULE:FREQ=MINUTELY": "never occurs",
    "DTSTART:20260101T000000Z RRULE:FREQ=MINUTELY;INTERVAL=2;BYMINUTE=1": "never occurs",
    "DTSTART:20260101T000000Z RRULE:FREQ=DAILY RDATE;VALUE=PERIOD:20260101T000000Z/PT1H": "periods are not understood",
    "hello": "it is no DTSTART, RRULE",
    "": "it has no DTSTART",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_meant_is_refused_with_the_part(text):
    with pytest.raises(InvalidRecurrence, match=REFUSED[text].replace("?", r"\?")):
        Recurrence.parse(text)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;UNTIL=20270501", "every weekday at 18:00 until 1 May 2027"),
        ("FREQ=DAILY;INTERVAL=3", "every 3 days at 18:00"),
        ("FREQ=WEEKLY", "every Thursday at 18:00"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU", "every 2 weeks on Sunday at 18:00"),
        ("FREQ=MONTHLY;BYDAY=2TU", "every month on the second Tuesday at 18:00"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "every month on the last day at 18:00"),
        ("FREQ=YEARLY", "every year on the 1st of January at 18:00"),
        ("FREQ=HOURLY;COUNT=5", "every hour at minute 0, 5 times"),
        ("FREQ=DAILY;BYHOUR=6,12;BYMINUTE=30", "every day at 06:30 and 12:30"),
    ],
)
def test_a_rule_is_said_in_words(rule, words):
    assert (
        in_words(Recurrence.parse(f"DTSTART;TZID=Europe/Berlin:20260101T180000 RRULE:{rule}"))
        == f"{words}, Europe/Berlin"
    )


def test_what_is_too_intricate_for_words_is_shown_as_it_is():
    text = "DTSTART:20260101T180000Z RRULE:FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO"
    assert in_words(Recurrence.parse(text)) == text
