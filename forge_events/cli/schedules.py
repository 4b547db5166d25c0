# SPDX-License-Identifier: Apache-2.0
"""``schedule``: when something recurs."""

from __future__ import annotations

import datetime
import itertools
from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_events.cli.arguments import Json  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.screen import write_json, write_line, write_table

if TYPE_CHECKING:
    from forge_events.recurrences import Occurrence, Recurrence

__all__ = ["add_to"]

_MOST_SHOWN = 1000


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    schedules = typer.Typer(no_args_is_help=True, help="See when something recurs.")
    schedules.command("preview")(preview)
    app.add_typer(schedules, name="schedule")


def preview(
    rule: Annotated[
        str | None,
        typer.Argument(
            metavar="RULE", help="DTSTART with a time zone, and RRULE, RDATE, EXDATE, EXRULE, as in iCalendar."
        ),
    ] = None,
    *,
    cron: Annotated[
        str | None, typer.Option("--cron", metavar="EXPRESSION", help="The five fields of cron instead of a rule.")
    ] = None,
    ics: Annotated[
        Path | None,
        typer.Option(
            "--ics",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="The events of a calendar file instead of a rule.",
        ),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option("--zone", metavar="ZONE", help="The time zone, such as Europe/Berlin, where the rule says none."),
    ] = None,
    number: Annotated[
        int, typer.Option("-n", "--number", min=1, max=_MOST_SHOWN, metavar="N", help="So many occurrences.")
    ] = 10,
    as_json: Json = False,
) -> None:
    """Show when a rule comes next. On the clock of its time zone and in UTC; it needs no template."""
    if sum(given is not None for given in (rule, cron, ics)) != 1:
        raise typer.BadParameter("give RULE, --cron or --ics", param_hint="RULE")
    now = datetime.datetime.now(datetime.UTC)
    for name, recurrence in _recurrences(rule, cron, ics, zone, now):
        found = list(itertools.islice(recurrence.since(now), number))
        if as_json:
            write_json(_as_dict(recurrence, found))
        else:
            _write(name, recurrence, found)


def _recurrences(
    rule: str | None, cron: str | None, ics: Path | None, zone: str | None, now: datetime.datetime
) -> list[tuple[str, Recurrence]]:
    from forge_events.recurrences import Recurrence, calendars
    from forge_events.recurrences import cron as crontab
    from forge_events.recurrences.parsing import zone_of

    if ics is not None:
        return [(entry.name, entry.recurrence) for entry in calendars.read_calendar(ics)]
    if cron is not None:
        if zone is None:
            raise typer.BadParameter("cron says no time zone", param_hint="--zone")
        start = now.astimezone(zone_of(zone)).replace(tzinfo=None, second=0, microsecond=0)
        rule = crontab.properties(cron, zone, start)
    return [("", Recurrence.parse(rule or "", zone=zone))]


def _write(name: str, recurrence: Recurrence, found: list[Occurrence]) -> None:
    from forge_events.recurrences.words import in_words

    write_line(f"{name}: {in_words(recurrence)}" if name else in_words(recurrence), "bold")
    if not found:
        write_line("it does not come again")
        return
    shown = [(one.at.astimezone(recurrence.zone), one) for one in found]
    rows = [
        (f"{local:%a %Y-%m-%d %H:%M:%S %Z}", f"{one.at:%Y-%m-%d %H:%M:%S}", _moved(local, one)) for local, one in shown
    ]
    write_table(["LOCAL", "UTC", ""], rows)


def _moved(local: datetime.datetime, one: Occurrence) -> str:
    """Return what to say where the clock of the zone never shows the time of the rule."""
    return "" if local.replace(tzinfo=None, fold=0) == one.local else f"clocks are set forward over {one.local:%H:%M}"


def _as_dict(recurrence: Recurrence, found: list[Occurrence]) -> dict[str, Any]:
    from forge_events.recurrences.words import in_words

    return {
        "words": in_words(recurrence),
        "timezone": recurrence.zone.key,
        "local": [one.at.astimezone(recurrence.zone).isoformat() for one in found],
        "utc": [one.at.isoformat().replace("+00:00", "Z") for one in found],
    }
