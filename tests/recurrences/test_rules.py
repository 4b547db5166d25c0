# SPDX-License-Identifier: Apache-2.0
"""Recurrences beside evaluators that share no code with them: one that looks at every minute, dateutil, cronsim."""

from __future__ import annotations

import datetime
import itertools
import random
from zoneinfo import ZoneInfo, available_timezones

import pytest
from cronsim import CronSim
from dateutil import rrule

from forge_events.errors import InvalidRecurrence
from forge_events.recurrences import Recurrence, cron
from tests.recurrences import oracle

UTC = datetime.UTC
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Asia/Tehran",
    "Asia/Kathmandu",
    "Europe/Dublin",
    "America/St_Johns",
    "Pacific/Chatham",
    "Antarctica/Troll",
    "Asia/Gaza",
    "America/Havana",
    "Africa/Cairo",
    "Europe/London",
    "Asia/Kolkata",
    "America/Santiago",
    "Australia/Adelaide",
]


def random_rule(chance):
    """Return the parts of a rule, and a start, that leave something to find within weeks."""
    frequency = chance.choice(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY"])
    rule = {"FREQ": frequency}

    def maybe(name, values, most, odds=0.3):
        if chance.random() < odds:
            rule[name] = sorted({chance.choice(values) for _ in range(chance.randint(1, most))})

    if chance.random() < 0.4:
        rule["INTERVAL"] = chance.randint(1, {"YEARLY": 2, "HOURLY": 30, "MINUTELY": 200}.get(frequency, 5))
    maybe("BYMONTH", range(1, 13), 8, 0.2)
    maybe("BYMONTHDAY", [*range(1, 32), *range(-31, 0)], 12, 0.2)
    if chance.random() < 0.35:
        numbered = frequency in ("YEARLY", "MONTHLY") and chance.random() < 0.5
        reach = 5 if frequency == "MONTHLY" or "BYMONTH" in rule else 53
        picks = {
            (chance.choice([*range(-reach, 0), *range(1, reach + 1)]) if numbered else 0, chance.choice(oracle.NAMES))
            for _ in range(chance.randint(1, 20 if reach == 53 else 4))
        }
        rule["BYDAY"] = sorted(picks)
    if frequency == "YEARLY" and not any(nth for nth, _ in rule.get("BYDAY", [])):
        maybe("BYWEEKNO", [*range(1, 54), *range(-53, 0)], 15, 0.3)
        maybe("BYYEARDAY", [*range(1, 367), *range(-366, 0)], 40, 0.2)
    maybe("BYHOUR", range(24), 8)
    maybe("BYMINUTE", range(60), 5)
    if frequency in ("YEARLY", "MONTHLY", "WEEKLY", "DAILY"):
        maybe("BYSETPOS", [1, 2, 3, 5, -1, -2, -3], 2, 0.2)
    if chance.random() < 0.3:
        rule["WKST"] = chance.choice(oracle.NAMES)
    return rule


def written(rule):
    def of(value):
        if isinstance(value, list):
            return ",".join(f"{one[0] or ''}{one[1]}" if isinstance(one, tuple) else str(one) for one in value)
        return str(value)

    return ";".join(f"{name}={of(value)}" for name, value in rule.items())


def check_against_the_oracle(seed):
    chance = random.Random(seed)
    zone = ZoneInfo(chance.choice(ZONES))
    rule = random_rule(chance)
    start = datetime.datetime(
        chance.randint(2009, 2026), chance.randint(1, 12), chance.randint(1, 28), chance.randint(0, 23)
    )
    start = start.replace(minute=chance.choice([0, 0, 15, 30, 59]))
    # Around a day on which clocks are set, if there is one.
    first = datetime.datetime(chance.randint(2010, 2030), 1, 1, tzinfo=UTC) + datetime.timedelta(
        days=chance.randint(0, 365)
    )
    for day in range(366):
        later = first + datetime.timedelta(days=day)
        if later.astimezone(zone).utcoffset() != (later + datetime.timedelta(days=1)).astimezone(zone).utcoffset():
            first = later - datetime.timedelta(days=4)
            break
    last = first + datetime.timedelta(days=9 if rule["FREQ"] in ("HOURLY", "MINUTELY") else 40)
    text = f"DTSTART;TZID={zone.key}:{start:%Y%m%dT%H%M%S} RRULE:{written(rule)}"
    expected = oracle.evaluate(start, rule, zone, first, last)
    try:
        recurrence = Recurrence.parse(text)
    except InvalidRecurrence as error:
        if "never occurs" in str(error) or "BYSETPOS chooses" in str(error):
            assert not expected, text
            return
        raise
    found = recurrence.between(first, last)
    assert [one.at for one in found] == expected, f"seed {seed}: {text}"
    for one in chance.sample(found, min(5, len(found))):
        assert recurrence.after(one.at - datetime.timedelta(seconds=1)) == one, f"seed {seed}: {text}"


def test_random_rules_are_as_a_slow_evaluator_has_them():
    for seed in range(15):
        check_against_the_oracle(seed)


@pytest.mark.full
@pytest.mark.parametrize("hundred", range(30))
def test_three_thousand_random_rules_are_as_a_slow_evaluator_has_them(hundred):
    for seed in range(hundred * 100, hundred * 100 + 100):
        check_against_the_oracle(seed)


@pytest.mark.parametrize("seed", range(100))
def test_days_are_dateutil_s_where_it_makes_no_mistake(seed):
    chance = random.Random(seed)
    rule = random_rule(chance)
    while (
        rule["FREQ"] in ("HOURLY", "MINUTELY")  # it counts each, for minutes
        or "BYWEEKNO" in rule  # dateutil#1196
        or "BYSETPOS" in rule  # dateutil#1398; and it needs other parts beside it
    ):
        rule = random_rule(chance)
    start = datetime.datetime(2020, chance.randint(1, 12), chance.randint(1, 28), chance.randint(0, 23))
    text = f"DTSTART:{start:%Y%m%dT%H%M%S}Z RRULE:{written(rule)}"
    expected = list(itertools.takewhile(lambda at: at.year < 2026, rrule.rrulestr(written(rule), dtstart=start)))
    if not expected:
        pytest.skip("it names nothing within six years")
    found = Recurrence.parse(text).between(
        start.replace(tzinfo=UTC), datetime.datetime(2025, 12, 31, 23, 59, tzinfo=UTC)
    )
    assert [one.local for one in found] == expected


@pytest.mark.parametrize("seed", range(200))
def test_cron_is_as_cronsim_has_it(seed):
    chance = random.Random(seed)

    def field(least, most):
        match chance.randint(0, 5):
            case 0 | 1:
                return "*"
            case 2:
                return f"*/{chance.randint(1, most)}"
            case 3:
                first = chance.randint(least, most)
                return f"{first}-{chance.randint(first, most)}"
            case _:
                return ",".join(str(chance.randint(least, most)) for _ in range(chance.randint(1, 3)))

    text = " ".join(field(*reach) for reach in ((0, 59), (0, 23), (1, 28), (1, 12), (0, 6)))
    start = datetime.datetime(2027, 1, 1)
    expected = list(itertools.islice(CronSim(text, start - datetime.timedelta(minutes=1)), 25))
    found = Recurrence.parse(cron.properties(text, "UTC", start)).since(start.replace(tzinfo=UTC))
    assert [one.local for one in itertools.islice(found, len(expected))] == expected, text


@pytest.mark.parametrize("letter", "AEIP")
def test_in_every_zone_an_hour_is_an_hour_and_a_day_has_one_run(letter):
    first, last = datetime.datetime(2027, 1, 2, tzinfo=UTC), datetime.datetime(2028, 12, 30, tzinfo=UTC)
    names = [name for name in sorted(available_timezones()) if name.startswith(letter)][::20]
    for name in names:
        hourly = Recurrence.parse(f"DTSTART;TZID={name}:20260101T000000 RRULE:FREQ=HOURLY").between(first, last)
        steps = {later.at - earlier.at for earlier, later in itertools.pairwise(hourly)}
        if name not in ("Australia/Lord_Howe", "Australia/LHI"):  # clocks there are set by half an hour
            assert steps == {datetime.timedelta(hours=1)}, name
        daily = Recurrence.parse(f"DTSTART;TZID={name}:20260101T023000 RRULE:FREQ=DAILY").between(first, last)
        days = [one.local.date() for one in daily]
        assert len(days) == len(set(days)) == (days[-1] - days[0]).days + 1, name
        tail = Recurrence.parse(f"DTSTART;TZID={name}:20260101T023000 RRULE:FREQ=DAILY").between(daily[200].at, last)
        assert tail == daily[200:], name
