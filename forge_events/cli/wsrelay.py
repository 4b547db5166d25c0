# SPDX-License-Identifier: Apache-2.0
"""``wsrelay``: wake the web machines that cannot listen to the database."""

from __future__ import annotations

from typing import Annotated

import typer

from forge_events.cli.screen import tell
from forge_events.errors import NotServed

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("wsrelay")(wsrelay)


def wsrelay(
    urls: Annotated[
        list[str], typer.Argument(metavar="URL", help="The web machines to wake, such as https://web1.example.")
    ],
) -> None:
    """Tell web machines of what is new. For those that share no LISTEN with the database.

    The machines prove each other what FORGE_BROADCAST_WEBSOCKET_SECRET is; it has to be the same on both sides.
    """
    import asyncio
    import signal
    import sys

    from forge_events import settings
    from forge_events.presence import present
    from forge_events.store import open_store
    from forge_events.store.records import Role

    try:
        from forge_events.api.relay import Relay, checked, fingerprint
    except ModuleNotFoundError as error:
        raise NotServed.without(error.name or "a package") from error
    found, secret = settings.load(), checked(settings.broadcast_secret())
    facts = {"secret": fingerprint(secret)}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with open_store(found.database_url) as store, present(found, Role.RELAY, facts):
        asyncio.run(Relay(store, urls, secret, tell).run())
