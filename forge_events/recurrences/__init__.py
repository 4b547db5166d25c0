# SPDX-License-Identifier: Apache-2.0
"""Recurrences: at which instants something happens again, as RFC 5545 writes it (iCalendar's RRULE and its kin).

::

    "DTSTART;TZID=Europe/Berlin:20270101T023000 RRULE:FREQ=DAILY"
        parsing ─▶ Rule ─▶ local times, without a zone ─▶ instants ─▶ Recurrence.after(now)
        (text)     (rules)                                (instants)   (recurrence)

All of it is pure: no clock, no database. Days and times are counted on the wall clock; only then a zone makes instants
of them, so a rule never drifts when clocks change. `cron`, `calendars` (.ics files) and `words` stand around it.
"""

from forge_events.recurrences.instants import Occurrence
from forge_events.recurrences.recurrence import Recurrence

__all__ = ["Occurrence", "Recurrence"]
