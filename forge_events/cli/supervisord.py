# SPDX-License-Identifier: Apache-2.0
"""``supervisord``: the programs of a server, for what keeps them running."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("supervisord")(supervisord)


def supervisord(  # noqa: PLR0913 - what files of configuration say
    *,
    for_systemd: Annotated[bool, typer.Option("--systemd", help="Write units of systemd.")] = False,
    for_compose: Annotated[bool, typer.Option("--compose", help="Write a compose file.")] = False,
    programs: Annotated[
        str | None,
        typer.Option("--programs", metavar="NAMES", help="Only these, with commas between them."),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="The address that web listens on.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Its port.")] = 8052,
    relay: Annotated[
        list[str] | None,
        typer.Option("--relay", metavar="URL", help="A web machine that wsrelay wakes; may be repeated."),
    ] = None,
    logs: Annotated[
        str, typer.Option("--logs", metavar="FOLDER", help="The folder of the logs.")
    ] = "/var/log/supervisor",
    socket: Annotated[
        str, typer.Option("--socket", metavar="FILE", help="Where supervisorctl finds supervisord.")
    ] = "/var/run/supervisor.sock",
) -> None:
    """Write a configuration of supervisord for a server. It has the settings that are in force."""
    from forge_events import settings
    from forge_events.supervision import compose, systemd
    from forge_events.supervision.programs import Wanted
    from forge_events.supervision.programs import programs as table
    from forge_events.supervision.supervisord import configuration

    wanted = Wanted(_named(programs), (host, port), tuple(relay or ()), logs, socket)
    for text in (host, logs, socket, *wanted.relayed):
        if not text.isprintable():
            raise typer.BadParameter(f"{text!r} has what cannot be printed")
    if for_compose:
        sys.stdout.write(compose.COMPOSE)
        return
    settings.load()  # a setting that cannot be is told of here, and not by each program again and again
    environment = settings.given()
    found = table(wanted, environment)
    sys.stdout.write(systemd.units(found, environment) if for_systemd else configuration(found, wanted, environment))


def _named(programs: str | None) -> tuple[str, ...]:
    from forge_events.supervision.programs import NAMES

    named = tuple(name.strip() for name in programs.split(",")) if programs is not None else NAMES
    for name in named:
        if name not in NAMES:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(NAMES)}", param_hint="--programs")
    return named
