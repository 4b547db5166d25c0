# SPDX-License-Identifier: Apache-2.0
"""``schedule``: launch a job template again and again, and see when something recurs."""

from __future__ import annotations

import datetime
import itertools
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_events.cli import completion, recurring
from forge_events.cli.arguments import Json  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.launch import counts_hosts, report
from forge_events.cli.launch_options import LaunchCommand, launch_options
from forge_events.cli.screen import as_dict, local_time, write_json, write_line, write_table
from forge_events.cli.session import opened
from forge_events.errors import InvalidRecurrence
from forge_events.tree import printable

if TYPE_CHECKING:
    from forge_events.recurrences import Occurrence, Recurrence
    from forge_events.schedules import Schedule
    from forge_events.store.records import Decided

__all__ = ["add_to"]

_MOST_SHOWN = 1000
_UPCOMING = 5
_PAST = 10
_HIDDEN = "<hidden>"

_group = typer.Typer(name="schedule", help="Launch job templates again and again.", no_args_is_help=True)

_Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="The name of the schedule, or its id.", autocompletion=completion.schedules),
]
_Description = Annotated[str | None, typer.Option("--description", metavar="TEXT", help="What it is for.")]
_Grace = Annotated[
    str | None,
    typer.Option("--grace", metavar="TIME", help="How late a job may be launched after an outage, such as 2h."),
]
_CatchUp = Annotated[
    str | None,
    typer.Option("--catch-up", metavar="WHICH", help="What to launch of what was due meanwhile: latest, all, none."),
]
_Overlap = Annotated[
    str | None,
    typer.Option("--overlap", metavar="HOW", help="While a job of it has not ended: skip, or queue one."),
]
_Jitter = Annotated[
    str | None, typer.Option("--jitter", metavar="TIME", help="Put each off by up to so long, always by the same.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(_group)


@_group.command("create", cls=LaunchCommand)
@launch_options(playbook="option")
def create(  # noqa: PLR0913 - the options of a schedule
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the schedule.")],
    *,
    given: dict[str, Any],
    template: Annotated[
        str,
        typer.Option(
            "--template",
            metavar="NAME",
            help="What to launch: a template, or its id.",
            autocompletion=completion.templates,
        ),
    ],
    rrule: recurring.Rule = None,
    cron: recurring.Cron = None,
    at: recurring.At = None,
    ics: recurring.Calendar = None,
    zone: recurring.Zone = None,
    grace: _Grace = None,
    catch_up: _CatchUp = None,
    overlap: _Overlap = None,
    jitter: _Jitter = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Launch nothing until it is enabled.")] = False,
    description: _Description = None,
) -> None:
    """Make a schedule. Of the launch, only what the template asks may be given."""
    from forge_events import scheduling

    recurrence = recurring.only_rule(rrule, cron, at, ics, zone)
    policy = _policy(grace, catch_up, overlap, jitter)
    with opened() as session:
        found = session.store.templates.get(template)
        facts = {"enabled": not disabled, "description": description or ""}
        made = scheduling.create(session.store, found, name, recurrence, given, **policy, **facts)
    _write_name(made)


@_group.command("list")
def show_all(*, as_json: Json = False) -> None:
    """List the schedules by name, with when each is due next."""
    with opened() as session:
        found = session.store.schedules.all()
        names = {template.id: template.name for template in session.store.templates.all()}
    if as_json:
        write_json([_shown(schedule, names.get(schedule.template_id)) for schedule in found])
    else:
        rows = [(one.id, one.name, names.get(one.template_id), _words(one)[0], _next(one)) for one in found]
        write_table(("ID", "NAME", "TEMPLATE", "WHEN", "NEXT"), rows)


@_group.command("show")
def show(name: _Name, *, as_json: Json = False) -> None:
    """Show a schedule. Its rule in words, when it is due next, and what became of it the last times."""
    from forge_events import scheduling

    with opened() as session:
        store = session.store
        found = store.schedules.get(name)
        template = store.templates.with_id(found.template_id)
        past = store.schedules.decided(found, limit=_PAST)
        trouble = scheduling.trouble(store, found, store.now())
    upcoming = _upcoming(found)
    facts = _shown(found, template.name if template else None)
    if as_json:
        times = [recurring.isoformat(due) for _, due in upcoming]
        write_json({**facts, "trouble": trouble, "upcoming": times, "past": [one._asdict() for one in past]})
    else:
        _write(facts, found, trouble, upcoming, past)


@_group.command("edit", cls=LaunchCommand)
@launch_options(playbook="option")
def edit(  # noqa: PLR0913 - the options of a schedule
    name: _Name,
    *,
    given: dict[str, Any],
    new_name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Call it so from now on.")] = None,
    rrule: recurring.Rule = None,
    cron: recurring.Cron = None,
    at: recurring.At = None,
    ics: recurring.Calendar = None,
    zone: recurring.Zone = None,
    grace: _Grace = None,
    catch_up: _CatchUp = None,
    overlap: _Overlap = None,
    jitter: _Jitter = None,
    description: _Description = None,
) -> None:
    """Change a schedule. What is given takes the place of what was there."""
    from forge_events import scheduling

    is_other_rule = any(way is not None for way in (rrule, cron, at, ics))
    changes = {**_policy(grace, catch_up, overlap, jitter), "name": new_name, "description": description}
    known = {field: value for field, value in changes.items() if value is not None}
    recurrence = recurring.only_rule(rrule, cron, at, ics, zone) if is_other_rule else None
    with opened() as session:
        found = session.store.schedules.get(name)
        fields = {**found.fields, **given} if given else None
        _write_name(scheduling.edit(session.store, found, recurrence=recurrence, fields=fields, **known))


@_group.command("enable")
def enable(name: _Name) -> None:
    """Have a schedule launch from now on. What was due before is never launched."""
    _edit(name, enabled=True)


@_group.command("disable")
def disable(name: _Name) -> None:
    """Have a schedule launch nothing until it is enabled again."""
    _edit(name, enabled=False)


@_group.command("delete")
def delete(name: _Name) -> None:
    """Delete a schedule; its jobs stay."""
    with opened() as session:
        session.store.schedules.delete(session.store.schedules.get(name))


@_group.command("run-now")
def run_now(name: _Name, *, as_json: Json = False) -> None:
    """Queue a job of a schedule now, and print the job's id. Its rule goes on as it was."""
    from forge_events import scheduling

    with opened() as session:
        found = session.store.schedules.get(name)
        job = scheduling.run_now(session.store, found, counts_hosts=counts_hosts())
        report(session.store, job, as_json=as_json)


@_group.command("export")
def export(
    name: _Name,
    *,
    ics: Annotated[bool, typer.Option("--ics", help="As a calendar file, which is what there is.")] = True,  # noqa: ARG001
) -> None:
    """Write a schedule as a calendar file. It is what `create --ics` and other calendars read."""
    import sys

    from forge_events.recurrences import calendars

    with opened() as session:
        found = session.store.schedules.get(name)
    sys.stdout.write(calendars.as_calendar(found.name, found.recurrence, found.created))


@_group.command("preview")
def preview(
    rule: Annotated[
        str | None,
        typer.Argument(
            metavar="RULE", help="DTSTART with a time zone, and RRULE, RDATE, EXDATE, EXRULE, as in iCalendar."
        ),
    ] = None,
    *,
    cron: recurring.Cron = None,
    ics: recurring.Calendar = None,
    zone: recurring.Zone = None,
    number: Annotated[
        int, typer.Option("-n", "--number", min=1, max=_MOST_SHOWN, metavar="N", help="So many occurrences.")
    ] = 10,
    as_json: Json = False,
) -> None:
    """Show when a rule comes next. On the clock of its time zone and in UTC; it needs no template."""
    now = datetime.datetime.now(datetime.UTC)
    for name, recurrence in recurring.rules(rule, cron, None, ics, zone, ways="RULE, --cron and --ics"):
        found = list(itertools.islice(recurrence.since(now), number))
        if as_json:
            write_json(_previewed(recurrence, found))
        else:
            _write_preview(name, recurrence, found)


def _edit(name: str, **changes: Any) -> None:
    from forge_events import scheduling

    with opened() as session:
        _write_name(scheduling.edit(session.store, session.store.schedules.get(name), **changes))


def _policy(grace: str | None, catch_up: str | None, overlap: str | None, jitter: str | None) -> dict[str, Any]:
    """Return the fields that were given of how a schedule deals with what is late."""
    times = {"grace": _seconds(grace, "--grace"), "jitter": _seconds(jitter, "--jitter")}
    found = {**times, "catch_up": catch_up, "overlap": overlap}
    return {field: value for field, value in found.items() if value is not None}


def _seconds(text: str | None, option: str) -> float | None:
    from forge_events.durations import seconds_of

    found = None if text is None else seconds_of(text)
    if text is not None and found is None:
        raise typer.BadParameter("a duration is a number with s, m, h or d", param_hint=option)
    return found


def _write_name(schedule: Schedule) -> None:
    write_line(printable(f"schedule {schedule.id}  {schedule.name}  {_next(schedule)}").rstrip())


def _next(schedule: Schedule) -> str:
    """Return when a schedule is due next, on the clock of its zone."""
    if not schedule.enabled:
        return "disabled"
    if schedule.next_run is None:
        return "over"
    return f"{schedule.next_run.astimezone(schedule.recurrence.zone):%Y-%m-%d %H:%M:%S %Z}"


def _words(schedule: Schedule) -> tuple[str, str | None]:
    """Return a schedule's rule in words, and its time zone."""
    from forge_events.recurrences.words import in_words

    try:
        recurrence = schedule.recurrence
    except InvalidRecurrence:  # its time zone may be gone, and then it is disabled
        return schedule.rrule, None
    return in_words(recurrence), recurrence.zone.key


def _upcoming(schedule: Schedule) -> list[tuple[Occurrence, datetime.datetime]]:
    if not schedule.enabled:
        return []
    found = itertools.islice(schedule.coming(schedule.recurrence), _UPCOMING)
    return [(one, schedule.due_at(one)) for one in found]


def _shown(schedule: Schedule, template: str | None) -> dict[str, Any]:
    """Return a schedule without what may be secret."""
    from forge_events.launches import SECRET

    found = as_dict(schedule)
    for field in SECRET:
        if field in found["fields"]:
            found["fields"][field] = dict.fromkeys(found["fields"][field], _HIDDEN)
    found["next_run"] = recurring.isoformat(schedule.next_run)
    words, zone = _words(schedule)
    return {**found, "template": template, "words": words, "timezone": zone}


def _write(
    facts: dict[str, Any],
    schedule: Schedule,
    trouble: str,
    upcoming: list[tuple[Occurrence, datetime.datetime]],
    past: list[Decided],
) -> None:
    write_line(printable(f"{schedule.name}: {facts['words']}"), "bold")
    for name, value in _facts(facts, trouble):
        write_line(printable(f"{name:<12}  {value}"))
    if upcoming:
        write_line("")
        recurring.write_times(schedule.recurrence, upcoming)
    if past:
        write_line("")
        rows = [(one.local[:-2].replace("T", " "), one.outcome, one.job_id, one.reason) for one in past]
        write_table(("LOCAL", "OUTCOME", "JOB", "WHY"), rows)


def _facts(facts: dict[str, Any], trouble: str) -> list[tuple[str, Any]]:
    from forge_events.durations import lasted

    launch = " ".join(f"{field}={value}" for field, value in facts["fields"].items())
    found = [
        ("id", facts["id"]),
        ("template", facts["template"]),
        ("rule", facts["rrule"]),
        ("launch", launch),
        ("grace", lasted(facts["grace"], decimals=0)),
        ("catch up", facts["catch_up"]),
        ("overlap", facts["overlap"]),
        ("jitter", lasted(facts["jitter"], decimals=0) if facts["jitter"] else ""),
        ("enabled", "yes" if facts["enabled"] else "no"),
        ("trouble", trouble),
        ("description", facts["description"]),
        ("made", f"{local_time(facts['created'])} by {facts['created_by']}"),
        ("next", "" if facts["next_run"] else "none"),
    ]
    return [(name, value) for name, value in found if value not in (None, "")]


def _write_preview(name: str, recurrence: Recurrence, found: list[Occurrence]) -> None:
    from forge_events.recurrences.words import in_words

    write_line(f"{name}: {in_words(recurrence)}" if name else in_words(recurrence), "bold")
    if not found:
        write_line("it does not come again")
        return
    recurring.write_times(recurrence, [(one, one.at) for one in found])


def _previewed(recurrence: Recurrence, found: list[Occurrence]) -> dict[str, Any]:
    from forge_events.recurrences.words import in_words

    return {
        "words": in_words(recurrence),
        "timezone": recurrence.zone.key,
        "local": [one.at.astimezone(recurrence.zone).isoformat() for one in found],
        "utc": [recurring.isoformat(one.at) for one in found],
    }
