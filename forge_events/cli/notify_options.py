# SPDX-License-Identifier: Apache-2.0
"""The options that say whom to tell of a job, and how. Addresses may hold secrets, so no error shows one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_events.cli.screen import tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forge_events.templates import Notification, Notifications

__all__ = ["EVENTS", "Message", "Notify", "changed", "notification", "shown", "warn"]

EVENTS = ("started", "success", "failure")
_TELLS = f"EVENT is {', '.join(EVENTS[:-1])} or {EVENTS[-1]}"

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
        found[event] = [notification(url, "--notify") for url in urls if url]
    for event, texts in _by_event(message, "--message").items():
        if not found[event]:
            raise typer.BadParameter(f"nobody is told of {event}; --notify says whom", param_hint="--message")
        found[event] = [each.model_copy(update={"message": texts[-1] or None}) for each in found[event]]
    return Notifications(**found)


def warn(notify: Sequence[str]) -> None:
    """Say on stderr which of the addresses that were given Apprise cannot use here; they are kept all the same.

    The machine of a dispatcher may have another Apprise than this one, or have one at all.
    """
    urls = [url for given in _by_event(notify, "--notify").values() for url in given if url]
    if urls:
        from forge_events.notices import sending

        for trouble in sending.troubles(urls):
            tell(f"{trouble}; it is kept all the same, for the dispatcher's machine may have another Apprise")


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
        if not equals or event not in EVENTS:
            raise typer.BadParameter(f"it begins with {'=, '.join(EVENTS[:-1])}= or {EVENTS[-1]}=", param_hint=option)
        found.setdefault(event, []).append(value)
    return found


def notification(url: str, where: str) -> Notification:
    """Return whom to tell, in the usual words.

    :param where: the option or argument that holds the address.
    """
    from pydantic import ValidationError

    from forge_events.launches import refused
    from forge_events.templates import Notification

    if "://" not in url:
        raise typer.BadParameter("an address is a URL such as mailtos://...", param_hint=where)
    try:
        return Notification(url=url)
    except ValidationError as error:
        raise refused(error) from None
