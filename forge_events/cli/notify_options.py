# SPDX-License-Identifier: Apache-2.0
"""The options that say whom to tell of a job, and how. Addresses may hold secrets, so no error shows one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forge_events.templates import Notification, Notifications

__all__ = ["Message", "Notify", "changed", "shown"]

_EVENTS = ("started", "success", "failure")
_TELLS = f"EVENT is {', '.join(_EVENTS[:-1])} or {_EVENTS[-1]}"

Notify = Annotated[
    list[str] | None,
    typer.Option("--notify", metavar="EVENT=URL", help=f"Tell this address of Apprise; {_TELLS}; may be repeated."),
]
Message = Annotated[
    list[str] | None,
    typer.Option("--message", metavar="EVENT=TEXT", help="Tell it in these words, a Jinja template; may be repeated."),
]


def changed(notifications: Notifications, notify: Sequence[str], message: Sequence[str]) -> Notifications:
    """Return notifications with other addresses for the events that are named, and then with other messages.

    No address behind ``EVENT=`` leaves the event to nobody, and no text behind it takes the usual message.
    """
    from forge_events.templates import Notifications

    found: dict[str, Any] = dict(notifications)
    for event, urls in _by_event(notify, "--notify").items():
        found[event] = [_notification(event, url) for url in urls if url]
    for event, texts in _by_event(message, "--message").items():
        if not found[event]:
            raise typer.BadParameter(f"nobody is told of {event}; --notify says whom", param_hint="--message")
        found[event] = [each.model_copy(update={"message": texts[-1] or None}) for each in found[event]]
    return Notifications(**found)


def shown(notifications: Notifications) -> dict[str, Any]:
    """Return notifications with nothing of an address that may be secret."""
    from forge_events.templates import shown_address

    return {
        event: [{"url": shown_address(each.url), "message": each.message} for each in addresses]
        for event, addresses in notifications
    }


def _by_event(words: Sequence[str], option: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in words:
        event, equals, value = word.partition("=")
        if not equals or event not in _EVENTS:
            raise typer.BadParameter(f"it begins with {'=, '.join(_EVENTS[:-1])}= or {_EVENTS[-1]}=", param_hint=option)
        found.setdefault(event, []).append(value)
    return found


def _notification(event: str, url: str) -> Notification:
    from pydantic import ValidationError

    from forge_events.launches import refused
    from forge_events.templates import Notification

    if "://" not in url:
        raise typer.BadParameter(f"behind {event}= is no URL such as mailtos://...", param_hint="--notify")
    try:
        return Notification(url=url)
    except ValidationError as error:
        raise refused(error) from None
