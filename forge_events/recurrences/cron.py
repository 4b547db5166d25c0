# SPDX-License-Identifier: Apache-2.0
"""Cron's five fields as rules of iCalendar.

As cron has it since Vixie's: where both the day of the month and the day of the week are restricted, either of them is
enough, which two rules say.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from forge_events.errors import InvalidRecurrence

if TYPE_CHECKING:
    import datetime

__all__ = ["properties"]

_DAYS = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    (
        "day of the week",
        0,
        7,
        {name[:3]: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))},
    ),
)
_ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


def properties(expression: str, zone: str, start: datetime.datetime) -> str:
    """Return DTSTART and the RRULEs that say what a cron expression says.

    :param zone: the name of the zone on whose clock it is read.
    :param start: a local time; nothing happens before it.
    :raises InvalidRecurrence: it is no expression of five fields.
    """
    words = _ALIASES.get(expression.strip().lower(), expression).upper().split()
    if len(words) != len(_FIELDS):
        raise InvalidRecurrence(expression, "a cron expression has five fields: minute, hour, day, month, weekday")
    minutes, hours, days, months, weekdays = (
        _values(expression, word, *field) for word, field in zip(words, _FIELDS, strict=True)
    )
    often = "FREQ=DAILY" + _part("BYMONTH", months, 12) + f";BYHOUR={_list(hours)};BYMINUTE={_list(minutes)};BYSECOND=0"
    if len(hours) == 24 and len(minutes) < 60:
        often = "FREQ=HOURLY" + _part("BYMONTH", months, 12) + f";BYMINUTE={_list(minutes)};BYSECOND=0"
    elif len(hours) == 24:
        often = "FREQ=MINUTELY" + _part("BYMONTH", months, 12) + ";BYSECOND=0"
    by_day = f";BYMONTHDAY={_list(days)}"
    by_weekday = ";BYDAY=" + ",".join(_DAYS[day] for day in sorted({day % 7 for day in weekdays}))
    # A field that begins with a star restricts nothing, as far as "either" goes; what it leaves out still counts.
    if words[2].startswith("*") or words[4].startswith("*"):
        chosen = [
            often + (by_day if len(days) < 31 else "") + (by_weekday if len({d % 7 for d in weekdays}) < 7 else "")
        ]
    else:
        chosen = [often + by_day, often + by_weekday]
    return " ".join([f"DTSTART;TZID={zone}:{start:%Y%m%dT%H%M%S}", *(f"RRULE:{rule}" for rule in chosen)])


def _values(expression: str, word: str, field: str, least: int, most: int, names: dict[str, int]) -> list[int]:
    found: set[int] = set()
    for part in word.split(","):
        read = re.fullmatch(r"(?:(\*)|(\w{1,3})(?:-(\w{1,3}))?)(?:/(\d{1,3}))?", part, re.ASCII)
        if read is None:
            raise InvalidRecurrence(expression, f"{part!r} is no {field}")
        first, last = (least, most) if read[1] else (_number(expression, read[2], field, least, most, names),) * 2
        if read[3]:
            last = _number(expression, read[3], field, least, most, names)
        elif read[4] and not read[1]:
            last = most
        step = int(read[4] or 1)
        if first > last or not step:
            raise InvalidRecurrence(expression, f"{part!r} is no {field}")
        found |= {*range(first, last + 1, step)}
    return sorted(found)


def _number(expression: str, text: str, field: str, least: int, most: int, names: dict[str, int]) -> int:
    number = names.get(text, int(text) if text.isdigit() else -1)
    if not least <= number <= most:
        raise InvalidRecurrence(expression, f"{text} is no {field} from {least} to {most}")
    return number


def _part(name: str, values: list[int], of: int) -> str:
    return f";{name}={_list(values)}" if len(values) < of else ""


def _list(values: list[int]) -> str:
    return ",".join(map(str, values))
