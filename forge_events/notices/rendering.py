# SPDX-License-Identifier: Apache-2.0
"""Make a message of its template, which somebody wrote who may run jobs but nothing else here.

What is said of a template that makes nothing quotes neither its texts nor any value: both may hold secrets.

Jinja's sandbox keeps a template from what is not its business. It does not keep it from running for ever, nor from
taking all memory; so it is rendered by a process of its own, with little of both.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import sys
from collections.abc import Sized
from typing import TYPE_CHECKING, Any, NamedTuple

from jinja2 import StrictUndefined, UndefinedError
from jinja2.exceptions import SecurityError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from forge_events.errors import InvalidLaunch
from forge_events.notices import child, messages

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from forge_events.notices.messages import Message
    from forge_events.templates import Notifications

__all__ = ["MAX_SIZE", "Rendered", "check", "message", "render"]

MAX_SIZE = 64 * 1024
"""Characters of the longest message."""

_SECONDS = 10.0
_CPU_SECONDS = 2
_MEMORY = 512 * 1024 * 1024
_MAX_EXPONENT = 64
_MAX_REASON = 200
_FILE = "<template>"
_NOTHING = "it makes nothing"
# What Jinja quotes when it cannot read a template is a sign of its own, or a name; a name that is no word of Jinja's
# stays unsaid all the same, for somebody may have forgotten the quotation marks around a password.
_QUOTED = re.compile(r"'([^']*)'")
_KNOWN = re.compile(
    r"\W+|(end of|begin of) [a-z ]+|(end)?(block|call|filter|for|if|macro|raw|set|trans|with)|elif|else|in|is"
)


class Rendered(NamedTuple):
    """What a template makes, or the reason why it makes nothing that could be used."""

    text: str = ""
    reason: str = ""


def render(template: str, facts: Mapping[str, Any], *, limit: float = _SECONDS) -> Rendered:
    """Return what a template makes of facts that JSON can hold.

    :param limit: seconds that it may take.
    """
    # Nothing of this process's environment, which may hold passwords, is within reach of a template.
    environ = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        return Rendered(*child.ask(__name__, {"template": template, "facts": facts}, limit=limit, environ=environ))
    except TimeoutError:
        return Rendered(reason="it takes too long")
    except ChildProcessError:
        return Rendered(reason="it takes too long or too much memory")
    except OSError as error:
        return Rendered(reason=f"no process could be started to make it: {error.strerror}")


def message(template: str | None, usual: Message, facts: Mapping[str, Any]) -> Message:
    """Return what a template makes of facts, or the usual message; that says why, where there is a template."""
    if template is None:
        return usual
    made = render(template, facts)
    return messages.with_note(usual, made.reason) if made.reason else messages.sendable(usual.title, made.text)


def check(notifications: Notifications) -> None:
    """Refuse a message that cannot be made of a job such as there are many.

    It may make nothing of that one: a message may be for some jobs alone.

    :raises InvalidLaunch: it cannot be made.
    """
    for event, addresses in notifications:
        for template in dict.fromkeys(each.message for each in addresses if each.message):
            reason = render(template, messages.sample(event)[1]).reason
            if reason not in ("", _NOTHING):
                raise InvalidLaunch(f"the message for {event}", reason)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which an operator makes nothing that is large out of little."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Return the result of an operator."""
        if operator == "**" and isinstance(right, (int, float)) and right > _MAX_EXPONENT:
            raise OverflowError
        if operator == "*" and (_is_long(left, right) or _is_long(right, left)):
            raise OverflowError
        return super().call_binop(context, operator, left, right)


def _is_long(part: Any, times: Any) -> bool:
    return isinstance(part, Sized) and isinstance(times, int) and len(part) * times > MAX_SIZE


def _answer(question: Mapping[str, Any]) -> Rendered:
    _limit(resource.RLIMIT_CPU, _CPU_SECONDS)
    _limit(resource.RLIMIT_AS, _MEMORY)
    try:
        text = _text(question["template"], question["facts"])
    except Exception as error:  # noqa: BLE001 - a template can raise whatever there is
        return Rendered(reason=_reason(error))
    return Rendered(text) if text.strip() else Rendered(reason=_NOTHING)


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    with contextlib.suppress(OSError, ValueError):  # macOS does not limit memory
        resource.setrlimit(what, (most, hard))


def _text(template: str, facts: Mapping[str, Any]) -> str:
    pieces, size = [], 0
    # What is made is plain text, and is turned into HTML by Apprise where a service wants that.
    sandbox = _Sandbox(undefined=StrictUndefined, autoescape=False)
    for piece in sandbox.from_string(template).generate(**facts):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_SIZE:
            raise OverflowError
    return "".join(pieces)


def _reason(error: Exception) -> str:
    if isinstance(error, (MemoryError, OverflowError, RecursionError)):
        return "it makes too much"
    if isinstance(error, SecurityError):
        return "it does what a template may not do"
    if isinstance(error, TemplateSyntaxError):
        return f"line {error.lineno}: {_without_names(error)}"
    line = _line(error.__traceback__)
    where = f"line {line}: " if line else ""
    if isinstance(error, UndefinedError):
        return f"{where}it uses a name, a field or an element that there is not"
    return f"{where}{type(error).__name__}"


def _without_names(error: Exception) -> str:
    text = _QUOTED.sub(lambda quoted: quoted[0] if _KNOWN.fullmatch(quoted[1]) else "'...'", str(error))
    return " ".join(text.split())[:_MAX_REASON].rstrip(".")


def _line(trace: TracebackType | None) -> int:
    """Return the line of the template at which it came to an end, 0 where that is not known."""
    found = 0
    while trace is not None:
        found = trace.tb_lineno if trace.tb_frame.f_code.co_filename == _FILE else found
        trace = trace.tb_next
    return found


if __name__ == "__main__":
    child.answer(_answer)
