# SPDX-License-Identifier: Apache-2.0
"""Launch what schedules ask for when it is due: one job for each occurrence, however many schedulers there are."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, NamedTuple

from forge_events import scheduling
from forge_events.errors import ForgeEventsError, InvalidLaunch, InvalidRecurrence, StoreUnavailable, UnknownTemplate
from forge_events.schedules import Decision, decide, due

if TYPE_CHECKING:
    from forge_events.jobs import Job
    from forge_events.recurrences import Recurrence
    from forge_events.schedules import Schedule
    from forge_events.store import Store
    from forge_events.store.records import Decided, Queued

__all__ = ["Scheduled", "Scheduler"]

_AT_ONCE = 100
"""How many schedules are looked at in one go: the jobs that they launch wait meanwhile."""

_AGAIN = datetime.timedelta(hours=1)


class Scheduled(NamedTuple):
    """What became of occurrences.

    :param decided: each schedule with what became of one, and the job if it was launched.
    :param disabled: the schedules that cannot go on, with the reason in ``explanation``.
    :param has_more: there may be more that is due.
    """

    decided: list[tuple[Schedule, Decided, Job | None]]
    disabled: list[Schedule]
    has_more: bool = False


class Scheduler:
    """Decide what becomes of occurrences that are due. Any number of schedulers may work on one database.

    Each schedule is a transaction of its own, which moves it on and queues its jobs: either both, or nothing.

    :param counts_hosts: see :func:`forge_events.launches.impact_of`.
    """

    def __init__(self, store: Store, *, counts_hosts: bool = True) -> None:
        self._store, self._counts_hosts = store, counts_hosts
        self._seen = 0
        self._next_pass: datetime.datetime | None = None

    def run_once(self, now: datetime.datetime) -> Scheduled:
        """Decide about what is due; nothing is written where nothing is.

        :raises StoreUnavailable: the database cannot be used; what was decided before is stored.
        """
        done = Scheduled([], [])
        waiting = self._store.schedules.due(now, limit=_AT_ONCE)
        moved = [self._advance(schedule, now, done) for schedule in waiting]
        return done._replace(has_more=any(moved))

    def refresh(self, now: datetime.datetime) -> None:
        """Find out anew when some schedules are due, all of them in the course of an hour.

        A time zone may have other rules since that was found out last.
        """
        if self._next_pass is not None and now < self._next_pass:
            return
        found = self._store.schedules.behind(self._seen, limit=_AT_ONCE)
        for schedule in found:
            self._find_out(schedule, now)
        self._seen = found[-1].id if len(found) == _AT_ONCE else 0
        self._next_pass = None if self._seen else now + _AGAIN

    def _find_out(self, schedule: Schedule, now: datetime.datetime) -> None:
        try:
            next_run = schedule.with_next_run().next_run
        except InvalidRecurrence as error:
            self._store.schedules.disable(schedule, str(error), now)
            return
        if next_run != schedule.next_run:
            self._store.schedules.refresh(schedule, next_run)

    def _advance(self, schedule: Schedule, now: datetime.datetime, done: Scheduled) -> bool:
        """Decide about one schedule; return whether it moved on. Whatever is wrong with it is no other's trouble."""
        try:
            return self._decide(schedule, schedule.recurrence, now, done)
        except StoreUnavailable:
            raise
        except ForgeEventsError as error:
            reason = "its job template is gone" if isinstance(error, UnknownTemplate) else str(error)
            if self._store.schedules.disable(schedule, reason, now):
                done.disabled.append(schedule.model_copy(update={"enabled": False, "explanation": reason}))
            return False

    def _decide(self, schedule: Schedule, recurrence: Recurrence, now: datetime.datetime, done: Scheduled) -> bool:
        found = due(schedule, recurrence, now)
        if not found:  # it was due by another clock, or by an older tz database
            return self._store.schedules.refresh(schedule, schedule.with_next_run().next_run)
        decisions = decide(schedule, found, now, self._store.schedules.unfinished(schedule))
        pairs = [self._prepared(schedule, decision, now) for decision in decisions]
        moved = schedule.model_copy(update={"considered": found[-1].at}).with_next_run()
        written = self._store.schedules.decide(schedule, moved, pairs, now)
        done.decided.extend((moved, *pair) for pair in written or ())
        return written is not None

    def _prepared(
        self, schedule: Schedule, decision: Decision, now: datetime.datetime
    ) -> tuple[Decision, Queued | None]:
        if decision.outcome != "launched":
            return decision, None
        try:
            job = scheduling.queued(self._store, schedule, decision.occurrence, now, counts_hosts=self._counts_hosts)
        except InvalidLaunch as error:
            return decision._replace(outcome="refused", reason=str(error)), None
        return decision, job
