# SPDX-License-Identifier: Apache-2.0
"""Make a message of its template, which somebody wrote who may run jobs but nothing else here.

Jinja's sandbox keeps a template from what is not its business. It does not keep it from running for ever, nor from
taking all memory; so it is rendered by a process of its own, with little of both.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from collections.abc import Sized
from typing import TYPE_CHECKING, Any, NamedTuple

from jinja2 import StrictUndefined, TemplateError
from jinja2.exceptions import SecurityError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from forge_events.dispatcher import child

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_SIZE", "Rendered", "render"]

MAX_SIZE = 64 * 1024
"""Characters of the longest message."""

_SECONDS = 10.0
_CPU_SECONDS = 2
_MEMORY = 512 * 1024 * 1024
_MAX_EXPONENT = 64
_MAX_REASON = 200


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
    except OSError:
        return Rendered(reason="it takes too long or too much memory")


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
    return Rendered(text) if text.strip() else Rendered(reason="it makes nothing")


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
        return f"line {error.lineno}: {_short(error)}"
    return _short(error) if isinstance(error, TemplateError) else f"{type(error).__name__}: {_short(error)}"


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:_MAX_REASON].rstrip(".")


if __name__ == "__main__":
    child.answer(_answer)
