# SPDX-License-Identifier: Apache-2.0
"""Make and change schedules, and launch what they ask for. The dispatchers launch what is due."""

from __future__ import annotations

import datetime
import os
from typing import TYPE_CHECKING, Any

from forge_events import launching
from forge_events.durations import seconds_of
from forge_events.errors import InvalidRecurrence, UnknownTemplate
from forge_events.recurrences import Occurrence, Recurrence, calendars, cron
from forge_events.recurrences.parsing import zone_of
from forge_events.schedules import Decision, Schedule
from forge_events.user import login_user

if TYPE_CHECKING:
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from forge_events.jobs import Job
    from forge_events.store import Store
    from forge_events.store.records import Queued
    from forge_events.templates import JobTemplate

__all__ = ["CLOCK_AHEAD", "create", "edit", "once", "queued", "read_rules", "run_now", "template_of", "trouble"]

CLOCK_AHEAD = datetime.timedelta(hours=1)
"""How far ahead a schedule is decided only where a clock was wrong."""

_BY = "schedule"


def read_rules(
    *,
    rule: str | None = None,
    expression: str | None = None,
    path: Path | None = None,
    zone: str | None,
    now: datetime.datetime,
) -> list[tuple[str, Recurrence]]:
    """Return recurrences, each with its name if it has one, from one of the ways to write them.

    :param rule: properties of iCalendar.
    :param expression: the five fields of cron.
    :param path: a calendar file.
    :param zone: the time zone of what says none.
    :raises InvalidRecurrence: it cannot be understood, never comes, or says no time zone.
    """
    if path is not None:
        return [(entry.name, entry.recurrence) for entry in calendars.read_calendar(path)]
    if expression is not None:
        if zone is None:
            raise InvalidRecurrence(expression, "cron says no time zone")
        start = now.astimezone(zone_of(zone)).replace(tzinfo=None, second=0, microsecond=0)
        rule = cron.properties(expression, zone, start)
    return [("", Recurrence.parse(rule or "", zone=zone))]


def once(when: str, zone: str | None, now: datetime.datetime) -> Recurrence:
    """Return what happens once.

    :param when: a time as ISO 8601 has it, such as ``2027-01-01T18:00``, or how long from now, such as ``+30m``.
    :param zone: the time zone of a time that says none.
    :raises InvalidRecurrence: it is no time, has no zone, or is over.
    """
    at, found = _moment(when, zone, now)
    if at <= now:
        raise InvalidRecurrence(when, "it is over")
    start = at.astimezone(found)
    return Recurrence.parse(f"DTSTART;TZID={found.key}:{start:%Y%m%dT%H%M%S} RRULE:FREQ=DAILY;INTERVAL=1;COUNT=1")


def _moment(when: str, zone: str | None, now: datetime.datetime) -> tuple[datetime.datetime, ZoneInfo]:
    found = zone_of(zone or "UTC")
    if when.startswith("+"):
        seconds = seconds_of(when[1:])
        if seconds is None:
            raise InvalidRecurrence(when, "a duration is a number with s, m, h or d")
        return _later(when, seconds, now), found
    try:
        at = datetime.datetime.fromisoformat(when)
        if at.tzinfo is not None:
            return at.astimezone(datetime.UTC), found
    except (ValueError, OverflowError) as error:
        raise InvalidRecurrence(when, "a time is written such as 2027-01-01T18:00, or +30m from now") from error
    if zone is None:
        raise InvalidRecurrence(when, "it says no time zone")
    return at.replace(tzinfo=found), found


def _later(when: str, seconds: float, now: datetime.datetime) -> datetime.datetime:
    try:
        # Rules count whole seconds; what is asked for in a moment must not be over before it is stored.
        return (now + datetime.timedelta(seconds=seconds + 1)).replace(microsecond=0)
    except OverflowError:
        raise InvalidRecurrence(when, "the calendar ends before") from None


def create(
    store: Store, template: JobTemplate, name: str, recurrence: Recurrence, fields: dict[str, Any], **policy: Any
) -> Schedule:
    """Store a schedule and return it.

    :param fields: fields of the launch that the template leaves to whoever launches it; paths are found now.
    :param policy: the other fields of a schedule, where they are not the usual ones.
    :raises FieldNotAsked: the template does not leave a field to others. InvalidLaunch: a value cannot be.
    :raises NameTaken: the template has a schedule of this name.
    """
    now = store.now()
    by = policy.pop("created_by", "") or login_user(os.environ)
    new = Schedule.of(
        name=name,
        template_id=template.id,
        rrule=recurrence.text,
        fields=_checked(template, fields),
        considered=now,
        created=now,
        modified=now,
        created_by=by,
        **policy,
    )
    # Its jitter counts from the id, which it gets when it is stored; it is found out then.
    added = store.schedules.add(new)
    return store.schedules.replace(added.with_next_run()) if added.enabled else added


def edit(
    store: Store,
    schedule: Schedule,
    *,
    recurrence: Recurrence | None = None,
    fields: dict[str, Any] | None = None,
    **changes: Any,
) -> Schedule:
    """Change a schedule and return it. What was due while it was disabled, or by another rule, is never launched.

    :param fields: other fields of the launch, in the place of all that were there.
    :raises FieldNotAsked: as :func:`create`; nothing is checked where nothing but ``enabled`` changes to no.
    """
    now = store.now()
    if recurrence is not None:
        changes["rrule"] = recurrence.text
    is_begun = changes.get("enabled", False) and not schedule.enabled
    if is_begun or fields is not None:
        changes["fields"] = _checked(template_of(store, schedule), schedule.fields if fields is None else fields)
    if is_begun or recurrence is not None:
        changes["considered"] = now
    if "enabled" in changes:
        changes["explanation"] = ""
    changed = Schedule.of(**{**schedule.model_dump(), **changes, "modified": now})
    return store.schedules.replace(changed.with_next_run() if changed.enabled else _stopped(changed))


def _stopped(schedule: Schedule) -> Schedule:
    return schedule.model_copy(update={"next_run": None})


def _checked(template: JobTemplate, fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields of a launch with absolute paths, so that they mean the same in whatever folder they are read."""
    whole = launching.placed(template.launched(**fields)).model_dump()
    return {name: fields[name] if name == "extra_vars" else whole[name] for name in fields}


def template_of(store: Store, schedule: Schedule) -> JobTemplate:
    """Return the template of a schedule.

    :raises UnknownTemplate: it is gone.
    """
    found = store.templates.with_id(schedule.template_id)
    if found is None:
        raise UnknownTemplate(str(schedule.template_id))
    return found


def queued(
    store: Store,
    schedule: Schedule,
    occurrence: Occurrence,
    at: datetime.datetime,
    *,
    counts_hosts: bool = True,
    by: str = "",
) -> Queued:
    """Return the job of an occurrence as it is queued.

    :param by: who wants it; the schedule itself where nobody is named.
    :raises UnknownTemplate: the template is gone. InvalidLaunch: it does not let it be launched like that any more.
    """
    template = template_of(store, schedule)
    found = launching.prepared(
        store,
        template.launched(**schedule.fields),
        at,
        template=template,
        counts_hosts=counts_hosts,
        uuid=schedule.job_uuid(occurrence),
        launch_type="scheduled",
        run_by=by or f"{_BY} {schedule.name}",
    )
    # One that waits must not run beside the one that it waits for.
    return found._replace(queue=template.id) if schedule.overlap == "queue" else found


def run_now(store: Store, schedule: Schedule, *, by: str = "", counts_hosts: bool = True) -> Job:
    """Queue a job of a schedule now, whether it is enabled or not, and return it; its rule goes on as it was.

    :raises UnknownTemplate: as :func:`queued`, and so is InvalidLaunch.
    """
    now, by = store.now(), by or login_user(os.environ)
    local = now.astimezone(schedule.recurrence.zone)
    occurrence = Occurrence(now, local.replace(tzinfo=None, fold=0), local.fold)
    job = queued(store, schedule, occurrence, now, counts_hosts=counts_hosts, by=by)
    return store.schedules.launch(schedule, Decision(occurrence, "launched", f"wanted by {by}"), job, now)


def trouble(store: Store, schedule: Schedule, now: datetime.datetime) -> str:
    """Say why a schedule does not launch what its rule says; empty if it does."""
    if schedule.explanation:
        return schedule.explanation
    if store.templates.with_id(schedule.template_id) is None:
        return "its job template is gone"
    if schedule.considered > now + CLOCK_AHEAD:
        return f"the clock was at {schedule.considered:%Y-%m-%d %H:%M:%S} UTC; all up to then is decided"
    return ""
