# SPDX-License-Identifier: Apache-2.0
"""``webhook``: by what job templates are launched from elsewhere."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_events.cli import completion
from forge_events.cli.arguments import Json  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.screen import as_dict, local_time, write_json, write_line, write_table
from forge_events.cli.session import opened
from forge_events.tree import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.sealing import Sealer
    from forge_events.store import Store
    from forge_events.webhooks.webhook import Webhook

__all__ = ["add_to"]

_group = typer.Typer(name="webhook", help="Launch job templates from elsewhere.", no_args_is_help=True)

_Template = Annotated[
    str,
    typer.Argument(
        metavar="TEMPLATE", help="The job template, by its name or id.", autocompletion=completion.templates
    ),
]
_Service = Annotated[
    str, typer.Option("--service", metavar="NAME", help="github, gitlab, gitea, bitbucket_dc or generic.")
]
_Words = list[str] | None
_Events = Annotated[
    _Words, typer.Option("--event", metavar="EVENT", help="The sender's word for what launches; may be repeated.")
]
_Branches = Annotated[
    _Words, typer.Option("--branch", metavar="PATTERN", help="A branch, such as main or release/*; may be repeated.")
]
_Tags = Annotated[_Words, typer.Option("--tag", metavar="PATTERN", help="A tag, such as v*; may be repeated.")]
_Actions = Annotated[
    _Words, typer.Option("--action", metavar="ACTION", help="What was done, such as opened; may be repeated.")
]
_When = Annotated[
    str | None,
    typer.Option("--when", metavar="EXPRESSION", help="Jinja over payload, event, branch, tag, ref and action."),
]
_Forks = Annotated[
    bool | None, typer.Option("--forks/--no-forks", help="Take pull requests from copies of the repository.")
]
_KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", metavar="FILE", help="Take the key from this file, - for stdin; otherwise one is made."),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(_group)


@_group.command("create")
def create(  # noqa: PLR0913 - the options of a webhook
    template: _Template,
    *,
    service: _Service,
    event: _Events = None,
    branch: _Branches = None,
    tag: _Tags = None,
    action: _Actions = None,
    when: _When = None,
    forks: _Forks = None,
    key_file: _KeyFile = None,
) -> None:
    """Make a webhook. Its path and its key are printed, the key alone on the last line; it is not shown again."""
    from forge_events.webhooks.senders import SERVICES
    from forge_events.webhooks.webhook import Webhook

    if service not in SERVICES:
        raise typer.BadParameter(f"{service!r} is none of {', '.join(SERVICES)}", param_hint="--service")
    key = _key(key_file)
    with _at_work() as (store, sealer):
        found, at = store.templates.get(template), store.now()
        values = _values(event, branch, tag, action, when=when, forks=forks)
        made = Webhook.of(template_id=found.id, service=service, created=at, modified=at, **values)
        store.webhooks.add(made, sealer.seal(key))
    write_line(f"/api/v2/job_templates/{found.id}/{service}/")
    write_line(key)


@_group.command("list")
def show_all(
    template: Annotated[str | None, typer.Argument(metavar="TEMPLATE")] = None, *, as_json: Json = False
) -> None:
    """List webhooks, of a job template or of all."""
    with opened() as session:
        store = session.store
        names = {each.id: each.name for each in store.templates.all()}
        found = store.webhooks.all(None if template is None else store.templates.get(template).id)
    if as_json:
        write_json([{**as_dict(each), "template": names[each.template_id]} for each in found])
    else:
        rows = [(names[each.template_id], each.service, _wanted(each), _path(each)) for each in found]
        write_table(("TEMPLATE", "SERVICE", "LAUNCHES", "PATH"), rows)


@_group.command("edit")
def edit(  # noqa: PLR0913 - the options of a webhook
    template: _Template,
    *,
    service: _Service,
    event: _Events = None,
    branch: _Branches = None,
    tag: _Tags = None,
    action: _Actions = None,
    when: _When = None,
    forks: _Forks = None,
    is_enabled: Annotated[bool | None, typer.Option("--enabled/--disabled", help="Whether it launches.")] = None,
) -> None:
    """Change what launches. What is given takes the place of what was there; an empty word leaves all."""
    from forge_events.webhooks.webhook import Webhook

    with _at_work() as (store, _):
        known = store.webhooks.get(store.templates.get(template).id, service)
        values = _values(event, branch, tag, action, when=when, forks=forks)
        values |= {} if is_enabled is None else {"enabled": is_enabled}
        store.webhooks.replace(Webhook.of(**{**dict(known), **values, "modified": store.now()}))


@_group.command("rotate")
def rotate(template: _Template, *, service: _Service, key_file: _KeyFile = None) -> None:
    """Give a webhook another key, and print it. The one before stays good for a day."""
    key = _key(key_file)
    with _at_work() as (store, sealer):
        found = store.webhooks.get(store.templates.get(template).id, service)
        store.webhooks.rotate(found, sealer.seal(key), store.now())
    write_line(key)


@_group.command("delete")
def delete(template: _Template, *, service: _Service) -> None:
    """Delete a webhook; its jobs stay."""
    with _at_work() as (store, _):
        store.webhooks.delete(store.webhooks.get(store.templates.get(template).id, service))


@_group.command("deliveries")
def deliveries(
    template: _Template,
    *,
    service: _Service,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, metavar="N", help="At most so many.")] = 20,
    as_json: Json = False,
) -> None:
    """List what was sent in the last thirty days. Newest first, with what came of it and why."""
    with _at_work() as (store, _):
        found = store.webhooks.deliveries(store.webhooks.get(store.templates.get(template).id, service), limit=limit)
    if as_json:
        write_json([{**one._asdict(), "received": one.received.isoformat()} for one in found])
    else:
        rows = [
            (local_time(one.received), one.event, one.ref[:12], one.outcome, one.job_id or "", one.reason)
            for one in found
        ]
        write_table(("RECEIVED", "EVENT", "REF", "OUTCOME", "JOB", "REASON"), rows)


@contextmanager
def _at_work() -> Iterator[tuple[Store, Sealer]]:
    from forge_events import settings
    from forge_events.sealing import Sealer

    with opened() as session:
        yield session.store, Sealer(settings.load().secret_key_file)


def _key(file: Path | None) -> str:
    from forge_events.api.secrets import new_secret

    if file is None:
        return new_secret()
    try:
        found = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"it cannot be read: {error}", param_hint="--key-file") from None
    if not found.strip():
        raise typer.BadParameter("it is empty", param_hint="--key-file")
    return found.strip()


def _values(*words: _Words, when: str | None, forks: bool | None) -> dict[str, Any]:
    names = ("events", "branches", "tags", "actions")
    given: dict[str, Any] = {
        name: [word for word in found if word] for name, found in zip(names, words, strict=True) if found is not None
    }
    given |= {} if when is None else {"when": when}
    return given | ({} if forks is None else {"takes_forks": forks})


def _wanted(webhook: Webhook) -> str:
    from forge_events.webhooks.senders import PUSH

    if not webhook.enabled:
        return "nothing: it is disabled"
    parts = [", ".join(webhook.events or PUSH[webhook.service]) or "everything"]
    for word, patterns in (("on", webhook.branches), ("tagged", webhook.tags), ("when", webhook.actions)):
        parts += [f"{word} {', '.join(patterns)}"] if patterns else []
    parts += [f"if {webhook.when}"] if webhook.when else []
    return printable(" ".join(parts))


def _path(webhook: Webhook) -> str:
    return f"/api/v2/job_templates/{webhook.template_id}/{webhook.service}/"
