# SPDX-License-Identifier: Apache-2.0
"""Users and their tokens: who may use the API, made and changed by it."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any

from forge_events.api.fields import validated
from forge_events.api.lists import NOWHERE, listed, one, row_of
from forge_events.api.refusals import bad_fields, forbidden, not_found
from forge_events.api.routes import Answer
from forge_events.api.secrets import digest_of, new_token
from forge_events.api.table import RESOURCES
from forge_events.errors import NameTaken
from forge_events.queries import Query

if TYPE_CHECKING:
    from collections.abc import Callable

    from forge_events.api.calls import Call
    from forge_events.api.routes import Routes

__all__ = ["add_accounts"]

_USER, _TOKEN = RESOURCES["user"], RESOURCES["token"]
_USERS, _TOKENS = "/api/v2/users/", "/api/v2/tokens/"
_LASTS = datetime.timedelta(days=365)
_USERNAME = re.compile(r"[\w.@+-]+")
_UNCHANGED = ("", "$encrypted$")
_ADMINISTRATORS = ("is_superuser", "is_system_auditor", "username")
"""What users cannot change of themselves."""


def add_accounts(routes: Routes) -> None:
    """Add the paths of users and tokens."""
    routes.resource(_USERS, _USER, GET=_users, POST=_create)
    details: dict[str, Callable[[Call], Any]] = {
        "GET": lambda call: one(call, _USER, str(_user(call)["id"])),
        "PUT": lambda call: _change(call, is_partial=False),
        "PATCH": lambda call: _change(call, is_partial=True),
        "DELETE": _delete,
    }
    routes.resource(f"{_USERS}{{key}}/", _USER, **details)
    for name in ("personal_tokens", "tokens"):
        routes.resource(f"{_USERS}{{key}}/{name}/", _TOKEN, GET=_tokens_of, POST=_create_token_of)
    for name in ("organizations", "teams", "roles", "activity_stream"):
        routes.add(f"{_USERS}{{key}}/{name}/", GET=lambda call: _user(call) and NOWHERE)
    routes.resource(_TOKENS, _TOKEN, GET=lambda call: _tokens(call, call.principal.user.id), POST=_create_token)
    routes.resource(
        f"{_TOKENS}{{key}}/",
        _TOKEN,
        GET=lambda call: one(call, _TOKEN, str(_token(call)["id"])),
        PUT=_change_token,
        PATCH=_change_token,
        DELETE=_revoke,
    )


def _users(call: Call) -> dict[str, Any]:
    """Return the users; who administrates nothing sees only themselves."""
    own = [] if call.principal.is_admin else [("id", call.principal.user.id)]
    return listed(call, _USER, scope=own)


def _user(call: Call) -> dict[str, Any]:
    """Return the user that the path names, whom the asker may see."""
    row = row_of(call, _USER, call.key())
    if row["id"] != call.principal.user.id and not call.principal.is_admin:
        raise not_found(_USER.model)
    return row


def _create(call: Call) -> Answer:
    call.admin()
    values = _checked(call, validated(call, _USER.written, call.body, is_partial=False))
    if "password" not in values:
        raise bad_fields(password="Password required for new User.")  # noqa: S106 - a sentence
    try:
        user = call.store.accounts.add(at=call.store.now(), **values)
    except NameTaken:
        raise bad_fields(username="A user with that username already exists.") from None
    found = one(call, _USER, str(user.id))
    return Answer(201, found, found["url"])


def _change(call: Call, *, is_partial: bool) -> dict[str, Any]:
    row = _user(call)
    values = _checked(call, validated(call, _USER.written, call.body, is_partial=is_partial))
    values = {name: value for name, value in values.items() if row.get(name) != value}
    if not call.principal.is_admin and values.keys() & set(_ADMINISTRATORS):
        raise forbidden()
    if values.get("is_superuser") is False and _is_last_admin(call, row):
        raise bad_fields(is_superuser="Somebody has to administrate: this is the last one who does.")
    try:
        call.store.accounts.change(row["id"], call.store.now(), **values)
    except NameTaken:
        raise bad_fields(username="A user with that username already exists.") from None
    return one(call, _USER, str(row["id"]))


def _checked(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    """Return values as they are stored: of a password what it is recognised by, if it is to be another one."""
    if "username" in values and not _USERNAME.fullmatch(values["username"]):
        text = "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters."
        raise bad_fields(username=text)
    password = values.pop("password", "")
    if password not in _UNCHANGED:
        values["password"] = call.house.authenticator.passwords.hash(password)
    return values


def _is_last_admin(call: Call, row: dict[str, Any]) -> bool:
    others = call.store.find("user", Query(scope=(("is_superuser", True),), limit=0)).total
    return bool(row["is_superuser"]) and (others or 0) <= 1


def _delete(call: Call) -> Answer:
    call.admin()
    row = _user(call)
    if row["id"] == call.principal.user.id or _is_last_admin(call, row):
        raise forbidden()
    call.store.accounts.delete(row["id"])
    return Answer(204)


def _tokens(call: Call, user_id: int) -> dict[str, Any]:
    return listed(call, _TOKEN, scope=[("user", user_id), ("is_login", False)])


def _tokens_of(call: Call) -> dict[str, Any]:
    return _tokens(call, _own(call))


def _own(call: Call) -> int:
    """Return the id of the user that the path names, who has to be who asks: tokens are nobody else's business."""
    if _user(call)["id"] != call.principal.user.id:
        raise forbidden()
    return call.principal.user.id


def _create_token_of(call: Call) -> Answer:
    _own(call)
    return _create_token(call)


def _create_token(call: Call) -> Answer:
    if call.body.get("application"):
        raise bad_fields(application=f'Invalid pk "{str(call.body["application"])[:40]}" - object does not exist.')
    values = _token_values(call, is_partial=False)
    token, now = new_token(), call.store.now()
    made = call.store.accounts.add_token(
        call.principal.user.id,
        digest_of(token),
        now,
        now + _LASTS,
        scope=values["scope"],
        about=values["description"],
    )
    found = one(call, _TOKEN, str(made.id)) | {"token": token}
    return Answer(201, found, found["url"])


def _token_values(call: Call, *, is_partial: bool) -> dict[str, Any]:
    values = validated(call, _TOKEN.written, call.body, is_partial=is_partial)
    if "scope" in values:
        words = set(values["scope"].split())
        if not words or not words <= {"read", "write"}:
            text = "Must be a simple space-separated string with allowed scopes ['read', 'write']."
            raise bad_fields(scope=text)
        values["scope"] = "write" if "write" in words else "read"
    return values


def _token(call: Call) -> dict[str, Any]:
    row = row_of(call, _TOKEN, call.key())
    if row["user"] != call.principal.user.id or row["is_login"]:
        raise not_found(_TOKEN.model)
    return row


def _change_token(call: Call) -> dict[str, Any]:
    row = _token(call)
    call.store.accounts.change_token(row["id"], call.store.now(), **_token_values(call, is_partial=True))
    return one(call, _TOKEN, str(row["id"]))


def _revoke(call: Call) -> Answer:
    call.store.accounts.revoke(_token(call)["id"])
    return Answer(204)
