# SPDX-License-Identifier: Apache-2.0
"""A slow evaluator of recurrences that shares no code with the library: it looks at every minute that there is.

It goes through the minutes of UTC, asks what the clock of the zone shows, and whether the rule, read word by word,
names that. What the clock never shows is found by going through the minutes of the wall clock.
"""

from __future__ import annotations

import datetime
import itertools
from collections import defaultdict

MINUTE = datetime.timedelta(minutes=1)
DAY = datetime.timedelta(days=1)
NAMES = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def evaluate(start, rule, zone, first, last):
    """Return the instants from ``first`` to ``last`` of one RRULE, given as a dict of its parts, as sorted UTC times.

    The rule has no COUNT and no BYSECOND; ``start`` is a local time at a whole minute.
    """
    margin = 3 * DAY
    wall_first = (first.astimezone(zone) - margin).replace(tzinfo=None, second=0, microsecond=0)
    wall_last = (last.astimezone(zone) + margin).replace(tzinfo=None)
    named = _named(start, rule, wall_first, wall_last)
    shown = defaultdict(list)
    instant = (first - margin).replace(second=0, microsecond=0)
    while instant <= last + margin:
        shown[instant.astimezone(zone).replace(tzinfo=None)].append(instant)
        instant += MINUTE
    found = set()
    padded = [None, *named, None]
    for before, local, after in zip(padded, padded[1:], padded[2:], strict=False):
        found.update(_instants(before, local, after, shown))
    return sorted(at for at in found if first <= at <= last)


def _instants(before, local, after, shown):
    there = shown.get(local, [])
    if len(there) == 1:
        return there
    if len(there) == 2:
        jump = there[1] - there[0]
        return there if _is_dense(before, local, after, jump) else there[:1]
    # No clock shows it: the jump goes from the last minute that was shown to the next one that is.
    back, forward = local, local
    while back not in shown:
        back -= MINUTE
        if local - back > 3 * DAY:
            return []
    while forward not in shown:
        forward += MINUTE
        if forward - local > 3 * DAY:
            return []
    if _is_dense(before, local, after, forward - back - MINUTE):
        return []
    return [shown[back][-1] + (local - back)]


def _is_dense(before, local, after, jump):
    return before is not None and after is not None and local - before <= jump and after - local <= jump


def _named(start, rule, first, last):
    """Return the local minutes that a rule names, in order."""
    chosen = []
    for _, days in itertools.groupby(_all_days(start, rule, first, last), key=lambda day: _period(day, rule)):
        times = [
            datetime.datetime.combine(day, datetime.time(hour, minute))
            for day in days
            for hour in range(24)
            for minute in range(60)
            if _has_time(start, rule, day, hour, minute)
        ]
        positions = rule.get("BYSETPOS")
        if positions:
            times = [
                time for index, time in enumerate(times) if index + 1 in positions or index - len(times) in positions
            ]
        chosen += times
    return [time for time in chosen if time >= start and first <= time <= last]


def _all_days(start, rule, first, last):
    # Whole periods, for the positions.
    day = first.date() - 366 * DAY if rule.get("BYSETPOS") else first.date() - DAY
    end = last.date() + 366 * DAY if rule.get("BYSETPOS") else last.date() + DAY
    if rule.get("BYSETPOS"):
        day, end = day.replace(month=1, day=1), end.replace(month=12, day=31)
    while day <= end:
        if _counts(start, rule, day) and _has_day(start, rule, day):
            yield day
        day += DAY


def _week_start(day, rule):
    first = NAMES.index(rule.get("WKST", "MO"))
    while day.weekday() != first:
        day -= DAY
    return day


def _period(day, rule):
    match rule["FREQ"]:
        case "YEARLY":
            return (day.year,)
        case "MONTHLY":
            return day.year, day.month
        case "WEEKLY":
            return _week_start(day, rule)
        case _:
            return day


def _counts(start, rule, day):
    interval, begun = rule.get("INTERVAL", 1), start.date()
    match rule["FREQ"]:
        case "YEARLY":
            return (day.year - begun.year) % interval == 0
        case "MONTHLY":
            return ((day.year - begun.year) * 12 + day.month - begun.month) % interval == 0
        case "WEEKLY":
            return (_week_start(day, rule) - _week_start(begun, rule)).days // 7 % interval == 0
        case "DAILY":
            return (day - begun).days % interval == 0
        case _:
            return True


def _has_day(start, rule, day):
    is_given = any(rule.get(part) for part in ("BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"))
    if rule.get("BYMONTH") and day.month not in rule["BYMONTH"]:
        return False
    match rule["FREQ"]:
        case "YEARLY" if not is_given and not rule.get("BYMONTH"):
            return (day.month, day.day) == (start.month, start.day)
        case "YEARLY" | "MONTHLY" if not is_given:
            return day.day == start.day
        case "WEEKLY" if not is_given and day.weekday() != start.weekday():
            return False
        case "YEARLY" if rule.get("BYWEEKNO") and not any(
            rule.get(part) for part in ("BYDAY", "BYMONTHDAY", "BYYEARDAY")
        ):
            if day.weekday() != start.weekday():
                return False
    return (
        _is_of_month_day(rule, day)
        and _is_of_year_day(rule, day)
        and _is_of_week(rule, day)
        and _is_of_weekday(rule, day)
    )


def _is_of_month_day(rule, day):
    month = [one for one in _days_of_year(day.year) if one.month == day.month]
    wanted = rule.get("BYMONTHDAY")
    return not wanted or any(abs(nth) <= len(month) and month[nth - 1 if nth > 0 else nth] == day for nth in wanted)


def _is_of_year_day(rule, day):
    year = _days_of_year(day.year)
    wanted = rule.get("BYYEARDAY")
    return not wanted or any(abs(nth) <= len(year) and year[nth - 1 if nth > 0 else nth] == day for nth in wanted)


def _is_of_week(rule, day):
    wanted = rule.get("BYWEEKNO")
    if not wanted:
        return True
    week = [_week_start(day, rule) + index * DAY for index in range(7)]
    # It belongs to the year that has most of its days.
    year = max({one.year for one in week}, key=lambda year: sum(one.year == year for one in week))
    weeks = []
    one = datetime.date(year - 1, 12, 20)
    while one.year <= year:
        days = [_week_start(one, rule) + index * DAY for index in range(7)]
        if sum(other.year == year for other in days) >= 4 and days[0] not in weeks:
            weeks.append(days[0])
        one += DAY
    place = weeks.index(week[0])
    return place + 1 in wanted or place - len(weeks) in wanted


def _is_of_weekday(rule, day):
    wanted = rule.get("BYDAY")
    if not wanted:
        return True
    is_of_month = rule["FREQ"] == "MONTHLY" or rule.get("BYMONTH")
    around = [one for one in _days_of_year(day.year) if not is_of_month or one.month == day.month]
    same = [one for one in around if one.weekday() == day.weekday()]
    for nth, name in wanted:
        if name != NAMES[day.weekday()]:
            continue
        if not nth or (abs(nth) <= len(same) and same[nth - 1 if nth > 0 else nth] == day):
            return True
    return False


_YEARS: dict[int, list[datetime.date]] = {}


def _days_of_year(year):
    if year not in _YEARS:
        days = [datetime.date(year, 1, 1)]
        while (days[-1] + DAY).year == year:
            days.append(days[-1] + DAY)
        _YEARS[year] = days
    return _YEARS[year]


def _has_time(start, rule, day, hour, minute):
    now = datetime.datetime.combine(day, datetime.time(hour, minute))
    hours, minutes, interval = rule.get("BYHOUR"), rule.get("BYMINUTE"), rule.get("INTERVAL", 1)
    match rule["FREQ"]:
        case "MINUTELY":
            is_step = (now - start) // MINUTE % interval == 0
            return is_step and (not hours or hour in hours) and (not minutes or minute in minutes)
        case "HOURLY":
            is_step = (now.replace(minute=0) - start.replace(minute=0)) // (60 * MINUTE) % interval == 0
            return is_step and (not hours or hour in hours) and minute in (minutes or [start.minute])
        case _:
            return hour in (hours or [start.hour]) and minute in (minutes or [start.minute])
