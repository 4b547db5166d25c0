# SPDX-License-Identifier: Apache-2.0
"""Send one message by Apprise.

Apprise runs in a process of its own: it can be stopped when a server lets it wait for ever, and nothing that it logs,
with addresses in it, comes out. What is told of a failure is put together here, of nothing but known words.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events.dispatcher import child
from forge_events.templates import shown_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forge_events.dispatcher.messages import Message

__all__ = ["Outcome", "send"]

_SECONDS = 30.0
_KINDS = {"started": "info", "success": "success", "failure": "failure"}
_MISSING = "Apprise is not installed; pip install 'forge-events[notifications]' brings it"
_HTTP_ERROR = re.compile(r"error=(\d{3})\b")


class Outcome(NamedTuple):
    """What became of a message: it was sent where there is no error.

    :param may_pass: it was surely not sent, and another attempt may be successful.
    """

    error: str = ""
    may_pass: bool = False


def send(url: str, message: Message, event: str, *, limit: float = _SECONDS) -> Outcome:
    """Send a message to an address.

    What took too long is not tried again: nobody knows whether it was sent.

    :param limit: seconds that it may take.
    """
    question = {"url": url, "title": message.title, "body": message.body, "kind": _KINDS[event]}
    try:
        return Outcome(*child.ask(__name__, question, limit=limit))
    except TimeoutError:
        return Outcome(f"it took longer than {limit:g} s; whether it was sent is not known")
    except ChildProcessError:
        return Outcome("the process that sends it died; whether it was sent is not known")
    except OSError as error:
        return Outcome(f"no process could be started to send it: {error.strerror}", may_pass=True)


def _answer(question: Mapping[str, Any]) -> Outcome:
    try:
        from apprise import Apprise
    except ImportError:
        return Outcome(_MISSING)
    words = _Words()
    # Not add(url), which takes a text with a comma or a space in it for several addresses.
    service = Apprise.instantiate(question["url"])
    if service is None:
        return Outcome(f"Apprise cannot use the address {shown_address(question['url'])}")
    notifier = Apprise([service])
    is_sent = notifier.notify(
        question["body"], title=question["title"], notify_type=question["kind"], body_format="text"
    )
    return Outcome() if is_sent else Outcome(words.error(), may_pass=True)


class _Words(logging.Handler):
    """Listen to what Apprise says, to find the little that may be passed on."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._heard = ""
        logger = logging.getLogger("apprise")
        logger.propagate = False
        logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Hear one message."""
        self._heard += record.getMessage()

    def error(self) -> str:
        """Return why a message could not be sent."""
        answered = _HTTP_ERROR.search(self._heard)
        if answered:
            return f"the other side answered with error {answered[1]}"
        is_unreachable = "connection error" in self._heard.lower()
        return "the other side cannot be reached, or does not answer" if is_unreachable else "Apprise could not send it"


if __name__ == "__main__":
    child.answer(_answer)
