# SPDX-License-Identifier: Apache-2.0
"""Read recurrences as iCalendar writes them; what cannot be meant is refused, with the part that is wrong.

Where clients are less strict than RFC 5545, so is this: properties may stand in one line, ``UNTIL`` may have no ``Z``
(then it is of the schedule's zone) or a date (then that day belongs to it), and conditions that the RFC keeps for
longer frequencies hold for shorter ones.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from forge_events.errors import InvalidRecurrence
from forge_events.recurrences.instants import instant_of
from forge_events.recurrences.recurrence import Moment
from forge_events.recurrences.rules import FREQUENCIES, Rule, Weekday

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Parts", "parse", "zone_of"]

_LONGEST = 1_000_000
_MOST_RULES = 50
_MOST_COUNTED = 10_000
_LONGEST_INTERVAL = 100_000
_MOST_TO_CHOOSE = 50_000
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_PROPERTY = re.compile(
    r"(DTSTART|RRULE|RDATE|EXDATE|EXRULE|DTEND|DURATION|X-[A-Z0-9-]+)([;:].*)", re.IGNORECASE | re.DOTALL
)
_RANGES = {  # the least and the greatest, and whether it may be counted from the end
    "BYMONTH": (1, 12, False),
    "BYWEEKNO": (1, 53, True),
    "BYYEARDAY": (1, 366, True),
    "BYMONTHDAY": (1, 31, True),
    "BYHOUR": (0, 23, False),
    "BYMINUTE": (0, 59, False),
    "BYSECOND": (0, 59, False),
    "BYSETPOS": (1, 366, True),
}
_FIELDS = {
    "BYMONTH": "by_month",
    "BYWEEKNO": "by_week",
    "BYYEARDAY": "by_year_day",
    "BYMONTHDAY": "by_month_day",
    "BYHOUR": "by_hour",
    "BYMINUTE": "by_minute",
    "BYSECOND": "by_second",
    "BYSETPOS": "by_position",
}


class Parts(NamedTuple):
    """What a recurrence is made of, in the order of its fields."""

    text: str
    zone: ZoneInfo
    start: datetime.datetime
    rules: tuple[Rule, ...]
    dates: tuple[Moment, ...]
    excluded_rules: tuple[Rule, ...]
    excluded_dates: tuple[Moment, ...]


class _Property(NamedTuple):
    """A property as iCalendar has it: a name, parameters, and a value."""

    text: str
    name: str
    parameters: dict[str, str]
    value: str


def parse(text: str, zone: str | None) -> Parts:
    """Return what a recurrence is made of; see :meth:`forge_events.recurrences.Recurrence.parse`."""
    if len(text) > _LONGEST:
        raise InvalidRecurrence(text[:40] + "…", f"it is longer than {_LONGEST:,} characters")
    properties = _properties(text)
    found: dict[str, list[_Property]] = {}
    for one in properties:
        found.setdefault(one.name, []).append(one)
    start, where = _start(text, found.get("DTSTART", []), zone)
    rules = tuple(_rule(one, start) for one in found.get("RRULE", []))
    excluded = tuple(_rule(one, start) for one in found.get("EXRULE", []))
    dates = tuple(moment for one in found.get("RDATE", []) for moment in _moments(one))
    exceptions = tuple(moment for one in found.get("EXDATE", []) for moment in _moments(one))
    if not rules and not dates:
        raise InvalidRecurrence(text, "it has neither RRULE nor RDATE")
    if len(rules) + len(excluded) > _MOST_RULES:
        raise InvalidRecurrence(text, f"it has more than {_MOST_RULES} rules")
    written = [_placed(one, start, where) if zone and one.name == "DTSTART" else one.text for one in properties]
    return Parts(" ".join(written), where, start, rules, dates, excluded, exceptions)


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of a name of the tz database.

    :raises InvalidRecurrence: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        import difflib

        near = difflib.get_close_matches(name, available_timezones(), 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InvalidRecurrence(name, f"there is no such time zone{hint}") from None


def _properties(text: str) -> list[_Property]:
    """Split a text into properties; a word that begins none goes on with the one before, as folded lines do."""
    words: list[str] = []
    for word in text.split():
        if words and not _PROPERTY.fullmatch(word) and not word.upper().startswith("FREQ="):
            words[-1] += word
        else:
            words.append(word)
    return [_property(word) for word in words]


def _property(word: str) -> _Property:
    read = _PROPERTY.fullmatch(word)
    if read is None:
        if word.upper().startswith("FREQ="):
            raise InvalidRecurrence(word, f"RRULE: is missing in front of it; write RRULE:{word}")
        raise InvalidRecurrence(word, "it is no DTSTART, RRULE, RDATE, EXDATE or EXRULE")
    head, colon, value = read[2].partition(":")
    if not colon:
        raise InvalidRecurrence(word, "it has no value: a colon is missing")
    pairs = [part.partition("=") for part in head.split(";") if part]
    return _Property(word, read[1].upper(), {name.upper(): said.strip('"') for name, _, said in pairs}, value)


def _start(text: str, found: Sequence[_Property], zone: str | None) -> tuple[datetime.datetime, ZoneInfo]:
    if len(found) != 1:
        raise InvalidRecurrence(text, "it has several DTSTART" if found else "it has no DTSTART")
    one = found[0]
    value = _time(one, one.value)
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        if "TZID" in one.parameters:
            _refuse(one, "it has both TZID and Z")
        where = zone_of(zone) if zone else ZoneInfo("UTC")
        return value.astimezone(where).replace(tzinfo=None, fold=0), where
    name = one.parameters.get("TZID") or zone
    if not name:
        _refuse(one, "it says no time zone; write DTSTART;TZID=Europe/Berlin:… or end the time with Z")
    local = value if isinstance(value, datetime.datetime) else datetime.datetime.combine(value, datetime.time())
    return local, zone_of(name)


def _placed(one: _Property, start: datetime.datetime, zone: ZoneInfo) -> str:
    """Return DTSTART with the zone that was said beside it."""
    return one.text if "TZID" in one.parameters else f"DTSTART;TZID={zone.key}:{start:%Y%m%dT%H%M%S}"


def _moments(one: _Property) -> list[Moment]:
    if one.parameters.get("VALUE", "").upper() == "PERIOD":
        _refuse(one, "periods are not understood")
    values = [_time(one, value) for value in one.value.split(",")]
    if "TZID" not in one.parameters:
        return [Moment(value) for value in values]
    where = zone_of(one.parameters["TZID"])
    return [
        Moment(instant_of(value, where) if isinstance(value, datetime.datetime) and value.tzinfo is None else value)
        for value in values
    ]


def _time(one: _Property, text: str) -> datetime.datetime | datetime.date:
    """Return a day, a local time, or a time in UTC."""
    read = re.fullmatch(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?", text, re.ASCII | re.IGNORECASE)
    try:
        if read is None or int(read[1]) > 9900:
            raise ValueError  # noqa: TRY301 - the two have one answer
        day = datetime.date(int(read[1]), int(read[2]), int(read[3]))
        if read[4] is None:
            return day
        time = datetime.time(int(read[4]), int(read[5]), int(read[6]))
        return datetime.datetime.combine(day, time, datetime.UTC if read[7] else None)
    except ValueError:
        _refuse(one, f"{text!r} is no time; write YYYYMMDDTHHMMSS, with Z for UTC")


def _rule(one: _Property, start: datetime.datetime) -> Rule:
    said: dict[str, str] = {}
    for part in filter(None, one.value.upper().split(";")):
        name, _, value = part.partition("=")
        if name in said:
            _refuse(one, f"{name} stands twice")
        said[name] = value
    frequency = said.pop("FREQ", None)
    if frequency not in FREQUENCIES:
        what = f"FREQ={frequency} is not understood" if frequency else "it has no FREQ"
        _refuse(one, f"{what}; one of {', '.join(FREQUENCIES)} is")
    rule = Rule(start, frequency)
    for name, value in said.items():
        if not name.startswith("X-"):
            rule = _with(one, rule, name, value)
    return _possible(one, rule)


def _with(one: _Property, rule: Rule, name: str, value: str) -> Rule:
    match name:
        case "INTERVAL":
            return replace(rule, interval=_number(one, name, value, 1, _LONGEST_INTERVAL))
        case "COUNT":
            return replace(rule, count=_number(one, name, value, 1, _MOST_COUNTED))
        case "UNTIL":
            until = _time(one, value)
            if not isinstance(until, datetime.datetime):
                until = datetime.datetime.combine(until, datetime.time.max)
            return replace(rule, until=until)
        case "WKST":
            if value not in _DAYS:
                _refuse(one, f"WKST={value} is no weekday; write {', '.join(_DAYS)}")
            return replace(rule, week_start=_DAYS.index(value))
        case "BYDAY":
            return replace(rule, by_day=tuple(_weekday(one, item) for item in value.split(",")))
    if name not in _RANGES:
        _refuse(one, f"{name} is not understood")
    numbers: dict[str, Any] = {_FIELDS[name]: _numbers(one, name, value)}
    return replace(rule, **numbers)


def _numbers(one: _Property, name: str, value: str) -> tuple[int, ...]:
    least, most, is_from_end = _RANGES[name]
    numbers = {_number(one, name, item, -most if is_from_end else least, most) for item in value.split(",")}
    if is_from_end and 0 in numbers:
        _refuse(one, f"{name} has no place 0")
    return tuple(sorted(numbers))


def _number(one: _Property, name: str, text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[+-]?\d{1,6}", text, re.ASCII) or not least <= int(text) <= most:
        _refuse(one, f"{name}={text[:20]} is no number from {least} to {most}")
    return int(text)


def _weekday(one: _Property, text: str) -> Weekday:
    number, day = text[:-2], text[-2:]
    if day not in _DAYS:
        _refuse(one, f"BYDAY={text[:20]} is no weekday; write {', '.join(_DAYS)}")
    nth = _number(one, "BYDAY", number, -53, 53) if number else 0
    if number and not nth:
        _refuse(one, "BYDAY has no place 0")
    return Weekday(_DAYS.index(day), nth)


def _possible(one: _Property, rule: Rule) -> Rule:
    if rule.count is not None and rule.until is not None:
        _refuse(one, "it has both COUNT and UNTIL")
    if any(day.nth for day in rule.by_day) and (rule.frequency not in ("MONTHLY", "YEARLY") or rule.by_week):
        _refuse(one, "BYDAY with a number needs FREQ=MONTHLY or FREQ=YEARLY, without BYWEEKNO")
    if rule.by_position:
        days = {"YEARLY": 366, "MONTHLY": 31, "WEEKLY": 7, "DAILY": 1}.get(rule.frequency)
        if days is None:
            _refuse(one, "BYSETPOS needs FREQ=DAILY or longer")
        times = max(1, len(rule.by_hour)) * max(1, len(rule.by_minute)) * max(1, len(rule.by_second))
        if days * times > _MOST_TO_CHOOSE:
            _refuse(one, f"BYSETPOS chooses among more than {_MOST_TO_CHOOSE:,} times")
    return rule


def _refuse(one: _Property, reason: str) -> NoReturn:
    raise InvalidRecurrence(one.text, reason)
