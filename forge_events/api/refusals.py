# SPDX-License-Identifier: Apache-2.0
"""Answers that say no, in the words that AWX's clients look for."""

from __future__ import annotations

from typing import Any

__all__ = ["Refusal", "bad_fields", "detail", "forbidden", "not_allowed", "not_found", "refused", "unauthenticated"]

_LOGIN = " To establish a login session, visit /api/login/."
_CHALLENGE = {"WWW-Authenticate": "Bearer realm=api authorization_url=/api/o/authorize/"}


class Refusal(Exception):
    """An answer other than what was asked for.

    :param body: what is sent as JSON.
    """

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self.status, self.body, self.headers = status, body, headers or {}
        super().__init__(f"{status} {body}")


def detail(status: int, text: str, **headers: str) -> Refusal:
    """Return a refusal with one sentence."""
    return Refusal(status, {"detail": text}, headers)


def unauthenticated(text: str = "Authentication credentials were not provided.") -> Refusal:
    """Return that nobody is logged in; never asking for Basic, which browsers would store."""
    return Refusal(401, {"detail": text + _LOGIN}, _CHALLENGE)


def forbidden(text: str = "You do not have permission to perform this action.") -> Refusal:
    """Return that somebody may not do this."""
    return detail(403, text)


def not_found(model: str | None = None) -> Refusal:
    """Return that there is no such object."""
    text = "The requested resource could not be found." if model is None else f"No {model} matches the given query."
    return detail(404, text)


def not_allowed(method: str, allowed: str) -> Refusal:
    """Return that a method is not there."""
    return Refusal(405, {"detail": f'Method "{method}" not allowed.'}, {"Allow": allowed})


def bad_fields(**fields: str) -> Refusal:
    """Return what is wrong with fields, each in one sentence."""
    return Refusal(400, {name: [text] for name, text in fields.items()})


def refused(text: str) -> Refusal:
    """Return what is wrong with the whole of a body."""
    return Refusal(400, {"__all__": [text]})
