# SPDX-License-Identifier: Apache-2.0
"""Schedules: launches of a job template that recur, and what becomes of each time at which one is due. Pure."""

from __future__ import annotations

import datetime
import hashlib
import itertools
import uuid
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from forge_events.durations import lasted
from forge_events.jobs import JobStatus
from forge_events.launches import refused
from forge_events.recurrences import Occurrence, Recurrence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from forge_events.jobs import Job

__all__ = ["DAY", "Decision", "Outcome", "Schedule", "decide", "due", "identity"]

DAY = 86_400.0
Outcome = Literal["launched", "missed", "skipped", "refused"]
"""What becomes of an occurrence: a missed one was due too long ago, a skipped one gave way, a refused one may not."""

_PUNCTUAL = 60.0
"""Seconds by which one that catches nothing up may be late: as long as it takes to start a dispatcher anew."""
_MOST_CAUGHT_UP = 100
_AT_ONCE = 1000
"""How many occurrences that are too old are decided in one go."""
_IDS = uuid.UUID("6d0a2f0e-6f3c-4c58-9f0b-5d6f64b1c7a2")


class Schedule(BaseModel):
    """A job template that is launched again and again.

    :param id: small, growing, never reused; 0 before it is stored.
    :param rrule: when, as iCalendar writes it, with its time zone.
    :param fields: fields of the launch, which the template has to ask; they are untrusted and may be secret.
    :param grace: how many seconds late an occurrence may be launched.
    :param catch_up: which of those within the grace are launched: the latest, all, or none but a punctual one.
    :param overlap: what to do while a job of it has not ended: skip the occurrence, or let one job wait.
    :param jitter: the most seconds that each is put off by, always by the same.
    :param considered: all occurrences up to this time are decided.
    :param next_run: when the next one is due; None if it is disabled or over.
    :param explanation: why it was disabled, where nobody did it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)

    id: int = 0
    name: Annotated[str, Field(min_length=1, max_length=512)]
    description: str = ""
    template_id: int
    rrule: str
    fields: dict[str, JsonValue] = {}
    enabled: bool = True
    grace: Annotated[float, Field(ge=0, le=30 * DAY)] = 3600.0
    catch_up: Literal["latest", "all", "none"] = "latest"
    overlap: Literal["skip", "queue"] = "skip"
    jitter: Annotated[float, Field(ge=0, le=DAY)] = 0.0
    considered: datetime.datetime
    next_run: datetime.datetime | None = None
    explanation: str = ""
    created: datetime.datetime
    modified: datetime.datetime
    created_by: str = ""

    @classmethod
    def of(cls, **fields: Any) -> Schedule:
        """Return a schedule.

        :raises InvalidLaunch: a field is unknown or has a value that cannot be.
        """
        try:
            return cls(**fields)
        except ValidationError as error:
            raise refused(error) from None  # pydantic's own words quote the value

    @property
    def recurrence(self) -> Recurrence:
        """When it recurs.

        :raises InvalidRecurrence: its rule cannot be understood any more, such as one in a time zone that is gone.
        """
        return Recurrence.parse(self.rrule)

    def due_at(self, occurrence: Occurrence) -> datetime.datetime:
        """Return when an occurrence is to be launched: later by its part of the jitter, the same on every node."""
        if not self.jitter:
            return occurrence.at
        digest = hashlib.sha256(f"{self.id} {identity(occurrence)}".encode()).digest()
        part = int.from_bytes(digest[:6], "big") / 2**48
        return occurrence.at + datetime.timedelta(seconds=round(part * self.jitter, 3))

    def coming(self, recurrence: Recurrence) -> Iterator[Occurrence]:
        """Yield the occurrences that are not decided, in order."""
        return (found for found in recurrence.since(self.considered) if found.at > self.considered)

    def with_next_run(self) -> Schedule:
        """Return the schedule with the time at which its next occurrence is due.

        :raises InvalidRecurrence: as :attr:`recurrence`.
        """
        upcoming = next(self.coming(self.recurrence), None) if self.enabled else None
        return self.model_copy(update={"next_run": None if upcoming is None else self.due_at(upcoming)})

    def job_uuid(self, occurrence: Occurrence) -> str:
        """Return the uuid of the job of an occurrence, which whoever launches it gives it."""
        return str(uuid.uuid5(_IDS, f"{self.id} {self.created.isoformat()} {identity(occurrence)}"))


class Decision(NamedTuple):
    """What becomes of an occurrence, and why."""

    occurrence: Occurrence
    outcome: Outcome
    reason: str = ""


def identity(occurrence: Occurrence) -> str:
    """Return what names an occurrence of a schedule for good, whatever a later tz database says of its instant."""
    return f"{occurrence.local.isoformat()}+{occurrence.fold}"


def due(schedule: Schedule, recurrence: Recurrence, now: datetime.datetime) -> list[Occurrence]:
    """Return the next occurrences to decide together, in order.

    After a long outage those that are too old come alone and some at a time; those within the grace come at once, since
    one is chosen among them.
    """
    rest = itertools.takewhile(lambda found: schedule.due_at(found) <= now, schedule.coming(recurrence))
    found = list(itertools.islice(rest, _AT_ONCE))
    old = list(itertools.takewhile(lambda one: _lateness(schedule, one, now) > _grace(schedule), found))
    return old if old and len(found) == _AT_ONCE else [*found, *rest]


def decide(
    schedule: Schedule, found: Sequence[Occurrence], now: datetime.datetime, unfinished: Sequence[Job]
) -> Iterator[Decision]:
    """Decide what becomes of occurrences that are due; those to be launched are launched in this order.

    :param unfinished: the jobs of the schedule that have not ended.
    """
    grace = _grace(schedule)
    old = [one for one in found if _lateness(schedule, one, now) > grace]
    for one in old:
        late, most = (lasted(seconds, decimals=0) for seconds in (_lateness(schedule, one, now), grace))
        yield Decision(one, "missed", f"it was due {late} before, and may be {most} late")
    young = [one for one in found if one not in set(old)]
    count = _MOST_CAUGHT_UP if schedule.catch_up == "all" else 1
    for one in young[:-count]:
        yield Decision(
            one, "skipped", f"{'the latest' if count == 1 else f'{count} later ones'} of those due took its place"
        )
    obstacle = _obstacle(schedule, unfinished)
    for one in young[-count:]:
        yield Decision(one, "skipped", obstacle) if obstacle else Decision(one, "launched")


def _grace(schedule: Schedule) -> float:
    return min(schedule.grace, _PUNCTUAL) if schedule.catch_up == "none" else schedule.grace


def _lateness(schedule: Schedule, occurrence: Occurrence, now: datetime.datetime) -> float:
    return (now - schedule.due_at(occurrence)).total_seconds()


def _obstacle(schedule: Schedule, unfinished: Sequence[Job]) -> str:
    """Say why no other job of a schedule is to be launched; empty if one may be."""
    if schedule.overlap == "queue":
        unfinished = [job for job in unfinished if job.status in (JobStatus.NEW, JobStatus.PENDING)]
    if not unfinished:
        return ""
    job = unfinished[-1]
    return f"job {job.id} of it is still {job.status}"
