# SPDX-License-Identifier: Apache-2.0
"""Say in English when a recurrence happens; what is too intricate for a sentence is shown as its rule."""

from __future__ import annotations

import calendar
from dataclasses import replace
from typing import TYPE_CHECKING

from forge_events.recurrences.rules import Weekday

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sized

    from forge_events.recurrences.recurrence import Recurrence
    from forge_events.recurrences.rules import Rule

__all__ = ["in_words"]

_UNITS = {
    "YEARLY": "year",
    "MONTHLY": "month",
    "WEEKLY": "week",
    "DAILY": "day",
    "HOURLY": "hour",
    "MINUTELY": "minute",
}
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last", -2: "last but one"}
_MANY = 4
"""So many times of a day are listed; more make the sentence unreadable."""
_MOST_RULES = 2
"""The same for rules."""


def in_words(recurrence: Recurrence) -> str:
    """Return when it happens, such as ``every weekday at 18:00, Europe/Berlin``."""
    said = [_rule(rule) for rule in recurrence.rules]
    if None in said or len(said) > _MOST_RULES or recurrence.excluded_rules:
        return recurrence.text
    sentence = " and ".join(one for one in said if one)
    if recurrence.dates:
        sentence += f" and on {_dates(recurrence.dates, 'more ')}" if said else f"on {_dates(recurrence.dates)}"
    if recurrence.excluded_dates:
        sentence += f", but for {_dates(recurrence.excluded_dates)}"
    return f"{sentence}, {recurrence.zone.key}"


def _dates(dates: Sized, which: str = "") -> str:
    return f"{len(dates)} {which}{'date' if len(dates) == 1 else 'dates'}"


def _rule(rule: Rule) -> str | None:
    if rule.by_week or rule.by_year_day or rule.by_position or rule.by_second not in ((), (0,)):
        return None
    days = _days(rule)
    times = _times(rule)
    return None if days is None or times is None else f"{days}{times}{_end(rule)}"


def _end(rule: Rule) -> str:
    if rule.count is not None:
        return ", once" if rule.count == 1 else f", {rule.count} times"
    return "" if rule.until is None else f" until {_date(rule.until)}"


def _days(rule: Rule) -> str | None:
    if rule.by_month_day and rule.by_day:
        return None
    if rule.by_day:
        return _weekdays(rule)
    days = rule.by_month_day or ((rule.start.day,) if rule.frequency in ("YEARLY", "MONTHLY") else ())
    months = rule.by_month or ((rule.start.month,) if rule.frequency == "YEARLY" and not rule.by_month_day else ())
    if rule.frequency == "WEEKLY" and not days:
        return _weekdays(replace(rule, by_day=(Weekday(rule.start.weekday()),)))
    on = " on " + _listed([_of_month(day) for day in days]) if days else ""
    of = " of " if days else " in "
    return _every(rule) + on + (of + _listed([calendar.month_name[month] for month in months]) if months else "")


def _weekdays(rule: Rule) -> str | None:
    months = " in " + _listed([calendar.month_name[month] for month in rule.by_month]) if rule.by_month else ""
    if any(day.nth for day in rule.by_day):
        if any(day.nth not in _ORDINALS for day in rule.by_day):
            return None
        return f"{_every(rule)} on the {_listed([_nth(day) for day in rule.by_day])}{months}"
    plain = sorted({day.day for day in rule.by_day})
    names = "weekday" if plain == [0, 1, 2, 3, 4] else _listed([calendar.day_name[day] for day in plain])
    if rule.frequency in ("HOURLY", "MINUTELY"):
        return f"{_every(rule)} of every {names}{months}"
    return f"every {names}{months}" if rule.interval == 1 else f"{_every(rule)} on {names}{months}"


def _times(rule: Rule) -> str | None:
    minutes = rule.by_minute or (rule.start.minute,)
    match rule.frequency:
        case "MINUTELY":
            return None if rule.by_hour or rule.by_minute else ""
        case "HOURLY":
            return None if rule.by_hour else " at minute " + _listed([f"{minute}" for minute in minutes])
        case _:
            hours = rule.by_hour or (rule.start.hour,)
            times = [f"{hour:02}:{minute:02}" for hour in hours for minute in minutes]
            return " at " + _listed(times) if len(times) <= _MANY else None


def _every(rule: Rule) -> str:
    unit = _UNITS[rule.frequency]
    return f"every {unit}" if rule.interval == 1 else f"every {rule.interval} {unit}s"


def _date(day: datetime.date) -> str:
    return f"{day.day} {calendar.month_name[day.month]} {day.year}"


def _nth(day: Weekday) -> str:
    return f"{_ORDINALS[day.nth]} {calendar.day_name[day.day]}"


def _of_month(day: int) -> str:
    if day < 0:
        return "the last day" if day == -1 else f"the {-day}{_suffix(-day)} last day"
    return f"the {day}{_suffix(day)}"


def _suffix(number: int) -> str:
    return "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
