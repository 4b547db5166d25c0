# SPDX-License-Identifier: Apache-2.0
"""The ways to say on the command line when something recurs, and how occurrences are shown."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forge_events.cli.screen import write_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from forge_events.recurrences import Occurrence, Recurrence

__all__ = ["At", "Calendar", "Cron", "Rule", "Zone", "isoformat", "only_rule", "rules", "write_times"]

Cron = Annotated[
    str | None, typer.Option("--cron", metavar="EXPRESSION", help="The five fields of cron instead of a rule.")
]
Rule = Annotated[
    str | None,
    typer.Option("--rrule", metavar="RULE", help="DTSTART with a time zone, and RRULE, RDATE, EXDATE, EXRULE."),
]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="Once: a time such as 2027-01-01T18:00, or +30m from now."),
]
Calendar = Annotated[
    Path | None,
    typer.Option(
        "--ics", metavar="FILE", exists=True, dir_okay=False, help="The events of a calendar file instead of a rule."
    ),
]
Zone = Annotated[
    str | None,
    typer.Option("--zone", metavar="ZONE", help="The time zone, such as Europe/Berlin, where the rule says none."),
]


def rules(
    rule: str | None, cron: str | None, at: str | None, ics: Path | None, zone: str | None, *, ways: str
) -> list[tuple[str, Recurrence]]:
    """Return the recurrences that one of the ways says, each with its name if it has one.

    :param ways: the names of the ways, for whoever gave none or several.
    """
    from forge_events import scheduling

    if sum(given is not None for given in (rule, cron, at, ics)) != 1:
        raise typer.BadParameter(f"give one of {ways}", param_hint="the rule")
    now = datetime.datetime.now(datetime.UTC)
    if at is not None:
        return [("", scheduling.once(at, zone, now))]
    return scheduling.read_rules(rule=rule, expression=cron, path=ics, zone=zone, now=now)


def only_rule(rule: str | None, cron: str | None, at: str | None, ics: Path | None, zone: str | None) -> Recurrence:
    """Return the one recurrence that the options of a schedule say."""
    found = rules(rule, cron, at, ics, zone, ways="--rrule, --cron, --at and --ics")
    if len(found) > 1:
        raise typer.BadParameter(f"the file has {len(found)} events, and a schedule has one", param_hint="--ics")
    return found[0][1]


def write_times(recurrence: Recurrence, found: Iterable[tuple[Occurrence, datetime.datetime]]) -> None:
    """Write occurrences, each with the instant at which it is due, on the clock of its zone and in UTC."""
    rows = [
        (
            f"{due.astimezone(recurrence.zone):%a %Y-%m-%d %H:%M:%S %Z}",
            f"{due:%Y-%m-%d %H:%M:%S}",
            _moved(recurrence, one),
        )
        for one, due in found
    ]
    write_table(["LOCAL", "UTC", ""], rows)


def isoformat(at: datetime.datetime | None) -> str | None:
    """Return an instant as JSON has it."""
    return None if at is None else at.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")


def _moved(recurrence: Recurrence, one: Occurrence) -> str:
    """Return what to say where the clock of the zone never shows the time of the rule."""
    local = one.at.astimezone(recurrence.zone).replace(tzinfo=None, fold=0)
    return "" if local == one.local else f"clocks are set forward over {one.local:%H:%M}"
