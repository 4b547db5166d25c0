# SPDX-License-Identifier: Apache-2.0
"""Recurrences of calendar files (.ics), as Outlook, Google and the others export them."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events.errors import InvalidRecurrence
from forge_events.recurrences.parsing import zone_of
from forge_events.recurrences.recurrence import Recurrence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["LARGEST", "Entry", "as_calendar", "read_calendar"]

LARGEST = 10 * 2**20
"""Bytes of a file; a larger one is refused unread."""

_LONGEST_LINE = 75
"""Bytes of a line before it goes on in the next one."""


class Entry(NamedTuple):
    """An event of a calendar: what it is called, and when it recurs."""

    name: str
    recurrence: Recurrence


def read_calendar(path: Path) -> list[Entry]:
    """Return the events of a calendar file, in its order. A moved occurrence is taken out where it was and added anew.

    Time zones are those of the tz database; the names that Windows has for them are understood.

    :raises InvalidRecurrence: the file is no calendar, is too large, or an event has a time zone or a rule that cannot
        be understood; an error of the file itself is an :class:`OSError`.
    """
    import icalendar

    if path.stat().st_size > LARGEST:
        raise InvalidRecurrence(str(path), f"the file has more than {LARGEST >> 20} MiB")
    try:
        calendar = icalendar.Calendar.from_ical(path.read_bytes())
    except (ValueError, KeyError, IndexError) as error:
        raise InvalidRecurrence(str(path), "the file is no calendar") from error
    found: dict[str, list[Any]] = {}
    for number, event in enumerate(calendar.walk("VEVENT")):
        found.setdefault(str(event.get("UID", number)), []).append(event)
    if not found:
        raise InvalidRecurrence(str(path), "the calendar has no events")
    return [_entry(events) for events in found.values()]


def _entry(events: list[Any]) -> Entry:
    """Return what the events of one UID say: the series, and the occurrences of it that were moved."""
    series = next((event for event in events if "RECURRENCE-ID" not in event), events[0])
    name = str(series.get("SUMMARY", "")) or "event"
    if series.errors:
        part, problem = series.errors[0]
        raise InvalidRecurrence(name, f"{part} cannot be understood: {problem}")
    if "DTSTART" not in series:
        raise InvalidRecurrence(name, "it has no DTSTART")
    zone = _zone(name, series["DTSTART"])
    parts = [f"DTSTART;TZID={zone}:{_local(series['DTSTART'].dt)}", *_rules(series), *_dates(series)]
    for event in events:
        if event is not series:
            parts += [f"EXDATE:{_instant(event['RECURRENCE-ID'].dt)}", f"RDATE:{_instant(event['DTSTART'].dt)}"]
    if not any(part.startswith(("RRULE", "RDATE")) for part in parts):
        parts.append(f"RDATE;TZID={zone}:{_local(series['DTSTART'].dt)}")
    return Entry(name, Recurrence.parse(" ".join(parts)))


def _zone(name: str, start: Any) -> str:
    """Return the zone of a start; without one nobody knows when it is."""
    zone = getattr(start.dt, "tzinfo", None)
    if zone is None:
        said = start.params.get("TZID")
        raise InvalidRecurrence(name, f"there is no such time zone: {said}" if said else "it says no time zone")
    if zone == datetime.UTC:
        return "UTC"
    return zone_of(str(getattr(zone, "key", None) or start.params.get("TZID", ""))).key


def _rules(series: Any) -> Iterator[str]:
    for name in ("RRULE", "EXRULE"):
        for rule in _all(series, name):
            yield f"{name}:{rule.to_ical().decode()}"


def _dates(series: Any) -> Iterator[str]:
    for name in ("RDATE", "EXDATE"):
        for dates in _all(series, name):
            for date in dates.dts:
                is_day = not isinstance(date.dt, datetime.datetime)
                yield f"{name};VALUE=DATE:{date.dt:%Y%m%d}" if is_day else f"{name}:{_instant(date.dt)}"


def _all(series: Any, name: str) -> list[Any]:
    value = series.get(name, [])
    return value if isinstance(value, list) else [value]


def _local(time: datetime.datetime | datetime.date) -> str:
    return f"{time:%Y%m%dT%H%M%S}"


def _instant(time: datetime.datetime | datetime.date) -> str:
    """Return a time in UTC; one without a zone is of the series' own."""
    if isinstance(time, datetime.datetime) and time.tzinfo is not None:
        return f"{time.astimezone(datetime.UTC):%Y%m%dT%H%M%SZ}"
    return _local(time)


def as_calendar(name: str, recurrence: Recurrence, stamp: datetime.datetime) -> str:
    """Return a calendar file with one event: a recurrence under a name.

    :param stamp: when it was made.
    """
    import icalendar

    calendar, event = icalendar.Calendar(), icalendar.Event()
    calendar.add("VERSION", "2.0")
    calendar.add("PRODID", "-//forge_events//EN")
    event.add("UID", f"{stamp.timestamp():.0f}@forge_events")
    event.add("DTSTAMP", stamp)
    event.add("SUMMARY", name)
    calendar.add_component(event)
    head, _, tail = calendar.to_ical().decode().partition("END:VEVENT")
    # As they were read: a calendar of our own making would say the same in other words.
    lines = "".join(f"{line}\r\n" for line in _properties(recurrence))
    return f"{head}{lines}END:VEVENT{tail}"


def _properties(recurrence: Recurrence) -> Iterator[str]:
    for part in recurrence.text.split():
        folded = part.encode()
        while len(folded) > _LONGEST_LINE:
            yield folded[:_LONGEST_LINE].decode()
            folded = b" " + folded[_LONGEST_LINE:]
        yield folded.decode()
