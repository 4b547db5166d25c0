# SPDX-License-Identifier: Apache-2.0
"""Send one message by Apprise, at most once.

Apprise runs in a process of its own: it can be stopped when a server lets it wait for ever, and nothing that it logs,
with addresses in it, comes out. What is told of a failure is put together here, of nothing but known words.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events.notices import child
from forge_events.notices.wire import Wire
from forge_events.templates import shown_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from forge_events.notices.messages import Message

__all__ = ["Outcome", "send", "troubles"]

_SECONDS = 30.0
_ANSWER_SECONDS = 20.0
"""How long the other side may take to answer; by itself, Apprise would take four seconds for a failure."""

_KINDS = {"started": "info", "success": "success", "failure": "failure"}
_MISSING = "Apprise is not installed; pip install 'forge-events[notifications]' brings it"
_UNKNOWN = "whether it was received is not known"
_HTTP_ERROR = re.compile(r"error=(\d{3})\b")


class Outcome(NamedTuple):
    """What became of a message: it was sent where there is no error.

    :param may_pass: it was surely not sent, and another attempt may be successful.
    """

    error: str = ""
    may_pass: bool = False


def send(url: str, message: Message, event: str, *, limit: float = _SECONDS) -> Outcome:
    """Send a message to an address.

    Only what nobody can have received may be sent again: a connection that stands is the border.

    :param limit: seconds that it may take.
    """
    question = {"url": url, "title": message.title, "body": message.body, "kind": _KINDS[event]}
    try:
        return Outcome(*child.ask(__name__, question, limit=limit))
    except TimeoutError:
        return Outcome(f"it took longer than {limit:g} s; {_UNKNOWN}")
    except ChildProcessError:
        return Outcome(f"the process that sends it died; {_UNKNOWN}")
    except OSError as error:
        return Outcome(f"no process could be started to send it: {error.strerror}", may_pass=True)


def troubles(urls: Sequence[str], *, limit: float = _SECONDS) -> list[str]:
    """Say of each address that Apprise cannot use on this machine that it cannot; nothing is sent.

    :param limit: seconds that it may take.
    """
    try:
        found: list[str] = child.ask(__name__, {"urls": list(urls)}, limit=limit)
    except OSError:
        return ["whether Apprise can use the addresses could not be found out"]
    return found


def _answer(question: Mapping[str, Any]) -> Outcome | list[str]:
    try:
        import apprise  # noqa: F401 - only whether it is there
    except ImportError:
        return [_MISSING] if "urls" in question else Outcome(_MISSING)
    words = _Words()
    if "urls" in question:
        return [_unusable(url) for url in question["urls"] if _service(url) is None]
    return _sent(question, words)


def _sent(question: Mapping[str, Any], words: _Words) -> Outcome:
    from apprise import Apprise

    service = _service(question["url"])
    if service is None:
        return Outcome(_unusable(question["url"]))
    wire = Wire()
    wire.watch()
    is_sent = Apprise([service]).notify(
        question["body"], title=question["title"], notify_type=question["kind"], body_format="text"
    )
    return Outcome() if is_sent else _failed(wire, words.status)


def _service(url: str) -> Any:
    """Return what Apprise makes of an address, None for nothing."""
    from apprise import Apprise

    # Not add(url), which takes a text with a comma or a space in it for several addresses.
    service = Apprise.instantiate(url)
    if service is not None:
        # An address may ask that Apprise sends again by itself, or calls a failure a success.
        service.retry, service.optional = 0, False
        if "socket_read_timeout" not in vars(service):  # where the address itself says nothing
            service.socket_read_timeout = max(service.socket_read_timeout, _ANSWER_SECONDS)
    return service


def _unusable(url: str) -> str:
    return f"Apprise cannot use the address {shown_address(url)}"


def _failed(wire: Wire, status: str) -> Outcome:
    if wire.is_surely_unsent:
        return Outcome("the other side cannot be reached, or took nothing", may_pass=True)
    if status:
        return Outcome(f"the other side answered with error {status}")
    return Outcome(f"the other side gave no answer; {_UNKNOWN}" if wire.has_sent else "Apprise could not send it")


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

    @property
    def status(self) -> str:
        """The status of HTTP by which the other side refused; empty if it did not."""
        answered = _HTTP_ERROR.search(self._heard)
        return answered[1] if answered else ""


if __name__ == "__main__":
    child.answer(_answer)
