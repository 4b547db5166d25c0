# SPDX-License-Identifier: Apache-2.0
"""``serve``: AWX's API and the page; and, unless told otherwise, all the work that goes on behind them."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from forge_events.cli.screen import tell
from forge_events.errors import NotServed

if TYPE_CHECKING:
    from types import ModuleType

    from forge_events.serving import Served
    from forge_events.settings import Settings

__all__ = ["add_to"]

_Host = Annotated[str, typer.Option("--host", metavar="ADDRESS", help="The address to listen on.")]
_Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes one that is free.")]
_Workers = Annotated[int, typer.Option("--workers", min=1, max=64, help="How many processes answer.")]
_Names = Annotated[
    list[str] | None,
    typer.Option("--name", metavar="HOST", help="A name by which browsers may call it; may be repeated."),
]
_Proxies = Annotated[
    list[str] | None,
    typer.Option(
        "--trusted-proxy", metavar="ADDRESS", help="A proxy whose X-Forwarded headers are believed; may be repeated."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("serve")(serve)


def serve(  # noqa: PLR0913 - the options of a server
    *,
    host: _Host = "127.0.0.1",
    port: _Port = 8052,
    workers: _Workers = 1,
    name: _Names = None,
    certfile: Annotated[Path | None, typer.Option("--certfile", exists=True, help="The certificate, for TLS.")] = None,
    keyfile: Annotated[Path | None, typer.Option("--keyfile", exists=True, help="Its key.")] = None,
    trusted_proxy: _Proxies = None,
    is_api_alone: Annotated[
        bool, typer.Option("--api-only", help="Run no receiver and no dispatcher; others do.")
    ] = False,
    is_opened: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Serve AWX's API and a page, and record and run what comes. It goes on until it is told to stop."""
    from forge_events import settings
    from forge_events.services.stopping import Stop, stopped_by_signals

    serving = _loaded()
    found = settings.load()
    address = serving.Address(host, port, tuple(name or ()))
    options = serving.Options(workers, certfile, keyfile, tuple(trusted_proxy or ()), is_api_alone)
    with Stop() as stop, stopped_by_signals(stop), serving.served(found, address, options, stop, tell) as served:
        _greet(found, served, is_opened=is_opened)
        served.wait()


def _loaded() -> ModuleType:
    try:
        from forge_events import serving
    except ModuleNotFoundError as error:
        raise NotServed.without(error.name or "a package") from error
    return serving


def _greet(found: Settings, served: Served, *, is_opened: bool) -> None:
    """Say where it is, and for this machine's user how to get in."""
    url = served.url
    if served.token:
        sys.stdout.write(
            f"Serving forge_events at {url}\n\n"
            f"In a browser, once: {url}/?token={served.login}\n\n"
            f"For AWX's clients:\n"
            f"    export CONTROLLER_HOST={url} CONTROLLER_OAUTH_TOKEN={served.token}\n\n"
            f"The token is kept in {found.home / 'api-token'}\n"
        )
    else:
        sys.stdout.write(f"Serving forge_events at {url}\n")
    sys.stdout.flush()
    if is_opened:
        import webbrowser

        webbrowser.open(f"{url}/?token={served.login}" if served.login else url)
