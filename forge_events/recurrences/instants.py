# SPDX-License-Identifier: Apache-2.0
"""From the wall clock to instants, also on the days when clocks change.

A local time that does not exist, because clocks are set forward over it, is taken by the offset that held before (RFC
5545, 3.3.5): 2:30 becomes 3:30, and a nightly job runs. One that there is twice is the first. But what happens so often
that the times before and after are at most one such jump away lives through it, as cron has it for wildcards: each hour
is then an hour of time, so the missing time is left out and the doubled one runs twice.
"""

from __future__ import annotations

import datetime
import heapq
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from zoneinfo import ZoneInfo

__all__ = ["JUMP", "Occurrence", "instant_of", "instants_of"]

JUMP = datetime.timedelta(days=1)
"""The longest time that a clock has ever been set by: Samoa left out the 30th of December 2011."""

_NO_TIME = datetime.timedelta()


class Occurrence(NamedTuple):
    """One time at which something happens again; they are ordered as they happen.

    :param at: the instant, in UTC.
    :param local: what the clock of its zone shows, without a zone; where clocks are set forward over it, what the rule
        says. With ``fold`` it names the occurrence for good, whatever a later tz database says of ``at``.
    :param fold: 1 if it is the second time that the clock shows this.
    """

    at: datetime.datetime
    local: datetime.datetime
    fold: int = 0


def instant_of(local: datetime.datetime, zone: ZoneInfo, fold: int = 0) -> datetime.datetime:
    """Return the instant at which the clock of a zone shows a time, for the first or, with ``fold``, second time."""
    return local.replace(tzinfo=zone, fold=fold).astimezone(datetime.UTC)


def instants_of(locals_: Iterable[datetime.datetime], zone: ZoneInfo) -> Iterator[Occurrence]:
    """Yield the occurrences of local times, which are in order, in the order in which they happen."""
    waiting: list[Occurrence] = []
    for before, local, after in _with_neighbours(locals_):
        for occurrence in _occurrences(before, local, after, zone):
            heapq.heappush(waiting, occurrence)
        # What comes later on the wall clock may come earlier in time, but only around a jump.
        surely_past = instant_of(local, zone) - (_NO_TIME if _is_quiet(zone, local.date()) else 2 * JUMP)
        while waiting and waiting[0].at <= surely_past:
            yield heapq.heappop(waiting)
    while waiting:
        yield heapq.heappop(waiting)


def _occurrences(
    before: datetime.datetime | None, local: datetime.datetime, after: datetime.datetime | None, zone: ZoneInfo
) -> Iterator[Occurrence]:
    first = Occurrence(instant_of(local, zone), local)
    if _is_quiet(zone, local.date()):
        yield first
        return
    jump = _offset(local, zone, 1) - _offset(local, zone, 0)  # forward if positive
    is_dense = before is not None and after is not None and max(local - before, after - local) <= abs(jump)
    if not (is_dense and jump > _NO_TIME):
        yield first
    if is_dense and jump < _NO_TIME:
        yield Occurrence(instant_of(local, zone, 1), local, 1)


def _with_neighbours(
    locals_: Iterable[datetime.datetime],
) -> Iterator[tuple[datetime.datetime | None, datetime.datetime, datetime.datetime | None]]:
    before = local = None
    for after in locals_:
        if local is not None:
            yield before, local, after
        before, local = local, after
    if local is not None:
        yield before, local, None


def _offset(local: datetime.datetime, zone: ZoneInfo, fold: int) -> datetime.timedelta:
    return local.replace(tzinfo=zone, fold=fold).utcoffset() or _NO_TIME


@lru_cache(maxsize=4096)
def _is_quiet(zone: ZoneInfo, day: datetime.date) -> bool:
    """Return whether clocks are not set on a day, the two before, or the two after."""
    noon = datetime.datetime.combine(day, datetime.time(12))
    if not 4 < day.toordinal() < datetime.date.max.toordinal() - 4:
        return True
    offsets = {_offset(noon + days * JUMP, zone, 0) for days in (-3, -2, -1, 0, 1, 2, 3)}
    return len(offsets) == 1
