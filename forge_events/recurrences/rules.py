# SPDX-License-Identifier: Apache-2.0
"""One rule of RFC 5545 (RRULE): which local times it names, in order, from any time on.

A rule is answered in two steps, as section 3.3.10 has it: which *days* it names, and which *times* on such a day. Days
are found a year at a time from conditions on one day each, so that asking for what comes after today never counts from
the start of the rule. Times below a day are found by division, for the same reason.

Where the RFC leaves something open, what dateutil does is done: the year that numbered weeks belong to is the calendar
year in which the day is.
"""

from __future__ import annotations

import datetime
import itertools
from calendar import isleap, monthrange
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["FREQUENCIES", "Rule", "Weekday"]

FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY")
"""How often a rule may count, the longest first. Every second is not among them: a job takes longer."""

_DAY = datetime.timedelta(days=1)
_UNITS = {"HOURLY": 60, "MINUTELY": 1}
"""How many minutes there are between two steps."""


class Weekday(NamedTuple):
    """A day of the week, from 0 for Monday, and which one of its month or year; 0 for each."""

    day: int
    nth: int = 0


@dataclass(frozen=True)
class Rule:
    """A rule, and the local time that it starts from, whose parts it takes where it names none itself.

    :param until: the last local time or, with a zone, the last instant; both belong to the rule.
    :param count: how many instants there are.
    :param by_day: with ``nth``, of the month where months are counted or named, otherwise of the year.
    :param week_start: the first day of the week, from 0 for Monday.
    """

    start: datetime.datetime
    frequency: str
    interval: int = 1
    count: int | None = None
    until: datetime.datetime | None = None
    by_month: tuple[int, ...] = ()
    by_week: tuple[int, ...] = ()
    by_year_day: tuple[int, ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_day: tuple[Weekday, ...] = ()
    by_hour: tuple[int, ...] = ()
    by_minute: tuple[int, ...] = ()
    by_second: tuple[int, ...] = ()
    by_position: tuple[int, ...] = ()
    week_start: int = 0

    def local_times(self, since: datetime.datetime, last: datetime.date) -> Iterator[datetime.datetime]:
        """Yield the local times of the rule from ``since`` to the end of the day ``last``, in order.

        ``count`` is not looked at, and neither is ``until``: both are about instants.
        """
        first = max(since, self.start)
        for local in self._completed()._local_times(first.date(), last):  # noqa: SLF001 - of this class
            if local >= first and local.date() <= last:
                yield local

    def _local_times(self, first: datetime.date, last: datetime.date) -> Iterator[datetime.datetime]:
        """Yield the local times of all periods that the days are in."""
        for group in self._groups(first, last):
            yield from self._chosen(datetime.datetime.combine(day, time) for day in group for time in self._times(day))

    def _completed(self) -> Rule:
        """Return the rule with what it takes from its start said."""
        start, given = self.start, self
        if self.frequency in ("YEARLY", "MONTHLY") and not (self.by_month_day or self.by_day or self.by_year_day):
            if self.by_week:
                given = replace(given, by_day=(Weekday(start.weekday()),))
            else:
                given = replace(given, by_month_day=(start.day,))
                if self.frequency == "YEARLY" and not self.by_month:
                    given = replace(given, by_month=(start.month,))
        if self.frequency == "WEEKLY" and not (self.by_day or self.by_month_day or self.by_year_day):
            given = replace(given, by_day=(Weekday(start.weekday()),))
        if self.frequency not in _UNITS:
            given = replace(given, by_hour=self.by_hour or (start.hour,))
        if self.frequency != "MINUTELY":
            given = replace(given, by_minute=self.by_minute or (start.minute,))
        return replace(given, by_second=self.by_second or (start.second,))

    def _groups(self, first: datetime.date, last: datetime.date) -> Iterator[Iterable[datetime.date]]:
        """Yield the days of each period that counts; positions are of such a period."""
        days = self._days(self._period_start(first), self._period_end(last))
        for period, group in itertools.groupby(days, key=self._period):
            if (period - self._period(self.start.date())) % (1 if self.frequency in _UNITS else self.interval) == 0:
                yield group

    def _period(self, day: datetime.date) -> int:
        """Return the number of the year, month, week or day that a day is in."""
        match self.frequency:
            case "YEARLY":
                return day.year
            case "MONTHLY":
                return day.year * 12 + day.month
            case "WEEKLY":
                return (day.toordinal() - 1 - self.week_start) // 7
            case _:
                return day.toordinal()

    def _period_start(self, day: datetime.date) -> datetime.date:
        """Return the first day of the period that a day is in."""
        match self.frequency:
            case "YEARLY":
                return day.replace(month=1, day=1)
            case "MONTHLY":
                return day.replace(day=1)
            case "WEEKLY":
                return day - _DAY * min((day.weekday() - self.week_start) % 7, day.toordinal() - 1)
            case _:
                return day

    def _period_end(self, day: datetime.date) -> datetime.date:
        """Return the last day of the period that a day is in."""
        match self.frequency:
            case "YEARLY":
                return day.replace(month=12, day=31)
            case "MONTHLY":
                return day.replace(day=monthrange(day.year, day.month)[1])
            case "WEEKLY":
                return min(self._period_start(day), datetime.date.max - 6 * _DAY) + 6 * _DAY
            case _:
                return day

    def _days(self, first: datetime.date, last: datetime.date) -> Iterator[datetime.date]:
        """Yield the days for which every condition on days holds."""
        for year in range(first.year, last.year + 1):
            for day in _days_of(self._day_conditions(), year):
                if first <= day <= last:
                    yield day

    def _day_conditions(self) -> Rule:
        """Return the rule with nothing but what says which days of a year there are."""
        frequency = "MONTHLY" if self.frequency == "MONTHLY" or self.by_month else "YEARLY"
        bare = Rule(datetime.datetime.min, frequency, week_start=self.week_start)  # noqa: DTZ901 - a local time
        return replace(
            bare,
            by_month=self.by_month,
            by_week=self.by_week,
            by_year_day=self.by_year_day,
            by_month_day=self.by_month_day,
            by_day=self.by_day,
        )

    def _has(self, day: datetime.date) -> bool:
        """Return whether every condition on days holds for a day."""
        length = 365 + isleap(day.year)
        in_year = day.timetuple().tm_yday
        in_month, month_length = day.day, monthrange(day.year, day.month)[1]
        of = (in_month, month_length) if self.frequency == "MONTHLY" else (in_year, length)
        return (
            (not self.by_month or day.month in self.by_month)
            and (not self.by_week or not _numbers_of_week(day, self.week_start).isdisjoint(self.by_week))
            and (not self.by_year_day or bool({in_year, in_year - length - 1} & {*self.by_year_day}))
            and (not self.by_month_day or bool({in_month, in_month - month_length - 1} & {*self.by_month_day}))
            and (not self.by_day or any(_is_weekday(day, wanted, *of) for wanted in self.by_day))
        )

    def _times(self, day: datetime.date) -> Iterable[datetime.time]:
        """Return the times on a day of the rule, in order."""
        unit = _UNITS.get(self.frequency)
        if unit is None:
            return _products(self.by_hour, self.by_minute, self.by_second)
        # Steps are counted from the start of the rule's own hour or minute.
        since = (day.toordinal() - self.start.toordinal()) * 1440 // unit
        begun = (self.start.hour * 60 + self.start.minute) // unit
        return _steps(self.frequency, (begun - since) % self.interval, self.interval, self._time_conditions())

    def _time_conditions(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        return self.by_hour, self.by_minute, self.by_second

    def _chosen(self, times: Iterable[datetime.datetime]) -> Iterable[datetime.datetime]:
        """Return of the times of a period those at the positions that are asked for, if any are."""
        if not self.by_position:
            return times
        found = list(times)
        places = {place - 1 if place > 0 else len(found) + place for place in self.by_position}
        return [local for index, local in enumerate(found) if index in places]


@lru_cache(maxsize=512)
def _days_of(conditions: Rule, year: int) -> tuple[datetime.date, ...]:
    first = datetime.date(year, 1, 1).toordinal()
    days = (datetime.date.fromordinal(first + index) for index in range(365 + isleap(year)))
    return tuple(day for day in days if conditions._has(day))  # noqa: SLF001 - of this module


@lru_cache(maxsize=64)
def _products(hours: tuple[int, ...], minutes: tuple[int, ...], seconds: tuple[int, ...]) -> tuple[datetime.time, ...]:
    return tuple(
        datetime.time(*parts) for parts in itertools.product(sorted({*hours}), sorted({*minutes}), sorted({*seconds}))
    )


@lru_cache(maxsize=4096)
def _steps(
    frequency: str, first: int, interval: int, conditions: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
) -> tuple[datetime.time, ...]:
    """Return the times of a day whose first step is the hour or minute ``first``."""
    hours, minutes, seconds = conditions
    per_hour = 60 // _UNITS[frequency]
    found: list[datetime.time] = []
    for step in range(first, 24 * per_hour, interval):
        hour, minute = divmod(step, per_hour)
        if (hours and hour not in hours) or (per_hour > 1 and minutes and minute not in minutes):
            continue
        found += _products((hour,), (minute,) if per_hour > 1 else minutes, seconds)
    return tuple(found)


def _is_weekday(day: datetime.date, wanted: Weekday, place: int, length: int) -> bool:
    """Return whether a day, the one at ``place`` of a month or year of so many days, is the weekday that is wanted."""
    if day.weekday() != wanted.day:
        return False
    return wanted.nth in (0, (place - 1) // 7 + 1, -((length - place) // 7 + 1))


def _numbers_of_week(day: datetime.date, week_start: int) -> set[int]:
    """Return the number of the week that a day is in, from its year's start and, negative, from its end.

    Week 1 is the first with at least four days in its year.
    """
    # The year of a week is that of its fourth day.
    fourth = day.toordinal() - (day.weekday() - week_start) % 7 + 3
    if not 1 <= fourth <= datetime.date.max.toordinal():
        return set()
    year = datetime.date.fromordinal(fourth).year
    number = (fourth - datetime.date(year, 1, 1).toordinal()) // 7 + 1
    weeks = (datetime.date(year, 12, 31).toordinal() - fourth) // 7 + number
    return {number, number - weeks - 1}
