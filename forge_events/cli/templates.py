# SPDX-License-Identifier: Apache-2.0
"""``template``: keep what is launched often under a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_events.cli import completion, notify_options
from forge_events.cli.arguments import Json  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.launch import After, counts_hosts, ids_of, report, session_for
from forge_events.cli.launch_options import LaunchCommand, launch_options
from forge_events.cli.screen import as_dict, local_time, write_json, write_line, write_table
from forge_events.cli.session import now, opened
from forge_events.tree import printable

if TYPE_CHECKING:
    from forge_events.templates import JobTemplate

__all__ = ["add_to"]

_HIDDEN = "<hidden>"

_group = typer.Typer(name="template", help="Keep what is launched often under a name.", no_args_is_help=True)

_Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="The name of the job template, or its id.", autocompletion=completion.templates
    ),
]
_NewName = Annotated[str, typer.Argument(metavar="NAME", help="The name of the job template.")]
_Description = Annotated[str | None, typer.Option("--description", metavar="TEXT", help="What it is for.")]
_Ask = Annotated[
    list[str] | None,
    typer.Option("--ask", metavar="FIELD", help="Let this be given at each launch, such as limit; may be repeated."),
]
_Simultaneous = Annotated[
    bool | None,
    typer.Option("--allow-simultaneous/--one-at-a-time", help="Let several jobs of it run at the same time, or not."),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(_group)


@_group.command("create", cls=LaunchCommand)
@launch_options(playbook="argument")
def create(  # noqa: PLR0913 - the options of a template
    name: _NewName,
    *,
    given: dict[str, Any],
    ask: _Ask = None,
    allow_simultaneous: _Simultaneous = None,
    description: _Description = None,
    notify: notify_options.Notify = None,
    message: notify_options.Message = None,
) -> None:
    """Make a job template. Paths are looked for now, and are absolute in it."""
    from forge_events.launches import Launch
    from forge_events.launching import placed
    from forge_events.templates import JobTemplate, Notifications

    at = now()
    template = JobTemplate.of(
        name=name,
        launch=placed(Launch.of(**given)),
        ask=_asked(ask or []),
        allow_simultaneous=bool(allow_simultaneous),
        description=description or "",
        notifications=notify_options.changed(Notifications(), notify or [], message or []),
        created=at,
        modified=at,
    )
    with opened() as session:
        _write_name(session.store.templates.add(template))
    notify_options.warn(notify or [])


@_group.command("list")
def show_all(*, as_json: Json = False) -> None:
    """List the job templates by name."""
    with opened() as session:
        found = session.store.templates.all()
    if as_json:
        write_json([_shown(template) for template in found])
    else:
        rows = [(each.id, each.name, each.launch.playbook, ", ".join(each.ask), each.description) for each in found]
        write_table(("ID", "NAME", "PLAYBOOK", "ASKS", "DESCRIPTION"), rows)


@_group.command("show")
def show(name: _Name, *, as_json: Json = False) -> None:
    """Show a job template. The values of extra variables and addresses stay hidden."""
    with opened() as session:
        found = _shown(session.store.templates.get(name))
    if as_json:
        write_json(found)
    else:
        _write_facts({**found, **found.pop("launch"), **_events(found.pop("notifications"))})


@_group.command("edit", cls=LaunchCommand)
@launch_options(playbook="option")
def edit(  # noqa: PLR0913 - the options of a template
    name: _Name,
    *,
    given: dict[str, Any],
    new_name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Call it so from now on.")] = None,
    ask: _Ask = None,
    allow_simultaneous: _Simultaneous = None,
    description: _Description = None,
    notify: notify_options.Notify = None,
    message: notify_options.Message = None,
) -> None:
    """Change a job template. What is given takes the place of what was there; jobs stay as they were launched."""
    from forge_events.launching import edited

    changes: dict[str, Any] = {
        "name": new_name,
        "ask": None if ask is None else _asked(ask),
        "allow_simultaneous": allow_simultaneous,
        "description": description,
    }
    with opened() as session:
        template = session.store.templates.get(name)
        changes["launch"] = edited(template.launch, given)
        changes["notifications"] = notify_options.changed(template.notifications, notify or [], message or [])
        _write_name(session.store.templates.replace(_changed(template, changes)))
    notify_options.warn(notify or [])


@_group.command("delete")
def delete(name: _Name) -> None:
    """Delete a job template; its jobs stay."""
    with opened() as session:
        session.store.templates.delete(name)


@_group.command("launch", cls=LaunchCommand)
@launch_options(playbook="option")
def launch(name: _Name, *, given: dict[str, Any], after: After = None, as_json: Json = False) -> None:
    """Queue a job of a template, and print the job's id. Only what the template asks may be given."""
    from forge_events import launching

    with session_for(after) as session:
        blockers = ids_of(session.store, after)
        job = launching.launch_template(session.store, name, after=blockers, counts_hosts=counts_hosts(), **given)
        report(session.store, job, as_json=as_json)


def _asked(words: list[str]) -> list[str]:
    from forge_events.launches import ASKABLE

    fields = [part.strip().replace("-", "_") for word in words for part in word.split(",") if part.strip()]
    for field in fields:
        if field not in ASKABLE:
            raise typer.BadParameter(f"{field!r} is none of {', '.join(ASKABLE)}", param_hint="--ask")
    return list(dict.fromkeys(fields))


def _changed(template: JobTemplate, changes: dict[str, Any]) -> JobTemplate:
    from forge_events.templates import JobTemplate

    known = {name: value for name, value in changes.items() if value is not None}
    return JobTemplate.of(**{**dict(template), **known, "modified": now()})


def _write_name(template: JobTemplate) -> None:
    write_line(printable(f"job template {template.id}  {template.name}"))


def _shown(template: JobTemplate) -> dict[str, Any]:
    """Return a template without what may be secret."""
    from forge_events.launches import SECRET

    found = as_dict(template)
    for field in SECRET:
        found["launch"][field] = dict.fromkeys(getattr(template.launch, field), _HIDDEN)
    found["notifications"] = notify_options.shown(template.notifications)
    return found


def _events(notifications: dict[str, Any]) -> dict[str, list[str]]:
    return {
        f"tell of {event}": [f"{each['url']} {each['message'] or ''}".rstrip() for each in addresses]
        for event, addresses in notifications.items()
    }


def _write_facts(facts: dict[str, Any]) -> None:
    from forge_events.launches import SECRET

    facts["created"], facts["modified"] = local_time(facts["created"]), local_time(facts["modified"])
    for field in SECRET:
        facts[field] = [f"{name}={value}" for name, value in facts[field].items()]
    for name, value in facts.items():
        if value not in (None, "", [], False):
            text = ", ".join(value) if isinstance(value, list) else "yes" if value is True else str(value)
            write_line(f"{name.replace('_', ' '):<21}  {printable(text)}")
