# SPDX-License-Identifier: Apache-2.0
"""The options that say what to run, for every command that launches something or keeps it to be launched.

A command takes ``given``: of the fields of :class:`forge_events.launches.Launch` those that were given, and no others.
Typer sees the options in its place.
"""

from __future__ import annotations

import functools
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from forge_events.cli import extra_vars

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LaunchCommand", "launch_options"]

_PLAYBOOKS: dict[str, Any] = {
    "argument": Annotated[
        str, typer.Argument(metavar="PLAYBOOK", help="The playbook, relative to --project where that is given.")
    ],
    "option": Annotated[
        str | None, typer.Option("--playbook", metavar="PATH", help="Another playbook, relative to the project.")
    ],
}


def _text(*names: str, metavar: str, help: str) -> Any:  # noqa: A002 - Typer's word
    return Annotated[str | None, typer.Option(*names, metavar=metavar, help=help)]


def _texts(*names: str, metavar: str, help: str) -> Any:  # noqa: A002 - Typer's word
    return Annotated[list[str] | None, typer.Option(*names, metavar=metavar, help=help)]


# By the fields of a launch; -e has two of them.
_OPTIONS: dict[str, Any] = {
    "inventory": _texts(
        "--inventory", "-i", metavar="SOURCE", help="An inventory, or hosts with a comma; may be repeated."
    ),
    "extra_vars": _texts(
        "--extra-vars",
        "-e",
        metavar="VARS",
        help="Variables: name=value, a JSON or YAML object, or @file; may be repeated.",
    ),
    "limit": _text("--limit", "-l", metavar="PATTERN", help="Only these hosts."),
    "tags": _texts("--tags", "-t", metavar="TAGS", help="Only what has one of these tags; may be repeated."),
    "skip_tags": _texts("--skip-tags", metavar="TAGS", help="Not what has one of these tags; may be repeated."),
    "forks": Annotated[
        int | None, typer.Option("--forks", "-f", metavar="N", help="How many hosts at a time; 0 for Ansible's own.")
    ],
    "check": Annotated[bool | None, typer.Option("--check/--no-check", "-C", help="Say what would change only.")],
    "diff": Annotated[bool | None, typer.Option("--diff/--no-diff", "-D", help="Show what changes in files.")],
    "verbosity": Annotated[
        int | None, typer.Option("--verbose", "-v", count=True, help="Have Ansible say more; may be repeated.")
    ],
    "timeout": Annotated[
        float | None,
        typer.Option("--timeout", metavar="SECONDS", help="Stop the job as failed after so long; 0 for never."),
    ],
    "project": _text(
        "--project", metavar="DIR", help="The folder to run in; the working directory where none is given."
    ),
    "execution_environment": _text("--ee", metavar="IMAGE", help="The container image to run in."),
    "node": _text("--node", metavar="NAME", help="The only node that it may run on."),
    "host_count": Annotated[
        int | None,
        typer.Option("--host-count", metavar="N", help="How many hosts there will be; 0 if that is not known."),
    ],
}
_LISTS = ("tags", "skip_tags")


class LaunchCommand(TyperCommand):
    """The class of a command with these options: words that are left over may be secret variables, and stay hidden."""

    allow_extra_args = True

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse words that no option takes, as every command does, but without showing them."""
        left = super().parse_args(ctx, args)
        if left and not ctx.resilient_parsing:
            hint = "several variables of one -e go in quotes"
            raise typer.BadParameter(f"words are left over that no option takes; {hint}", ctx=ctx)
        return left


def launch_options(playbook: Literal["argument", "option"]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of a launch, and the playbook as an argument or as an option among them.

    They stand behind the command's own arguments and before its own options.
    """
    shared = {"playbook": _PLAYBOOKS[playbook], **_OPTIONS}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def wrapped(**values: Any) -> None:
            found = {name: values.pop(name) for name in shared}
            command(**values, given=_given(found))

        wrapped.__signature__ = _signature(command, shared)  # type: ignore[attr-defined]
        return wrapped

    return decorate


def _signature(command: Callable[..., None], shared: dict[str, Any]) -> inspect.Signature:
    own = [param for name, param in inspect.signature(command, eval_str=True).parameters.items() if name != "given"]
    arguments = [param for param in own if param.kind is not param.KEYWORD_ONLY]
    options = [param for param in own if param.kind is param.KEYWORD_ONLY]
    return inspect.Signature([*arguments, *(_parameter(*pair) for pair in shared.items()), *options])


def _parameter(name: str, annotation: Any) -> inspect.Parameter:
    is_needed = annotation is _PLAYBOOKS["argument"]
    default = inspect.Parameter.empty if is_needed else None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that were given. An empty text or 0 gives a field explicitly no value."""
    found = {name: value for name, value in values.items() if value is not None and value != []}
    if not found.get("verbosity"):  # which counts from 0
        found.pop("verbosity", None)
    variables = extra_vars.fields_of(found.pop("extra_vars", []))
    return {**{name: _value(name, value) for name, value in found.items()}, **variables}


def _value(name: str, value: Any) -> Any:
    if name in _LISTS:
        return [part.strip() for word in value for part in word.split(",") if part.strip()]
    if isinstance(value, list):
        return [word for word in value if word]
    if isinstance(value, bool) or name == "playbook":
        return value
    return (str(Path.cwd() / value) if name == "project" else value) if value else None
