# SPDX-License-Identifier: Apache-2.0
"""A recurrence: rules, single dates and exceptions, in one zone, asked for what comes next."""

from __future__ import annotations

import datetime
import heapq
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from forge_events.errors import InvalidRecurrence
from forge_events.recurrences.instants import JUMP, Occurrence, instant_of, instants_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Self
    from zoneinfo import ZoneInfo

    from forge_events.recurrences.rules import Rule

__all__ = ["HORIZON", "Moment", "Recurrence"]

HORIZON = 60
"""How many years are looked ahead; whatever does not happen in them never does."""

_LATEST = datetime.date(9990, 12, 31)
_IN_VAIN = 100_000
"""So many occurrences that are all excepted are taken for all that there are."""
_NO_TIME = datetime.timedelta()


class Moment(NamedTuple):
    """A date of RDATE or EXDATE: a local time, an instant (with UTC as its zone), or a whole local day."""

    value: datetime.datetime | datetime.date

    def occurrence(self, start: datetime.datetime, zone: ZoneInfo) -> Occurrence:
        """Return what happens then; a day has the time of ``start``."""
        match self.value:
            case datetime.datetime(tzinfo=None) as local:
                return Occurrence(instant_of(local, zone), local)
            case datetime.datetime() as at:
                shown = at.astimezone(zone)
                return Occurrence(at, shown.replace(tzinfo=None, fold=0), shown.fold)
            case day:
                local = datetime.datetime.combine(day, start.time())
                return Occurrence(instant_of(local, zone), local)


class Recurrence(NamedTuple):
    """When something happens again: what the rules and dates name, but for the exceptions.

    DTSTART itself is no occurrence unless a rule or a date names it.

    :param start: DTSTART, the local time before which no rule names anything.
    :param text: as it was written, in one line, with its zone.
    """

    text: str
    zone: ZoneInfo
    start: datetime.datetime
    rules: tuple[Rule, ...] = ()
    dates: tuple[Moment, ...] = ()
    excluded_rules: tuple[Rule, ...] = ()
    excluded_dates: tuple[Moment, ...] = ()

    @classmethod
    def parse(cls, text: str, *, zone: str | None = None) -> Self:
        """Return the recurrence that iCalendar's properties describe, separated by spaces or lines.

        :param text: DTSTART with a zone (``;TZID=`` or ``Z``), and RRULE, RDATE, EXDATE and EXRULE in any number.
        :param zone: the zone of a DTSTART that says none.
        :raises InvalidRecurrence: a part of it cannot be read, or it never happens.
        """
        from forge_events.recurrences.parsing import parse

        return cls(*parse(text, zone)).checked()

    def checked(self) -> Self:
        """Return the recurrence with the last instant of each rule that has a count, so that nothing counts again.

        :raises InvalidRecurrence: it never happens.
        """
        counted = self._replace(
            rules=tuple(_counted(rule, self.zone) for rule in self.rules),
            excluded_rules=tuple(_counted(rule, self.zone) for rule in self.excluded_rules),
        )
        if next(counted.since(instant_of(self.start, self.zone) - 2 * JUMP), None) is None:
            raise InvalidRecurrence(self.text, f"it never occurs in {HORIZON} years")
        return counted

    def since(self, instant: datetime.datetime) -> Iterator[Occurrence]:
        """Yield the occurrences from an instant on, that one included, for at most :data:`HORIZON` years."""
        excluded = _Stream(self._of_rules(self.excluded_rules, instant))
        exceptions = {date.value for date in self.excluded_dates}
        dates = sorted(date.occurrence(self.start, self.zone) for date in self.dates)
        known, in_vain = None, 0
        for found in heapq.merge(self._of_rules(self.rules, instant), (date for date in dates if date.at >= instant)):
            if found.at == known:
                continue
            known = found.at
            # A time with a zone never equals one without: a local time, an instant and a day are told apart.
            if not exceptions.isdisjoint((found.local, found.at, found.local.date())) or excluded.has(found):
                in_vain += 1
                if in_vain > _IN_VAIN:
                    return
            else:
                in_vain = 0
                yield found

    def after(self, instant: datetime.datetime) -> Occurrence | None:
        """Return the first occurrence later than an instant; None if there is none any more."""
        return next((found for found in self.since(instant) if found.at > instant), None)

    def between(self, first: datetime.datetime, last: datetime.datetime) -> list[Occurrence]:
        """Return the occurrences from one instant to another; both may be among them."""
        return list(itertools.takewhile(lambda found: found.at <= last, self.since(first)))

    def _of_rules(self, rules: Iterable[Rule], instant: datetime.datetime) -> Iterator[Occurrence]:
        return heapq.merge(*(_of_rule(rule, self.zone, instant) for rule in rules))


class _Stream:
    """Occurrences that are looked up in the order in which they happen."""

    def __init__(self, occurrences: Iterator[Occurrence]) -> None:
        self._rest, self._next = occurrences, next(occurrences, None)

    def has(self, wanted: Occurrence) -> bool:
        while self._next is not None and self._next.at < wanted.at:
            self._next = next(self._rest, None)
        return self._next is not None and self._next.at == wanted.at


def _of_rule(rule: Rule, zone: ZoneInfo, instant: datetime.datetime) -> Iterator[Occurrence]:
    """Yield the occurrences of a rule from an instant on, whatever its count."""
    # A little early: what is left out or runs twice depends on its neighbours.
    local = instant.astimezone(zone).replace(tzinfo=None, fold=0) - 2 * JUMP if instant.year > 1 else rule.start
    first = max(local, rule.start)
    last = min(first.date().replace(month=12, day=31), _LATEST)
    last = last.replace(year=min(last.year + HORIZON, _LATEST.year))
    for found in instants_of(rule.local_times(first, last), zone):
        if _is_past(found, rule.until):
            # What follows may be earlier by its zone, but never by more than clocks are set.
            if _is_past(found, rule.until, 2 * JUMP):
                return
        elif found.at >= instant:
            yield found


def _is_past(found: Occurrence, until: datetime.datetime | None, by: datetime.timedelta = _NO_TIME) -> bool:
    return until is not None and (found.local if until.tzinfo is None else found.at) > until + by


def _counted(rule: Rule, zone: ZoneInfo) -> Rule:
    """Return a rule with a count as one with a last instant, too."""
    if rule.count is None:
        return rule
    begun = instant_of(rule.start, zone) - 2 * JUMP
    found = list(itertools.islice(_of_rule(rule, zone, begun), rule.count))
    # A rule that names nothing ends before it begins.
    return replace(rule, until=found[-1].at if found else begun)
