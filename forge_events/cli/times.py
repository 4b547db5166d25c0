# SPDX-License-Identifier: Apache-2.0
"""Times as people type them: how long ago, or a date."""

from __future__ import annotations

import datetime
import re

import typer

__all__ = ["WHEN", "a_time"]

WHEN = "such as 7d, 12h, 30m, 2026-01-31 or '2026-01-31 18:00'"
"""What a time looks like."""

_AGO = re.compile("([0-9]{1,9})([dhm]?)")
_UNITS = {"d": "days", "": "days", "h": "hours", "m": "minutes"}


def a_time(text: str | None, now: datetime.datetime, where: str) -> datetime.datetime | None:
    """Return the time that a text means, in UTC; a date without a zone is local.

    :param where: the option that holds it.
    """
    if text is None:
        return None
    from forge_events.events import EARLIEST, in_utc

    ago = _AGO.fullmatch(text)
    try:
        if ago is None:
            return in_utc(datetime.datetime.fromisoformat(text).astimezone())
        return in_utc(now - datetime.timedelta(**{_UNITS[ago[2]]: int(ago[1])}))
    except OverflowError:
        return EARLIEST
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no time, {WHEN}", param_hint=where) from error
